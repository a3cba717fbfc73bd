"""The layers: in force, proved, and reported where they are missing; what a system without them offers."""

import contextlib
import ctypes
import errno
import itertools
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from autograder import cli
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation import launcher
from autograder.isolation import zygote as zygote_module
from autograder.isolation.executor import LABEL
from autograder.isolation.importer import Importer, readable
from autograder.isolation.launcher import Spawner
from autograder.isolation.levels import LAYERS, Isolation, IsolationError, weakest
from autograder.isolation.linux import seccomp
from autograder.isolation.worker import Limits, SubjectLostError, SubjectRaisedError, Worker, Zygote
from autograder.report import Status
from autograder.subject import RemoteSubject
from tests.limits import slowness

linux = pytest.mark.skipif(sys.platform != "linux", reason="these layers are the Linux kernel's")


@linux
def test_every_layer_is_in_force_and_proved(zygote):
    with Worker(zygote) as worker:
        assert worker.isolation == Isolation("full")
        status = Path(f"/proc/{worker.pid}/status").read_text()
        assert "Seccomp:\t2" in status
        assert "NoNewPrivs:\t1" in status
        assert os.getsid(worker.pid) == worker.pid


@linux
@pytest.mark.parametrize("layer", LAYERS)
def test_with_a_layer_removed_the_probe_says_so(layer):
    if layer == "privileges" and os.geteuid() != 0:
        pytest.skip("an ordinary user has no privileges to drop")
    with Zygote(kept for kept in LAYERS if kept != layer) as zygote, Worker(zygote) as worker:
        assert worker.isolation.level == "partial"
        (missing,) = worker.isolation.missing
        assert missing.startswith(f"{layer} (switched off): ")


CONSEQUENCES = {
    "session": "it shares the grader's session",
    "rlimits": "memory, time or files have no limit",
    "landlock": "files outside the allow-list can be read",
    "seccomp": "every system call is allowed",
}


@linux
@pytest.mark.parametrize("layer", CONSEQUENCES)
def test_the_probe_finds_out_by_itself_and_believes_no_list(layer, monkeypatch):
    """Whatever the worker claims about its layers, what it could do and what the kernel reports decide."""
    from autograder.isolation import forked, probe

    monkeypatch.setattr(forked, "judge", lambda pid, succeeded, _lacking: probe.judge(pid, succeeded, {}))
    with Zygote(kept for kept in LAYERS if kept != layer) as zygote, Worker(zygote) as worker:
        assert worker.isolation.missing == (f"{layer}: {CONSEQUENCES[layer]}",)


@linux
def test_the_assignments_folder_is_among_what_must_not_be_seen(zygote, root):
    with Zygote(kept for kept in LAYERS if kept != "landlock") as other:
        other.secrets = (str(root / "solutions"),)
        with Worker(other) as worker:
            assert worker.isolation.level == "partial"


def test_student_code_never_reaches_a_worker_that_is_less_isolated_than_asked(layers, hand_in):
    with Spawner() as spawner, pytest.raises(IsolationError) as raised:
        Grader(layers, spawner, Options(seed=7, isolation="partial"))
    assert "isolation 'none' here, but 'partial' is required" in str(raised.value)
    assert "--isolation none" in str(raised.value)


@pytest.fixture
def no_landlock(monkeypatch):
    """A machine whose kernel has no Landlock."""
    without = [layer for layer in LAYERS if layer != "landlock"]

    class Poorer(Zygote):
        def __init__(self, _layers=without, backend="numpy", **more):
            super().__init__(without, backend, **more)

    monkeypatch.setattr(launcher, "Zygote", Poorer)


@linux
def test_grading_fails_closed_and_writes_nothing(no_landlock, small_course, tmp_path, capsys):
    student = tmp_path / "submitted/ada/02_layers"
    student.mkdir(parents=True)
    (student / "layers.py").write_bytes((small_course / "assignments/02_layers/layers.py").read_bytes())
    command = ["grade", str(tmp_path / "submitted"), "--out", str(tmp_path / "out"), "--course", str(small_course)]
    assert cli.main(command) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "landlock (switched off): files outside the allow-list can be read" in said
    assert "accept it with --isolation partial" in said
    assert not (tmp_path / "out").exists()


@linux
def test_checking_ones_own_work_accepts_any_level_and_says_which(no_landlock, small_course, capsys):
    assert cli.main(["check", "02_layers", "-v", "--course", str(small_course)]) in (0, 1)
    said = " ".join(capsys.readouterr().out.split())
    assert "isolation: partial isolation" in said
    assert "landlock (switched off)" in said


def test_an_unknown_level_is_refused(small_course, capsys):
    assert cli.main(["grade", ".", "--isolation", "most", "--course", str(small_course)]) == 2
    assert "--isolation: expected 'full', 'partial' or 'none', got 'most'." in capsys.readouterr().err


def test_the_weakest_worker_decides():
    full, partial = Isolation("full"), Isolation("partial", ("landlock: files can be read",))
    assert weakest([full, partial, full]) == partial


# --- the layers themselves -------------------------------------------------------------------


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_the_filter_fits_every_machine_it_knows(machine):
    made = seccomp.allow_list(machine)
    assert len(made.assemble()) == 8 * len(made.steps)


