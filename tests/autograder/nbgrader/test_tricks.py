"""The tricks that beat nbgrader's own autograde earn nothing where GradeOutside replaces Execute."""

import json
import shutil

import pytest

from benchmarks.tricks_graders import grade_by_nbgrader, hand_in, released_cases, submission
from benchmarks.tricks_submissions import CONTROLS, TRICKS, VICTIM
from tests.autograder.nbgrader.classroom import prepare_course

# Every time, test_course.py grades a hostile hand-in among others.
pytestmark = [pytest.mark.nightly, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

NUMBERS = ["1", "2", "3", "4, 29", "5", "6", "9", "10", "11", "12", "16a", "16b", "16c", "17", "19"]
BEATEN = ["1", "3", "4, 29", "5", "6", "9", "10", "12", "19"]
"""Shown to beat Execute on this assignment: 2 needs a bare ``assert y == expected``, 11 a result that lies about."""
CHOSEN = {f"t{trick.number.replace(', ', '-')}": trick for trick in TRICKS if trick.number in NUMBERS}
HONEST = (VICTIM, "z-honest")


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """The outcome of a class of tricks and honest neighbours here: points by student, the reports, the log."""
    folder = tmp_path_factory.mktemp("outside")
    course = prepare_course(folder, folder / "exchange")
    course.run("generate_assignment 02_layers")
    released = json.loads((course.folder / "release/02_layers/layers.ipynb").read_text())
    students = dict.fromkeys(HONEST) | {"stub": CONTROLS["stub"], "wrong": CONTROLS["wrong"]} | CHOSEN
    known = released_cases()
    for student, trick in students.items():
        folder = course.folder / "submitted" / student / "02_layers"
        hand_in(folder, submission(released, student, trick, known), trick)
    course.run("autograde 02_layers")
    with course.gradebook() as gradebook:
        scores = {student: gradebook.find_submission("02_layers", student).score for student in students}
    yield course, scores
    shutil.rmtree(course.folder)


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Points of the same tricks with nbgrader's own Execute, on the same exercises as its users would set them."""
    students = dict.fromkeys(HONEST) | {"stub": CONTROLS["stub"]}
    students |= {name: trick for name, trick in CHOSEN.items() if trick.number in BEATEN}
    return grade_by_nbgrader(tmp_path_factory.mktemp("stock") / "class", dict(sorted(students.items())))


@pytest.mark.parametrize("name", CHOSEN)
def test_a_trick_earns_nothing(outside, name):
    course, scores = outside
    assert scores[name] == scores["stub"] == scores["wrong"] == 0
    report = course.report(name, "02_layers")
    assert report.points == 0
    assert report.isolation == "full"


def test_honest_neighbours_keep_their_points(outside):
    course, scores = outside
    for student in HONEST:
        report = course.report(student, "02_layers")
        right = {e.name: e for e in report.exercises if e.name in ("Linear", "ReLU", "Softmax")}
        assert all(v.points == v.max_points for e in right.values() for v in e.verdicts if v.measurement is None)
        assert scores[student] == report.points > 0
    assert not [what for what in course.logs["autograde 02_layers"].splitlines() if "| ERROR]" in what]


@pytest.mark.parametrize("number", BEATEN)
def test_the_same_trick_has_full_marks_from_execute(stock, number):
    name = f"t{number.replace(', ', '-')}"
    assert stock.points[name] == stock.at_most > stock.points["stub"] == 0
