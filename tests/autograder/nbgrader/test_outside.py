"""Scores are written as nbgrader reads them; what the grader itself fails at waits for manual grading."""

import copy
import shutil
from types import SimpleNamespace

import nbformat
import pytest
from msgspec.structs import replace
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import SaveAutoGrades, SaveCells
from nbgrader.utils import determine_grade

from autograder.course import catalogue
from autograder.course.catalogue import UsageError
from autograder.grading.grader import unreadable
from autograder.grading.options import Options
from autograder.isolation.levels import IsolationError
from autograder.nbgrader import AskForAHand, GradeOutside
from autograder.nbgrader.grading import Grading
from autograder.nbgrader.outside import REPORT, score, write
from autograder.report import ExerciseResult, Problem, Report, Status, Verdict

pytestmark = pytest.mark.filterwarnings("ignore")  # SQLAlchemy's and alembic's, about nbgrader
WHERE = {"notebook": "layers", "assignment": "02_layers", "student": "ada"}


def result(points, most=4.0, status=Status.FAILED, name="Linear"):
    return ExerciseResult(name, [Verdict("a check", "forward", status, points, most, "a sentence")])


@pytest.mark.parametrize(
    ("points", "most", "cell", "expected"),
    [
        (3.0, 4.0, 4.0, 3.0), (4.0, 4.0, 4.0, 4.0), (0.0, 4.0, 4.0, 0.0), (3.0, 4.0, 8.0, 6.0), (1.0, 3.0, 1.0, 0.33),
        (4.0, 4.0, 0.0, 0.0), (0.0, 0.0, 5.0, 0.0), (9.0, 4.0, 4.0, 4.0), (1, 4, 4.0, 1.0),
    ],
)  # fmt: skip
def test_points_become_the_cells(points, most, cell, expected):
    found = score(result(points, most), cell)
    assert (type(found), found) == (float, expected)


@pytest.fixture
def released(root):
    return nbformat.read(root / "assignments/02_layers/layers.ipynb", as_version=4)


@pytest.fixture
def report(root):
    loaded = catalogue.load("02_layers", root)
    exercises = [
        ExerciseResult(
            e.name, [Verdict(c.name, c.part, Status.PASSED, e.points_of(c) / 2, e.points_of(c)) for c in e.checks]
        )
        for e in loaded.assignment.exercises
    ]
    return Report(student="ada", assignment="02_layers", file="layers.ipynb", exercises=exercises)


def test_nbgrader_reads_the_points_from_each_cell(released, report):
    write(released, report)
    nbformat.validate(released)
    points = {f"check_{e.name}": e.points for e in report.exercises}
    tests = {
        c.metadata["nbgrader"]["grade_id"]: c for c in released.cells if c.metadata.get("nbgrader", {}).get("locked")
    }
    assert {name: determine_grade(cell)[0] for name, cell in tests.items()} == points
    for cell in tests.values():
        table, value = cell.outputs
        assert (table.output_type, value.output_type) == ("display_data", "execute_result")
        assert set(table.data) == {"text/html", "text/plain"}


def test_written_questions_are_left_to_a_person(released, report):
    write(released, report)
    questions = [c for c in released.cells if c.cell_type == "markdown" and c.metadata.get("nbgrader", {}).get("grade")]
    for cell in questions:
        assert determine_grade(cell)[0] == 0  # nothing was answered
        cell.source = "an answer"
        assert determine_grade(cell)[0] is None


def test_what_a_students_cell_shows_is_gone(released, report):
    for cell in released.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "1000.0"})]
    write(released, report)
    assert not any("1000.0" in str(cell.get("outputs")) for cell in released.cells)


def test_what_is_wrong_with_the_file_stands_once_above_all(released, report):
    report = Report(
        **{**{f: getattr(report, f) for f in report.__struct_fields__}, "problems": [Problem("It is torn.")]}
    )
    write(released, report)
    texts = [str(cell.outputs) for cell in released.cells if cell.get("outputs")]
    assert ["It is torn." in text for text in texts] == [True] + [False] * (len(texts) - 1)


def test_a_grade_cell_of_no_exercise_would_earn_full_marks_and_is_refused(released, report):
    cell = copy.deepcopy(next(c for c in released.cells if c.metadata.get("nbgrader", {}).get("locked")))
    cell.metadata["nbgrader"]["grade_id"] = "my_own_test"
    cell.outputs = []
    assert determine_grade(cell) == (cell.metadata["nbgrader"]["points"],) * 2
    released.cells.append(cell)
    with pytest.raises(UsageError, match="the grade cell my_own_test belongs to no exercise"):
        write(released, report)


# --- the preprocessors -----------------------------------------------------------------------


