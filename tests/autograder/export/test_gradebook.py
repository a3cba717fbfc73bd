"""Reports in nbgrader's gradebook, read back by nbgrader itself: in SQLite, and in a real PostgreSQL."""

import csv
import datetime as dt
import gc
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import msgspec
import pytest
import sqlalchemy
from nbgrader.api import Base, Gradebook
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from autograder.classroom.finding import discover
from autograder.cli import main
from autograder.course import catalogue
from autograder.export import database, gradebook
from autograder.export.errors import ExportError
from autograder.export.gradebook import Summary, submissions_of, write_gradebook
from autograder.export.summary import LeftOut
from autograder.nbgrader.course import lay_out
from autograder.report import ExerciseResult, Report, ReportError, Status, Verdict, WrittenAnswer, read_report
from tests.sampling import nightly

ROOT = Path(__file__).resolve().parents[3]
ASSIGNMENTS = ("02_layers", "03_losses")
STUDENTS = (
    "amara", "björn", "Ægir Ólafsson", "學生", "O'Neil, Sinéad \"Shin\"", "new\nline", "per%cent {brace}",
    "[bold]rich", "-dash", "=1+1", "back\\slash", "null",
)  # fmt: skip
WHEN = dt.datetime(2026, 3, 1, 8, 30)  # noqa: DTZ001 - nbgrader's times are in UTC and do not say so


def report_of(student, name="02_layers", status=Status.PASSED, *, answered=True, **more):
    """Make the report of a student whose checks all have the same status."""
    assignment = catalogue.load(name, ROOT).assignment
    exercises = [
        ExerciseResult(exercise.name, [verdict_of(exercise, check, status) for check in exercise.checks])
        for exercise in assignment.exercises
    ]
    written = [WrittenAnswer(question.name, question.points, answered=answered) for question in assignment.questions]
    return Report(
        student=student, assignment=name, submission_sha256="ab12", exercises=exercises, written=written, **more
    )


def verdict_of(exercise, check, status):
    most = exercise.points_of(check)
    return Verdict(check.name, check.part, status, most if status in FULL else 0.0, most, "a sentence")


FULL = (Status.PASSED, Status.INCONCLUSIVE)


def with_exercise(report, name, status):
    """The same report, with another outcome of one exercise."""
    assignment = catalogue.load(report.assignment, ROOT).assignment
    exercise = assignment.exercise(name)
    verdicts = [verdict_of(exercise, check, status) for check in exercise.checks]
    exercises = [ExerciseResult(name, verdicts) if one.name == name else one for one in report.exercises]
    return msgspec.structs.replace(report, exercises=exercises)


def class_of_twelve():
    """Two assignments of a dozen students: correct, incorrect, untouched and unfinished in turn."""
    kinds = [(Status.PASSED, True), (Status.FAILED, True), (Status.NOT_ATTEMPTED, False), (Status.INCONCLUSIVE, False)]
    for name in ASSIGNMENTS:
        for number, student in enumerate(STUDENTS):
            status, answered = kinds[number % len(kinds)]
            yield report_of(student, name, status, answered=answered)


def dump(url):
    """Every row of every table, as nbgrader lays them out."""
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = [*Base.metadata.sorted_tables, sqlalchemy.table("alembic_version", sqlalchemy.column("version_num"))]
        found = {table.name: sorted(map(repr, connection.execute(sqlalchemy.select(table)))) for table in tables}
    engine.dispose()
    return found


def marks(url):
    """What is known of every cell, without the rows' random names."""
    with Gradebook(url) as gradebook:
        return {
            (submission.student.id, assignment.name, grade.name): (
                grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade, grade.max_score,
            )
            for assignment in gradebook.assignments
            for submission in assignment.submissions
            for notebook in submission.notebooks
            for grade in notebook.grades
        }  # fmt: skip


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.slow, pytest.mark.nightly])])
def url(request, tmp_path):
    """An empty gradebook's address."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres")()
    return f"sqlite:///{tmp_path / 'gradebook.db'}"


@pytest.fixture
def sqlite(tmp_path):
    return f"sqlite:///{tmp_path / 'gradebook.db'}"


def nbgrader(folder, *arguments):
    """Run nbgrader in a course's folder, with the commands of this interpreter on PATH as it needs."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "JUPYTER_CONFIG_DIR": str(folder), "HOME": str(folder)}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


# --- what is written -------------------------------------------------------------------------


def test_a_class_is_read_back_by_nbgrader(url):
    reports = list(class_of_twelve())
    summary = write_gradebook(reports, ROOT, url)
    assert summary == Summary(added=24, waiting=2 * 6 * 2)  # two questions each, answered by every other student
    with Gradebook(url) as gradebook:
        assert {student.id for student in gradebook.students} == set(STUDENTS)
        assert [assignment.name for assignment in gradebook.assignments] == list(ASSIGNMENTS)
        for report in reports:
            submission = gradebook.find_submission(report.assignment, report.student)
            assert submission.score == pytest.approx(report.points)
            assert submission.max_score == report.max_points + sum(answer.max_points for answer in report.written)
            assert submission.needs_manual_grade == any(answer.answered for answer in report.written)
            assert (submission.timestamp, submission.late_submission_penalty) == (None, 0)


def test_every_exercise_is_a_cell_of_the_released_notebook(url):
    write_gradebook([report_of("amara")], ROOT, url)
    exercises = {exercise.name: exercise.total for exercise in catalogue.load("02_layers", ROOT).assignment.exercises}
    with Gradebook(url) as gradebook:
        notebook = gradebook.find_notebook("layers", "02_layers")
        cells = {cell.name: (cell.cell_type, cell.max_score) for cell in notebook.grade_cells}
        questions = {"vanishing_gradients": ("markdown", 3), "why_nonlinear": ("markdown", 2)}
        assert cells == {f"check_{name}": ("code", points) for name, points in exercises.items()} | questions
        assert {cell.name for cell in notebook.solution_cells} == set(exercises) | set(questions)
        sources = {cell.name: cell for cell in notebook.source_cells}
        assert set(sources) == set(cells) | set(exercises)
        assert sources["check_Linear"].locked
        assert sources["check_Linear"].source.startswith("check(Linear)")
        assert not sources["Linear"].locked
        assert "python3" in notebook.kernelspec


