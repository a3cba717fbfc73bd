"""Optional steps: functions that help with a longer exercise.  They are checked, and count for nothing anywhere."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from autograder.authoring.release import author_version
from autograder.course import catalogue
from autograder.course.assignment_folder import specified
from autograder.export import gradescope as gradescope_results
from autograder.export.classroom import result as classroom_result
from autograder.export.feedback import summary
from autograder.export.junit import document
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.learner.handing_in import describe
from autograder.learner.progress import progress
from autograder.learner.screen import print_progress
from autograder.learner.work import open_work
from autograder.render.html import class_page, student_page
from autograder.render.reading import next_steps
from autograder.render.terminal import print_exercise, print_report
from autograder.report import Status
from autograder.spec import Assignment, Outline
from autograder.spec.exercise import OptionalStep
from autograder.submission import Submission
from dlkit.extraction import Extraction
from tests.autograder.conftest import untimed, write_assignment

STEP, EXERCISE = "relative_error", "one_hot"
OWN = """
from autograder.checks import Case, FunctionExercise

halved = FunctionExercise("halved", cases=lambda rng: [Case(x=rng.normal(size=3))])
doubled = FunctionExercise("doubled", cases=lambda rng: [Case(x=rng.normal(size=3))])
"""


@pytest.fixture(scope="module")
def loaded(root):
    """An exercise of 2 points, and a step before it."""
    whole = catalogue.load("01_foundations", root)
    kept = untimed(whole, {STEP, EXERCISE}).assignment
    step = replace(kept.exercise(STEP), bonus=True, points=OptionalStep(STEP))
    exercises = [step, kept.exercise(EXERCISE)]
    return replace(whole, assignment=Assignment("01_foundations", title="Foundations", exercises=exercises))


@pytest.fixture(scope="module")
def graded(loaded, zygote):
    """Grade the solution, with this text in place of the step's, or without it."""

    def grade(step=None):
        found = loaded.variant(loaded.assignment.exercise(STEP), step) if step else loaded.reference.chunks
        chunks = [chunk for chunk in found if step != "" or STEP not in chunk.defines]
        return Grader(loaded, zygote, Options(seed=1)).grade(
            Submission("x.py", Extraction(tuple(chunks)), "ada"), "ada"
        )

    return grade


@pytest.fixture(scope="module")
def reports(graded):
    """With the step, without it, with a wrong one."""
    return [graded(), graded(""), graded(f"def {STEP}(a, b):\n    return 3.0 * abs(a - b).max()")]


def text_of(draw, what, **options):
    console = Console(file=io.StringIO(), width=110)
    draw(console, what, **options)
    return " ".join(console.file.getvalue().split())


def test_zero_points_in_an_outline_make_an_optional_step(tmp_path):
    write_assignment(tmp_path, OWN, title="Own", points={"halved": 0, "doubled": 2})
    assignment = specified("01_own", tmp_path, official=False)
    halved, doubled = assignment.exercises
    assert (halved.optional, halved.bonus, halved.total) == (True, True, 0.0)
    assert (doubled.optional, doubled.bonus, doubled.total) == (False, False, 2.0)
    assert [halved.points_of(check) for check in halved.checks] == [0.0] * len(halved.checks)


def test_a_part_of_an_exercise_cannot_have_zero_points():
    outline = Outline(title="Own", points={"doubled": 2})
    assert not isinstance(outline.points_of("doubled"), OptionalStep)


def test_whoever_leaves_it_out_or_gets_it_wrong_has_all_points(reports):
    assert [report.exercises[0].status for report in reports] == [
        Status.PASSED,
        Status.NOT_ATTEMPTED,
        Status.FAILED,
    ]
    assert [report.points for report in reports] == [2.0] * 3
    assert [report.max_points for report in reports] == [2.0] * 3
    assert [report.bonus_points for report in reports] == [0.0] * 3
    assert [report.status for report in reports] == [Status.PASSED] * 3


def test_the_terminal_calls_it_optional(reports):
    right, left_out, wrong = reports
    assert "relative_error passed optional" in text_of(print_report, right)
    assert "optional steps, not written: relative_error" in text_of(print_report, left_out)
    assert "bonus" not in text_of(print_report, left_out)
    shown = text_of(print_exercise, wrong.exercises[0])
    assert "relative_error failed optional" in shown
    assert wrong.exercises[0].verdicts[0].sentence[:20] in shown


def test_what_to_do_next_explains_a_wrong_one_and_asks_nobody_to_write_it(reports):
    right, left_out, wrong = reports
    assert next_steps(right) == next_steps(left_out) == []
    assert [step.exercise for step in next_steps(wrong)] == [STEP]


def test_pages_call_it_optional(reports):
    page = student_page(reports[1])
    assert ">optional</span>" in page
    assert "0 / 0" not in page
    assert "Nothing: everything is correct." in page
    whole = class_page("01_foundations", reports, {})
    assert "(optional)" in whole
    assert "(bonus)" not in whole


def test_exports_give_it_no_points(reports):
    assert summary(reports[2]) == ["2 of 2 points."]
    made = json.loads(classroom_result(reports[1]))
    assert (made["max_score"], sum(test["score"] for test in made["tests"])) == (2.0, 2.0)


def test_its_cell_in_the_released_notebook_has_no_points(root):
    cells = [cell.metadata.get("nbgrader", {}) for cell in author_version(catalogue.load("07_recurrent", root)).cells]
    points = {cell["grade_id"]: cell["points"] for cell in cells if cell.get("points") is not None}
    assert (points["check_lstm_cell"], points["check_LSTM"]) == (0.0, 19.0)


@pytest.mark.parametrize("platform", [gradescope_results.results, lambda report: json.loads(classroom_result(report))])
def test_platforms_list_it_where_somebody_has_written_it(reports, platform):
    listed = [any(STEP in test["name"] for test in platform(report)["tests"]) for report in reports]
    assert listed == [True, False, True]
    assert STEP.encode() not in document(reports[1])


def test_a_wrong_one_fails_nobody_on_a_platform(reports):
    assert [json.loads(classroom_result(report))["status"] for report in reports] == ["pass"] * 3


def test_progress_counts_it_apart_and_never_names_it_as_next(tmp_path):
    folder = tmp_path / "assignments/01_own"
    write_assignment(folder, OWN, title="Own", points={"halved": 0, "doubled": 2})
    stub = "    raise NotImplementedError\n"
    (folder / "own.py").write_text(f"def halved(x):\n{stub}\n\ndef doubled(x):\n{stub}")
    found = progress(tmp_path, ["01_own"])
    assert (found.assignments[0].of, found.assignments[0].max_points) == (1, 2.0)
    assert found.next.exercise == "doubled"
    assert "optional, still to be written: halved" in text_of(print_progress, found)


def test_a_hand_in_without_it_is_complete(tmp_path):
    folder = tmp_path / "assignments/01_own"
    write_assignment(folder, OWN, title="Own", points={"halved": 0, "doubled": 2})
    (folder / "own.py").write_text(
        "def halved(x):\n    raise NotImplementedError\n\n\ndef doubled(x):\n    return 2 * x\n"
    )
    manifest = describe(open_work(catalogue.load("01_own", tmp_path)))
    assert [(one.name, one.state) for one in manifest.exercises] == [("halved", "not written"), ("doubled", "written")]
    assert not any("Not written" in warning for warning in manifest.warnings)
