"""A class graded on a cluster of Dask: the same marks, machines that are refused or lost, schedulers, networks."""

import dataclasses
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from autograder.classroom.cluster import client as clients
from autograder.classroom.cluster import machine as machines
from autograder.classroom.cluster import parcels
from autograder.classroom.cluster.parcels import pack_course, pack_hand_in, unpack_course, unpack_hand_in
from autograder.classroom.finding import find_hand_ins, submission_of
from autograder.classroom.runs import prepare_run
from autograder.cli import main
from autograder.course import catalogue
from autograder.course.catalogue import UsageError
from autograder.grading.options import Options
from autograder.isolation.levels import IsolationError
from autograder.report import Status, read_report
from autograder.submission import File, SubmissionError
from tests.autograder.classroom.conftest import packed, write

dask = pytest.importorskip("dask", reason="the extra cluster is not installed")
distributed = pytest.importorskip("distributed", reason="the extra cluster is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # Dask's own, about ports and unclosed sockets of killed processes
BIN = Path(sys.executable).parent
NAMES = ["amy", "bo", "cy", "di", "em", "fay", "学生"]
OPTIONS = Options(seed=7, isolation="none")


@pytest.fixture(scope="module")
def cluster():
    """Two machines, each a process of its own."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        yield made


@pytest.fixture(scope="module")
def hand_ins(tmp_path_factory, right, stub):
    """Hand-ins of seven students, each of another kind, one in a zip, one with an endless loop, one damaged."""
    files = {f"{name}/02_layers/layers.py": right for name in NAMES}
    files["bo/02_layers/layers.py"] = right.replace("np.tanh", "np.sin").replace(".tanh(", ".sin(")
    files["cy/02_layers/layers.py"] = stub
    files["di/02_layers/layers.py"] = "x" * 100_000 + "(("
    del files["em/02_layers/layers.py"]
    files["em/02_layers.zip"] = packed({"layers.py": right})
    return write(tmp_path_factory.mktemp("class"), files)


@pytest.fixture
def run(small_course, tmp_path, capsys):
    """Grade the class into a folder with the small course; status and what was printed."""

    def call(folder, out, *options):
        where = ["--out", str(tmp_path / out), "--course", str(small_course), "--isolation", "none", "--seed", "7"]
        status = main(["grade", str(folder), *where, *options])
        printed = capsys.readouterr()
        return status, " ".join(f"{printed.out} {printed.err}".split())

    return call


def marks(out):
    """Each report, without times."""
    found = {}
    for path in Path(out).glob("reports/*/*.json"):
        found[path.parent.name] = msgspec.structs.replace(read_report(path), seconds=0.0, graded_at="")
    return found


@pytest.fixture
def begun(small_course, hand_ins, tmp_path):
    """Begin a run of the class, step by step: its entries, its settings, and a way to open a cluster for it."""
    with ExitStack() as stack:

        def begin(address, options=OPTIONS):
            entries = find_hand_ins(hand_ins, small_course).entries
            graders = stack.enter_context(clients.open_cluster(address, options))
            graders.prove(small_course, ["02_layers"])
            return graders, entries, prepare_run(small_course, tmp_path / "out", hand_ins, entries, options)

        yield begin


# --- what travels ----------------------------------------------------------------------------


def test_a_course_that_has_travelled_has_the_same_checks(small_course, tmp_path):
    sent = pack_course(small_course)
    there = unpack_course(sent, tmp_path)
    assert catalogue.names(there) == catalogue.names(small_course)
    for name in catalogue.names(small_course):
        assert catalogue.load(name, there).checks_sha256 == catalogue.load(name, small_course).checks_sha256
    assert pack_course(small_course) == sent, "the same files have the same hash"
    assert pack_course(there) == sent


def test_a_hand_in_that_has_travelled_is_the_same(small_course, hand_ins, tmp_path):
    loaded = catalogue.load("02_layers", small_course)
    for number, entry in enumerate(find_hand_ins(hand_ins, small_course).entries):
        there = unpack_hand_in(pack_hand_in(entry, with_earlier=True), tmp_path / str(number))
        assert (there.student, there.assignment) == (entry.student, entry.assignment)
        if entry.student == "di":
            with pytest.raises(SubmissionError) as raised:
                submission_of(entry, loaded)
            with pytest.raises(SubmissionError, match=str(raised.value)[:20]):
                submission_of(there, loaded)
        else:
            assert submission_of(there, loaded).sha256 == submission_of(entry, loaded).sha256
        assert [file.path.stat().st_mtime for file in there.files] == [
            file.path.stat().st_mtime for file in entry.files
        ]


def test_of_a_huge_file_only_the_beginning_travels(small_course, tmp_path, right):
    path = tmp_path / "in/amy/02_layers/layers.py"
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        file.write(right)
        file.truncate(3 << 30)  # as a sparse file
    (entry,) = find_hand_ins(tmp_path / "in", small_course).entries
    parcel = pack_hand_in(entry, with_earlier=False)
    assert len(parcel.files[0].content) < 50 << 20
    there = unpack_hand_in(parcel, tmp_path / "there")
    assert there.files[0].path.stat().st_size == 3 << 30


def test_a_large_zip_travels_whole(small_course, tmp_path, right):
    noise = os.urandom(1 << 20) * 50
    with zipfile.ZipFile(tmp_path / "02_layers.zip", "w") as archive:
        archive.writestr("noise.bin", noise)
        archive.writestr("layers.py", right)
    (tmp_path / "in/amy").mkdir(parents=True)
    (tmp_path / "02_layers.zip").rename(tmp_path / "in/amy/02_layers.zip")
    (entry,) = find_hand_ins(tmp_path / "in", small_course).entries
    there = unpack_hand_in(pack_hand_in(entry, with_earlier=False), tmp_path / "there")
    loaded = catalogue.load("02_layers", small_course)
    assert submission_of(there, loaded).sha256 == submission_of(entry, loaded).sha256


def test_a_hand_in_that_is_too_large_to_be_sent_costs_itself(begun, cluster, monkeypatch, hand_ins):
    monkeypatch.setattr(parcels, "MOST_IN_ALL", 50_000)  # di's file has 100,000 bytes
    graders, entries, prepared = begun(cluster.scheduler_address)
    assert len(list(graders.grade_all(entries, prepared))) == len(NAMES)
    found = marks(prepared.out)
    assert set(found) == set(NAMES)
    assert "of files that could be the assignment. Hand in the notebook alone." in found["di"].problems[0].sentence
    assert found["amy"].points == found["amy"].max_points


def test_what_is_no_regular_file_is_not_sent(small_course, hand_ins, tmp_path):
    entry = find_hand_ins(hand_ins, small_course).entries[0]
    link = tmp_path / "layers.py"
    link.symlink_to(entry.files[0].path)
    linked = msgspec.structs.replace(entry, files=[File(link, "layers.py")])
    with pytest.raises(OSError, match="is no regular file"):
        pack_hand_in(linked, with_earlier=False)


# --- the same class --------------------------------------------------------------------------


def test_a_cluster_gives_the_marks_of_one_machine(run, hand_ins, cluster, tmp_path):
    there = run(hand_ins, "there", "--cluster", cluster.scheduler_address)
    here = run(hand_ins, "here", "--jobs", "1")
    assert there[0] == here[0] == 1
    assert marks(tmp_path / "there") == marks(tmp_path / "here")
    assert set(marks(tmp_path / "here")) == set(NAMES)
    again = run(hand_ins, "there", "--cluster", cluster.scheduler_address)[1]
    assert "6 of 7 reports from an earlier run are up to date and were kept." in again  # of di nothing can be read


@pytest.mark.nightly
def test_later_assignments_run_on_own_earlier_work_there_too(run, cluster, tmp_path, root):
    for name, module in (("02_layers", "layers"), ("03_losses", "losses")):
        target = tmp_path / f"in/amy/{name}/{module}.py"
        target.parent.mkdir(parents=True)
        shutil.copy(root / f"solutions/{name}/{module}.py", target)
    options = ["--earlier", "own", "--without", "capstones", "--assignment", "03", "--course", str(root)]
    assert run(tmp_path / "in", "there", "--cluster", cluster.scheduler_address, *options)[0] == 0
    assert run(tmp_path / "in", "here", "--jobs", "1", *options)[0] == 0
    there, here = (marks(tmp_path / out)["amy"] for out in ("there", "here"))
    assert there.earlier_sha256 == here.earlier_sha256
    assert there.points == here.points == here.max_points


# --- what goes wrong -------------------------------------------------------------------------


def test_without_a_scheduler_nothing_is_written(run, hand_ins, tmp_path, monkeypatch):
    monkeypatch.setattr(clients, "CONNECT_S", 1.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        status, text = run(hand_ins, "out", "--cluster", address)
    assert (status, f"autograder: There is no scheduler at {address}." in text) == (2, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("address", ["nonsense", "tcp://", "http://x:1"])
def test_an_address_of_no_sense_is_refused(run, hand_ins, tmp_path, monkeypatch, address):
    monkeypatch.setattr(clients, "CONNECT_S", 1.0)
    status, text = run(hand_ins, "out", "--cluster", address)
    assert (status, "There is no scheduler at" in text) == (2, True)
    assert not (tmp_path / "out").exists()


def test_machines_of_another_version_are_refused_and_named(run, hand_ins, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(clients, "versions", lambda: {"python": "3.99.0"})
    status, text = run(hand_ins, "out", "--cluster", cluster.scheduler_address)
    assert (status, text.count(f"has python {sys.version.split()[0]}, but 3.99.0 is needed")) == (2, 2)
    assert "No machine of tcp://127.0.0.1:" in text
    assert not (tmp_path / "out").exists()


def test_machines_with_another_build_of_the_kit_are_refused(cluster, small_course, monkeypatch):
    needs = machines.Needs
    monkeypatch.setattr(machines, "Needs", lambda *given: dataclasses.replace(needs(*given), checks={"02_layers": "0"}))
    refused = pytest.raises(UsageError, match="has another build of the kit: its checks have another hash")
    with clients.open_cluster(cluster.scheduler_address, OPTIONS) as graders, refused:
        graders.prove(small_course, ["02_layers"])


def break_isolation(dask_worker):
    """On a machine: make its workers prove less than they have to."""

    def start(*_):
        message = "Student code would run with isolation 'partial' here, but 'full' is required: no Landlock."
        raise IsolationError(message)

    del dask_worker
    machines.start_worker = start


def test_a_machine_that_does_not_isolate_gets_no_work_and_is_named(run, hand_ins, tmp_path):
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as made,
        distributed.Client(made) as client,
    ):
        bad = next(iter(client.scheduler_info()["workers"]))
        client.run(break_isolation, workers=[bad])
        status, text = run(hand_ins, "out", "--cluster", made.scheduler_address)
        assert status == 1
        assert f"Not used: {bad} cannot isolate student code:" in text
        assert set(marks(tmp_path / "out")) == set(NAMES)


def fill_disk(dask_worker):
    """On a machine that was accepted: from now on there is too little free space."""
    (machine,) = (one for one in dask_worker.plugins.values() if isinstance(one, machines.Machine))
    machine.needs = dataclasses.replace(machine.needs, spare_bytes=1 << 60)


def test_a_disk_that_is_full_costs_the_machine_and_no_hand_in(begun, cluster):
    graders, entries, prepared = begun(cluster.scheduler_address)
    with distributed.Client(cluster) as client:
        full = next(iter(client.scheduler_info()["workers"]))
        client.run(fill_disk, workers=[full])
        assert sorted(entry.student for entry, _ in graders.grade_all(entries, prepared)) == sorted(NAMES)
    assert list(graders.refused) == [full]
    assert "MB of free space in" in graders.refused[full]
    assert set(marks(prepared.out)) == set(NAMES)
    assert all(report.status is not Status.BROKEN for report in marks(prepared.out).values())


def die(dask_worker):
    """End a machine's process at once, as a lack of memory or power would."""
    del dask_worker
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_machine_that_dies_costs_nothing_but_time(begun, cluster):
    graders, entries, prepared = begun(cluster.scheduler_address)
    seen = []
    with distributed.Client(cluster) as client:
        for entry, _ in graders.grade_all(entries, prepared):
            if not seen:
                pids = client.run(os.getpid)
                os.kill(next(iter(pids.values())), signal.SIGKILL)
            seen.append(entry.student)
    assert sorted(seen) == sorted(NAMES), "each once"
    assert set(marks(prepared.out)) == set(NAMES)
    assert all(report.status is not Status.BROKEN for report in marks(prepared.out).values())


@pytest.mark.nightly
def test_a_hand_in_on_which_every_machine_dies_is_reported_as_broken(begun, monkeypatch):
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),  # three deaths are enough for a test
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as made,
    ):
        graders, entries, prepared = begun(made.scheduler_address)
        submit = graders._client.submit

        def deadly(function, name, run, parcel, **options):
            if parcel.student == "amy":
                return submit(kill_me, **options)
            return submit(function, name, run, parcel, **options)

        monkeypatch.setattr(graders._client, "submit", deadly)
        assert len(list(graders.grade_all(entries, prepared))) == len(NAMES)
    found = marks(prepared.out)
    assert found.pop("amy").status is Status.BROKEN
    assert all(report.status is not Status.BROKEN for report in found.values())
    assert "KilledWorker" in Path(prepared.out, "errors/amy/02_layers.txt").read_text()