def test_on_an_unknown_machine_there_is_no_filter():
    with pytest.raises(OSError, match="no list of system calls for pdp11"):
        seccomp.allow_list("pdp11")


@pytest.mark.parametrize("name", ["clone", "openat", "tgkill", "ioctl", "read"])
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the header with the numbers is of this machine")
def test_the_numbers_are_the_kernels(name):
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("the kernel's headers are not installed")
    known = {**seccomp.FREELY, **seccomp.WITH_CONDITIONS}
    assert f"#define __NR_{name} {known[name][0]}\n" in header.read_text()


def test_what_may_be_read_holds_no_other_package_and_no_data(root):
    paths = readable()
    assert np.__path__[0] in {str(path) for path in paths}
    for hidden in (root / "solutions", root / "autograder", root / "dlkit/datasets/data", Path("/etc/passwd")):
        assert not any(hidden.is_relative_to(path) for path in paths)
    assert not any("site-packages" in str(path) and "numpy" not in str(path) for path in paths)


def test_the_importer_knows_the_standard_library_numpy_and_dlkit(monkeypatch):
    others = {name: module for name, module in sys.modules.items() if not name.startswith("sklearn")}
    monkeypatch.setattr(sys, "modules", others)  # a test before this one may have imported it
    importer = Importer()
    for name in (
        "http.client",
        "xml.etree.ElementTree",
        "numpy.testing",
        "dlkit.datasets.points",
        "concurrent.futures",
    ):
        spec = importer.find_spec(name)
        assert spec is not None
        assert Path(spec.origin).is_file()
    assert importer.find_spec("numpy.no_such_module") is None
    with pytest.raises(ModuleNotFoundError, match="allowed are the standard library, numpy and dlkit"):
        exec(  # noqa: S102 - a submission is whatever is compiled under its label
            compile("importer.find_spec('sklearn.datasets')", f"{LABEL}work.py", "exec"), {"importer": importer}
        )
    assert list(importer.refused) == ["sklearn"]


def test_a_worker_imports_what_was_not_loaded_before(worker, load):
    assert load("import sqlite3, xml.etree.ElementTree, numpy.testing, concurrent.futures, http.client") == []


def test_a_refused_import_names_what_is_allowed(worker, load):
    (problem,) = load("import pandas")
    assert problem["message"].startswith("pandas may not be imported in an exercise: allowed are")
    assert list(worker.tried) == ["import pandas"]


# --- without isolation -----------------------------------------------------------------------


@pytest.fixture
def spawned():
    with Spawner() as spawner, Worker(spawner, Limits(cpu_s=1, wall_s=3 * slowness(), life_cpu_s=20)) as worker:
        yield worker


def define(worker, source):
    worker.ask("load", name="work", chunks=[["work.py", 1, source]])
    return lambda *args: RemoteSubject(worker).run("f", *args)


def test_a_spawned_worker_computes(spawned):
    double = define(spawned, "import numpy as np\ndef f(x): return np.exp(x) * 2")
    x = np.random.default_rng(0).normal(size=(300, 400))
    np.testing.assert_array_equal(double(x), np.exp(x) * 2)
    assert spawned.cpu_seconds() > 0
    assert spawned.isolation.level == "none"


def test_a_spawned_worker_that_never_ends_is_ended(spawned):
    endless = define(spawned, "def f():\n    while True: pass")
    with pytest.raises(SubjectLostError, match="did not end within"):
        endless()
    with pytest.raises(SubjectLostError, match="ended by an earlier call"):
        endless()


def test_a_spawned_worker_that_exits_costs_one_sentence(spawned):
    with pytest.raises(SubjectLostError, match="ended its own process with exit status 7"):
        define(spawned, "import os\ndef f(): os._exit(7)")()


def test_a_spawned_worker_imports_what_the_course_allows(spawned):
    with pytest.raises(SubjectRaisedError, match="sklearn may not be imported in an exercise"):
        define(spawned, "def f():\n    import sklearn")()
    assert list(spawned.tried) == ["import sklearn"]


def test_a_spawned_worker_has_a_clean_environment(monkeypatch):
    monkeypatch.setenv("DLKIT_TEST_SECRET", "token")
    with Spawner() as spawner, Worker(spawner) as worker:
        found = define(worker, "import os\ndef f(): return dict(os.environ)")()
    assert "DLKIT_TEST_SECRET" not in found


def test_a_submission_is_graded_the_same_without_isolation(layers, hand_in, grader):
    from tests.autograder.conftest import replace_grader

    with Spawner() as spawner:
        poor = Grader(layers, spawner, Options(seed=7, limits=Limits(), only=frozenset({"Tanh", "Linear"})))
        report = poor.grade(hand_in())
    assert report.isolation == "none"
    assert report.isolation_missing
    assert report.points == replace_grader(grader, frozenset({"Tanh", "Linear"})).grade(hand_in()).points
    assert {result.status for result in report.exercises} == {Status.PASSED}


# --- the zygote ------------------------------------------------------------------------------