@pytest.fixture
def resources(released, tmp_path):
    """A gradebook that knows the released notebook and ada's submission."""
    url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    with Gradebook(url) as gradebook:
        gradebook.add_assignment("02_layers")
        gradebook.add_student("ada")
    resources = {"nbgrader": {**WHERE, "db_url": url}}
    SaveCells().preprocess(copy.deepcopy(released), resources)
    with Gradebook(url) as gradebook:
        gradebook.add_submission("02_layers", "ada")
    return resources


def asked_for_a_hand(released, resources):
    """Cells of ada's that need a manual grade once the scores are saved."""
    SaveAutoGrades().preprocess(released, resources)
    AskForAHand().preprocess(released, resources)
    with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
        found = gradebook.find_submission_notebook("layers", "02_layers", "ada")
        return {grade.name for grade in found.grades if grade.needs_manual_grade}


def test_what_the_grader_failed_at_needs_a_manual_grade(released, report, resources):
    broken = result(0.0, 7.0, Status.BROKEN)
    report = Report(
        student="ada", assignment="02_layers", file="layers.ipynb", exercises=[broken, *report.exercises[1:]]
    )
    write(released, report)
    resources[REPORT] = report
    assert asked_for_a_hand(released, resources) == {"check_Linear"}


def test_what_the_run_left_out_says_so_and_waits_for_a_mark_by_hand(released, report, resources):
    *graded, last = report.exercises
    report = replace(report, exercises=graded, capstones=False, left_out=[last.name])
    write(released, report)
    cells = {c.metadata["nbgrader"]["grade_id"]: c for c in released.cells if c.metadata.get("nbgrader")}
    cell = cells[f"check_{last.name}"]
    assert determine_grade(cell)[0] == 0.0
    assert f"This run left out {last.name}" in cell.outputs[0].data["text/html"]
    resources[REPORT] = report
    assert asked_for_a_hand(released, resources) == {f"check_{last.name}"}


def a_bonus_exercise(released, resources, report):
    """The last exercise as one for bonus points: its cell has a maximum of 0."""
    *rest, last = report.exercises
    cell = next(c for c in released.cells if c.metadata.get("nbgrader", {}).get("grade_id") == f"check_{last.name}")
    cell.metadata["nbgrader"]["points"] = 0.0
    SaveCells().preprocess(copy.deepcopy(released), resources)
    verdicts = [replace(last.verdicts[0], points=2.5, max_points=4.0)]
    return rest, replace(last, verdicts=verdicts, bonus=True)


def test_bonus_points_are_an_automatic_score_beyond_the_maximum(released, report, resources):
    rest, bonus = a_bonus_exercise(released, resources, report)
    report = replace(report, exercises=[*rest, bonus])
    write(released, report)
    resources[REPORT] = report
    assert asked_for_a_hand(released, resources) == set()
    with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
        grade = gradebook.find_grade(f"check_{bonus.name}", "layers", "02_layers", "ada")
        assert (grade.auto_score, grade.score, grade.max_score) == (2.5, 2.5, 0.0)


def test_bonus_points_that_a_run_left_out_wait_for_nobody(released, report, resources):
    rest, bonus = a_bonus_exercise(released, resources, report)
    report = replace(report, exercises=rest, bonus=False, left_out=[bonus.name])
    write(released, report)
    resources[REPORT] = report
    assert asked_for_a_hand(released, resources) == set()


def test_without_a_report_nobody_is_asked(released, resources):
    """Where Execute graded, say."""
    nb, _ = AskForAHand().preprocess(released, resources)
    assert nb is released


@pytest.fixture
def grade_outside(root, tmp_path, released, monkeypatch):
    """Run the preprocessor in a course of its own, on a file that ada handed in."""
    monkeypatch.chdir(tmp_path)

    def run(text, assignment="02_layers", **traits):
        path = tmp_path / "submitted/ada" / assignment / "layers.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        preprocessor = GradeOutside(course=str(root), **traits)
        about = {**WHERE, "assignment": assignment}
        return preprocessor.preprocess(copy.deepcopy(released), {"nbgrader": about})

    return run


def test_an_untouched_notebook_is_graded_and_its_report_kept(grade_outside, released, tmp_path):
    notebook, resources = grade_outside(nbformat.writes(released))
    report = resources[REPORT]
    assert (report.student, report.points, report.isolation) == ("ada", 0.0, "full")
    assert (tmp_path / "graded/reports/ada/02_layers.json").is_file()
    assert report.seed == int((tmp_path / "graded/seed.txt").read_text())
    tests = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("locked")]
    assert {determine_grade(cell)[0] for cell in tests} == {0.0}


def test_the_seed_is_drawn_once_for_all(tmp_path, root):
    seeds = {Grading(root, tmp_path, Options(), reports="graded").seed for _ in range(3)}
    assert seeds == {int((tmp_path / "graded/seed.txt").read_text())}
    assert Grading(root, tmp_path, Options(seed=5), reports="graded").seed == 5


