import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from autograder.classroom import processes
from autograder.classroom.finding import Entry, discover, report_path
from autograder.classroom.processes import open_pool
from autograder.classroom.runs import Run, prepare_run
from autograder.cli import main
from autograder.course.catalogue import UsageError
from autograder.grading.options import Options
from autograder.isolation.launcher import open_launcher
from autograder.report import Status, read_report
from autograder.spec import Scope
from autograder.writing import write_atomically

ODD_NAMES = [
    "Ægir Ólafsson",
    "comma, quote 'n' \"double\"",
    "new\nline",
    "[bold]rich",
    "per%cent {brace}",
    "學生",
    "-dash",
]
BY_RIGHTS = {"right": ("points", 5.0), "wrong": ("status", Status.FAILED), "empty": ("points", 0)}


def submit(course, folder, student, kind, suffix=".py"):
    path = folder / student / "02_layers" / f"layers{suffix}"
    path.parent.mkdir(parents=True)
    source = (course / "solutions/02_layers/layers.py").read_text()
    if kind == "wrong":
        source = source.replace("dx = 1 - dx", "dx = 1 + dx")
    path.write_text("" if kind == "empty" else source)
    return path


def seen(out, entry):
    """A report without its times."""
    tree = json.loads(report_path(out, entry).read_text())
    return {key: value for key, value in tree.items() if key not in ("seconds", "graded_at")}


def grade_here(course, folder, out, **options):
    """Grade a folder in processes of its own; which entries were graded anew."""
    entries = discover(folder, course)
    run = prepare_run(course, out, folder, entries, Options(**options))
    with open_launcher() as launcher, open_pool(2, launcher) as pool:
        return {entry.student: fresh for entry, fresh in pool.grade_all(entries, run)}


# --- what is there to grade ------------------------------------------------------------------


def test_hand_ins_are_found_by_student_and_assignment(small_course, tmp_path):
    for student in ("zoe", "adam", ".hidden"):
        submit(small_course, tmp_path, student, "right")
    (tmp_path / "adam" / "99_other").mkdir()
    (tmp_path / "nothing").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    found = discover(tmp_path, small_course)
    assert [(entry.student, entry.assignment) for entry in found] == [("adam", "02_layers"), ("zoe", "02_layers")]


def test_of_one_assignment_everybody_is_listed(small_course, tmp_path):
    adam = submit(small_course, tmp_path, "adam", "right")
    (tmp_path / "berta").mkdir()
    (tmp_path / "berta" / "layers.py").write_text("x = 1")
    (tmp_path / "carl").mkdir()
    found = {e.student: [f.path for f in e.files] for e in discover(tmp_path, small_course, "02_layers")}
    assert found == {"adam": [adam], "berta": [tmp_path / "berta/layers.py"], "carl": []}


def test_a_missing_or_empty_folder_is_reported(small_course, tmp_path):
    with pytest.raises(
        UsageError, match=r"nowhere is not a folder. Name the one that holds a folder for every student."
    ):
        discover(tmp_path / "nowhere", small_course)
    with pytest.raises(
        UsageError, match=r"There is nothing to grade in .*: expected STUDENT/ASSIGNMENT/FILE, .* 02_layers."
    ):
        discover(tmp_path, small_course)


# --- a run -----------------------------------------------------------------------------------


def test_students_of_every_name_are_graded(small_course, tmp_path):
    students = dict(zip(ODD_NAMES, ["right", "wrong", "empty"] * 3, strict=False))
    for number, (student, kind) in enumerate(students.items()):
        submit(small_course, tmp_path / "in", student, kind, (".py", ".py", ".ipynb")[number % 3])
    assert grade_here(small_course, tmp_path / "in", tmp_path / "out") == dict.fromkeys(ODD_NAMES, True)
    for student, kind in students.items():
        report = read_report(tmp_path / "out/reports" / student / "02_layers.json")
        assert report.student == student
        attribute, value = BY_RIGHTS[kind]
        assert getattr(report, attribute) == value


def test_a_name_that_is_no_text_is_graded_too(small_course, tmp_path):
    student = os.fsdecode(b"jos\xe9")
    try:
        submit(small_course, tmp_path / "in", student, "right")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes text alone")
    assert grade_here(small_course, tmp_path / "in", tmp_path / "out") == {student: True}
    assert read_report(tmp_path / "out/reports" / student / "02_layers.json").student == "jos?"