@pytest.mark.parametrize(
    ("status", "answered", "wanted"),
    [
        (Status.PASSED, True, (7.0, False, None)),
        (Status.FAILED, True, (0.0, False, None)),
        (Status.NOT_ATTEMPTED, False, (0.0, False, "No response.")),
        (Status.INCONCLUSIVE, True, (7.0, False, None)),
        (Status.BROKEN, True, (0.0, True, None)),
    ],
    ids=str,
)
def test_each_verdict_has_its_score(url, status, answered, wanted):
    auto, waits, comment = wanted
    write_gradebook([report_of("amara", status=status, answered=answered)], ROOT, url)
    found = marks(url)
    assert found["amara", "02_layers", "check_Linear"] == (auto, None, None, waits, 7.0)
    written = (None, None, None, True, 3.0) if answered else (0.0, None, None, False, 3.0)
    assert found["amara", "02_layers", "vanishing_gradients"] == written
    with Gradebook(url) as gradebook:
        for cell, text_ in (("Linear", comment), ("why_nonlinear", None if answered else "No response.")):
            assert gradebook.find_comment(cell, "layers", "02_layers", "amara").comment == text_


def test_what_is_broken_keeps_the_points_that_were_proved_and_is_shown_to_a_person(sqlite):
    right = report_of("amara")
    linear = right.exercises[0]
    broken = [msgspec.structs.replace(linear.verdicts[-1], status=Status.BROKEN, points=0.0)]
    exercises = [ExerciseResult("Linear", linear.verdicts[:-1] + broken), *right.exercises[1:]]
    summary = write_gradebook([msgspec.structs.replace(right, exercises=exercises)], ROOT, sqlite)
    auto, _, _, waits, _ = marks(sqlite)["amara", "02_layers", "check_Linear"]
    assert (auto, waits) == (pytest.approx(linear.points - linear.verdicts[-1].max_points), True)
    assert summary.waiting == 3


def test_what_a_run_left_out_is_no_zero(sqlite):
    full = report_of("amara")
    graded = [one for one in full.exercises if one.name != "train_spirals"]
    quick = msgspec.structs.replace(full, exercises=graded, capstones=False, left_out=["train_spirals"])
    write_gradebook([quick], ROOT, sqlite)
    assert marks(sqlite)["amara", "02_layers", "check_train_spirals"] == (None, None, None, True, 4.0)
    write_gradebook([full], ROOT, sqlite)
    before = dump(sqlite)
    write_gradebook([quick], ROOT, sqlite)
    assert dump(sqlite) == before
    assert marks(sqlite)["amara", "02_layers", "check_train_spirals"][0] == 4.0
    torn = msgspec.structs.replace(quick, submission_sha256="", written=[])
    write_gradebook([torn], ROOT, sqlite)
    assert marks(sqlite)["amara", "02_layers", "check_train_spirals"][0] == 4.0


def test_a_file_that_cannot_be_read_has_no_points_and_waits_for_nobody(sqlite):
    report = msgspec.structs.replace(report_of("amara", status=Status.FAILED), submission_sha256="", written=[])
    assert write_gradebook([report], ROOT, sqlite).waiting == 0
    assert {mark[0] for mark in marks(sqlite).values()} == {0.0}


def test_nbgrader_exports_what_was_written(url, tmp_path):
    reports = [report for report in class_of_twelve() if "," not in report.student and "\n" not in report.student]
    write_gradebook(reports, ROOT, url)  # nbgrader's own CSV quotes nothing
    nbgrader(tmp_path, "export", "--db", url, "--to", "grades.csv")
    with (tmp_path / "grades.csv").open(newline="") as file:
        rows = {(row["student_id"], row["assignment"]): row for row in csv.DictReader(file)}
    assert len(rows) == len(reports)
    for report in reports:
        row = rows[report.student, report.assignment]
        assert float(row["raw_score"]) == pytest.approx(report.points)
        assert float(row["max_score"]) == report.max_points + sum(answer.max_points for answer in report.written)


# --- what a person wrote ---------------------------------------------------------------------


def mark_by_hand(url):
    """Write everything that a person may: marks, credit, comments, an extension, names, a due date, a penalty."""
    with Gradebook(url) as gradebook:
        gradebook.update_or_create_assignment("02_layers", duedate=WHEN)
        gradebook.update_or_create_student("amara", first_name="Amara", last_name="Okafor", email="a@example.org")
        gradebook.grant_extension("02_layers", "amara", days=2)
        here = ("layers", "02_layers", "amara")
        for cell, mark, credit in (("vanishing_gradients", 2.5, 0.5), ("check_Linear", 6.0, None)):
            grade = gradebook.find_grade(cell, *here)
            grade.manual_score, grade.extra_credit, grade.needs_manual_grade = mark, credit, False
        gradebook.find_comment("vanishing_gradients", *here).manual_comment = "Good, but why?"
        gradebook.find_comment("Tanh", *here).auto_comment = "of another tool"
        gradebook.find_submission_notebook(*here).late_submission_penalty = 1.5
        gradebook.db.commit()


def test_the_same_reports_again_change_nothing(url):
    assert write_gradebook(class_of_twelve(), ROOT, url).added == 24
    before = dump(url)
    assert write_gradebook(class_of_twelve(), ROOT, url) == Summary(unchanged=24, waiting=24)
    assert dump(url) == before