@linux
def test_a_zygote_that_was_killed_is_started_again(zygote):
    with Zygote() as own:
        Worker(own).close()
        os.kill(own.pid, signal.SIGKILL)
        with Worker(own) as worker:
            assert worker.isolation.level == "full"


@linux
def test_the_zygote_ends_with_its_host():
    code = "import os, time; from autograder.isolation.worker import Worker, Zygote\n"
    code += "z = Zygote(); w = Worker(z); print(z.pid, w.pid, flush=True); time.sleep(600)"
    host = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pids = [int(word) for word in host.stdout.readline().split()]
    host.kill()
    host.wait()
    host.stdout.close()
    until = time.monotonic() + 10
    while time.monotonic() < until and any(alive(pid) for pid in pids):
        time.sleep(0.02)
    assert not any(alive(pid) for pid in pids)


@linux
def test_several_processes_share_one_zygote(zygote):
    before = zygote.pid
    with zygote.door() as door, Zygote(door=door) as one, Zygote(door=door) as other:
        assert one.pid == other.pid == before
        with Worker(one) as worker, Worker(other) as another:
            assert worker.pid != another.pid
            assert [worker.isolation.level, another.isolation.level] == ["full", "full"]
    with Worker(zygote) as worker:
        assert worker.isolation.level == "full"


@linux
def test_one_who_shares_a_zygote_and_is_gone_leaves_no_worker(zygote):
    with zygote.door() as door, Worker(zygote) as kept:
        other = Zygote(door=door)
        lost = Worker(other)
        other.close()
        wait_until(lambda: not alive(lost.pid))
        lost.close()
        assert kept.isolation.level == "full"
        assert alive(kept.pid)


@linux
def test_a_shared_zygote_that_was_killed_is_replaced():
    with Zygote() as first, first.door() as door, Zygote(door=door) as second:
        os.kill(second.pid, signal.SIGKILL)
        with Worker(second) as worker:
            assert worker.isolation.level == "full"
        assert second.pid != first.pid


@linux
def test_a_worker_starts_however_many_share_the_zygote(zygote):
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            with Worker(zygote) as worker:  # its pipes come under another number every time
                assert worker.isolation.level == "full"
            stack.enter_context(Zygote(door=stack.enter_context(zygote.door())))


@linux
@pytest.mark.parametrize("how", ["by the system's call", "by Python's"])
def test_a_fork_that_the_system_refuses_is_reported_and_leaves_the_others_alone(how, monkeypatch):
    refused = OSError(errno.EAGAIN, "as often as it is asked")

    def fail():
        if how == "by Python's":
            raise refused
        ctypes.set_errno(errno.EAGAIN)
        return -1

    monkeypatch.setattr(ctypes, "PyDLL", lambda *_args, **_more: SimpleNamespace(fork=fail))
    with monkeypatch.context() as alone:
        alone.setattr(os, "listdir", lambda _path: ["the only thread"])
        fork = fail if how == "by Python's" else zygote_module.system_fork()
    killed = []
    monkeypatch.setattr(os, "kill", lambda *pid_and_signal: killed.append(pid_and_signal))
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
    (first, _), (control, _) = pairs
    hosts = zygote_module.Hosts(first)
    hosts.add(control)
    assert "refused" in hosts.fork(control, list, fork)
    hosts.leave(control)  # process −1 would be everybody
    for one in itertools.chain(*pairs):
        one.close()
    assert not killed


@linux
def test_where_no_more_processes_can_start_the_grader_waits_and_then_says_so(monkeypatch):
    monkeypatch.setattr(launcher, "PATIENCE_S", 0.3)
    monkeypatch.setattr(launcher, "PAUSE_S", 0.1)
    asked = []

    def refuse(self, message, fds):
        del self, message
        asked.append(fds)
        return {"refused": "no more of them"}

    before = len(list(Path("/proc/self/fd").iterdir()))
    with Zygote() as zygote:
        within = len(list(Path("/proc/self/fd").iterdir()))
        monkeypatch.setattr(Zygote, "_fork", refuse)
        with pytest.raises(IsolationError, match=r"\(no more of them\): use fewer jobs"):
            Worker(zygote)
        assert len(list(Path("/proc/self/fd").iterdir())) == within
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert len(asked) > 2


def alive(pid):
    """Whether the process still runs; one that has ended may wait for long to be collected by who adopted it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


BUSY = """
import sys, threading
from autograder.isolation.worker import Worker, Zygote
worker = Worker(Zygote())
worker.ask("load", name="work", chunks=[["work.py", 1, "def f():\\n    while True: pass"]])
threading.Thread(target=worker.ask, args=("call",), daemon=True, kwargs={
    "handle": None, "name": "f", "args": [], "kwargs": {}, "echo": False}).start()
print(worker.pid, flush=True)
sys.stdin.read()
"""


def test_a_host_that_is_killed_leaves_no_busy_worker(root):
    command = [sys.executable, "-c", BUSY]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as host:
        pid = int(host.stdout.readline())
        assert alive(pid)
        host.kill()
    wait_until(lambda: not alive(pid))


def wait_until(true, at_most_s=30):
    until = time.monotonic() + at_most_s
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)
