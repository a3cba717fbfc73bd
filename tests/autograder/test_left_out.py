"""What a run leaves out (``--without capstones``) is in neither the points nor their maximum, wherever they appear."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from autograder.classroom.gradescope_container import Plan, Visit, _unfinished
from autograder.course import catalogue
from autograder.export import gradescope as gradescope_results
from autograder.export.classroom import result as classroom_result
from autograder.export.feedback import summary
from autograder.export.prairielearn import result as prairielearn_result
from autograder.export.table import table
from autograder.grading.grader import Grader, unreadable
from autograder.grading.options import Options
from autograder.render.html import class_page, student_page
from autograder.render.terminal import print_class, print_report
from autograder.report import Status
from autograder.spec import Assignment, Scope
from autograder.submission import Submission
from dlkit.extraction import Extraction, take
from tests.autograder.conftest import untimed
from tests.autograder.export.made_up import graded_folder, run_command

SENTENCE = "This run left out train_spirals: not counted in the points or their maximum."
POINTS, ALL = 3.0, 7.0
TORN = "layers.ipynb is empty."


@pytest.fixture(scope="module")
def loaded(root):
    """Tanh, and a capstone that waits for it."""
    whole = catalogue.load("02_layers", root)
    spirals = replace(whole.assignment.exercise("train_spirals"), depends=("Tanh",))
    tanh = untimed(whole, {"Tanh"}).assignment.exercises[0]
    return replace(whole, assignment=Assignment("02_layers", title="Layers", exercises=[tanh, spirals]))


@pytest.fixture(scope="module")
def grader(loaded, zygote):
    return Grader(loaded, zygote, Options(seed=1, scope=Scope(capstones=False)))


@pytest.fixture(scope="module")
def right(grader, loaded):
    return grader.grade(Submission("layers.py", loaded.reference, "ab12"), "ada")


@pytest.fixture(scope="module")
def reports(grader, right, loaded):
    """Students with correct work, with nothing begun, with a cell that does not parse, with an unreadable file."""
    nothing = grader.grade(Submission("layers.py", Extraction(()), "cd34"), "bob")
    torn = take([("cell 1", 1, "class Tanh:\n    def forward(self, x) return x"), ("cell 2", 1, "def train_spirals(")])
    return [
        right,
        nothing,
        grader.grade(Submission("layers.py", torn, "ef56"), "cem"),
        unreadable(loaded, "dan", "layers.ipynb", TORN, seed=1, scope=Scope(capstones=False)),
    ]


def test_the_maximum_is_the_same_for_everybody_and_reached_by_who_is_right(loaded, right, reports):
    assert sum(exercise.total for exercise in loaded.assignment.exercises) >= ALL
    assert (right.points, right.max_points, right.status) == (POINTS, POINTS, Status.PASSED)
    assert [report.max_points for report in reports] == [POINTS] * 4
    assert [report.left_out for report in reports] == [["train_spirals"]] * 4
    assert [report.capstones for report in reports] == [False] * 4
    assert [[exercise.name for exercise in report.exercises] for report in reports] == [["Tanh"]] * 4


def test_a_run_of_everything_leaves_nothing_out(loaded):
    report = unreadable(loaded, "dan", "layers.ipynb", TORN, seed=1)
    assert (report.left_out, report.capstones, report.max_points) == ([], True, ALL)


def test_of_an_exercise_that_trains_in_one_check_the_others_are_graded(loaded, zygote):
    tanh, spirals = loaded.assignment.exercises
    training = replace(spirals.checks[0], name="trains", part="forward", needs=("forward",))
    mixed = replace(tanh, checks=[*tanh.checks, training])
    own = replace(loaded, assignment=Assignment("02_layers", title="Layers", exercises=[mixed]))
    report = Grader(own, zygote, Options(seed=1, scope=Scope(capstones=False))).grade(
        Submission("layers.py", loaded.reference, "")
    )
    assert report.left_out == ["Tanh"]
    assert report.points == report.max_points < POINTS
    assert "trains" not in [verdict.check for verdict in report.exercises[0].verdicts]


def test_every_page_says_so_and_shows_full_marks(right, reports):
    page = student_page(right)
    assert SENTENCE in page
    assert "Nothing: everything is correct." in page
    whole = class_page("02_layers", reports, {})
    assert SENTENCE in whole
    assert "<small>of 3</small>" in whole
    for draw, what in ((print_report, right), (print_class, reports)):
        console = Console(file=io.StringIO(), width=100)
        draw(console, what)
        text = " ".join(console.file.getvalue().split())
        assert SENTENCE in text
        assert "of 3" in text


def test_every_export_counts_full_marks(right):
    found = gradescope_results.results(right)
    assert sum(test["max_score"] for test in found["tests"]) == pytest.approx(found["score"])
    assert found["score"] == POINTS
    assert {test["status"] for test in found["tests"]} == {"passed"}
    made = json.loads(classroom_result(right))
    assert (made["status"], made["max_score"]) == ("pass", POINTS)
    assert json.loads(prairielearn_result(right))["score"] == 1.0
    header, row = table([right]).decode("utf-8-sig").splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert (cells["points"], cells["max points"], cells["status"]) == ("3", "3", "passed")
    assert summary(right) == ["3 of 3 points.", SENTENCE]


def test_a_grading_that_ran_out_of_time_has_the_same_maximum(grader, right):
    submission = Submission("layers.py", Extraction(()), "cd34")
    report = _unfinished(grader, submission, [], Visit("bob"), Plan("02_layers", capstones=False))
    assert (report.max_points, report.left_out) == (right.max_points, right.left_out)


SHEET = "Student,ID,SIS Login ID,Section,Layers (102)\r\n    Points Possible,,,,7\r\nAda,1,ada,,\r\n"


def test_a_sheet_with_the_whole_maximum_is_refused_or_given_shares(right, tmp_path):
    """3 of 7 points would be false, since 7 cannot be reached in this run."""
    out = graded_folder(tmp_path / "graded", right)
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(SHEET)
    filled = tmp_path / "filled.csv"
    status, _, err = run_command("canvas", out, "--sheet", sheet, "--to", filled)
    assert (status, filled.exists()) == (2, False)
    assert (
        "sheet.csv has at most 7 points, but 02_layers has 3 without train_spirals, which this run left out. "
        "Change it there, or scale the points with --scale."
    ) in err
    assert run_command("canvas", out, "--sheet", sheet, "--to", filled, "--scale")[0] == 0
    assert filled.read_text().splitlines()[-1] == "Ada,1,ada,,7"
    sheet.write_text(SHEET.replace(",,,,7", ",,,,3"))
    assert run_command("canvas", out, "--sheet", sheet, "--to", filled)[0] == 0
    assert filled.read_text().splitlines()[-1] == "Ada,1,ada,,3"