def kill_me():
    """A task that ends whatever machine it runs on."""
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.nightly
def test_a_machine_that_comes_later_helps(begun, cluster):
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        graders, entries, prepared = begun(made.scheduler_address)
        assert graders.machines == 1
        made.scale(2)
        made.wait_for_workers(2, timeout=60)
        assert len(list(graders.grade_all(entries, prepared))) == len(NAMES)
        assert graders.machines == 2
        assert graders.refused == {}


def start(*command, **options):
    """Start one of Dask's commands."""
    return subprocess.Popen(
        [*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, **options
    )


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def end(*processes):
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


WITHOUT_KIT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "autograder":
            raise ModuleNotFoundError("No module named 'autograder'", name="autograder")

sys.meta_path.insert(0, Absent())
"""


@pytest.mark.parametrize("others", [pytest.param(0, marks=pytest.mark.nightly), 1])
def test_a_machine_without_the_kit_gets_no_work_and_is_named(run, hand_ins, tmp_path, others):
    (tmp_path / "absent.py").write_text(WITHOUT_KIT)
    with distributed.LocalCluster(
        n_workers=others, threads_per_worker=1, processes=True, dashboard_address=None
    ) as made:
        command = [BIN / "dask", "worker", made.scheduler_address, "--nthreads", "1", "--name", "bare"]
        bare = start(*command, "--preload", tmp_path / "absent.py", "--local-directory", tmp_path / "dask")
        try:
            made.wait_for_workers(others + 1, timeout=60)
            status, text = run(hand_ins, "out", "--cluster", made.scheduler_address)
        finally:
            end(bare)
    assert "cannot run the kit: install dlkit-course there, in the same version" in text
    assert status == (1 if others else 2)
    assert (tmp_path / "out").exists() == bool(others)


def graded_until(count, results, seen, act):
    """Go on grading, and do something once so many are graded."""
    for entry, _ in results:
        seen.append(entry.student)
        if len(seen) == count:
            act()
        yield entry


def test_a_scheduler_that_dies_loses_no_report(begun, run, hand_ins, tmp_path, monkeypatch):
    monkeypatch.setattr(clients, "CONNECT_S", 5.0)  # it is waited for as long
    address = f"tcp://127.0.0.1:{free_port()}"
    scheduler = start(BIN / "dask", "scheduler", "--host", address, "--dashboard-address", ":0", cwd=tmp_path)
    worker = start(BIN / "dask", "worker", address, "--nthreads", "1", "--local-directory", tmp_path / "dask")
    try:
        with distributed.Client(address, timeout=60) as client:
            client.wait_for_workers(1, timeout=60)
        graders, entries, prepared = begun(address)
        seen = []
        with pytest.raises(UsageError, match=r"The scheduler tcp://.* was lost .* the same command resumes\."):
            list(graded_until(2, graders.grade_all(entries, prepared), seen, lambda: end(scheduler)))
    finally:
        end(worker)
    assert set(seen) == set(marks(tmp_path / "out"))
    assert 2 <= len(seen) < len(NAMES)
    status, text = run(hand_ins, "out", "--jobs", "1")
    assert status == 1
    assert "reports from an earlier run are up to date and were kept." in text
    assert set(marks(tmp_path / "out")) == set(NAMES)


class Sent:
    """Stands for what was sent: its state, and its answer."""

    def __init__(self, status, answer=None):
        self.status, self.answer, self.watched = status, answer, 0

    def add_done_callback(self, _call):
        self.watched += 1

    def result(self):
        if isinstance(self.answer, Exception):
            self.status = "lost"
            raise self.answer
        return self.answer


class Fetching:
    """Stands for Dask's client: fetches all or nothing, and counts."""

    def __init__(self):
        self.fetched = 0

    def gather(self, futures):
        self.fetched += 1
        for future in futures:
            if isinstance(future.answer, Exception):
                raise future.answer
        return [future.answer for future in futures]


def brought(*those, stranger=None):
    """The answers to these, by their places, and the client."""
    client = Fetching()
    graders = clients.Cluster(client, "tcp://x:1", OPTIONS)
    for one in (*those, *those, *([stranger] if stranger else [])):
        graders._ended.put(one)
    found = graders._brought(dict.fromkeys(those))
    return {those.index(future): graded for future, graded in found}, client


def test_reports_that_are_there_are_fetched_together_and_each_counts_once():
    found, client = brought(Sent("finished", "a"), Sent("finished", "b"), Sent("error"), stranger=Sent("finished", "c"))
    assert found == {0: "a", 1: "b", 2: None}
    assert client.fetched == 1


def test_a_report_that_is_lost_while_it_is_fetched_is_waited_for_again():
    lost, gone = Sent("finished", KeyError("lost")), Sent("lost")
    found, _ = brought(Sent("finished", "a"), lost, gone)
    assert found == {0: "a"}
    assert (lost.watched, gone.watched) == (1, 1)


def test_a_scheduler_that_is_lost_while_reports_are_fetched_ends_the_run_with_a_sentence():
    with pytest.raises(UsageError, match=r"The scheduler tcp://x:1 was lost \(gone\)"):
        brought(Sent("finished", OSError("gone")))


def test_nothing_is_waited_for_where_nothing_was_sent(monkeypatch):
    monkeypatch.setattr(clients, "PAUSE_S", 1e9)
    found, client = brought()
    assert (found, client.fetched) == ({}, 0)


def test_dask_s_own_remarks_are_not_shown(caplog):
    name = "distributed.client"
    logging.getLogger(name).setLevel(logging.INFO)
    clients._silence()
    logging.getLogger(name).error("Failed to reconnect")
    assert not caplog.records


def test_a_run_without_any_machine_left_ends(begun, monkeypatch):
    monkeypatch.setattr(clients, "WITHOUT_MACHINES_S", 1.0)
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        graders, entries, prepared = begun(made.scheduler_address)
        made.scale(0)
        until = time.monotonic() + 60
        while graders._client.scheduler_info(n_workers=-1)["workers"] and time.monotonic() < until:
            time.sleep(0.1)
        with pytest.raises(UsageError, match=r"No machine of .* is left\. .* the same command resumes\."):
            list(graders.grade_all(entries, prepared))


# --- networks --------------------------------------------------------------------------------


def can_make_networks():
    """Whether this process may make network namespaces and mounts of its own."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False).returncode == 0


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def networks():
    """Two machines with a network of their own, each linked to this one: their names and addresses here."""
    if not can_make_networks():
        pytest.skip("network namespaces are not allowed here: they need root and iproute2")
    made = [(f"grader{os.getpid()}-{i}", f"g{os.getpid()}-{i}", f"10.203.{i}") for i in (1, 2)]
    try:
        for name, link, net in made:
            ip("netns", "add", name)
            ip("link", "add", link, "type", "veth", "peer", "name", "up0", "netns", name)
            ip("addr", "add", f"{net}.1/24", "dev", link)
            ip("link", "set", link, "up")
            ip("-n", name, "addr", "add", f"{net}.2/24", "dev", "up0")
            ip("-n", name, "link", "set", "up0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield [(name, f"{net}.1") for name, _, net in made]
    finally:
        for name, _, _ in made:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.mark.nightly
def test_machines_without_a_common_folder_grade_over_a_network(networks, run, hand_ins, small_course, tmp_path):
    port = free_port()
    scheduler = start(BIN / "dask", "scheduler", "--port", port, "--dashboard-address", ":0", cwd=tmp_path)
    workers = []
    try:
        for name, address in networks:
            hide = " && ".join(f"mount -t tmpfs none '{folder}'" for folder in (hand_ins, small_course, tmp_path))
            command = (
                f"{hide} && exec '{BIN}/dask' worker tcp://{address}:{port} --nthreads 1 --local-directory '{tmp_path}'"
            )
            workers.append(start("ip", "netns", "exec", name, "unshare", "--mount", "sh", "-c", command))
        with distributed.Client(f"tcp://127.0.0.1:{port}", timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
            hosts = {worker["host"] for worker in client.scheduler_info()["workers"].values()}
        assert hosts == {"10.203.1.2", "10.203.2.2"}
        status, text = run(hand_ins, "out", "--cluster", f"tcp://127.0.0.1:{port}")
    finally:
        end(scheduler, *workers)
    assert (status, "Not used" in text) == (1, False)
    assert set(marks(tmp_path / "out")) == set(NAMES)