def test_the_same_reports_again_change_nothing_that_a_person_wrote(url):
    write_gradebook(class_of_twelve(), ROOT, url)
    mark_by_hand(url)
    before = dump(url)
    assert write_gradebook(class_of_twelve(), ROOT, url) == Summary(unchanged=24, waiting=23)
    assert dump(url) == before


def test_another_score_leaves_what_a_person_wrote_and_asks_that_person(url):
    write_gradebook([report_of("amara")], ROOT, url)
    mark_by_hand(url)
    worse = report_of("amara", status=Status.FAILED, answered=False)
    assert write_gradebook([worse], ROOT, url) == Summary(changed=1, waiting=2)
    found = marks(url)
    assert found["amara", "02_layers", "check_Linear"] == (0.0, 6.0, None, True, 7.0)
    assert found["amara", "02_layers", "vanishing_gradients"] == (0.0, 2.5, 0.5, True, 3.0)
    with Gradebook(url) as gradebook:
        comments = [gradebook.find_comment(cell, "layers", "02_layers", "amara").comment for cell in ("Tanh",)]
        assert comments == ["of another tool"]
        comment = gradebook.find_comment("vanishing_gradients", "layers", "02_layers", "amara")
        assert (comment.comment, comment.auto_comment) == ("Good, but why?", "No response.")
        submission = gradebook.find_submission("02_layers", "amara")
        assert submission.late_submission_penalty == 1.5
        assert submission.extension == dt.timedelta(days=2)
        assert submission.assignment.duedate == WHEN
        assert (submission.student.last_name, submission.student.email) == ("Okafor", "a@example.org")


def test_extra_credit_alone_is_kept_and_waits_for_nobody(sqlite):
    broken = with_exercise(report_of("amara"), "Linear", Status.BROKEN)
    write_gradebook([broken], ROOT, sqlite)
    with Gradebook(sqlite) as gradebook:
        grade = gradebook.find_grade("check_Linear", "layers", "02_layers", "amara")
        grade.extra_credit, grade.needs_manual_grade = 2.0, False
        gradebook.db.commit()
    write_gradebook([broken], ROOT, sqlite)
    assert marks(sqlite)["amara", "02_layers", "check_Linear"] == (0.0, None, 2.0, False, 7.0)
    write_gradebook([report_of("amara")], ROOT, sqlite)
    assert marks(sqlite)["amara", "02_layers", "check_Linear"] == (7.0, None, 2.0, False, 7.0)


# --- when it was handed in -------------------------------------------------------------------


def stamp(folder, words, student="amara"):
    path = folder / student / "02_layers/timestamp.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(words)


@pytest.mark.parametrize("words", ["2026-03-01 08:30:00.000000 UTC\n", "2026-03-01T10:30+02:00", "2026-03-01T08:30Z"])
def test_the_time_of_handing_in_is_nbgraders(url, tmp_path, words):
    stamp(tmp_path, words)
    write_gradebook([report_of("amara"), report_of("zoe")], ROOT, url, tmp_path)
    with Gradebook(url) as gradebook:
        assert gradebook.find_submission("02_layers", "amara").timestamp == WHEN
        assert gradebook.find_submission("02_layers", "zoe").timestamp is None


@pytest.mark.parametrize("words", ["", "yesterday", "9" * 90, "\x00", "2026-99-99"])
def test_a_time_that_is_none_is_not_known(sqlite, tmp_path, words):
    stamp(tmp_path, words)
    write_gradebook([report_of("amara")], ROOT, sqlite, tmp_path)
    with Gradebook(sqlite) as gradebook:
        assert gradebook.find_submission("02_layers", "amara").timestamp is None


def test_a_pipe_in_the_place_of_the_time_holds_nobody_up(sqlite, tmp_path):
    (tmp_path / "amara/02_layers").mkdir(parents=True)
    os.mkfifo(tmp_path / "amara/02_layers/timestamp.txt")
    assert write_gradebook([report_of("amara")], ROOT, sqlite, tmp_path).added == 1


def test_work_that_was_handed_in_again_is_shown_to_whoever_marked_it(sqlite, tmp_path):
    stamp(tmp_path, "2026-03-01 08:30:00 UTC")
    write_gradebook([report_of("amara")], ROOT, sqlite, tmp_path)
    mark_by_hand(sqlite)
    assert write_gradebook([report_of("amara")], ROOT, sqlite, tmp_path).waiting == 1
    stamp(tmp_path, "2026-03-02 08:30:00 UTC")
    assert write_gradebook([report_of("amara")], ROOT, sqlite, tmp_path).waiting == 3
    assert marks(sqlite)["amara", "02_layers", "vanishing_gradients"] == (None, 2.5, 0.5, True, 3.0)
    before = dump(sqlite)
    assert write_gradebook([report_of("amara")], ROOT, sqlite, tmp_path) == Summary(unchanged=1, waiting=3)
    assert dump(sqlite) == before


# --- an assignment that nbgrader generated ---------------------------------------------------


@pytest.mark.nightly
def test_what_nbgrader_generated_is_taken_as_it_is(url, tmp_path):
    course = tmp_path / "course"
    lay_out(ROOT, ["02_layers"], course)
    nbgrader(course, "generate_assignment", "02_layers", "--db", url)
    before = dump(url)
    assert write_gradebook([report_of(student) for student in STUDENTS], ROOT / "nowhere", url).added == 12
    after = dump(url)
    for table in ("assignment", "notebook", "base_cell", "grade_cells", "solution_cells", "source_cell", "course"):
        assert after[table] == before[table]
    assert len(marks(url)) == 12 * 14

    path = course / "source/02_layers/layers.ipynb"
    notebook = path.read_text()
    assert notebook.count('"points": 7.0') == 1
    path.write_text(notebook.replace('"points": 7.0', '"points": 9.0'))
    nbgrader(course, "generate_assignment", "02_layers", "--db", url, "--force")
    (left_out,) = write_gradebook([report_of("amara")], ROOT, url).left_out
    assert "'check_Linear' is worth 9 points in the gradebook and 7 in the reports" in left_out.reason
    path.write_text(notebook)
    nbgrader(course, "generate_assignment", "02_layers", "--db", url, "--force")
    assert write_gradebook([report_of("amara")], ROOT, url).unchanged == 1


