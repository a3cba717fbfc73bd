"""Whatever the grader raises about one hand-in is a problem of that hand-in's report, and of nothing else."""

import ast
import json
import os
import signal
import sys
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from autograder.classroom import pages, processes, student_pages
from autograder.classroom.faults import fault_path
from autograder.classroom.finding import discover, report_path, submission_of
from autograder.classroom.processes import open_pool
from autograder.classroom.runs import prepare_run
from autograder.cli import main
from autograder.course.catalogue import UsageError
from autograder.course.repairs import is_published
from autograder.export import formats
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.launcher import open_launcher
from autograder.isolation.levels import IsolationError
from autograder.report import Status, read_report
from autograder.submission import Submission, read_submission
from dlkit.extraction import Chunk, Extraction

HEX = "0x" + "f" * 5000
SUM = "1" + " + 1" * 2500
HEAD = "import numpy as np\nfrom dlkit import Layer\n"
HOSTILE = {
    "a number on a line of its own": f"X = {HEX}\n",
    "a number beside another statement": f"X = 1; Y = {HEX}\n",
    "a number in a method": f"class Tanh(Layer):\n    def forward(self, x):\n        return {HEX}\n",
    "a sum": f"class Tanh(Layer):\n    def forward(self, x):\n        raise ValueError({SUM})\n",
    "brackets": "x = " + "(" * 100_000,
    "signs": "x = " + "-" * 100_000 + "1\n",
    "statements": "x = 1\n" * 70_000,
    "a chain of elif": "if 1:\n    x = 1\n" + "elif 1:\n    x = 1\n" * 3_000,
}


def hand_in(folder, student, text, name="layers.py"):
    path = folder / student / "02_layers" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def notebook(*cells):
    return json.dumps({"cells": [{"cell_type": "code", "source": cell, "metadata": {}} for cell in cells]})


@pytest.fixture
def right(small_course):
    return (small_course / "solutions/02_layers/layers.py").read_text()


def grade_here(course, folder, out, jobs=2):
    entries = discover(folder, course, "02_layers")
    run = prepare_run(course, out, folder, entries, Options(seed=1, isolation="none"))
    with open_launcher() as launcher, open_pool(jobs, launcher) as pool:
        found = {entry.student: fresh for entry, fresh in pool.grade_all(entries, run)}
    return found, {entry.student: read_report(report_path(out, entry)) for entry in entries}


# --- text that Python itself cannot take apart ------------------------------------------------


def test_a_class_with_text_of_every_such_kind_is_graded_to_the_end(small_course, tmp_path, right):
    for name, text in HOSTILE.items():
        hand_in(tmp_path / "in", name, f"{HEAD}{text}")
        hand_in(tmp_path / "in", f"{name}, in a cell of its own", notebook(right, text), "layers.ipynb")
        hand_in(tmp_path / "in", f"{name}, in two files", f"{right}\n# %%\n{text}")
        hand_in(tmp_path / "in", f"{name}, in two files", notebook(f"{right}\nx = 3", text), "layers.ipynb")
    hand_in(tmp_path / "in", "zoe", right)
    _, reports = grade_here(small_course, tmp_path / "in", tmp_path / "out")
    assert len(reports) == 3 * len(HOSTILE) + 1
    assert reports["zoe"].status is Status.PASSED
    for student, report in reports.items():
        assert report.status is not Status.BROKEN, student
        if "in a cell of its own" in student and "statements" not in student:
            assert report.points == report.max_points, student
            (problem,) = report.problems
            assert "cell 2" in problem.sentence
        elif student != "zoe" and "two files" not in student:
            assert report.points == 0
    assert not (tmp_path / "out/errors").exists()
    (problem,) = reports["statements, in a cell of its own"].problems
    assert "statements; at most 10,000 are read" in problem.sentence


def nested(text):
    """A function as the parser reads it, whatever the limits on text."""
    sys.setrecursionlimit(20_000)
    try:
        return ast.parse(f"def f(self):\n    return {text}\n").body[0]
    finally:
        sys.setrecursionlimit(1000)


