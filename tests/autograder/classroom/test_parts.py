"""A class that is graded in parts and joined: who belongs where, what merge joins and refuses, schedulers."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest
import yaml

from autograder.classroom.class_record import read_record
from autograder.classroom.hand_in_times import read_times
from autograder.classroom.parts import Part, read_part
from autograder.classroom.runs import read_run
from autograder.cli import main
from autograder.course.catalogue import UsageError
from autograder.report import read_report
from tests.autograder.classroom.conftest import write

STUDENTS = ["amy", "bo", "cy", "di", "Zoë Müller", "学生"]
COMMAND = Path(sys.executable).parent / "autograder"


@pytest.fixture
def run(small_course, tmp_path, capsys):
    """Run a command of the kit with the small course; its exit status and what it printed."""

    def call(command, *arguments):
        options = ["--course", str(small_course)]
        options += ["--jobs", "1", "--isolation", "none"] if command == "grade" else []
        status = main([command, *map(str, arguments), *options])
        printed = capsys.readouterr()
        return status, " ".join(f"{printed.out} {printed.err}".split())

    return call


def a_class(folder, right, stub):
    """Six students, one of whom handed in an untouched notebook, and a file that nobody can be given."""
    files = {f"in/{name}/02_layers/layers.py": right for name in STUDENTS}
    files |= {"in/bo/02_layers/layers.py": "", "in/bo/02_layers/layers.ipynb": stub, "in/layers.py": right}
    return write(folder, files) / "in"


@pytest.fixture
def hand_ins(tmp_path, right, stub):
    """Hand-ins that a test may change."""
    return a_class(tmp_path, right, stub)


@pytest.fixture(scope="module")
def graded_once(tmp_path_factory, small_course, right, stub):
    """A class, and the folders of its three parts, graded with one seed."""
    folder = tmp_path_factory.mktemp("parts")
    hand_ins, folders = a_class(folder, right, stub), [folder / str(number) for number in (1, 2, 3)]
    for number, out in enumerate(folders, 1):
        where = ["--out", str(out), "--course", str(small_course), "--jobs", "1", "--isolation", "none"]
        assert main(["grade", str(hand_ins), "--part", f"{number}/3", "--seed", "7", *where]) == 0
    return hand_ins, folders


@pytest.fixture
def parts(graded_once, tmp_path):
    """Copies of those folders, which a test may change."""
    return [Path(shutil.copytree(folder, tmp_path / "parts" / folder.name)) for folder in graded_once[1]]


@pytest.fixture
def shared(graded_once):
    """The hand-ins of these parts, which stay as they are."""
    return graded_once[0]


def marks(out):
    """Each report below a folder, without times."""
    found = {}
    for path in Path(out).glob("reports/*/*.json"):
        report = msgspec.structs.replace(read_report(path), seconds=0.0, graded_at="")
        found[path.parent.name] = msgspec.json.encode(report)
    return found


@pytest.mark.parametrize("of", [1, 2, 7, 64])
def test_every_student_belongs_to_exactly_one_part(of):
    parts = [Part(number, of) for number in range(1, of + 1)]
    counts = Counter()
    for student in [f"student{number}" for number in range(64 * of)] + ["\udcff", ""]:
        (mine,) = [part.number for part in parts if part.holds(student)]
        counts[mine] += 1
    assert len(counts) == of
    assert max(counts.values()) < 2 * 64 + 2, "shares are about equal"


def test_a_part_is_the_same_on_every_machine():
    assert [next(n for n in range(1, 9) if Part(n, 8).holds(name)) for name in STUDENTS] == [
        PLACES[n] for n in STUDENTS
    ]


PLACES = {"amy": 5, "bo": 4, "cy": 3, "di": 2, "Zoë Müller": 7, "学生": 3}
"""Parts out of eight, as they have always been: a class that was begun can be finished after an update."""


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1.5/2", "a/b", "1/2/3", "1/9999999"])
def test_a_part_that_does_not_exist_is_refused(text):
    with pytest.raises(UsageError, match="--part: expected I/N with I from 1 to N"):
        read_part(text)


def test_parts_that_are_joined_are_the_run_of_the_whole_class(run, shared, parts, tmp_path):
    whole, joined = tmp_path / "whole", tmp_path / "joined"
    assert run("grade", shared, "--seed", 7, "--out", whole)[0] == 1  # a file of nobody
    assert run("merge", *parts, "--out", joined)[0] == 1
    assert marks(joined) == marks(whole)
    assert set(marks(whole)) == set(STUDENTS)
    assert read_record(joined) == read_record(whole)
    assert read_times(joined) == read_times(whole)
    assert {student for student, _ in read_times(whole)} == set(STUDENTS)
    assert read_run(joined) == msgspec.structs.replace(read_run(whole), out=str(read_run(joined).out))
    names = sorted(str(path.relative_to(whole)) for path in whole.rglob("*.html"))
    assert sorted(str(path.relative_to(joined)) for path in joined.rglob("*.html")) == names
    assert (joined / "02_layers.html").read_text().count("学生") >= 1


def test_what_was_joined_can_be_joined_again_and_graded_on(run, shared, parts, tmp_path):
    out = tmp_path / "joined"
    run("merge", *parts, "--out", out)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.glob("reports/*/*.json")}
    assert run("merge", *parts, "--out", out)[0] == 1
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.glob("reports/*/*.json")} == before
    assert "6 of 6 reports from an earlier run are up to date and were kept." in run("grade", shared, "--out", out)[1]


def test_a_hand_in_that_is_gone_is_set_aside_when_parts_are_joined_again(run, hand_ins, tmp_path):
    out, parts = tmp_path / "joined", [tmp_path / f"part{number}" for number in (1, 2, 3)]
    for number, folder in enumerate(parts, 1):
        text = run("grade", hand_ins, "--part", f"{number}/3", "--seed", 7, "--out", folder)[1]
        assert f"Part {number} of 3: " in text
    run("merge", *parts, "--out", out)
    shutil.rmtree(hand_ins / "cy")
    for number, folder in enumerate(parts, 1):
        run("grade", hand_ins, "--part", f"{number}/3", "--seed", 7, "--out", folder)
    text = run("merge", *parts, "--out", out)[1]
    assert "Set aside, because their hand-ins are gone: cy/02_layers." in text
    assert set(marks(out)) == set(STUDENTS) - {"cy"}


def test_a_part_that_is_missing_is_named_and_nothing_is_written(run, parts, tmp_path):
    status, text = run("merge", *parts[:2], "--out", tmp_path / "joined")
    assert status == 2
    assert text.startswith("autograder: Part 3 of 3 is missing. Run its command again, which resumes, or join")
    assert not (tmp_path / "joined").exists()


def test_a_part_that_was_stopped_is_named_with_its_missing_reports(run, parts, tmp_path):
    (gone,) = tmp_path.glob("parts/*/reports/amy/02_layers.json")
    gone.unlink()
    status, text = run("merge", *parts, "--out", tmp_path / "joined")
    assert status == 2
    assert "is not finished: 1 of" in text
    assert "(amy/02_layers)" in text
    status, text = run("merge", *parts, "--out", tmp_path / "joined", "--unfinished")
    assert status == 1
    assert set(marks(tmp_path / "joined")) == set(STUDENTS) - {"amy"}
    assert "reports are missing (amy/02_layers)" in text


def test_what_is_no_part_of_the_same_run_is_refused(run, shared, parts, tmp_path):
    out, other = tmp_path / "joined", tmp_path / "other"

    def refused(*folders):
        status, text = run("merge", *folders, "--out", out)
        assert (status, out.exists()) == (2, False)
        return text

    assert "There is no run in" in refused(tmp_path / "nowhere")
    assert "both hold part 1 of 3" in refused(parts[0], parts[0])
    run("grade", shared, "--part", "2/3", "--seed", 8, "--out", other)
    assert "different seeds (7 and 8), so they are not parts of one run" in refused(parts[0], other, parts[2])
    shutil.rmtree(other)
    run("grade", shared, "--part", "2/4", "--seed", 7, "--out", other)
    assert "different numbers of parts (3 and 4)" in refused(parts[0], other)
    shutil.rmtree(other)
    run("grade", shared, "--part", "2/3", "--seed", 7, "--out", other, "--without", "bonus")
    assert "different options" in refused(parts[0], other)
    shutil.rmtree(other)
    run("grade", shared, "--seed", 7, "--out", other)
    assert "holds a run of the whole class, which needs no merge" in refused(other)
    shutil.rmtree(other)
    shutil.copytree(parts[1], other)
    record = read_run(other)
    changed = msgspec.structs.replace(record, checks={"02_layers": "0" * 64})
    (other / "run.json").write_bytes(msgspec.json.encode(changed))
    assert "other checks" in refused(parts[0], other, parts[2])


def test_a_folder_holds_one_part_or_one_whole_run(run, shared, parts, tmp_path):
    status, text = run("grade", shared, "--part", "2/3", "--seed", 7, "--out", parts[0])
    assert (status, "holds a run of part 1 of 3. Name an --out of its own for each part." in text) == (2, True)
    status, text = run("grade", shared, "--seed", 7, "--out", parts[0])
    assert (status, "holds a run of part 1 of 3" in text) == (2, True)
    run("grade", shared, "--seed", 7, "--out", tmp_path / "whole")
    status, text = run("merge", *parts, "--out", parts[0])
    assert (status, "holds a run of part 1 of 3" in text) == (2, True)
    status, text = run("grade", shared, "--part", "1/3", "--seed", 7, "--out", tmp_path / "whole")
    assert (status, "holds a run of the whole class" in text) == (2, True)


@pytest.mark.parametrize("options", [["--part", "1/3"], ["--part", "1/3", "--seed", "7", "--json"]])
def test_options_that_a_part_cannot_have_are_refused(run, hand_ins, tmp_path, options):
    status, text = run("grade", hand_ins, *options, "--out", tmp_path / "out")
    assert (status, text.startswith("autograder: --part ")) == (2, True)
    assert not (tmp_path / "out").exists()


def test_a_part_without_students_is_a_part(run, tmp_path, right):
    write(tmp_path, {"in/amy/02_layers/layers.py": right})
    folders = []
    for number in (1, 2, 3):
        folders.append(tmp_path / f"part{number}")
        assert run("grade", tmp_path / "in", "--part", f"{number}/3", "--seed", 7, "--out", folders[-1])[0] == 0
    assert run("merge", *folders, "--out", tmp_path / "joined")[0] == 0
    assert set(marks(tmp_path / "joined")) == {"amy"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot have a folder whose name is no text")
def test_a_student_whose_id_is_no_text_is_joined_too(run, tmp_path, right):
    folder = os.fsdecode(os.fsencode(tmp_path / "in") + b"/\xff\xfe/02_layers")
    Path(folder).mkdir(parents=True)
    Path(folder, "layers.py").write_text(right)
    for number in (1, 2):
        run("grade", tmp_path / "in", "--part", f"{number}/2", "--seed", 7, "--out", tmp_path / f"part{number}")
    assert run("merge", tmp_path / "part1", tmp_path / "part2", "--out", tmp_path / "joined")[0] == 0
    assert list(marks(tmp_path / "joined")) == ["\udcff\udcfe"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot have a folder whose name is no text")
def test_a_missing_report_of_such_a_student_is_named(run, tmp_path, right):
    folder = os.fsdecode(os.fsencode(tmp_path / "in") + b"/\xff\xfe/02_layers")
    Path(folder).mkdir(parents=True)
    write(tmp_path, {"in/amy/02_layers/layers.py": right})
    Path(folder, "layers.py").write_text(right)
    for number in (1, 2):
        run("grade", tmp_path / "in", "--part", f"{number}/2", "--seed", 7, "--out", tmp_path / f"part{number}")
    (report,) = tmp_path.glob("part?/reports/\udcff\udcfe/*.json")
    report.unlink()
    parts = [tmp_path / "part1", tmp_path / "part2"]
    status, text = run("merge", *parts, "--out", tmp_path / "joined", "--unfinished", "--json")
    assert status == 1
    assert "reports are missing (??/02_layers)" in json.loads(text)["not_graded"][0]["reason"]


def test_a_report_that_is_damaged_stops_the_merge(run, parts, tmp_path):
    (path,) = tmp_path.glob("parts/*/reports/amy/02_layers.json")
    path.write_text("{}")
    status, text = run("merge", *parts, "--out", tmp_path / "joined")
    assert (status, "cannot be read as a report" in text) == (2, True)


# --- the examples of schedulers --------------------------------------------------------------


def shell(command, **environment):
    """Run a shell command as a task of a scheduler would; what it printed."""
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, env={**os.environ, "PATH": path, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_array_job_of_slurm_grades_every_part(root, small_course, hand_ins, tmp_path, run):
    script = root / "docs/examples/slurm_array.sh"
    for task in ("1", "2", "3"):
        given = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_CPUS_PER_TASK": "1"}
        options = ["--isolation", "none", "--course", str(small_course)]
        assert f"Part {task} of 3" in shell(
            ["bash", str(script), str(hand_ins), str(tmp_path / "parts"), *options], **given
        )
    assert run("merge", *tmp_path.glob("parts/*"), "--out", tmp_path / "joined")[0] == 1
    assert set(marks(tmp_path / "joined")) == set(STUDENTS)


@pytest.mark.nightly
def test_the_indexed_job_of_kubernetes_grades_every_part(root, small_course, hand_ins, tmp_path, run):
    job = yaml.safe_load((root / "docs/examples/kubernetes_job.yaml").read_text())
    assert (job["kind"], job["spec"]["completionMode"]) == ("Job", "Indexed")
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (mount,) = container["volumeMounts"]
    assert mount["name"] in [volume["name"] for volume in pod["volumes"]]
    *interpreter, command = container["command"]
    assert command.count(f'/{job["spec"]["completions"]}"') == 1, "as many parts as pods"
    hand_ins.rename(tmp_path / "submissions")
    command = command.replace(mount["mountPath"], str(tmp_path))
    command = command.replace("--jobs 2", f"--jobs 1 --isolation none --course {small_course}")
    for index in range(job["spec"]["completions"]):
        shell([*interpreter, command], JOB_COMPLETION_INDEX=str(index))
    assert run("merge", *tmp_path.glob("parts/*"), "--out", tmp_path / "joined")[0] == 1
    assert set(marks(tmp_path / "joined")) == set(STUDENTS)