def test_nbgrader_can_generate_again_what_was_laid_out_here(url, tmp_path):
    write_gradebook([report_of("amara")], ROOT, url)
    mark_by_hand(url)
    before = dump(url)
    lay_out(ROOT, ["02_layers"], tmp_path / "course")
    nbgrader(tmp_path / "course", "generate_assignment", "02_layers", "--db", url)
    assert dump(url) == before | {"course": ["('course',)", "('default_course',)"]}


def test_cells_of_the_instructors_own_are_left_alone(sqlite):
    with Gradebook(sqlite) as gradebook:
        gradebook.add_assignment("02_layers", duedate=WHEN)
    write_gradebook([report_of("amara")], ROOT, sqlite)
    with Gradebook(sqlite) as gradebook:
        assert gradebook.find_assignment("02_layers").duedate == WHEN
        gradebook.add_grade_cell("essay", "layers", "02_layers", max_score=10, cell_type="markdown")
        gradebook.add_notebook("appendix", "02_layers")
        gradebook.add_grade_cell("drawing", "appendix", "02_layers", max_score=5, cell_type="markdown")
    write_gradebook([report_of("amara"), report_of("björn")], ROOT, sqlite)
    found = marks(sqlite)
    assert (
        found["amara", "02_layers", "essay"] == found["björn", "02_layers", "essay"] == (None, None, None, True, 10.0)
    )
    assert found["björn", "02_layers", "drawing"] == (None, None, None, True, 5.0)
    assert ("amara", "02_layers", "drawing") not in found  # nbgrader has to add it: this notebook is not one of ours


@pytest.mark.filterwarnings("ignore:Object of type <Submitted")  # nbgrader's own
def test_the_rows_of_a_new_submission_are_those_that_nbgrader_makes(sqlite):
    """Two notebooks, cells of every kind: rows by their cell, without their random names."""
    write_gradebook([report_of("amara")], ROOT, sqlite)
    with Gradebook(sqlite) as gradebook:
        gradebook.add_task_cell("project", "layers", "02_layers", max_score=4, cell_type="markdown")
        gradebook.add_notebook("appendix", "02_layers")
        gradebook.add_grade_cell("drawing", "appendix", "02_layers", max_score=5, cell_type="markdown")
        gradebook.add_solution_cell("drawing", "appendix", "02_layers")
        gradebook.add_task_cell("talk", "appendix", "02_layers", max_score=1, cell_type="markdown")
        gradebook.add_student("theirs")
        gradebook.add_submission("02_layers", "theirs")
    everything_left_out = msgspec.structs.replace(report_of("ours"), exercises=[], written=[])
    reports = [report_of("amara"), everything_left_out]  # amara's is older than the project, and shows which notebook
    assert write_gradebook(reports, ROOT, sqlite) == Summary(added=1, changed=1, waiting=3 + 15)
    rows = {}
    with Gradebook(sqlite) as gradebook:
        for student in ("ours", "theirs"):
            submission = gradebook.find_submission("02_layers", student)
            rows[student] = [columns_of(submission)]
            for notebook in submission.notebooks:
                rows[student].append((notebook.name, columns_of(notebook)))
                for row in (*notebook.grades, *notebook.comments):
                    rows[student].append((notebook.name, type(row).__name__, row.cell_id, columns_of(row)))
            rows[student].sort(key=repr)
    assert len(rows["ours"]) == 1 + 2 + (14 + 1 + 2) + (14 + 1 + 2)
    assert rows["ours"] == rows["theirs"]


def columns_of(row):
    """The values of a row's columns, except names of rows."""
    return {column.name: getattr(row, column.name) for column in row.__table__.columns if "id" not in column.name}


CURE = "Run nbgrader generate_assignment 03_losses --force, or name another gradebook."


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "UPDATE grade_cells SET max_score = 8 WHERE id = (SELECT id FROM base_cell WHERE name = 'check_Huber')",
            f"03_losses: 'check_Huber' is worth 8 points in the gradebook and 4 in the reports. {CURE}",
        ),
        (
            "UPDATE base_cell SET name = 'test_Huber' WHERE name = 'check_Huber'",
            f"03_losses has no cell 'check_Huber' in the gradebook, but the reports grade it. {CURE}",
        ),
    ],
    ids=["points", "name"],
)
def test_cells_that_do_not_fit_are_told_and_cost_their_own_reports_only(url, change, sentence):
    write_gradebook([report_of("amara"), report_of("amara", "03_losses")], ROOT, url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(change))
    engine.dispose()
    before = marks(url)
    reports = [report_of("amara", status=Status.FAILED), report_of("zoe", "03_losses"), report_of("zoe")]
    summary = write_gradebook(reports, ROOT, url)
    assert summary == Summary(added=1, changed=1, waiting=4, left_out=[LeftOut("zoe", "03_losses", sentence)])
    after = marks(url)
    assert {key[:2] for key in after} == {("amara", "02_layers"), ("amara", "03_losses"), ("zoe", "02_layers")}
    assert all(after[key] == mark for key, mark in before.items() if key[1] == "03_losses")


def test_an_assignment_without_a_released_notebook_is_left_out(sqlite, tmp_path):
    (left_out,) = write_gradebook([report_of("amara")], tmp_path, sqlite).left_out
    sentence = (
        "02_layers is not in the gradebook, and there is no notebook in assignments/02_layers to lay it out from."
    )
    assert left_out.reason.startswith(sentence)
    assert set(map(len, dump(sqlite).values())) == {0, 1}  # the course and the revision