def test_reports_that_still_hold_are_kept(small_course, tmp_path):
    for student in ("adam", "berta"):
        submit(small_course, tmp_path / "in", student, "right")
    out = tmp_path / "out"
    grade_here(small_course, tmp_path / "in", out)
    first = [seen(out, entry) for entry in discover(tmp_path / "in", small_course)]
    assert grade_here(small_course, tmp_path / "in", out) == {"adam": False, "berta": False}
    assert [seen(out, entry) for entry in discover(tmp_path / "in", small_course)] == first


@pytest.mark.parametrize("what", ["submission", "seed", "training", "half a report", "an answer’s text", "checks"])
def test_what_changed_in_between_is_graded_again(own_course, tmp_path, what):
    paths = [submit(own_course, tmp_path / "in", student, "right") for student in ("adam", "berta")]
    grade_here(own_course, tmp_path / "in", tmp_path / "out", seed=1)
    options, both = {"seed": 1}, False
    if what == "submission":
        paths[0].write_text(paths[0].read_text().replace("dx = 1 - dx", "dx = 2 - dx"))
    elif what == "half a report":
        report = tmp_path / "out/reports/adam/02_layers.json"
        report.write_text(report.read_text()[:99])
    elif what == "an answer’s text":
        report = tmp_path / "out/reports/adam/02_layers.json"
        answer = {"name": "why", "max_points": 3.0, "answered": True}  # as earlier releases kept it
        report.write_text(json.dumps(json.loads(report.read_text()) | {"written": [answer]}))
    elif what == "seed":
        options, both = {"seed": 2}, True
    elif what == "training":
        options, both = {"seed": 1, "scope": Scope(capstones=False)}, True
    else:
        checks, both = own_course / "solutions/02_layers/exercises/activations.py", True
        checks.write_text(checks.read_text() + "\n# harder now\n")
        processes.catalogue.load.cache_clear()
    assert grade_here(own_course, tmp_path / "in", tmp_path / "out", **options) == {"adam": True, "berta": both}


def test_a_student_who_handed_in_nothing_gets_a_report_that_says_so(small_course, tmp_path):
    submit(small_course, tmp_path / "in", "adam", "right")
    (tmp_path / "in/berta").mkdir()
    entries = discover(tmp_path / "in", small_course, "02_layers")
    run = prepare_run(small_course, tmp_path / "out", tmp_path / "in", entries, Options(seed=1))
    with open_launcher() as launcher, open_pool(1, launcher) as pool:
        assert len(list(pool.grade_all(entries, run))) == 2
    report = read_report(report_path(tmp_path / "out", entries[1]))
    assert [problem.sentence for problem in report.problems] == ["nothing was handed in for 02_layers"]


def test_a_run_goes_on_with_its_seed_unless_told_otherwise(small_course, tmp_path):
    entries = [Entry("adam", "02_layers", str(tmp_path))]
    first = prepare_run(small_course, tmp_path / "out", tmp_path, entries, Options(seed=None))
    assert prepare_run(small_course, tmp_path / "out", tmp_path, entries, Options(seed=None)).seed == first.seed
    assert prepare_run(small_course, tmp_path / "out", tmp_path, entries, Options(seed=12)).seed == 12
    assert prepare_run(small_course, tmp_path / "other", tmp_path, entries, Options(seed=None)).seed != first.seed
    stored = msgspec.json.decode((tmp_path / "out/run.json").read_bytes(), type=Run)
    assert (stored.seed, list(stored.checks)) == (12, ["02_layers"])


def test_a_run_that_cannot_be_read_or_written_is_reported(small_course, tmp_path):
    entries = [Entry("adam", "02_layers", str(tmp_path))]
    (tmp_path / "out").mkdir()
    (tmp_path / "out/run.json").write_text("{")
    with pytest.raises(
        UsageError, match=r"run.json is not readable as a run .* Name another --out, or delete that folder."
    ):
        prepare_run(small_course, tmp_path / "out", tmp_path, entries, Options(seed=None))
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"file/run.json cannot be written .* or name another --out;"):
        prepare_run(small_course, tmp_path / "file", tmp_path, entries, Options(seed=1))


# --- killed in the middle --------------------------------------------------------------------


