"""A whole course by nbgrader's own commands: what twelve students hand in, and what an instructor types.

``hold_course(folder)`` does all of it and returns the outcome; with ``db_url``, on another database.
"""

import copy
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from autograder.cli import main
from autograder.course import catalogue
from autograder.report import read_report
from benchmarks.tricks_graders import submission
from benchmarks.tricks_submissions import CONTROLS, TRICKS, double_tests, retype_tests, skip_tests

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).parent
ASSIGNMENTS = {"02_layers": "layers", "03_losses": "losses"}
ANSWER = "Each sigmoid shrinks the gradient by a factor of four at least, so twenty of them leave nothing of it."
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCRIPT = "<img src=x onerror=\"document.title='owned'\"> and <script>document.title = 'owned'</script>"
OWN_CACHE = "--Exchange.cache=.cache"
"""Every student has a home folder that contains what was handed in; here all are one user."""
LATE = "léa"
MARK = 2.5
"""What the instructor gives ada's written answer."""
OVERRIDE = 6.0
"""What the instructor gives björn's Linear."""


@dataclass
class Course:
    """The outcome.

    folder: the instructor's; homes: the students'; logs: what each command said, by its name and assignment.
    """

    folder: Path
    homes: Path
    db_url: str
    environment: dict
    logs: dict[str, str] = field(default_factory=dict)

    def run(self, *commands):
        """Run some of nbgrader's commands, one per line, as an instructor does; keep their output."""
        self._run(self.folder / ".jupyter", [(self.folder, line, line.split()) for line in commands])

    def at_home(self, *commands):
        """Run commands of students, each ``(student, line)``, in that student's home."""
        home = self.homes
        self._run(home / ".jupyter", [(home / who, f"{who}: {line}", line.split()) for who, line in commands])

    def _run(self, config, commands):
        done = subprocess.run(
            [sys.executable, HERE / "commands.py"],
            input=json.dumps([[str(folder), *arguments] for folder, _, arguments in commands]),
            env={**self.environment, "JUPYTER_CONFIG_DIR": str(config)},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        for (_, name, _), (status, log) in zip(commands, json.loads(done.stdout), strict=True):
            assert status == 0, f"{name}: {log}"
            self.logs[name] = log

    def gradebook(self):
        from nbgrader.api import Gradebook

        return Gradebook(self.db_url, "dl101")

    def report(self, student, assignment):
        return read_report(self.folder / "graded/reports" / student / f"{assignment}.json")

    def feedback(self, student, assignment):
        return (self.folder / "feedback" / student / assignment / f"{ASSIGNMENTS[assignment]}.html").read_text()

    def scores(self, student, assignment):
        """Automatic score and whether manual grading is needed, by grade cell."""
        with self.gradebook() as gradebook:
            found = gradebook.find_submission_notebook(ASSIGNMENTS[assignment], assignment, student)
            return {grade.name: (grade.auto_score, grade.needs_manual_grade) for grade in found.grades}


# --- what students hand in -------------------------------------------------------------------


def solved(notebook, assignment, only=None, **changed):
    """The released notebook with the reference's text of every exercise, or of some, or another text of these."""
    loaded = catalogue.load(assignment, ROOT)
    sources = {e.name: loaded.source_of(e) for e in loaded.assignment.exercises if only is None or e.name in only}
    sources.update(changed)
    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = sources.get(name, cell["source"])
    return notebook


def answered(notebook, text=ANSWER, **more):
    """The same with every written question answered."""
    for cell in notebook["cells"]:
        about = cell["metadata"].get("nbgrader", {})
        if about.get("grade") and about.get("solution"):
            cell.update(source=text, **more)
    return notebook


def averaged(assignment):
    """The reference's first exercise with one planted mistake, and the mistake."""
    loaded = catalogue.load(assignment, ROOT)
    exercise = loaded.assignment.exercises[0]
    mistake = exercise.mistakes[0]
    return {exercise.name: mistake.apply(loaded.source_of(exercise), exercise.name)}, mistake


def trick(number):
    return next(trick for trick in TRICKS if trick.number == number)


def complete(notebook, assignment):
    return answered(solved(notebook, assignment))


def partial(notebook, assignment):
    wrong, _ = averaged(assignment)
    right = {exercise.name for exercise in catalogue.load(assignment, ROOT).assignment.exercises[1:3]}
    return solved(notebook, assignment, right, **wrong)


def untouched(notebook, _):
    return notebook


def wrong(notebook, assignment):
    """Zeros for everything in 02_layers; in 03_losses stubs that say nothing of it."""
    return submission(notebook, "zoë", CONTROLS["wrong"], "") if assignment == "02_layers" else notebook


def disguised(notebook, _):
    """Metadata of every kind that stops or misleads nbgrader, a script aimed at the marker, and nothing correct."""
    notebook = answered(copy.deepcopy(notebook), SCRIPT)
    cells = double_tests(skip_tests(notebook["cells"]))
    for cell in cells:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"].update(schema_version=99, points=1000, surprise=True)
    cells[0]["metadata"]["nbgrader"] = [1, 2]
    bonus = {"nbgrader": {"grade_id": "bonus", "grade": True, "points": 50}}
    cells.append({"cell_type": "code", "metadata": bonus, "source": ["50.0"], "outputs": [{}]})
    cells.append({"cell_type": "raw", "metadata": {"tags": ["raises-exception"]}, "source": SCRIPT})
    notebook["cells"] = cells
    return notebook


def burglar(notebook, assignment):
    """Writes the gradebook, its own marks and a neighbour's, as soon as it is loaded."""
    return submission(notebook, "eve", trick("19"), "") if assignment == "02_layers" else notebook


def retyped(notebook, _):
    notebook = copy.deepcopy(notebook)
    notebook["cells"] = retype_tests(notebook["cells"])
    return notebook


def with_a_slip(notebook, assignment):
    """One correct exercise, one cell that does not parse, a picture in the answers, and no check cell left."""
    first, second, *_ = catalogue.load(assignment, ROOT).assignment.exercises
    notebook = solved(notebook, assignment, {first.name}, **{second.name: f"class {second.name}(Layer:\n    pass"})
    picture = {"attachments": {"by_hand.png": {"image/png": PICTURE, "text/html": SCRIPT}}}
    answered(notebook, f"![by hand](attachment:by_hand.png) {SCRIPT}", **picture)
    notebook["cells"] = [c for c in notebook["cells"] if not c["metadata"].get("nbgrader", {}).get("locked")]
    return notebook


def garbage(*_):
    return b'{"cells": [{"cell_type": "code", '


def latin(notebook, _):
    return json.dumps(notebook, ensure_ascii=False).replace("·", "é").encode("latin-1", "replace")


STUDENTS = {
    "ada": complete,
    "björn": partial,
    "李明": untouched,
    "zoë": wrong,
    "mallory": disguised,
    "eve": burglar,
    "noah": garbage,
    "d'été": latin,
    LATE: complete,
    "kim": retyped,
    "Ωmega": with_a_slip,
    "yusuf": complete,
}
UNREADABLE = ("noah", "d'été")
HOSTILE = ("mallory", "eve", "kim")
ABSENT = {("yusuf", "03_losses")}
"""Students who hand in nothing."""


def handed_in():
    return [(s, a) for a in ASSIGNMENTS for s in STUDENTS if (s, a) not in ABSENT]


# --- the course ------------------------------------------------------------------------------


def hold_course(folder, db_url=""):
    """Everything from ``autograder release`` to the exported marks."""
    exchange = folder / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    course = prepare_course(folder, exchange, db_url)
    course.run(*(f"{what} {name}" for name in ASSIGNMENTS for what in ("generate_assignment", "release_assignment")))
    due = hand_in(course)
    course.run(
        f"db assignment add 02_layers --duedate={due}",
        *(f"{what} {name}" for name in ASSIGNMENTS for what in ("collect", "autograde")),
    )
    mark_by_hand(course)
    course.run(*(f"autograde 02_layers --force --student={student}" for student in ("ada", "björn")))
    course.run(
        *(f"{what} {name}" for name in ASSIGNMENTS for what in ("generate_feedback", "release_feedback")), "export"
    )
    course.at_home(("ada", f"fetch_feedback 02_layers --course=dl101 {OWN_CACHE}"))
    return course


def prepare_course(folder, exchange, db_url=""):
    """Lay the course out, and change its configuration as an instructor would."""
    target, homes = folder / "dl101", folder / "homes"
    assert main(["release", *ASSIGNMENTS, "--nbgrader", str(target), "--exchange", str(exchange)]) == 0
    db_url = db_url or f"sqlite:///{target / 'gradebook.db'}"
    with (target / "nbgrader_config.py").open("a") as config:
        config.write(
            f"\nc.CourseDirectory.db_url = {db_url!r}\n"
            "c.ExchangeCollect.check_owner = False\n"  # all students are one user here
            "c.LateSubmissionPlugin.penalty_method = 'zero'\n"
            "c.GradeOutside.seed = 7\n"
        )
    (homes / ".jupyter").mkdir(parents=True)
    (homes / ".jupyter/nbgrader_config.py").write_text(f"c = get_config()\nc.Exchange.root = {str(exchange)!r}\n")
    environment = {
        **os.environ,
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return Course(target, homes, db_url, environment)


def hand_in(course):
    """Fetch, work and submit, everybody; one of them after the due date, which is returned."""
    for student in STUDENTS:
        (course.homes / student).mkdir()
    course.at_home(*((s, f"fetch_assignment {a} --course=dl101") for s, a in handed_in()))
    for student, assignment in handed_in():
        path = course.homes / student / assignment / f"{ASSIGNMENTS[assignment]}.ipynb"
        made = STUDENTS[student](json.loads(path.read_text()), assignment)
        path.write_bytes(made if isinstance(made, bytes) else json.dumps(made).encode())
    submit = [(s, f"submit {a} --course=dl101 --student={s} {OWN_CACHE}") for s, a in handed_in()]
    course.at_home(*(command for command in submit if command[0] != LATE))
    due = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    time.sleep(0.1)
    course.at_home(*(command for command in submit if command[0] == LATE))
    return due


def mark_by_hand(course):
    """Mark a written answer, and change an automatic score."""
    with course.gradebook() as gradebook:
        grade = gradebook.find_grade("vanishing_gradients", "layers", "02_layers", "ada")
        grade.manual_score, grade.needs_manual_grade = MARK, False
        grade = gradebook.find_grade("check_Linear", "layers", "02_layers", "björn")
        grade.manual_score, grade.needs_manual_grade = OVERRIDE, False
        gradebook.db.commit()