@pytest.mark.parametrize("text", [HEX, SUM])
def test_a_repair_that_cannot_be_put_into_text_is_not_the_published_one(text):
    function = nested(text)
    with pytest.raises((ValueError, RecursionError)):
        ast.dump(function)
    assert is_published(function, "return 1") is False


@pytest.mark.parametrize("text", [HEX, SUM])
def test_a_statement_that_parses_and_cannot_be_written_down_again_is_graded(text, layers, zygote, right):
    source = f"class Tanh(Layer):\n    def forward(self, x):\n        return {text}\n"
    chunks = (Chunk("layers.py", 1, HEAD), Chunk("layers.py", 3, source, ("Tanh",)))
    grader = Grader(layers, zygote, Options(seed=1, only=frozenset({"Tanh"})))
    (result,) = grader.grade(Submission("layers.py", Extraction(chunks), "")).exercises
    assert result.status is Status.FAILED
    assert grader.faults == []


# --- whatever else is raised ------------------------------------------------------------------

ERRORS = [RecursionError("x"), MemoryError(), ValueError("/root/secret"), KeyError("k"), AssertionError(), OSError(5)]


@pytest.fixture
def here(small_course, tmp_path, right, zygote, monkeypatch):
    """Grade ada's hand-in in this process, as a grading process does; returns her report."""
    hand_in(tmp_path / "in", "ada", right)
    entries = discover(tmp_path / "in", small_course)
    run = prepare_run(small_course, tmp_path / "out", tmp_path / "in", entries, Options(seed=1, isolation="none"))
    process = processes._Process(processes.Grading(zygote), tmp_path / "note")
    monkeypatch.setattr(processes, "_PROCESS", [process])

    def grade():
        assert processes._grade_one(run, entries[0], 0) is True
        assert (tmp_path / "note").read_text() == ""
        return read_report(report_path(tmp_path / "out", entries[0]))

    grade.fault = fault_path(tmp_path / "out", entries[0])
    return grade


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("where", ["submission_of", "is_done", "own_earlier", "grade"])
def test_an_error_of_the_grader_is_a_broken_report_and_a_traceback_for_the_instructor(here, monkeypatch, error, where):
    def fail(*_args, **_kwargs):
        raise error

    with monkeypatch.context() as patch:
        if where == "grade":
            patch.setattr(Grader, "grade", fail)
        elif where == "own_earlier":
            patch.setattr(processes, "hash_of_earlier", fail)
        else:
            patch.setattr(processes, where, fail)
        report = here()
    assert {result.status for result in report.exercises} == {Status.BROKEN}
    assert (report.student, report.points) == ("ada", 0)
    (problem,) = report.problems
    assert problem.sentence == (
        f"The grader itself failed on this hand-in ({type(error).__name__}), so it was not graded. Your instructor has "
        "the details."
    )
    assert "Traceback" in here.fault.read_text()
    assert here().status is Status.PASSED
    assert not here.fault.exists()


def test_less_isolation_than_was_asked_for_still_stops_the_run(here, monkeypatch):
    def fail(*_args, **_kwargs):
        message = "less isolated"
        raise IsolationError(message)

    monkeypatch.setattr(Grader, "grade", fail)
    with pytest.raises(IsolationError):
        here()


def test_an_error_about_one_exercise_costs_the_others_nothing(here, monkeypatch):
    unwritten = Submission.unwritten

    def fail(self, exercise):
        if exercise.name == "Tanh":
            raise RecursionError
        return unwritten(self, exercise)

    with monkeypatch.context() as patch:
        patch.setattr(Submission, "unwritten", fail)
        report = here()
    statuses = {result.name: result.status for result in report.exercises}
    assert statuses == {"Tanh": Status.BROKEN, "Flatten": Status.PASSED}
    assert "RecursionError" in here.fault.read_text()


def test_half_a_character_in_a_traceback_is_written(here, monkeypatch):
    def fail(*_args, **_kwargs):
        message = "\ud800"
        raise ValueError(message)

    monkeypatch.setattr(processes, "submission_of", fail)
    assert here().status is Status.BROKEN
    assert "ValueError" in here.fault.read_text()


# --- a grading process that is killed ---------------------------------------------------------