# --- whole batches or nothing ----------------------------------------------------------------


KILLED = """
import sys, time
from pathlib import Path
import msgspec
from autograder.export import gradebook
from autograder.report import Report
gradebook.BATCH = int(sys.argv[4])
reports = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Report])
def some():
    for number, report in enumerate(reports):
        if number == int(sys.argv[3]):
            print("now", flush=True)
            time.sleep(600)
        yield report
gradebook.write_gradebook(some(), Path(sys.argv[1]), sys.argv[2])
"""


def kill(reports, url, after, batch):
    """Write reports in another process, which is killed when it asks for another one after so many."""
    command = [sys.executable, "-c", KILLED, str(ROOT), url, str(after), str(batch)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(msgspec.json.encode(reports))
        process.stdin.close()
        assert process.stdout.readline() == b"now\n"
        process.send_signal(signal.SIGKILL)


def test_a_kill_leaves_whole_batches_and_the_same_call_writes_the_rest(url):
    reports = list(class_of_twelve())
    kill(reports, url, 13, 5)
    written = {(report.student, report.assignment) for report in reports[:10]}
    assert {key[:2] for key in marks(url)} == written
    assert write_gradebook(reports, ROOT, url) == Summary(added=14, unchanged=10, waiting=24)
    assert write_gradebook(reports, ROOT, url) == Summary(unchanged=24, waiting=24)


def test_an_error_between_batches_says_what_was_written(sqlite, tmp_path, monkeypatch):
    monkeypatch.setattr(gradebook, "BATCH", 2)
    monkeypatch.setattr(database, "WAIT_S", 0.1)
    other = sqlite3.connect(tmp_path / "gradebook.db", isolation_level=None)

    def some():
        for number, student in enumerate(STUDENTS):
            if number == 5:
                other.execute("BEGIN IMMEDIATE")
            yield report_of(student)

    with pytest.raises(ExportError) as error:
        write_gradebook(some(), ROOT, sqlite)
    other.close()
    assert str(error.value).endswith(
        "Wait until it has finished, then run the same command again. "
        "4 reports were written before; the same command writes the rest."
    )
    assert {key[0] for key in marks(sqlite)} == set(STUDENTS[:4])
    assert write_gradebook(map(report_of, STUDENTS), ROOT, sqlite) == Summary(added=8, unchanged=4, waiting=24)


@pytest.mark.parametrize("after", [nightly(0), nightly(1), 13])
@pytest.mark.parametrize("there_before", [True, False], ids=["a gradebook in use", "a new gradebook"])
def test_a_kill_in_the_middle_leaves_the_gradebook_as_it_was(url, after, there_before):
    if there_before:
        write_gradebook([report_of("amara", status=Status.FAILED)], ROOT, url)
        mark_by_hand(url)
        before = dump(url)
    reports = list(class_of_twelve())
    kill(reports, url, after, 100)
    if there_before:
        assert dump(url) == before
    else:
        assert marks(url) == {}
    write_gradebook(reports, ROOT, url)
    if not there_before:
        assert write_gradebook(reports, ROOT, url) == Summary(unchanged=24, waiting=24)
        assert {key: mark[0] for key, mark in marks(url).items() if key[2].startswith("check_")} == {
            (report.student, report.assignment, f"check_{exercise.name}"): exercise.points
            for report in reports
            for exercise in report.exercises
        }


def test_reports_that_end_in_an_error_leave_nothing(url):
    def some():
        yield report_of("amara")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_gradebook(some(), ROOT, url)
    assert marks(url) == {}


def test_two_writers_take_turns(url):
    write_gradebook([report_of("amara")], ROOT, url)
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(write_gradebook(class_of_twelve(), ROOT, url))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.added for answer in answers) == [0, 0, 23]
    assert write_gradebook(class_of_twelve(), ROOT, url).unchanged == 24


TOGETHER = """
import sys
from pathlib import Path
from autograder.export import gradebook
from tests.autograder.export.test_gradebook import report_of
gradebook.BATCH = 4
reports = [report_of(f"student {number}") for number in range(int(sys.argv[3]), int(sys.argv[4]))]
print("ready", flush=True)
sys.stdin.readline()
print(gradebook.write_gradebook(reports, Path(sys.argv[1]), sys.argv[2]))
"""


def test_two_graders_at_once_both_finish(url):
    """Two processes, students 0 to 39 and 20 to 59, into a gradebook that neither has seen."""
    command = [sys.executable, "-c", TOGETHER, str(ROOT), url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": ROOT, "text": True}
    both = [subprocess.Popen([*command, *ends], **pipes) for ends in (("0", "40"), ("20", "60"))]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=60)[0].split(" new, 0 changed, ") for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(int(words[0]) for words in told) == 60
    assert sum(int(words[1].split(" ")[0]) for words in told) == 20
    rows = dump(url)
    assert len(rows["student"]) == len(rows["submitted_assignment"]) == len(rows["submitted_notebook"]) == 60
    assert len(rows["grade"]) == len(marks(url)) == 60 * 14
    assert len(rows["comment"]) == 60 * 14
    once = write_gradebook([report_of(f"student {number}") for number in range(60)], ROOT, url)
    assert once == Summary(unchanged=60, waiting=120)
    assert dump(url) == rows


@pytest.mark.slow
def test_a_row_that_another_program_adds_meanwhile_is_taken_up(postgres):
    """nbgrader does not wait for our turn: its row is there first, and the batch is written anew."""
    write_gradebook([report_of("amara")], ROOT, url := postgres())
    engine = create_engine(url)
    connection = engine.connect()
    connection.execute(text("INSERT INTO student (id, last_name) VALUES ('zoe', 'Zephyr')"))
    threading.Timer(1.0, connection.commit).start()
    assert write_gradebook([report_of("zoe")], ROOT, url).added == 1
    connection.close()
    engine.dispose()
    with Gradebook(url) as found:
        assert found.find_student("zoe").last_name == "Zephyr"
        assert found.find_submission("02_layers", "zoe").score == report_of("zoe").points


