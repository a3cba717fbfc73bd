"""Every command of nbgrader on a course of this kit: its output, what the database contains, what students get back."""

import csv
import hashlib
import html
import json
import re

import nbformat
import numpy as np
import pytest

from autograder.cli import main
from autograder.course import catalogue
from autograder.course.answers import Answers
from autograder.report import Status
from tests.autograder.nbgrader.classroom import (
    ANSWER,
    ASSIGNMENTS,
    HOSTILE,
    LATE,
    MARK,
    OVERRIDE,
    PICTURE,
    ROOT,
    STUDENTS,
    UNREADABLE,
    averaged,
    handed_in,
)

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]  # SQLAlchemy's, about nbgrader

WARNED = re.compile(r"\| (?:WARNING|ERROR|CRITICAL)\] (.*)")


def warnings_of(course, *commands):
    """What these commands warned of, by the beginning of their names."""
    said = [log for name, log in course.logs.items() if name.rpartition(": ")[2].startswith(commands)]
    assert said
    return [warning for log in said for warning in WARNED.findall(log)]


@pytest.mark.parametrize(
    "command",
    [
        "generate_assignment", "release_assignment", "fetch_assignment", "submit", "collect", "release_feedback",
        "fetch_feedback", "export",
    ],
)  # fmt: skip
def test_nbgrader_has_nothing_to_warn_of(course, command):
    assert warnings_of(course, command) == []


def test_feedback_warns_of_the_penalty_alone(course):
    assert [w for w in warnings_of(course, "generate_feedback") if not w.startswith("Late submission penalty")] == []


def test_autograde_warns_of_what_a_person_should_look_at(course):
    said = warnings_of(course, "autograde 02_layers", "autograde 03_losses")
    about = {warning.partition(", ")[0] for warning in said if " seconds late" not in warning}
    about = {w for w in about if not w.startswith(("Late submission penalty", "Removing existing"))}
    assert about == {*UNREADABLE, "eve", "Ωmega"}
    assert any(w.startswith(f"SubmittedAssignment<02_layers for {LATE}> is ") for w in said)


# --- what students receive -------------------------------------------------------------------


@pytest.mark.parametrize(("assignment", "module"), ASSIGNMENTS.items())
def test_students_receive_what_is_released_without_nbgrader_and_a_header(course, assignment, module):
    released = nbformat.read(course.folder / "release" / assignment / f"{module}.ipynb", as_version=4)
    ours = nbformat.read(ROOT / "assignments" / assignment / f"{module}.ipynb", as_version=4)
    assert "How to work" in released.cells[0].source
    assert [(c.cell_type, c.source, c.metadata) for c in released.cells[1:]] == [
        (c.cell_type, c.source, c.metadata) for c in ours.cells
    ]
    given = {path.name for path in (ROOT / "assignments" / assignment).iterdir() if path.name != "__pycache__"}
    home = course.homes / "李明" / assignment
    assert {path.name for path in home.iterdir()} - {"feedback"} == given - {f"{module}.py"}


def test_the_kit_writes_nothing_of_its_own_under_nbgraders_key(course):
    allowed = {"schema_version", "grade", "locked", "solution", "task", "grade_id", "points", "checksum", "cell_type"}
    for path in (course.folder / "source").glob("*/*.ipynb"):
        notebook = json.loads(path.read_text())
        keys = {key for cell in notebook["cells"] for key in cell["metadata"].get("nbgrader", {})}
        assert keys <= allowed
        assert notebook["metadata"]["dlkit"] == {"assignment": path.parent.name}


# --- marks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("student", "assignment"), handed_in())
def test_the_database_holds_the_points_of_the_report(course, student, assignment):
    report, scores = course.report(student, assignment), course.scores(student, assignment)
    assert report.isolation in (("full",) if student not in UNREADABLE else ("",))
    for result in report.exercises:
        points, by_hand = scores[f"check_{result.name}"]
        assert points == result.points
        assert by_hand == ((student, assignment, result.name) == ("björn", "02_layers", "Linear"))


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_right_work_earns_every_point_that_is_not_measured(course, assignment):
    for student in ("ada", LATE):
        verdicts = [v for e in course.report(student, assignment).exercises for v in e.verdicts]
        assert {v.status for v in verdicts if v.measurement is None} == {Status.PASSED}


@pytest.mark.parametrize("student", [*HOSTILE, *UNREADABLE, "李明"])
@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_hostile_unreadable_and_untouched_work_earns_nothing(course, student, assignment):
    checks = [points for name, (points, _) in course.scores(student, assignment).items() if name.startswith("check_")]
    assert set(checks) == {0.0}


