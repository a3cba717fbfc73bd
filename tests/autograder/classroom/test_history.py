"""What a report replaced is kept, and listed per student: points before and after, and why."""

import json

import msgspec
import pytest

from autograder.classroom.finding import Entry, report_path
from autograder.classroom.history import HISTORY, changes_in
from autograder.classroom.processes import keep_report
from autograder.classroom.runs import Run
from autograder.cli import main
from autograder.report import ExerciseResult, Report, Status, Verdict
from autograder.writing import LinkedPathError, write_atomically


def result(points, student="amara", *, most=10.0, name="Linear", **more):
    verdict = Verdict("forward", "forward", Status.PASSED, points, most)
    more = {"submission_sha256": "ab", "checks_sha256": "c1", "seed": 7, "graded_at": "2026-03-01T08:00:00Z", **more}
    return Report(student=student, assignment="02_layers", exercises=[ExerciseResult(name, [verdict])], **more)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "graded"


@pytest.fixture
def grade(out):
    """Write reports as a run does."""

    def write(*reports):
        for one in reports:
            keep_report(Run("", str(out), "", 7, {}), Entry(one.student, one.assignment, ""), one, "")

    return write


def listed(out, capsys, *options):
    status = main(["changes", str(out), *options])
    printed = capsys.readouterr()
    return status, " ".join((printed.out + printed.err).split())


CHANGED = [
    ("checks", {"checks_sha256": "c2"}, "(other checks)"),
    ("hand-in", {"submission_sha256": "cd"}, "(other hand-in)"),
    ("seed", {"seed": 8}, "(other seed)"),
    ("checks and hand-in", {"checks_sha256": "c2", "submission_sha256": "cd"}, "(other checks, other hand-in)"),
    ("nothing but the points", {}, "(the same graded again)"),
]


@pytest.mark.parametrize(("more", "why"), [case[1:] for case in CHANGED], ids=[case[0] for case in CHANGED])
def test_points_before_and_after_are_listed_with_the_reason(out, grade, capsys, more, why):
    grade(result(7.5), result(9.0, **more))
    assert listed(out, capsys) == (
        0,
        f"amara, 02_layers: 7.5 → 9 of 10 points {why}. Linear 7.5 → 9 Other points: 1 of 1 hand-in.",
    )


def test_a_report_that_says_the_same_is_no_change(out, grade, capsys):
    grade(result(7.5), result(7.5, graded_at="2026-03-02T08:00:00Z", seconds=3.0))
    assert not (out / HISTORY).exists()
    assert listed(out, capsys) == (0, "Other points: 0 of 1 hand-in.")


def test_the_last_change_is_listed_or_every_one(out, grade, capsys):
    grade(result(7.5), result(9.0, checks_sha256="c2"), result(8.0, checks_sha256="c3"), result(5.0, "bo"))
    assert "9 → 8 of 10" in listed(out, capsys)[1]
    assert "7.5 → 9" not in listed(out, capsys)[1]
    told = listed(out, capsys, "--every")[1]
    assert told.index("7.5 → 9 of 10") < told.index("9 → 8 of 10")
    assert told.endswith("Other points: 1 of 2 hand-ins.")


def test_other_maxima_and_exercises_that_came_or_went_are_listed(out, grade, capsys):
    grade(result(7.5), result(9.0, most=12.0, name="Conv2d", checks_sha256="c2"))
    assert "7.5 → 9 of 12 (before: of 10) points (other checks). Linear 7.5 → –, Conv2d – → 9" in listed(out, capsys)[1]


def test_one_student_and_one_assignment_can_be_named(out, grade, capsys):
    grade(result(7.5), result(9.0), result(1.0, "bo"), result(2.0, "bo"))
    write_atomically(out / "class.json", {"names": {"bo": "Bo Li"}})
    for options in (["--student", "bo"], ["--student", "Bo Li", "--assignment", "02_layers"]):
        told = listed(out, capsys, *options)[1]
        assert told.startswith("Bo Li, 02_layers: 1 → 2 of 10")
        assert "amara" not in told
    status, told = listed(out, capsys, "--student", "nobody")
    assert (status, "There are no reports of this student" in told) == (2, True)


def test_changes_are_printed_as_json(out, grade, capsys):
    grade(result(7.5), result(9.0, checks_sha256="c2"))
    assert main(["changes", str(out), "--json"]) == 0
    [change] = json.loads(capsys.readouterr().out)["changes"]
    assert (change["before"]["points"], change["after"]["points"], change["why"]) == (7.5, 9.0, ["checks"])


def test_a_history_that_cannot_be_read_is_named_and_the_report_stays(out, grade, capsys):
    grade(result(7.5))
    write_atomically(out / HISTORY / "amara" / "02_layers.json", "[")
    status, told = listed(out, capsys)
    assert (status, "Delete that file: only earlier points are lost." in told) == (2, True)


def test_a_history_is_not_written_through_a_link(out, grade, tmp_path):
    grade(result(7.5))
    (tmp_path / "elsewhere").mkdir()
    (out / HISTORY).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LinkedPathError):
        grade(result(9.0))
    assert list((tmp_path / "elsewhere").iterdir()) == []
    report = report_path(out, Entry("amara", "02_layers", ""))
    assert msgspec.json.decode(report.read_bytes(), type=Report).points == 7.5


def test_the_first_report_has_no_history(out, grade):
    grade(result(7.5))
    assert changes_in(out, [Entry("amara", "02_layers", "")]) == []


def test_points_that_stay_the_same_with_other_checks_are_counted_and_not_listed(out, grade, capsys):
    grade(result(7.5), result(7.5, checks_sha256="c2"))
    assert listed(out, capsys)[1] == "Other points: 0 of 1 hand-in. Graded again with the same points: 1."
    assert listed(out, capsys, "--every")[1].startswith("amara, 02_layers: 7.5 → 7.5 of 10 points (other checks).")