@pytest.mark.slow
def test_a_mark_that_a_person_gives_meanwhile_is_seen(postgres):
    write_gradebook([report_of("amara")], ROOT, url := postgres())
    engine = create_engine(url)
    connection = engine.connect()
    connection.execute(
        text("UPDATE grade SET manual_score = 6, needs_manual_grade = false WHERE auto_score = 7 AND cell_id = "
             "(SELECT id FROM base_cell WHERE name = 'check_Linear')")
    )  # fmt: skip
    threading.Timer(1.0, connection.commit).start()
    assert write_gradebook([report_of("amara", status=Status.FAILED)], ROOT, url).changed == 1
    connection.close()
    engine.dispose()
    assert marks(url)["amara", "02_layers", "check_Linear"] == (0.0, 6.0, None, True, 7.0)


class RefusalError(Exception):
    """As a driver raises it."""

    sqlstate = "40P01"


def test_conflicts_that_do_not_end_are_told_after_some_attempts(sqlite, tmp_path, monkeypatch):
    monkeypatch.setattr(database, "FIRST_PAUSE_S", 0.001)
    attempts = []

    def deadlock(_):
        attempts.append(1)
        raise sqlalchemy.exc.OperationalError("UPDATE grade", {}, RefusalError("deadlock detected"))

    with pytest.raises(ExportError) as error, database.open_gradebook(sqlite) as opened:
        opened.transact(deadlock)
    assert str(error.value) == (
        f"Another program changed {tmp_path / 'gradebook.db'} during each of {database.TRIES} attempts to write "
        "(deadlock). Wait until it has finished, then run the same command again."
    )
    assert len(attempts) == database.TRIES


# --- a report that cannot be written ---------------------------------------------------------


def test_a_bad_report_costs_no_other(url):
    torn = ReportError("reports/björn/02_layers.json cannot be read as a report (empty). Grade again.")
    names = ["jos?", "zoe\0", "half\ud800", "zoe", "jos?"]
    summary = write_gradebook([report_of("amara"), torn, *map(report_of, names)], ROOT, url)
    assert {key[0] for key in marks(url)} == {"amara", "jos?", "zoe"}
    assert (summary.added, len(summary.left_out)) == (3, 4)
    assert str(summary).endswith("; 6 cells wait for manual grading; 4 left out")
    assert summary.sentences() == [
        "Left out: reports/björn/02_layers.json cannot be read as a report (empty). Grade again.",
        (
            "Left out: 02_layers of 'zoe', 'half'. A database holds no name with a NUL or half a character in it. "
            "Rename the folder and grade again."
        ),
        (
            "Left out: 02_layers of 'jos?'. There are two reports of this name, but a gradebook holds one: the first "
            "is there. Rename one of the two folders and grade again."
        ),
    ]


def test_many_reasons_are_told_in_twelve_sentences_and_a_number():
    summary = Summary()
    for number in range(20):
        summary.left_out += [LeftOut(f"student {i}", "02_layers", f"reason {number}.") for i in range(5)]
    told = summary.sentences()
    assert told[11:] == [
        "Left out: 02_layers of 'student 0', 'student 1', 'student 2' and 2 more. reason 11.",
        "40 more left out.",
    ]


def refuse_in(tmp_path, *names):
    """Make the database itself refuse these students, as by a constraint that somebody added."""
    with sqlite3.connect(tmp_path / "gradebook.db") as connection:
        for number, name in enumerate(names):
            connection.execute(
                f"CREATE TRIGGER refuse{number} BEFORE INSERT ON student WHEN NEW.id = '{name}' "
                "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
            )
    connection.close()


def test_what_only_the_database_refuses_costs_its_own_report(sqlite, tmp_path):
    write_gradebook([], ROOT, sqlite)
    refuse_in(tmp_path, "学生 7", "学生 8", "学生 29")
    names = [f"学生 {number}" for number in range(30)]
    summary = write_gradebook(map(report_of, names), ROOT, sqlite)
    assert (summary.added, summary.waiting) == (27, 54)
    assert [one.student for one in summary.left_out] == ["学生 7", "学生 8", "学生 29"]
    assert {key[0] for key in marks(sqlite)} == set(names) - {"学生 7", "学生 8", "学生 29"}
    assert summary.sentences() == [
        (
            f"Left out: 02_layers of '学生 7', '学生 8', '学生 29'. The gradebook {tmp_path / 'gradebook.db'} refuses "
            "this report (not this one). Check the student's name and the points in the report, and grade again."
        )
    ]


@pytest.mark.slow
def test_a_value_that_the_server_refuses_costs_its_own_report(postgres, monkeypatch):
    monkeypatch.setattr(gradebook, "_is_text", lambda _: True)
    summary = write_gradebook(map(report_of, ["amara", "b\0b", "zoe"]), ROOT, url := postgres())
    assert {key[0] for key in marks(url)} == {"amara", "zoe"}
    (one,) = summary.left_out
    assert one.student == "b\0b"
    assert "NUL (0x00) bytes" in one.reason


@pytest.mark.nightly
def test_memory_stays_flat(sqlite, monkeypatch):
    monkeypatch.setattr(gradebook, "BATCH", 10)
    held = []

    def some():
        for number in range(80):
            if number % 10 == 0:
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
            yield report_of(f"student {number}")

    tracemalloc.start()
    write_gradebook(some(), ROOT, sqlite)
    tracemalloc.stop()
    early, late = held[2], held[-1]  # twenty reports are past, and seventy; fifty weigh 1.8 MB
    assert late - early < 300_000


# --- a gradebook that cannot be written ------------------------------------------------------


