"""The same submissions of eight parts through this project, nbgrader, GradeOutside in it, and otter-grader.

What is timed is the command that an instructor types once the hand-ins are there; a grader may use both cores if it
can.  No outcome is written down here: a correct submission is one that was written from the reference, and a
submission is classified correctly if it earns full points, fewer, or none as it should.  A class is of twenty; a
larger one hands in the same twenty again.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.peers_assignment import (
    ASSIGNMENT,
    CLASS,
    COURSE,
    MODULE,
    RIGHT_STUDENTS,
    UNTOUCHED,
    for_this_project,
    students,
    written_as,
)
from benchmarks.table import ROOT, Grid
from benchmarks.tricks_graders import (
    Marks,
    Notebook,
    NotMeasuredError,
    last_line,
    library,
    otter_command,
    read_gradebook,
    run,
    say,
)

JOBS = 2
TARGETS = {"nbgrader": 20.0, "otter-grader": 30.0, "nbgrader with GradeOutside": 4.0}
"""Targets: times as many submissions per minute, this project compared with each peer, GradeOutside with nbgrader."""
OURS, OUTSIDE, STOCK, OTTER = "autograder grade", "nbgrader with GradeOutside", "nbgrader", "otter-grader"

Graded = tuple[float, Marks]


def filled(released: Notebook, classes: dict[str, tuple[str, str]] | None) -> Notebook:
    """Write a student's classes into the released notebook; nothing where there are none."""
    notebook = copy.deepcopy(released)
    for cell in notebook["cells"] if classes else ():
        source = "".join(cell["source"])
        for name, bodies in (classes or {}).items():
            if f"class {name}(" in source:
                cell["source"] = COURSE.layer(name, *bodies)
    return notebook


def hand_in(folder: Path, released: Notebook, many: int = CLASS) -> None:
    """Write the class's submissions as ``folder/STUDENT/ASSIGNMENT/FILE``."""
    for student, classes in students(many).items():
        path = folder / student / ASSIGNMENT / f"{MODULE}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(filled(released, classes)))


def read_notebook(path: Path) -> Notebook:
    """Read a released notebook."""
    found: Notebook = json.loads(path.read_text(encoding="utf-8"))
    return found


def timed(command: list[Any], folder: Path, **environment: str) -> float:
    """Run one command; return its seconds.  NotMeasuredError where it fails."""
    started = time.perf_counter()
    done = run(command, folder, **environment)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise NotMeasuredError(last_line(done))
    return seconds


def kit(folder: Path) -> Path:
    """Set up a course of this kit with the one assignment, released."""
    from autograder.authoring.release import release

    root = folder / "kit"
    source = root / "solutions" / ASSIGNMENT
    for name, text in for_this_project().items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    release(root, ASSIGNMENT)
    return root


def grade_here(folder: Path, many: int) -> Graded:
    """Time ``autograder grade``."""
    from autograder.report import read_report

    root = kit(folder)
    hand_in(folder / "submitted", read_notebook(root / "assignments" / ASSIGNMENT / f"{MODULE}.ipynb"), many)
    options = ["--out", folder / "graded", "--jobs", JOBS, "--course", root, "--seed", 7]
    command = [sys.executable, "-m", "autograder", "grade", folder / "submitted", *options]
    seconds = timed(command, folder, PYTHONPATH=str(ROOT))
    marks = Marks()
    for student in students(many):
        report = read_report(folder / "graded" / "reports" / student / f"{ASSIGNMENT}.json")
        marks.points[student], marks.at_most = report.points, report.max_points
    return seconds, marks