def test_an_unreadable_file_earns_nothing_and_says_why(grade_outside):
    notebook, resources = grade_outside("{")
    assert resources[REPORT].points == 0
    first = next(cell for cell in notebook.cells if cell.get("outputs"))
    assert "its JSON does not parse" in first.outputs[0].data["text/html"]
    assert "its JSON does not parse" in first.outputs[0].data["text/plain"]


def test_another_course_s_assignment_is_refused_or_executed_as_told(grade_outside, released, monkeypatch):
    with pytest.raises(
        UsageError, match=r"ps0 is not an assignment of the course in .*c.GradeOutside.execute_others = True"
    ):
        grade_outside(nbformat.writes(released), "ps0")
    executed = SimpleNamespace(preprocess=lambda _, resources: ("executed", resources))
    monkeypatch.setattr("autograder.nbgrader.outside.Execute", lambda **_: executed)
    assert grade_outside(nbformat.writes(released), "ps0", execute_others=True)[0] == "executed"


def test_without_the_references_nothing_is_graded(root, tmp_path):
    """Public cases alone could be answered from a table."""
    shutil.copytree(root / "assignments/02_layers", tmp_path / "kit/assignments/02_layers")
    grading = Grading(tmp_path / "kit", tmp_path, Options(seed=7, isolation="full"), reports="graded")
    with pytest.raises(UsageError, match=r"has no solutions/02_layers. Name the course kit: c.GradeOutside.course"):
        grading.grade(tmp_path / "submitted/ada/02_layers/layers.ipynb", "ada", "02_layers")
    assert not (tmp_path / "graded").exists()


def test_below_the_level_nothing_is_graded(grade_outside, released, monkeypatch):
    from autograder.isolation.levels import Isolation

    def refuse(*_):
        message = "less than full"
        raise IsolationError(message)

    monkeypatch.setattr(Isolation, "demand", refuse)
    with pytest.raises(IsolationError):
        grade_outside(nbformat.writes(released))


def test_own_earlier_work_is_taken_from_the_students_own_folder(root, tmp_path, monkeypatch):
    """03_losses builds on 02_layers; with ``own`` it is ada's, with ``reference`` it is not."""
    seen = {}
    folder = tmp_path / "submitted/ada"
    for name, module in (("02_layers", "layers"), ("03_losses", "losses")):
        (folder / name).mkdir(parents=True)
        (folder / name / f"{module}.ipynb").write_text((root / "assignments" / name / f"{module}.ipynb").read_text())
    for earlier in ("own", "reference"):
        grading = Grading(root, tmp_path, Options(seed=7, isolation="full", earlier=earlier), reports="graded")
        seen[earlier] = grading.grade(folder / "03_losses/losses.ipynb", "ada", "03_losses").earlier_sha256
    assert seen["own"] != seen["reference"]
    assert all(seen.values())


def test_an_unreadable_report_has_every_exercise(root):
    loaded = catalogue.load("02_layers", root)
    report = unreadable(loaded, "ada", "layers.ipynb", "It is torn.", seed=1)
    assert {f"check_{e.name}" for e in report.exercises} == {f"check_{e.name}" for e in loaded.assignment.exercises}


def test_a_course_that_is_not_configured_is_neither_a_strangers_nor_among_the_hand_ins(
    root, small_course, tmp_path, monkeypatch
):
    shutil.copytree(small_course / "assignments", tmp_path / "dl101/submitted/assignments")
    shutil.copytree(small_course / "assignments", tmp_path / "other/assignments")
    monkeypatch.delenv("DLKIT_COURSE", raising=False)
    config = CourseDirectory(root=str(tmp_path / "dl101"))
    monkeypatch.setattr("autograder.nbgrader.outside.CourseDirectory", lambda **_: config)
    monkeypatch.chdir(tmp_path / "dl101/submitted")
    assert GradeOutside()._grading().root == root
    monkeypatch.chdir(tmp_path / "other")
    with pytest.raises(UsageError, match="autograder trust"):
        GradeOutside()._grading()


@pytest.mark.parametrize("error", [RecursionError(), MemoryError(), ValueError("/root/secret")], ids=repr)
def test_what_the_grader_raises_about_one_hand_in_is_its_report(small_course, tmp_path, monkeypatch, error):
    from autograder.nbgrader import grading

    def fail(*_args):
        raise error

    path = tmp_path / "submitted/ada/02_layers/layers.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    monkeypatch.setattr(grading, "read_submission", fail)
    run = Grading(small_course, tmp_path, Options(seed=1), reports="graded")
    report = run.grade(path, "ada", "02_layers")
    assert {result.status for result in report.exercises} == {Status.BROKEN}
    assert f"The grader itself failed on this hand-in ({type(error).__name__})" in report.problems[0].sentence
    assert "Traceback" in (tmp_path / "graded/errors/ada/02_layers.txt").read_text()