def dies_on_mallory(run, entry, number):
    """What a grading process does; for a student whose name begins with mallory it is killed."""
    if entry.student.startswith("mallory"):
        processes._PROCESS[0].note.write_text(str(number))
        once = Path(run.out, f"{entry.student} has been here")
        if entry.student.endswith("again and again") or not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return processes._grade_one(run, entry, number)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_a_hand_in_that_kills_its_process_is_tried_once_more_and_the_others_are_graded(
    small_course, tmp_path, right, monkeypatch
):
    students = ["ada", "bob", "mallory again and again", "mallory once", "zoe"]
    for student in students:
        hand_in(tmp_path / "in", student, right)
    monkeypatch.setattr(processes, "_grade_one", dies_on_mallory)
    fresh, reports = grade_here(small_course, tmp_path / "in", tmp_path / "out")
    assert fresh.keys() == set(students)
    assert {student for student, report in reports.items() if report.status is Status.PASSED} == {
        "ada", "bob", "mallory once", "zoe",
    }  # fmt: skip
    assert reports["mallory again and again"].status is Status.BROKEN
    assert "was killed" in (tmp_path / "out/errors/mallory again and again/02_layers.txt").read_text()


def begins_nothing(*_args):
    os._exit(3)


@pytest.mark.slow
def test_processes_that_cannot_begin_end_the_run_with_a_sentence(small_course, tmp_path, right, monkeypatch):
    hand_in(tmp_path / "in", "ada", right)
    monkeypatch.setattr(processes, "_grade_one", begins_nothing)
    with pytest.raises(RuntimeError, match=r"cannot start, or are killed from outside. Run autograder doctor."):
        grade_here(small_course, tmp_path / "in", tmp_path / "out")


# --- pages and exports ------------------------------------------------------------------------


@pytest.fixture
def two(small_course, tmp_path, right, capsys):
    """A graded class of ada and bob: its folder."""
    for student in ("ada", "bob"):
        hand_in(tmp_path / "in", student, right)
    command = ["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--course", str(small_course)]
    assert main([*command, "--isolation", "none", "--jobs", "1"]) == 0
    capsys.readouterr()
    return tmp_path / "out"


def failing_for(student, draw, holds):
    """Draw, but raise for a student whose report still holds everything."""

    def drawn(*args, **kwargs):
        if any(report.student == student and report.exercises[0].verdicts[0].sentence == "" for report in holds(args)):
            raise ZeroDivisionError
        return draw(*args, **kwargs)

    return drawn


def forget_pages(out):
    for page in out.rglob("*.html"):
        page.unlink()


def test_a_report_that_cannot_be_drawn_stops_no_other_page(two, monkeypatch, capsys):
    student_page = failing_for("bob", student_pages.student_page, lambda args: args)
    class_page = failing_for("bob", pages.class_page, lambda args: args[1])
    monkeypatch.setattr(student_pages, "student_page", student_page)
    monkeypatch.setattr(pages, "class_page", class_page)
    forget_pages(two)
    assert main(["report", str(two)]) == 0
    printed = capsys.readouterr().out
    assert "The grader itself failed on 1 hand-in;" in printed
    assert "bob/02_layers.txt" in printed
    assert "ZeroDivisionError" in (two / "errors/bob/02_layers.txt").read_text()
    assert "cannot be shown" in (two / "pages/bob/02_layers.html").read_text()
    assert "cannot be shown" not in (two / "pages/ada/02_layers.html").read_text()
    page = (two / "02_layers.html").read_text()
    assert "ada" in page
    assert "bob" in page


def test_a_class_page_leaves_out_no_more_than_what_cannot_be_drawn(two, monkeypatch):
    class_page = failing_for("bob", pages.class_page, lambda args: args[1])
    monkeypatch.setattr(pages, "class_page", class_page)
    forget_pages(two)
    assert main(["report", str(two)]) == 0
    assert "bob" in (two / "02_layers.html").read_text()