def grade_by_nbgrader(folder: Path, many: int, *, outside: bool) -> Graded:
    """Time ``nbgrader autograde``, in its own way or by GradeOutside."""
    if importlib.util.find_spec("nbgrader") is None:
        message = "nbgrader is not installed. Install the extra: pip install 'dlkit-course[course]'."
        raise NotMeasuredError(message)
    course = folder / "course"
    if outside:
        from autograder.nbgrader.course import lay_out

        lay_out(kit(folder), [ASSIGNMENT], course)
        path = str(ROOT)
    else:
        (course / "source" / ASSIGNMENT).mkdir(parents=True)
        (course / "source" / ASSIGNMENT / f"{MODULE}.ipynb").write_text(json.dumps(COURSE.for_nbgrader()))
        (course / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'course'\n")
        path = library(folder)
    nbgrader = [sys.executable, "-m", "nbgrader"]
    timed([*nbgrader, "generate_assignment", ASSIGNMENT], course, PYTHONPATH=path)
    hand_in(course / "submitted", read_notebook(course / "release" / ASSIGNMENT / f"{MODULE}.ipynb"), many)
    seconds = timed([*nbgrader, "autograde", ASSIGNMENT], course, PYTHONPATH=path)
    return seconds, read_gradebook(course, Path(ASSIGNMENT, MODULE), list(students(many)), "")


def grade_by_otter(folder: Path, many: int) -> Graded:
    """Time ``otter run`` over the class, as many at once as ``autograder grade`` is given."""
    otter, path = otter_command(), library(folder)
    (folder / "tmp").mkdir()
    settings = {"PYTHONPATH": path, "TMPDIR": str(folder / "tmp")}
    (folder / "master").mkdir()
    (folder / "master" / f"{MODULE}.ipynb").write_text(json.dumps(COURSE.for_otter()))
    timed([otter, "assign", f"{MODULE}.ipynb", folder / "dist", "--no-pdfs"], folder / "master", **settings)
    (archive,) = (folder / "dist" / "autograder").glob("*.zip")
    hand_in(folder / "submitted", read_notebook(folder / "dist" / "student" / f"{MODULE}.ipynb"), many)
    marks = Marks(at_most=float(sum(part.points for parts in COURSE.parts.values() for part in parts)))

    def grade(student: str) -> None:
        results = folder / "results" / student
        results.mkdir(parents=True)
        work = folder / "submitted" / student / ASSIGNMENT / f"{MODULE}.ipynb"
        run([otter, "run", "-a", archive, "-o", results, "--no-logo", work], results, **settings)

    started = time.perf_counter()
    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(grade, students(many)))
    seconds = time.perf_counter() - started
    for student in students(many):
        tests = json.loads((folder / "results" / student / "results.json").read_text())["tests"]
        marks.points[student] = sum(float(test["score"]) for test in tests if "max_score" in test)
    return seconds, marks


GRADERS: dict[str, Callable[[Path, int], Graded]] = {
    OURS: grade_here,
    OUTSIDE: lambda folder, many: grade_by_nbgrader(folder, many, outside=True),
    STOCK: lambda folder, many: grade_by_nbgrader(folder, many, outside=False),
    OTTER: grade_by_otter,
}


def classified_correctly(marks: Marks) -> int:
    """How many submissions earned what they should: full points, none, or something between."""

    def is_expected(student: str, points: float | None) -> bool:
        if written_as(student) in RIGHT_STUDENTS:
            return points == marks.at_most
        return not points if written_as(student) in UNTOUCHED else points is not None and 0 < points < marks.at_most

    return sum(is_expected(student, points) for student, points in marks.points.items())


def tables(*, quick: bool, many: int = CLASS) -> Iterator[Grid]:
    """Grade a class of so many with each grader; quickly, with this project alone."""
    seconds: dict[str, float] = {}
    rows, notes = [], []
    for name in list(GRADERS)[: 1 if quick else None]:
        say(f"{name}: {many} submissions")
        with tempfile.TemporaryDirectory(prefix="peers-", ignore_cleanup_errors=True) as scratch:
            try:
                seconds[name], marks = GRADERS[name](Path(scratch), many)
            except NotMeasuredError as reason:
                notes.append(f"{name} is not measured: {reason}")
                continue
        say(f"{name}: {seconds[name]:.1f} s")
        minute = 60 * many / seconds[name]
        apart = f"{classified_correctly(marks)} of {many}"
        rows.append([name, f"{seconds[name]:.1f} s", f"{seconds[name] / many:.3f} s", f"{minute:.0f}", apart])
    for row in rows:
        row.append(times_as_many(row[0], seconds))
    header = ["grader", "whole class", "per submission", "per minute", "classified correctly", "compared"]
    yield Grid(f"{many} submissions of eight parts, two cores", header, rows, " ".join(notes))


def times_as_many(name: str, seconds: dict[str, float]) -> str:
    """This project compared with a peer, or GradeOutside with nbgrader, and the target."""
    ours, theirs = (OUTSIDE, STOCK) if name == OUTSIDE else (OURS, name)
    if name == OURS or ours not in seconds or theirs not in seconds:
        return ""
    who = "GradeOutside to nbgrader" if name == OUTSIDE else "ours to this"
    return f"{who}: {seconds[theirs] / seconds[ours]:.1f} (target {TARGETS[name]:g})"
