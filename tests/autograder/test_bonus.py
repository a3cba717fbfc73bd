"""Bonus points are added to a mark and are no part of its maximum, wherever they appear; a run may leave them out."""

import io
import json
from dataclasses import replace

import msgspec
import pytest
from nbgrader.api import Gradebook
from rich.console import Console

from autograder.authoring.release import author_version
from autograder.classroom.gradescope_container import Plan, Visit, _unfinished
from autograder.classroom.runs import Run
from autograder.course import catalogue
from autograder.export import gradescope as gradescope_results
from autograder.export.classroom import result as classroom_result
from autograder.export.feedback import summary
from autograder.export.gradebook import write_gradebook
from autograder.export.junit import document
from autograder.export.prairielearn import result as prairielearn_result
from autograder.export.table import table
from autograder.grading.grader import Grader, unreadable
from autograder.grading.options import Options
from autograder.learner.originals import start
from autograder.learner.progress import progress
from autograder.learner.screen import print_progress
from autograder.render.html import class_page, student_page
from autograder.render.reading import next_steps
from autograder.render.terminal import print_class, print_report
from autograder.report import Status
from autograder.spec import Assignment, Outline, Scope, SpecError
from autograder.submission import Submission
from dlkit.extraction import Extraction
from tests.autograder.conftest import untimed

TANH, SIGMOID = 3.0, 4.0


@pytest.fixture(scope="module")
def loaded(root):
    """Tanh, and Sigmoid for bonus points."""
    whole = catalogue.load("02_layers", root)
    kept = untimed(whole, {"Tanh", "Sigmoid"}).assignment
    exercises = [kept.exercise("Tanh"), replace(kept.exercise("Sigmoid"), bonus=True)]
    return replace(whole, assignment=Assignment("02_layers", title="Layers", exercises=exercises))


@pytest.fixture(scope="module")
def grader(loaded, zygote):
    return Grader(loaded, zygote, Options(seed=1))


@pytest.fixture(scope="module")
def reports(grader, loaded):
    """Students with both exercises, with Tanh alone, with Sigmoid alone, with nothing."""

    def graded(student, *names):
        unwritten = {"Tanh", "Sigmoid"} - set(names)
        chunks = [chunk for chunk in loaded.reference.chunks if not unwritten & set(chunk.defines)]
        return grader.grade(Submission("layers.py", Extraction(tuple(chunks)), student), student)

    return [graded("ada", "Tanh", "Sigmoid"), graded("bob", "Tanh"), graded("cem", "Sigmoid"), graded("dan")]


def text_of(draw, what, width=110):
    console = Console(file=io.StringIO(), width=width)
    draw(console, what)
    return " ".join(console.file.getvalue().split())


def test_bonus_points_are_added_and_never_lower_a_mark(reports):
    assert [report.max_points for report in reports] == [TANH] * 4
    assert [report.points for report in reports] == [TANH + SIGMOID, TANH, SIGMOID, 0.0]
    assert [report.bonus_points for report in reports] == [SIGMOID, 0.0, SIGMOID, 0.0]
    assert [report.status for report in reports] == [
        Status.PASSED,
        Status.PASSED,
        Status.NOT_ATTEMPTED,
        Status.NOT_ATTEMPTED,
    ]


def test_a_wrong_bonus_exercise_fails_alone(grader, loaded):
    chunks = loaded.variant(loaded.assignment.exercise("Sigmoid"), "class Sigmoid(Layer):\n    forward = backward = 3")
    report = grader.grade(Submission("layers.py", Extraction(chunks), "ab"))
    assert [result.status for result in report.exercises] == [Status.PASSED, Status.FAILED]
    assert (report.status, report.points) == (Status.PASSED, TANH)


def test_an_exercise_that_the_grader_failed_at_is_no_pass(loaded):
    broken = unreadable(loaded, "ada", "layers.py", "The grader failed.", seed=1, status=Status.BROKEN)
    assert broken.status is Status.BROKEN
    assert broken.max_points == TANH


def test_a_run_without_bonus_exercises_does_not_mention_their_points(loaded, zygote):
    report = Grader(loaded, zygote, Options(seed=1, scope=Scope(bonus=False))).grade(
        Submission("layers.py", loaded.reference, "ab")
    )
    assert [result.name for result in report.exercises] == ["Tanh"]
    assert (report.points, report.max_points, report.bonus, report.left_out) == (TANH, TANH, False, ["Sigmoid"])
    torn = unreadable(loaded, "bob", "layers.py", "It is empty.", seed=1, scope=Scope(bonus=False))
    assert [result.name for result in torn.exercises] == ["Tanh"]


def test_every_form_of_a_run_passes_it_on(grader):
    assert Run("", "", "", 1, {}, bonus=False).options.scope == Scope(bonus=False)
    assert Plan("02_layers", bonus=False).scope == Scope(bonus=False)
    submission = Submission("layers.py", Extraction(()), "cd34")
    report = _unfinished(grader, submission, [], Visit("bob"), Plan("02_layers"))
    assert [result.bonus for result in report.exercises] == [False, True]