def command(course, folder, out, seed):
    arguments = [
        "grade",
        str(folder),
        "--out",
        str(out),
        "--seed",
        str(seed),
        "--jobs",
        "2",
        "--course",
        str(course),
        "--json",
    ]
    return [sys.executable, "-m", "autograder", *arguments]


def state_and_parent(pid):
    """A process's state and its parent; that of a dead one where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "X", 0
    return fields[0], int(fields[1])


def children_of(parent):
    """Processes whose parent is this one."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if state_and_parent(pid)[1] == parent and alive(pid)]


def descendants_of(parent):
    """Every process that descends from this one."""
    children = children_of(parent)
    return [*children, *(pid for child in children for pid in descendants_of(child))]


def alive(pid):
    return state_and_parent(pid)[0] not in "ZX"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")
def test_a_run_that_was_killed_goes_on_and_ends_the_same(small_course, tmp_path, root):
    folder, out = tmp_path / "in", tmp_path / "killed"
    students = [f"student {i:02}" for i in range(24)]
    for number, student in enumerate(students):
        submit(small_course, folder, student, ("right", "wrong", "empty")[number % 3])
    run = {"cwd": root, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command(small_course, folder, out, 9), **run)
    while process.poll() is None and len(list(out.glob("reports/*/*.json"))) < 4:
        time.sleep(0.01)
    graders = descendants_of(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = len(list(out.glob("reports/*/*.json")))
    assert reached >= 4
    for _ in range(600):
        if not any(map(alive, graders)):
            break
        time.sleep(0.05)
    assert not any(map(alive, graders))
    for path in out.glob("reports/*/*.json"):
        read_report(path)
    (out / "reports" / students[0] / ".02_layers.json.1.part").write_text("half a rep")

    for where in (out, tmp_path / "whole"):  # the empty files are seen and not graded
        assert subprocess.run(command(small_course, folder, where, 9), check=False, **run).returncode == 1
    for student in students:
        entry = Entry(student, "02_layers", "")
        assert seen(out, entry) == seen(tmp_path / "whole", entry)
    assert not list(out.rglob("*.part"))
    assert len(list(out.glob("reports/*/*.json"))) == len(students)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep/report.json"
    write_atomically(path, "first")
    with pytest.raises(TypeError):
        write_atomically(path, object())
    assert path.read_text() == "first"
    assert [found.name for found in path.parent.iterdir()] == ["report.json"]


# --- the command -----------------------------------------------------------------------------


def grade_by_command(course, folder, capsys):
    """Grade ``folder/in`` into ``folder/out``; returns the one JSON document that was printed."""
    arguments = ["--out", str(folder / "out"), "--course", str(course), "--json", "--jobs", "1"]
    assert main(["grade", str(folder / "in"), *arguments]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["not_graded"], printed["set_aside"]) == ([], [])
    return printed["reports"]


def test_the_command_grades_a_class_and_prints_one_json_document(small_course, tmp_path, capsys):
    submit(small_course, tmp_path / "in", "adam", "right")
    submit(small_course, tmp_path / "in", "berta", "wrong")
    reports = grade_by_command(small_course, tmp_path, capsys)
    assert [report["student"] for report in reports] == ["adam", "berta"]
    assert (tmp_path / "out/02_layers.html").is_file()
    assert sorted(path.parent.name for path in (tmp_path / "out/pages").glob("*/*.html")) == ["adam", "berta"]
    pages = {path: path.read_text() for path in (tmp_path / "out").rglob("*.html")}
    shutil.rmtree(tmp_path / "out/pages")
    assert main(["report", str(tmp_path / "out")]) == 0
    assert {path: path.read_text() for path in (tmp_path / "out").rglob("*.html")} == pages


def test_two_assignments_are_one_json_document(own_course, tmp_path, capsys):
    assert main(["new", "15_graphs", "--course", str(own_course)]) == 0
    assert main(["release", "15_graphs", "--course", str(own_course)]) == 0
    capsys.readouterr()
    for name, module in (("02_layers", "layers"), ("15_graphs", "graphs")):
        target = tmp_path / "in/adam" / name
        target.mkdir(parents=True)
        shutil.copy(own_course / "solutions" / name / f"{module}.py", target)
    reports = grade_by_command(own_course, tmp_path, capsys)
    assert [report["assignment"] for report in reports] == ["02_layers", "15_graphs"]
