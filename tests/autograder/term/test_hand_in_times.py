"""When hand-ins arrived: recorded from what each platform leaves, kept with a run, replaced by a table."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from autograder.classroom.finding import report_path
from autograder.classroom.gradescope_export import created
from autograder.classroom.hand_in_times import HandInTime, join_times, read_stamp, read_times, record_times
from autograder.course.catalogue import UsageError
from autograder.report import NotGraded
from autograder.writing import write_atomically
from tests.autograder.classroom.conftest import *  # noqa: F403 - the fixtures of hand-ins
from tests.autograder.classroom.test_finding import METADATA
from tests.autograder.term.made_up import START, course, put, report, run
from tests.autograder.term.test_marks import marks

NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)
EARLIER = "2026-03-06T11:00:00+00:00"

# --- what is recorded ------------------------------------------------------------------------


@pytest.fixture
def recorded(found, tmp_path):
    """Find hand-ins, of which all files are of noon, and those that are named of an hour before; their times."""

    def record(files, *, assignment=None, earlier=(), packed=False, reports=()):
        everything = found(files, assignment)
        base, out = tmp_path / "in", tmp_path / "graded"
        for path in base.rglob("*"):
            of = path.relative_to(base).as_posix()
            seconds = (NOON - timedelta(hours=of in earlier)).timestamp()
            os.utime(path, (seconds, seconds))
        for one in reports:
            entry = next(entry for entry in everything.entries if entry.student == one.student)
            write_atomically(report_path(out, entry), one)
        record_times(out, base, everything.entries, ["02_layers"], packed=packed)
        return {student: found for (student, _), found in read_times(out).items()}

    return record


def test_a_file_has_its_own_time(recorded, notebook):
    assert recorded({"amara/02_layers/layers.ipynb": notebook}) == {
        "amara": HandInTime("2026-03-06T12:00:00+00:00", "file")
    }


def test_a_zip_of_one_students_has_the_time_at_which_it_arrived(recorded, notebook):
    assert recorded({"amara/02_layers.zip": {"layers.ipynb": notebook}})["amara"].at == "2026-03-06T12:00:00+00:00"


def test_times_in_a_platforms_zip_have_no_zone(recorded, notebook):
    times = recorded({"amara/02_layers/layers.ipynb": notebook}, packed=True)
    assert times == {"amara": HandInTime("2026-03-06T12:00:00", "zip")}


def test_a_zip_that_knows_no_times_gives_none(found, tmp_path, notebook):
    entries = found({"amara/layers.ipynb": notebook}).entries
    seconds = datetime(1980, 1, 1, tzinfo=UTC).timestamp()
    os.utime(tmp_path / "in/amara/layers.ipynb", (seconds, seconds))
    record_times(tmp_path / "out", tmp_path / "in", entries, ["02_layers"], packed=True)
    assert read_times(tmp_path / "out")["amara", "02_layers"] == HandInTime("", "zip", doubt="the zip holds no times")


def test_nbgrader_knows_when_it_was_submitted(recorded, notebook):
    stamp = "2026-03-05 15:58:23.948203 America/New_York"
    times = recorded({"amara/02_layers/layers.ipynb": notebook, "amara/02_layers/timestamp.txt": stamp})
    assert times == {"amara": HandInTime("2026-03-05T20:58:23+00:00", "nbgrader")}


def test_a_timestamp_that_a_student_uploaded_to_moodle_is_not_believed(recorded, notebook):
    folder = "Zoë Müller_302_assignsubmission_file_/02_layers"
    times = recorded({f"{folder}/layers.ipynb": notebook, f"{folder}/timestamp.txt": "2026-01-01 00:00:00 UTC"})
    assert [one.source for one in times.values()] == ["file"]


def test_a_timestamp_through_a_link_is_not_read(recorded, notebook, tmp_path):
    (tmp_path / "stamp").write_text("2026-01-01 00:00:00 UTC")
    (tmp_path / "in/amara/02_layers").mkdir(parents=True)
    (tmp_path / "in/amara/02_layers/timestamp.txt").symlink_to(tmp_path / "stamp")
    assert recorded({"amara/02_layers/layers.ipynb": notebook})["amara"].source == "file"


def test_a_timestamp_of_no_known_zone_is_doubted(recorded, notebook):
    times = recorded(
        {"amara/02_layers/layers.ipynb": notebook, "amara/02_layers/timestamp.txt": "2026-03-05 15:58 PST"}
    )
    assert times["amara"] == HandInTime("", "nbgrader", doubt="the time is written in an unknown form")


def test_a_clone_has_no_times(recorded, notebook):
    times = recorded({"amara/02_layers/layers.ipynb": notebook, "amara/.git/HEAD": "x"})
    assert times["amara"] == HandInTime("", "clone", doubt="the files of a clone have the time of the cloning")


def test_gradescope_knows_when_a_submission_was_created(recorded, notebook):
    files = {"submission_metadata.yml": METADATA, "submission_11/layers.ipynb": notebook}
    files["submission_12/02_layers/layers.ipynb"] = notebook
    times = recorded(files)
    assert times["0123"] == HandInTime("2026-03-01T10:00:00+00:00", "gradescope")
    assert times["zoe@example.org"] == times["0123"]  # both handed it in
    assert times["Grace Hopper"].source == "file"  # of whom the metadata has no time


def test_a_time_that_a_student_prints_is_not_gradescopes(tmp_path):
    lines = [
        "submission_11:",
        "  :results:",
        "    :created_at: 2020-01-01 00:00:00 Z",
        "  :created_at: 2026-03-01 10:00:00 Z",
    ]
    (tmp_path / "m.yml").write_text("\n".join(lines))
    assert created(tmp_path / "m.yml") == {"submission_11": "2026-03-01 10:00:00 Z"}
    assert created(tmp_path / "none.yml") == {}


def test_canvas_marks_late_files_in_their_names(recorded, notebook):
    times = recorded({"lovelaceada_LATE_12345_678901_layers.ipynb": notebook, "hopper_777_9_layers.ipynb": notebook})
    assert {student: one.late for student, one in times.items()} == {"12345": True, "777": False}
    assert {one.source for one in times.values()} == {"file"}


def test_of_several_files_the_time_is_that_of_the_one_that_was_graded(recorded, notebook):
    files = {"amara/02_layers/layers.ipynb": notebook, "amara/02_layers/layers (1).ipynb": notebook}
    graded = report("amara", 1.0, file="layers (1).ipynb")
    times = recorded(files, earlier=["amara/02_layers/layers (1).ipynb"], reports=[graded])
    assert times["amara"].at == EARLIER


def test_of_two_files_of_one_name_the_time_is_not_that_of_the_one_set_aside(recorded, notebook):
    files = {"amara/02_layers/a/layers.ipynb": notebook, "amara/02_layers/b/layers.ipynb": notebook}
    aside = [NotGraded("amara/02_layers/b/layers.ipynb", "holds the same work as layers.ipynb, which was graded.")]
    graded = report("amara", 1.0, file="layers.ipynb", set_aside=aside)
    times = recorded(files, earlier=["amara/02_layers/a/layers.ipynb"], reports=[graded])
    assert times["amara"].at == EARLIER


def test_who_handed_in_nothing_has_no_time(recorded, notebook):
    assert set(recorded({"amara/02_layers/layers.ipynb": notebook, "bo/x.txt": "x"}, assignment="02_layers")) == {
        "amara"
    }


def test_times_of_other_assignments_are_kept_and_parts_are_joined(found, tmp_path, notebook):
    entries = found({"amara/02_layers/layers.ipynb": notebook}).entries
    first, second = (
        put(tmp_path / "1", times={("amara", "03_losses"): EARLIER}),
        put(tmp_path / "2", times={"bo": EARLIER}),
    )
    record_times(first, tmp_path / "in", entries, ["02_layers"])
    assert set(read_times(first)) == {("amara", "02_layers"), ("amara", "03_losses")}
    join_times([first, second], tmp_path / "joined")
    assert set(read_times(tmp_path / "joined")) == {("amara", "02_layers"), ("amara", "03_losses"), ("bo", "02_layers")}


def test_a_record_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "times.json").write_text("[")
    with pytest.raises(UsageError, match=r"times\.json cannot be read .* Delete that file and grade again"):
        read_times(tmp_path)


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("2026-03-01 10:00:00.000000000 Z", "2026-03-01T10:00:00+00:00"),
        ("2026-03-01 10:00:00 -0800", "2026-03-01T10:00:00-08:00"),
        ("2026-03-01T10:00+05:30", "2026-03-01T10:00:00+05:30"),
        ("2026-03-01 10:00:00 UTC", "2026-03-01T10:00:00+00:00"),
        ("2026-03-01 10:00", "2026-03-01T10:00:00"),
    ],
)
def test_a_stamp_is_read_with_its_zone(text, stamp):
    assert read_stamp(text).isoformat() == stamp


@pytest.mark.parametrize(
    "text", ["", "2026-02-30 10:00", "10:00", "2026-03-01 10:00 PST", "2026-03-01 10:00 No/Where", "x" * 99]
)
def test_what_is_no_stamp_is_none(text):
    assert read_stamp(text) is None


# --- what an instructor states ---------------------------------------------------------------

LATE = START + "[late]\npercent = 10\n"
TABLES = [
    # due 23:59 in Berlin, which is 22:59 in UTC: all are late by less than a day, and keep 9 of 10
    ("plain", "id,time\namara,2026-03-07 01:00\n"),
    ("an offset", "student,time\nAmara Diop,2026-03-06 16:00 -0800\n"),
    ("Gradescope", "First Name,Last Name,SID,Submission Time\nAmara,Diop,,2026-03-07 01:00:00 +0100\n"),
    (
        "Moodle",
        'Email address,Full name,Last modified (submission)\n-,Amara Diop,"Saturday, 7 March 2026, 1:00 AM"\n',
    ),
    ("Moodle, 24 hours", 'Full name;Last modified (submission)\nAmara Diop;"Saturday, 7 March 2026, 01:00"\nBo;-\n'),
]  # fmt: skip


@pytest.mark.parametrize("text", [case[1] for case in TABLES], ids=[case[0] for case in TABLES])
def test_a_table_of_times_replaces_what_was_recorded(tmp_path, capsys, text):
    put(tmp_path / "graded", report("amara", 10.0), times={"amara": EARLIER}, names={"amara": "Amara Diop"})
    (tmp_path / "times.csv").write_text(text)
    assert run(capsys, course(tmp_path, LATE), "--times", f"02_layers={tmp_path / 'times.csv'}")[0] == 0
    assert marks(tmp_path)["amara"]["mark"] == "90"
    assert "by times.csv" in (tmp_path / "term/students/amara.html").read_text()


def test_a_table_may_be_named_in_the_course_file_and_have_a_column_of_assignments(tmp_path, capsys):
    put(tmp_path / "graded", report("amara", 10.0), times={"amara": EARLIER})
    (tmp_path / "times.csv").write_text("id,assignment,time\namara,02_layers,2026-03-08 12:00\n")
    run(capsys, course(tmp_path, "times = 'times.csv'\n" + LATE))
    assert marks(tmp_path)["amara"]["mark"] == "80"
    run(capsys, course(tmp_path, LATE.replace("[late]", "times = 'times.csv'\n[late]")))
    assert marks(tmp_path)["amara"]["mark"] == "80"


BAD_TABLES = [
    ("id,time\nnobody,2026-03-07 01:00\n", "row 2: there is no student 'nobody'."),
    ("id,time\namara,yesterday\n", "row 2: 'yesterday' is no time. Write 2026-03-06 23:52"),
    ("id,when\namara,2026-03-07\n", "has no columns of students and times among id, when."),
    ("", "is empty."),
]


@pytest.mark.parametrize(("text", "sentence"), BAD_TABLES)
def test_a_table_that_cannot_be_read_is_one_sentence(tmp_path, capsys, text, sentence):
    put(tmp_path / "graded", report("amara", 10.0))
    (tmp_path / "times.csv").write_text(text)
    status, told = run(capsys, course(tmp_path, LATE), "--times", f"02_layers={tmp_path / 'times.csv'}")
    assert (status, sentence in told) == (2, True), told


def test_a_table_without_assignments_needs_one(tmp_path, capsys):
    put(tmp_path / "graded", report("amara", 10.0))
    (tmp_path / "times.csv").write_text("id,time\namara,2026-03-07 01:00\n")
    status, told = run(capsys, course(tmp_path, LATE), "--times", tmp_path / "times.csv")
    assert (status, "or name the file as ASSIGNMENT=times.csv." in told) == (2, True)
    assert run(capsys, course(tmp_path, LATE), "--times", "nowhere.csv")[0] == 2