def test_who_hands_in_nothing_has_no_mark(course):
    with (course.folder / "grades.csv").open(newline="") as file:
        rows = {(row["student_id"], row["assignment"]): row for row in csv.DictReader(file)}
    assert set(rows) == {(s, a) for s in STUDENTS for a in ASSIGNMENTS}
    assert (rows["yusuf", "03_losses"]["timestamp"], rows["yusuf", "03_losses"]["score"]) == ("", "0.0")
    late = rows[LATE, "02_layers"]
    assert float(late["raw_score"]) == float(late["late_submission_penalty"]) == course.report(LATE, "02_layers").points
    assert float(late["score"]) == 0
    assert float(rows[LATE, "03_losses"]["score"]) == course.report(LATE, "03_losses").points


def test_written_answers_wait_for_a_hand(course):
    for student, needed in ((LATE, True), ("mallory", True), ("李明", False), ("noah", False)):
        scores = course.scores(student, "02_layers")
        assert scores["why_nonlinear"] == ((None, True) if needed else (0.0, False))


def test_grading_again_keeps_marks_given_by_hand(course):
    with course.gradebook() as gradebook:
        written = gradebook.find_grade("vanishing_gradients", "layers", "02_layers", "ada")
        changed = gradebook.find_grade("check_Linear", "layers", "02_layers", "björn")
        assert (written.manual_score, written.auto_score, written.score) == (MARK, None, MARK)
        assert (changed.manual_score, changed.score) == (OVERRIDE, OVERRIDE)
        assert changed.auto_score == course.report("björn", "02_layers").exercises[0].points < OVERRIDE


# --- feedback --------------------------------------------------------------------------------


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_feedback_says_which_mistake_it_looks_like(course, assignment):
    _, mistake = averaged(assignment)
    page = " ".join(html.unescape(course.feedback("björn", assignment)).split())
    assert mistake.name in page
    assert mistake.hint in page


def test_feedback_says_why_a_file_could_not_be_read(course):
    assert "its JSON does not parse" in course.feedback("noah", "02_layers")
    assert "layers.ipynb is not UTF-8 text" in course.feedback("d'été", "02_layers")
    page = course.feedback("Ωmega", "02_layers")
    assert "(line 1: invalid syntax)" in page
    assert f"data:image/png;base64,{PICTURE}" in page


def test_feedback_names_no_other_student(course):
    for student, assignment in handed_in():
        page = course.feedback(student, assignment)
        others = [other for other in STUDENTS if other != student]
        assert [other for other in others if re.search(rf"(?<!\w){other}(?!\w)", page)] == []
        assert (ANSWER in page) == (STUDENTS[student].__name__ == "complete")


def test_feedback_shows_no_expected_value(course):
    """Every long number that the reference gave, searched in the page of a student whose work is all incorrect."""
    page = course.feedback("zoë", "02_layers")
    loaded = catalogue.load("02_layers", ROOT)
    answers = Answers(loaded, course.report("zoë", "02_layers").seed)
    looked = 0
    for exercise in loaded.assignment.exercises:
        for check in exercise.checks:
            if check.capstone or check.budget:
                continue
            for _, expected in answers.of(exercise, check):
                for value in expected.values():
                    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
                        continue
                    texts = {f"{abs(number):.5g}" for number in value.ravel() if np.isfinite(number)}
                    texts = {text for text in texts if len(text) > 6}
                    looked += len(texts)
                    assert [text for text in texts if text in page] == []
    assert looked > 1000


def test_no_script_of_a_student_reaches_a_page(course):
    for student in ("mallory", "Ωmega"):
        for page in (course.feedback(student, "02_layers"), course.feedback(student, "03_losses")):
            assert "document.title" in page
            assert "<script>document" not in page
            assert "<img src=x" not in page
            assert "<img src=&quot;x" not in page


def test_a_student_fetches_feedback(course):
    [page] = (course.homes / "ada/02_layers/feedback").rglob("layers.html")
    assert page.read_text() == course.feedback("ada", "02_layers")


# --- again -----------------------------------------------------------------------------------


def test_releasing_again_touches_nothing_of_the_instructors(course, capsys):
    def state():
        files = [path for path in course.folder.rglob("*") if path.is_file()]
        return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = state()
    assert main(["release", *ASSIGNMENTS, "--nbgrader", str(course.folder)]) == 0
    assert state() == before
    said = " ".join(capsys.readouterr().out.split())
    assert f"kept {course.folder / 'nbgrader_config.py'}, which was changed by hand" in said
    assert "Nothing else changed." in said