def test_pages_and_terminal_name_them(reports):
    both, tanh, *_ = reports
    assert "7 of 3 points, with 4 bonus points" in text_of(print_report, both)
    assert "4 / 4 bonus" in text_of(print_report, both)
    assert "not attempted, for bonus points: Sigmoid (4 points)" in text_of(print_report, tanh)
    assert "1/1" in text_of(print_class, reports, 90)
    page = student_page(both)
    assert "of 3 points, with 4 bonus points" in page
    assert "Nothing: everything is correct." in page
    whole = class_page("02_layers", reports, {})
    assert "<small>of 3</small>" in whole
    assert whole.count("(bonus)") >= 1


def test_a_check_of_bonus_exercises_alone_names_their_points(reports):
    alone = msgspec.structs.replace(reports[0], exercises=reports[0].exercises[1:])
    assert "4 of 4 bonus points" in text_of(print_report, alone)


def test_bonus_points_hide_nothing_that_is_missing(loaded, reports):
    """A check that the grader failed on costs points; as many bonus points do not make the bar full."""
    tanh, sigmoid = reports[0].exercises
    last = msgspec.structs.replace(tanh.verdicts[-1], status=Status.BROKEN, points=0.0)
    faulty = msgspec.structs.replace(tanh, verdicts=[*tanh.verdicts[:-1], last])
    report = msgspec.structs.replace(reports[0], exercises=[faulty, sigmoid])
    assert report.points > report.max_points
    assert "Nothing: what is missing is not yours to fix." in student_page(report)
    shown, whole = (text_of(print_report, each) for each in (report, reports[0]))
    assert shown.count("━") < whole.count("━") == 24


def test_what_to_do_next_lists_them_last(reports):
    assert [step.what for step in next_steps(reports[1])] == ["Write Sigmoid for bonus points."]
    assert [step.what for step in next_steps(reports[3])] == ["Write Tanh.", "Write Sigmoid for bonus points."]


def test_exports_count_them_beyond_the_maximum(reports):
    both, tanh, *_ = reports
    found = gradescope_results.results(both)
    assert (found["score"], found["extra_data"]["max_score"], found["extra_data"]["bonus_points"]) == (7.0, 3.0, 4.0)
    made = json.loads(classroom_result(tanh))
    assert made["max_score"] == TANH
    assert sum(test["score"] for test in made["tests"]) == TANH
    assert json.loads(prairielearn_result(both))["score"] == 1.0
    header, row = table([both]).decode("utf-8-sig").splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert (cells["points"], cells["max points"], cells["bonus points"]) == ("7", "3", "4")
    assert summary(both) == ["7 of 3 points, with 4 bonus points."]
    assert summary(tanh) == ["3 of 3 points."]
    assert b'name="bonus" value="yes"' in document(both)


def test_the_gradebook_holds_them_in_a_cell_of_no_points(reports, root, tmp_path):
    """A mark by hand stays; nothing waits for one where the exercise was left out."""
    url = f"sqlite:///{tmp_path}/gradebook.db"
    names = {"check_PatchEmbedding": 2.5, "check_masked_softmax": 2.0}
    about = {"assignment": "09_attention", "written": []}

    def result(name, points, *, bonus):
        verdict = msgspec.structs.replace(reports[0].exercises[0].verdicts[0], points=points, max_points=points)
        return msgspec.structs.replace(reports[0].exercises[0], name=name, verdicts=[verdict], bonus=bonus)

    exercises = [result("masked_softmax", 2.0, bonus=False), result("PatchEmbedding", 2.5, bonus=True)]
    full = msgspec.structs.replace(reports[0], exercises=exercises, **about)
    quick = msgspec.structs.replace(
        full, exercises=exercises[:1], bonus=False, left_out=["PatchEmbedding"], student="bob"
    )
    write_gradebook([full, quick], root, url)
    with Gradebook(url) as gradebook:
        cells = {
            grade.name: (grade.score, grade.max_score)
            for grade in gradebook.find_submission("09_attention", "ada").notebooks[0].grades
            if grade.name in names
        }
        assert cells == {"check_PatchEmbedding": (2.5, 0.0), "check_masked_softmax": (2.0, 2.0)}
        assert gradebook.find_submission("09_attention", "ada").score == 4.5
        left = gradebook.find_grade("check_PatchEmbedding", "attention", "09_attention", "bob")
        assert not left.needs_manual_grade


def test_progress_counts_them_apart(root, tmp_path):
    start("08_embeddings", tmp_path, root)
    done = progress(tmp_path, ["08_embeddings"])
    (assignment,) = done.assignments
    assert (assignment.of, len(assignment.exercises)) == (8, 10)
    assert assignment.max_points == 49
    shown = text_of(print_progress, done)
    assert "0 of 8 correct" in shown
    assert "bonus, still to be written: tf_idf, ParagraphVector" in shown
    assert done.next.exercise == "BPETokenizer"


def test_the_released_notebook_gives_their_cells_no_points(root):
    loaded = catalogue.load("08_embeddings", root)
    cells = {
        cell.metadata["nbgrader"]["grade_id"]: cell.metadata["nbgrader"]["points"]
        for cell in author_version(loaded).cells
        if cell.metadata.get("nbgrader", {}).get("points") is not None
    }
    assert (cells["check_tf_idf"], cells["check_draw_negatives"]) == (0.0, 3.0)


def test_an_outline_names_bonus_exercises_that_it_lists():
    with pytest.raises(SpecError, match="bonus names Tahn, which points does not list"):
        Outline(title="Layers", points={"Tanh": 3}, bonus=("Tahn",))