def told(url):
    """The sentence, which the check beforehand also gives."""
    with pytest.raises(ExportError) as beforehand:
        database.check_gradebook(url)
    with pytest.raises(ExportError) as found:
        write_gradebook([report_of("amara")], ROOT, url)
    assert str(beforehand.value) == str(found.value)
    assert "\n" not in str(found.value)
    return str(found.value)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (
            "gradebook.db",
            "'gradebook.db' is not the address of a database. Use sqlite:///gradebook.db or postgresql://",
        ),
        (
            "sqlite:///{}/new/gradebook.db",
            "There is no folder {}/new for the gradebook. Create it, or name another place.",
        ),
        ("sqlite:///{}", "{} is a folder. Name a file for the gradebook: sqlite:///{}/gradebook.db."),
        ("sqlite://", "The gradebook's address names no file, so nothing would be stored. Use sqlite:///"),
        ("sqlite:///:memory:", "The gradebook's address names no file, so nothing would be stored."),
        ("mysql://amara@db/grades", "A gradebook must be in SQLite or PostgreSQL, not in 'mysql'. Use sqlite:///"),
        ("", "'' is not the address of a database."),
        ("postgresql://db:port/x", "'postgresql://db:port/x' is not the address of a database."),
    ],
)
def test_an_invalid_address_is_reported(tmp_path, address, sentence):
    assert told(address.format(tmp_path)).startswith(sentence.format(tmp_path, tmp_path))


def test_a_file_that_is_not_a_database_is_reported(sqlite, tmp_path):
    (tmp_path / "gradebook.db").write_bytes(b"assignment,student_id\n" * 100)
    sentence = f"The gradebook {tmp_path / 'gradebook.db'} cannot be used (file is not a database). Check the file"
    assert told(sqlite).startswith(sentence)


def test_the_database_of_another_program_is_reported(sqlite, tmp_path):
    with sqlite3.connect(tmp_path / "gradebook.db") as connection:
        connection.execute("CREATE TABLE users (name TEXT)")
    connection.close()
    assert told(sqlite).endswith("holds tables, but not nbgrader's. Name a separate database for the gradebook.")


