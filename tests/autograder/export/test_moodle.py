"""A grading worksheet downloaded from Moodle, filled."""

import csv
import io

import pytest

from tests.autograder.export.made_up import (
    HOSTILE,
    graded_folder,
    hostile_report,
    report_of,
    right_report,
    run_command,
    varied_report,
)

HEADER = (
    "Identifier,Full name,ID number,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments"
)
ROWS = [
    'Participant 301,Ada Lovelace,,ada@example.org,Submitted for grading,,22.00,Yes,"Monday, 2 March 2026, 8:00 AM",-,',
    'Participant 302,Zoë Müller,20301,zoe@example.org,Submitted,5.00,22.00,Yes,-,-,"Well, ""done"""',
    "Participant 303,山田 太郎,,taro@example.org,Submitted,4.00,22.00,No,-,-,old",
    "Participant 304,=cmd|' /C calc'!A0,,evil@example.org,Submitted,,22.00,Yes,-,-,",
]


def sheet_of(*rows, header=HEADER, end="\r\n"):
    return end.join([header, *rows, ""]).encode()


def read(path, delimiter=","):
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), delimiter=delimiter))


@pytest.fixture
def fill(tmp_path):
    def run(content, *reports, options=()):
        out = graded_folder(tmp_path / "graded", *reports)
        sheet = tmp_path / "worksheet.csv"
        sheet.write_bytes(content)
        status, told, err = run_command("moodle", out, "--sheet", sheet, *options)
        return status, told, err, out / "moodle.csv"

    return run


def test_only_grades_and_feedback_change(fill):
    content = sheet_of(*ROWS)
    status, told, err, path = fill(content, varied_report("Ada Lovelace"))
    assert (status, err) == (0, "")
    before, after = read_rows(content), read(path)
    assert after[1][5] == "11"
    assert after[1][10].startswith("11 of 22 points.<br>layers.ipynb: cell 12 does not parse")
    assert "Conv2d: 5 of 8. correct, but too slow" in after[1][10]
    after[1][5] = after[1][10] = ""
    assert after == before
    assert path.read_bytes().split(b"\r\n")[2:] == content.split(b"\r\n")[2:]
    assert "Column 'Grade': 1 of 4 rows were filled." in told


def read_rows(content):
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize(
    "student",
    ["Zoë Müller", "20301", "zoe@example.org", "zoe", "Participant 302", "302", "Zoë Müller_302_assignsubmission_file"],
)
def test_students_are_found_by_whatever_the_site_shows(fill, student):
    _, told, _, path = fill(sheet_of(*ROWS), right_report(student, 22))
    assert read(path)[2][5] == "22", told


def test_a_number_at_the_end_of_a_name_is_no_number_of_a_participant(fill):
    content = sheet_of(*ROWS)
    _, told, _, path = fill(content, right_report("student 302", 22))
    assert path.read_bytes() == content
    assert "Not in the sheet: student 302." in told


def test_what_moodle_has_locked_is_left(fill):
    content = sheet_of(*ROWS)
    _, told, _, path = fill(content, right_report("taro", 22))
    assert path.read_bytes() == content
    assert "Locked in Moodle, left unchanged: 山田 太郎." in told
    assert "0 of 4 rows were filled." in told


def test_decimal_commas_and_semicolons_survive(fill):
    rows = ["Participant 1;Ada;7,50;10,00;x"]
    content = sheet_of(*rows, header="Identifier;Full name;Grade;Maximum Grade;Feedback comments")
    _, _, _, path = fill(content, varied_report("Ada"), options=["--scale"])
    assert read(path, ";")[1][2] == "5"
    content = content.replace(b"10,00", b"22,00")
    report = right_report("Ada", 22)
    half = report.exercises[0].verdicts[0]
    earned = report.exercises[0].__class__("E0", [half.__class__(half.check, half.part, "failed", 0.25, 2.0)])
    _, _, _, path = fill(content, report_of("Ada", [earned, *report.exercises[1:]]))
    assert read(path, ";")[1][2] == "20,25"


def test_other_languages_name_their_columns(fill):
    header = "Kennung,Vollständiger Name,Bewertung,Feedback als Kommentar"
    content = sheet_of("Teilnehmer/in 7,Ada Lovelace,,", header=header)
    status, _, err, path = fill(content, varied_report())
    assert status == 2
    assert "is not a Moodle grading worksheet in English" in err
    options = ["--match", "Vollständiger Name", "--column", "Bewertung", "--feedback", "Feedback als Kommentar"]
    status, _, _, path = fill(content, varied_report(), options=options)
    assert status == 0
    assert read(path)[1][2] == "11"
    assert read(path)[1][3].startswith("11 of 22 points.")


def test_a_sheet_without_feedback_gets_none(fill):
    content = sheet_of("Participant 7,Ada,", header="Identifier,Full name,Grade")
    _, told, _, path = fill(content, right_report("Ada", 22))
    assert path.read_bytes() == sheet_of("Participant 7,Ada,22", header="Identifier,Full name,Grade")
    assert "The sheet has no column for feedback, so none was written." in told


def test_a_sheet_without_grades_is_one_sentence(fill):
    status, told, err, path = fill(sheet_of("Participant 7,Ada", header="Identifier,Full name"), right_report("Ada"))
    assert (status, told) == (2, "")
    assert "has no column 'Grade'. Choose one with --column: 'Identifier', 'Full name'." in err
    assert err.count("\n") == 1
    assert not path.exists()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_feedback_is_text_in_one_cell(fill, text):
    content = sheet_of(*ROWS)
    _, _, _, path = fill(content, hostile_report(text, "zoe"), options=["--scale"])
    rows = read(path)
    assert {len(row) for row in rows} == {11}
    comment = rows[2][10]
    assert comment.startswith("0 of 4 points.<br>")
    assert "<" not in comment.replace("<br>", "")
    assert len(comment) < 4000
    assert path.read_bytes().split(b"\r\n")[3:] == content.split(b"\r\n")[3:]