def test_a_report_that_cannot_be_exported_stops_no_other(two, monkeypatch, capsys):
    from autograder.export import junit

    document = failing_for("bob", junit.document, lambda args: args)
    monkeypatch.setattr(junit, "document", document)
    assert main(["export", "junit", str(two)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "1 files in" in printed
    assert "1 report cannot be written in this format: bob/02_layers.json (ZeroDivisionError)." in printed
    assert (two / "junit/ada/02_layers.xml").is_file()
    assert not (two / "junit/bob/02_layers.xml").exists()


def test_every_export_takes_a_broken_report(two, here, monkeypatch, small_course):
    def fail(*_args, **_kwargs):
        raise MemoryError

    monkeypatch.setattr(processes, "submission_of", fail)
    here()
    assert main(["report", str(two)]) == 0
    for name in ("gradescope", "classroom", "prairielearn", "junit", "csv"):
        formats.write(name, None, formats.Choices(two, root=lambda: small_course))
    assert "unreadable" not in (two / "02_layers.csv").read_text()


# --- a learner's own --------------------------------------------------------------------------


def test_a_learner_reads_that_the_grader_failed(own_course, monkeypatch, capsys):
    from autograder.learner import work

    def fail(*_args, **_kwargs):
        raise RecursionError

    monkeypatch.setattr(work, "read_submission", fail)
    assert main(["check", "02", "--course", str(own_course)]) == 2
    assert "cannot be read: the grader itself failed on it (RecursionError)" in capsys.readouterr().err


def test_a_learner_with_an_endless_number_reads_where_it_is(own_course, capsys, right):
    path = own_course / "assignments/02_layers/layers.py"
    path.write_text(f"{right}\n# %%\nX = 1; Y = {HEX}\n")
    assert main(["check", str(path), "--course", str(own_course)]) == 0
    assert "has a number of 5,002 characters; at most 3,500 are read" in " ".join(capsys.readouterr().out.split())
    assert read_submission(path, processes.catalogue.load("02_layers", own_course)).problems


# --- memory of a grading process --------------------------------------------------------------


def takes_much(run, entry, number):
    """What a grading process does for a student, whose name is how many megabytes it is made to take as well."""
    megabytes = int(entry.student)

    def read(*args):
        bytearray(megabytes << 20)
        return submission_of(*args)

    processes.submission_of = read
    return processes._grade_one(run, entry, number)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_grading_process_that_grows_too_much_breaks_one_report(small_course, tmp_path, right, monkeypatch):
    for student in ("1", "5000"):
        hand_in(tmp_path / "in", student, right)
    monkeypatch.setattr(processes, "_grade_one", takes_much)
    _, reports = grade_here(small_course, tmp_path / "in", tmp_path / "out", jobs=1)
    assert reports["1"].status is Status.PASSED
    assert reports["5000"].status is Status.BROKEN
    assert "(MemoryError)" in reports["5000"].problems[0].sentence


class OnePool:
    """Processes that are done at once, and note how much they were given."""

    ahead = 3

    def __init__(self, killed_by=None):
        self.given, self.killed_by = [], killed_by

    def submit(self, _run, entry, number):
        if self.killed_by in self.given:
            raise BrokenProcessPool
        self.given.append(entry)
        future = Future()
        if entry == self.killed_by:
            future.set_exception(BrokenProcessPool())
        else:
            future.set_result(number % 2 == 0)
        return future


def test_the_pool_holds_a_few_hand_ins_however_large_the_class():
    pool, waiting = OnePool(), dict(enumerate("abcdefghij"))
    for done, (entry, graded) in enumerate(processes._grade_in_turn(waiting, None, pool), start=1):
        assert graded == ("abcdefghij".index(entry) % 2 == 0)
        assert len(pool.given) <= done + pool.ahead
    assert waiting == {}
    assert pool.given == list("abcdefghij")


def test_after_a_death_what_was_done_counts_and_the_rest_waits():
    pool, waiting = OnePool(killed_by="b"), dict(enumerate("abcdef"))
    ended = []

    def graded():
        ended.append((yield from processes._grade_in_turn(waiting, None, pool)))

    assert [entry for entry, _ in graded()] == ["a"]
    assert ended == [True], "a process was killed"
    assert set(waiting.values()) == set("bcdef")


def test_a_full_disk_for_temporary_files_is_a_sentence(tmp_path):
    with pytest.raises(
        UsageError, match=r"gone cannot be written \(.*\). Free space for temporary files; the same command"
    ):
        processes._write_note(tmp_path / "gone" / "1", "7")