def test_a_gradebook_of_another_version_is_reported(url):
    write_gradebook([report_of("amara")], ROOT, url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '167914646830'"))
    engine.dispose()
    assert "was laid out by another version of nbgrader (167914646830 there, " in told(url)


def test_a_gradebook_that_may_not_be_written_is_reported(sqlite, monkeypatch):
    write_gradebook([report_of("amara")], ROOT, sqlite)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anything
    assert told(sqlite).endswith("gradebook.db cannot be written. Check who may write it, or name another place.")


def test_without_nbgrader_the_extra_is_named(sqlite, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbgrader", None)
    assert told(sqlite) == "The gradebook is nbgrader's: install the extra dlkit-course[course]."


@pytest.mark.parametrize(("dialect", "driver"), [("postgresql", "psycopg"), ("postgresql+psycopg2", "psycopg2")])
def test_without_the_driver_it_is_named(monkeypatch, dialect, driver):
    monkeypatch.setitem(sys.modules, driver, None)
    sentence = told(f"{dialect}://amara:secret@db/grades")
    assert sentence == (
        f"{dialect}://amara:***@db/grades needs the driver {driver}, which is not installed. "
        "Install the extra dlkit-course[postgres] and use postgresql+psycopg://."
    )


def test_an_address_is_shown_without_its_password():
    assert database.shown("postgresql://amara:secret@db/grades?password=secret") == "postgresql://amara:***@db/grades"
    assert database.shown("sqlite:///gradebook.db") == "sqlite:///gradebook.db"


def test_no_command_of_another_package_is_needed(sqlite, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    write_gradebook([report_of("amara")], ROOT, sqlite)
    assert dump(sqlite)["alembic_version"] == [repr((database._migrations().get_current_head(),))]


def test_a_gradebook_is_laid_out_as_nbgrader_does_it(url, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    theirs = f"sqlite:///{tmp_path / 'theirs.db'}"
    Gradebook(theirs).close()
    write_gradebook([], ROOT, url)
    assert dump(url) == dump(theirs)


def test_a_locked_file_is_waited_for_and_then_told(sqlite, tmp_path, monkeypatch):
    write_gradebook([report_of("amara")], ROOT, sqlite)
    monkeypatch.setattr(database, "WAIT_S", 0.1)
    other = sqlite3.connect(tmp_path / "gradebook.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    assert told(sqlite) == (
        f"{tmp_path / 'gradebook.db'} is locked: another program has been writing to it for 0.1 s. "
        "Wait until it has finished, then run the same command again."
    )
    monkeypatch.setattr(database, "WAIT_S", 30)
    threading.Timer(0.3, other.rollback).start()
    assert write_gradebook([report_of("zoe")], ROOT, sqlite).added == 1
    other.close()


@pytest.mark.slow
def test_an_unreachable_server_or_a_missing_database_is_reported(postgres, tmp_path):
    url = make_url(postgres())
    missing = url.set(database="nowhere").render_as_string()
    sentence = told(missing)
    assert sentence.startswith("The gradebook postgresql://grader@/nowhere cannot be used (connection failed: ")
    assert 'database "nowhere" does not exist' in sentence
    assert sentence.endswith("Check the address and whether the server is running; createdb creates a database.")
    assert "No such file or directory" in told(url.set(query={"host": str(tmp_path)}).render_as_string())


@pytest.mark.slow
def test_a_database_that_cannot_store_every_name_is_reported(postgres):
    sentence = told(postgres("--encoding", "LATIN1", "--locale", "C"))
    assert "is encoded in LATIN1, which cannot hold every name. Create it with createdb --encoding UTF8" in sentence


@pytest.mark.slow
def test_a_name_that_is_too_long_for_a_server_is_reported(postgres, sqlite):
    name = "學" * 129
    summary = write_gradebook([report_of("amara"), report_of(name), report_of("zoe")], ROOT, url := postgres())
    reason = "The gradebook allows names of 128 characters, and this one has 129. Rename the folder and grade again."
    assert summary == Summary(added=2, waiting=4, left_out=[LeftOut(name, "02_layers", reason)])
    assert {key[0] for key in marks(url)} == {"amara", "zoe"}
    assert write_gradebook([report_of(name)], ROOT, sqlite).added == 1


@pytest.mark.slow
def test_another_writer_on_a_server_is_waited_for_and_then_told(postgres, monkeypatch):
    write_gradebook([report_of("amara")], ROOT, url := postgres())
    monkeypatch.setattr(database, "WAIT_S", 1)
    with database._engine(make_url(url)) as engine, engine.begin():
        assert told(url).startswith("postgresql://grader@/gradebook")
        assert "is locked: another program has been writing to it for 1 s" in told(url)


# --- the command -----------------------------------------------------------------------------


def hand_in(course, folder, student, *swap):
    source = (course / "solutions/02_layers/layers.py").read_text()
    path = folder / student / "02_layers/layers.py"
    path.parent.mkdir(parents=True)
    path.write_text(source.replace(*swap) if swap else source)


def test_a_class_is_graded_into_the_gradebook(small_course, tmp_path, capsys, url):
    folder = tmp_path / "in"
    for student, *swap in (("amara",), ("björn", "dx = 1 - dx", "dx = 1 + dx"), ("O'Neil, 學生",)):
        hand_in(small_course, folder, student, *swap)
    stamp(folder, "2026-03-01 08:30:00 UTC")
    options = ["--out", str(tmp_path / "out"), "--course", str(small_course), "--isolation", "none", "--seed", "7"]
    assert main(["grade", str(folder), *options, "--jobs", "1", "--gradebook", url]) == 0
    assert "Gradebook: 3 new, 0 changed, 0 unchanged; 0 cells wait for manual grading." in capsys.readouterr().out
    reports = {entry.student: read_report(tmp_path / f"out/reports/{entry.student}/02_layers.json")
               for entry in discover(folder, small_course)}  # fmt: skip
    with Gradebook(url) as gradebook:
        scores = {student.id: student.score for student in gradebook.students}
        assert gradebook.find_submission("02_layers", "amara").timestamp == WHEN
    assert scores == {student: pytest.approx(report.points) for student, report in reports.items()}
    assert scores["amara"] == 5.0 > scores["björn"]
    before = dump(url)
    assert main(["grade", str(folder), *options, "--jobs", "1", "--gradebook", url]) == 0
    assert "Gradebook: 0 new, 0 changed, 3 unchanged" in capsys.readouterr().out
    assert dump(url) == before
    assert main(["export", "gradebook", str(tmp_path / "out"), "--to", url, "--course", str(small_course)]) == 0
    assert ": 0 new, 0 changed, 3 unchanged; 0 cells wait for manual grading." in capsys.readouterr().out
    assert dump(url) == before


def test_commands_name_what_was_left_out_and_end_with_status_1(small_course, sqlite, tmp_path, capsys):
    for student in ("amara", "zoe"):
        hand_in(small_course, tmp_path / "in", student)
    write_gradebook([], ROOT, sqlite)
    refuse_in(tmp_path, "zoe")
    out = tmp_path / "out"
    course = ["--course", str(small_course)]
    options = [*course, "--isolation", "none", "--seed", "7", "--jobs", "1"]
    sentence = "Left out: 02_layers of 'zoe'. The gradebook "

    assert main(["grade", str(tmp_path / "in"), "--out", str(out), *options, "--gradebook", sqlite]) == 1
    told = capsys.readouterr().out
    assert "Gradebook: 1 new, 0 changed, 0 unchanged; 0 cells wait for manual grading; 1 left out." in told
    assert sentence in told

    parts = [str(tmp_path / f"part{number}") for number in (1, 2)]
    for number, part in enumerate(parts, 1):
        assert main(["grade", str(tmp_path / "in"), "--out", part, *options, "--part", f"{number}/2"]) == 0
    assert main(["merge", *parts, "--out", str(tmp_path / "whole"), *course, "--gradebook", sqlite]) == 1
    assert sentence in capsys.readouterr().out

    (out / "reports/zoe/02_layers.json").write_text("{")
    assert main(["export", "gradebook", str(out), "--to", sqlite, *course]) == 1
    told, err = capsys.readouterr()
    assert ": 0 new, 0 changed, 1 unchanged; 0 cells wait for manual grading; 1 left out." in told
    assert f"Left out: {out / 'reports/zoe/02_layers.json'} cannot be read as a report" in told
    assert err == ""


def test_a_run_says_where_the_hand_ins_are(tmp_path):
    assert submissions_of(tmp_path) is None
    for words in ("{", "[]", "{}", '{"submissions": 7}', '{"submissions": "/nowhere"}'):
        (tmp_path / "run.json").write_text(words)
        assert submissions_of(tmp_path) is None
    (tmp_path / "run.json").write_text(msgspec.json.encode({"submissions": str(tmp_path)}).decode())
    assert submissions_of(tmp_path) == tmp_path


def test_an_invalid_address_is_reported_before_anything_is_graded(small_course, tmp_path, capsys):
    hand_in(small_course, tmp_path / "in", "amara")
    address = f"sqlite:///{tmp_path}/new/gradebook.db"
    command = ["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--course", str(small_course)]
    assert main([*command, "--gradebook", address]) == 2
    assert capsys.readouterr().err == (
        f"autograder: There is no folder {tmp_path}/new for the gradebook. Create it, or name another place.\n"
    )
    assert not (tmp_path / "out").exists()


def test_an_address_that_holds_is_not_written_to_before_the_end(sqlite, tmp_path):
    database.check_gradebook(sqlite)
    assert list(tmp_path.iterdir()) == []
