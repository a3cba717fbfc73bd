"""Hand-ins as people make them, each with the mark that a teacher would give."""

import sys
from pathlib import Path

import pytest

from autograder.classroom.grading import grade_class
from autograder.commands.options import open_console
from autograder.grading.options import Options
from autograder.report import Status, read_report
from autograder.spec import Scope

HAND_INS = Path(__file__).with_name("handins")
RELU, LINEAR = 4, 7
NOT_FULL = {
    "15_cell_is_markdown": "this cell is markdown",
    "19_debug_file": "exercises write no files",
    "22_multiprocessing": "exercises start no processes",
}
VERSION = f"Python {sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def graded(layers, tmp_path_factory):
    """Grade them all as a class; the exit status, and the folder of reports."""
    out = tmp_path_factory.mktemp("graded")
    console = open_console()
    console.quiet = True
    options = Options(seed=5, scope=Scope(capstones=False))
    status = grade_class(
        console,
        layers.root,
        HAND_INS,
        out,
        options,
        jobs=2,
        assignment="02_layers",
    )
    return status, out / "reports"


def exercise(reports, student, name):
    report = read_report(reports / student / "02_layers.json")
    return report, next(result for result in report.exercises if result.name == name)


@pytest.mark.parametrize("student", sorted(path.name for path in HAND_INS.iterdir()))
def test_a_hand_in_gets_the_mark_that_a_teacher_would_give(graded, student):
    report, relu = exercise(graded[1], student, "ReLU")
    sentences = " ".join(verdict.sentence for verdict in relu.verdicts)
    if student in NOT_FULL:
        assert relu.points == 0
        assert NOT_FULL[student] in sentences
    elif student == "06_name_reused_below":
        assert exercise(graded[1], student, "Linear")[1].points >= LINEAR - 1
    elif student == "17_newer_syntax" and sys.version_info < (3, 12):
        assert relu.points == 0
        assert f"does not parse with the grader's {VERSION}" in sentences
    elif student == "23_conflict":
        assert relu.points == 0
        assert "(line 25)" in report.problems[0].sentence
    else:
        assert relu.points == RELU
        assert relu.status is Status.PASSED


def test_beside_a_cell_that_is_markdown_others_are_graded(graded):
    assert exercise(graded[1], "15_cell_is_markdown", "Linear")[1].points == LINEAR


def test_a_breakpoint_is_reported(graded):
    report, _ = exercise(graded[1], "20_breakpoint", "ReLU")
    assert report.tried == ["stop in the debugger, which does nothing during grading"]


def test_the_exit_status_says_that_one_could_not_be_read(graded):
    assert graded[0] == 1
