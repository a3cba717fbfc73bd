"""One class of tricks and honest neighbours, marked by this project, by nbgrader and by otter-grader.

nbgrader is run as its users run it (``generate_assignment``, ``autograde``), otter-grader by ``otter assign`` and
``otter run``, in a virtual environment of its own.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.table import ROOT
from benchmarks.tricks_assignment import ASSIGNMENT, MODULE, PARTS, RIGHT, VISIBLE, for_nbgrader, for_otter, layer
from benchmarks.tricks_submissions import CONTROLS, VICTIM, Trick

OTTER = "otter-grader[grading]==7.0.0"
OTTER_VENV = ROOT / ".venv-otter"
HONEST = (VICTIM, "z-honest")
"""Neighbours with correct work; the first and the last of the class."""
AT_MOST_S = 900
LINGER_S = 3.0
"""How long processes that outlive the verdict have before the marks are read."""


class NotMeasuredError(Exception):
    """A grader that could not be run; the reason is for the reader of the table."""


@dataclass
class Marks:
    """What one run of one grader gave: points by student, None where there is no mark; and how the run ended."""

    points: dict[str, float | None] = field(default_factory=dict)
    at_most: float = 0.0
    ended: str = ""


Notebook = dict[str, Any]
Grade = Callable[[Path, dict[str, Trick | None]], Marks]


def say(text: str) -> None:
    """Report progress."""
    print(text, file=sys.stderr, flush=True)


def run(command: list[Any], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in ``folder``, without anybody's personal settings."""
    own = {name: str(folder / ".home") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **own, "PATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=AT_MOST_S,
        check=False,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Give the last line that a command left behind."""
    return (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1][:200]


# --- submissions -----------------------------------------------------------------------------


def submission(released: Notebook, student: str, trick: Trick | None, known: str) -> Notebook:
    """Fill in the released notebook: correctly where there is no trick; untouched for the stub.

    known: tables of the visible cases, for the trick that answers from them.
    """
    notebook = copy.deepcopy(released)
    if trick is CONTROLS["stub"]:
        return notebook
    classes = trick.classes() if trick else {name: layer(name, *bodies) for name, bodies in RIGHT.items()}
    cells = notebook["cells"]
    for cell in cells:
        source = "".join(cell["source"])
        for name, text in classes.items():
            if f"class {name}(" in source:
                cell["source"] = text
    if trick is None:
        return notebook
    setup = trick.setup.replace("STUDENT", student).replace("KNOWN_Y, KNOWN_DX = {}, {}\n", known)
    if setup:
        at = next(i for i, cell in enumerate(cells) if "import numpy" in "".join(cell["source"])) + 1
        cell = {"cell_type": "code", "id": "setup", "metadata": {}, "outputs": [], "execution_count": None}
        cells.insert(at, {**cell, "source": setup})
    if trick.edit:
        notebook["cells"] = trick.edit(cells)
    return notebook


def by_hand() -> str:
    """Tables of the peers' visible cases."""
    y = {name: [[x, y]] for name, (x, y, _, _) in VISIBLE.items()}
    dx = {name: [[dy, dx]] for name, (_, _, dy, dx) in VISIBLE.items()}
    return f"KNOWN_Y, KNOWN_DX = {y!r}, {dx!r}\n"


def released_cases() -> str:
    """Tables of the cases that a student of this project finds in ``cases.npz``."""
    from autograder.course.answers import read_stored

    y: dict[str, list[Any]] = {name: [] for name in PARTS}
    dx: dict[str, list[Any]] = {name: [] for name in PARTS}
    for (exercise, _), found in read_stored(ROOT / "assignments" / ASSIGNMENT / "cases.npz").found.items():
        for case, seen in found if exercise in PARTS else ():
            given = {**case.inputs, **seen}
            for table, (question, answer) in ((y, ("x", "y")), (dx, ("dy", "dx"))):
                pair = [given.get(question), given.get(answer)]
                if all(isinstance(part, np.ndarray) and np.isfinite(part).all() for part in pair):
                    table[exercise].append([part.tolist() for part in pair])
    return f"KNOWN_Y, KNOWN_DX = {y!r}, {dx!r}\n"


def hand_in(folder: Path, notebook: Notebook, trick: Trick | None) -> Path:
    """Write one submission; return the notebook's path."""
    folder.mkdir(parents=True)
    for name, text in (trick.files if trick else {}).items():
        (folder / name).write_text(text)
    path = folder / f"{MODULE}.ipynb"
    path.write_text(json.dumps(notebook))
    return path


# --- the three graders -----------------------------------------------------------------------


def grade_here(folder: Path, students: dict[str, Trick | None]) -> Marks:
    """Grade a class with ``autograder grade``."""
    from autograder.report import read_report

    released = json.loads((ROOT / "assignments" / ASSIGNMENT / f"{MODULE}.ipynb").read_text(encoding="utf-8"))
    known = released_cases()
    for student, trick in students.items():
        hand_in(folder / "submitted" / student / ASSIGNMENT, submission(released, student, trick, known), trick)
    options = ["--out", folder / "graded", "--assignment", ASSIGNMENT, "--without", "capstones", "--seed", "7"]
    command = [sys.executable, "-m", "autograder", "grade", folder / "submitted", *options]
    done = run(command, folder, PYTHONPATH=str(ROOT), DLKIT_COURSE=str(ROOT))
    time.sleep(LINGER_S)
    marks = Marks(ended="" if done.returncode == 0 else f"exit {done.returncode}: {last_line(done)}")
    for student in students:
        path = folder / "graded" / "reports" / student / f"{ASSIGNMENT}.json"
        try:
            report = read_report(path)
        except Exception:  # noqa: BLE001 - a damaged report gives no mark
            marks.points[student] = None
            continue
        marks.points[student] = report.points
        marks.at_most = sum(exercise.max_points for exercise in report.exercises if exercise.name in PARTS)
    if not any(points is not None for points in marks.points.values()):
        raise NotMeasuredError(last_line(done))
    return marks


def library(folder: Path) -> str:
    """Give the peers dlkit, and nothing else of this project."""
    (folder / "lib").mkdir(parents=True, exist_ok=True)
    if not (folder / "lib" / "dlkit").exists():
        (folder / "lib" / "dlkit").symlink_to(ROOT / "dlkit")
    return str(folder / "lib")


def grade_by_nbgrader(folder: Path, students: dict[str, Trick | None]) -> Marks:
    """Set up a course, release the assignment, grade the class with ``nbgrader autograde``."""
    if importlib.util.find_spec("nbgrader") is None:
        message = "nbgrader is not installed. Install the extra: pip install 'dlkit-course[course]'."
        raise NotMeasuredError(message)
    course = folder / "course"
    (course / "source" / ASSIGNMENT).mkdir(parents=True)
    (course / "source" / ASSIGNMENT / f"{MODULE}.ipynb").write_text(json.dumps(for_nbgrader()))
    (course / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'course'\n")
    nbgrader, path = [sys.executable, "-m", "nbgrader"], library(folder)
    done = run([*nbgrader, "generate_assignment", ASSIGNMENT], course, PYTHONPATH=path)
    if done.returncode:
        raise NotMeasuredError(last_line(done))
    released = json.loads((course / "release" / ASSIGNMENT / f"{MODULE}.ipynb").read_text())
    for student, trick in students.items():
        notebook = submission(released, student, trick, by_hand())
        hand_in(course / "submitted" / student / ASSIGNMENT, notebook, trick)
    done = run([*nbgrader, "autograde", ASSIGNMENT], course, PYTHONPATH=path)
    time.sleep(LINGER_S)
    ended = "" if done.returncode == 0 else f"exit {done.returncode}"
    return read_gradebook(course, Path(ASSIGNMENT, MODULE), list(students), ended)


def read_gradebook(course: Path, work: Path, students: list[str], ended: str) -> Marks:
    """Read every student's score; one whose run failed has no autograded folder and no mark.

    work: the assignment and its notebook, ``02_layers/layers``.
    """
    from nbgrader.api import Gradebook, MissingEntry

    marks = Marks(ended=ended)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "course") as gradebook:
        for student in students:
            graded = (course / "autograded" / student / work.parent / f"{work.name}.ipynb").exists()
            try:
                found = gradebook.find_submission(work.parent.name, student)
            except MissingEntry:
                marks.points[student] = None
                continue
            marks.points[student] = float(found.score) if graded or found.score else None
            marks.at_most = float(found.max_score)
    return marks


def grade_by_otter(folder: Path, students: dict[str, Trick | None]) -> Marks:
    """Build the autograder with ``otter assign``, grade every submission with ``otter run``."""
    otter, path = otter_command(), library(folder)
    (folder / "tmp").mkdir()
    settings = {"PYTHONPATH": path, "TMPDIR": str(folder / "tmp")}
    (folder / "master").mkdir()
    (folder / "master" / f"{MODULE}.ipynb").write_text(json.dumps(for_otter()))
    done = run([otter, "assign", f"{MODULE}.ipynb", folder / "dist", "--no-pdfs"], folder / "master", **settings)
    archives = list((folder / "dist" / "autograder").glob("*.zip"))
    if done.returncode or not archives:
        raise NotMeasuredError(last_line(done))
    released = json.loads((folder / "dist" / "student" / f"{MODULE}.ipynb").read_text())
    marks = Marks(at_most=sum(part.points for parts in PARTS.values() for part in parts))

    def grade(student: str, trick: Trick | None) -> None:
        notebook = submission(released, student, trick, by_hand())
        work = hand_in(folder / "submitted" / student, notebook, trick)
        if trick and trick.files:  # what otter's export gives its students to hand in: an archive
            with zipfile.ZipFile(work.with_suffix(".zip"), "w") as archive:
                for name in (work.name, *trick.files):
                    archive.write(work.with_name(name), name)
            work = work.with_suffix(".zip")
        results = folder / "results" / student
        results.mkdir(parents=True)
        run([otter, "run", "-a", archives[0], "-o", results, "--no-logo", work], results, **settings)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(grade, students, students.values()))
    time.sleep(LINGER_S)
    for student in students:
        try:
            tests = json.loads((folder / "results" / student / "results.json").read_text())["tests"]
            scores = [float(test["score"]) for test in tests if "max_score" in test]
        except (OSError, ValueError, KeyError, TypeError):
            scores = []
        marks.points[student] = sum(scores) if scores else None
    return marks


def otter_command() -> Path:
    """Find otter in a virtual environment of its own, made on first use; SciPy is there as it is for nbgrader."""
    otter = OTTER_VENV / "bin" / "otter"
    ready = OTTER_VENV / "installed.txt"
    if not ready.is_file() or ready.read_text() != OTTER:
        say(f"installing {OTTER} in {OTTER_VENV.name}")
        for command in (
            [sys.executable, "-m", "venv", "--clear", OTTER_VENV],
            [OTTER_VENV / "bin" / "python", "-m", "pip", "install", "--quiet", OTTER, "numpy", "scipy"],
        ):
            done = run(command, ROOT)
            if done.returncode:
                message = f"{OTTER} could not be installed: {last_line(done)}"
                raise NotMeasuredError(message)
        ready.write_text(OTTER)
    return otter


GRADERS: dict[str, Grade] = {
    "this project": grade_here,
    "nbgrader": grade_by_nbgrader,
    "otter-grader": grade_by_otter,
}
