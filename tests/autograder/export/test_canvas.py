"""A gradebook downloaded from Canvas, filled."""

import codecs
import csv
import io
import os
from pathlib import Path

import pytest

from autograder.report import Verdict
from tests.autograder.export.made_up import (
    ExerciseResult,
    Status,
    graded_folder,
    report_of,
    right_report,
    run_command,
    varied_report,
)

HEADER = "Student,ID,SIS User ID,SIS Login ID,Section,Warm-up (101),Layers (102),Current Score,Final Grade"
POSTING = ",,,,,,Manual Posting,,"
POSSIBLE = "    Points Possible,,,,,10,20,(read only),(read only)"
ROWS = [
    '"Lovelace, Ada",11,S1,ada@example.org,"Section ""A"", 1",9.50,,95.0,A',
    '"Müller, Zoë",12,S2,zoe,1,8,3,80.0,B',
    "太郎 山田,13,S3,taro,1,,,,",
    '"Hopper, Grace",14,S4,grace,1,,EX,,',
    '"Student, Test",99,,,1,,,,',
]


def sheet_of(*rows, end="\r\n", mark=codecs.BOM_UTF8):
    return mark + end.join([HEADER, POSTING, POSSIBLE, *rows, ""]).encode()


def read(path, delimiter=","):
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), delimiter=delimiter))


@pytest.fixture
def fill(tmp_path):
    """Fill a sheet with these students' reports; return the command's output and the filled sheet."""

    def run(content, *reports, options=(), to="filled.csv"):
        out = graded_folder(tmp_path / "graded", *reports)
        sheet = tmp_path / "gradebook.csv"
        sheet.write_bytes(content)
        status, told, err = run_command("canvas", out, "--sheet", sheet, "--to", tmp_path / to, *options)
        return status, told, err, tmp_path / to

    return run


def points(student, earned, most=20):
    return report_of(student, [ExerciseResult("E", [Verdict("forward", "forward", Status.FAILED, earned, most)])])


def test_only_the_grades_change(fill):
    content = sheet_of(*ROWS)
    status, told, err, path = fill(content, points("ada@example.org", 17.25), points("zoe", 20))
    assert (status, err) == (0, "")
    expected = content.replace(b'1",9.50,,95.0', b'1",9.50,17.25,95.0').replace(b",8,3,80.0", b",8,20,80.0")
    assert path.read_bytes() == expected
    assert "Column 'Layers (102)': 2 of 5 rows were filled." in told
    assert "In the sheet without a report: 太郎 山田, Hopper, Grace, Student, Test." in told


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_dialects_survive(fill, end, mark):
    content = sheet_of(*ROWS, end=end, mark=mark)
    _, _, _, path = fill(content, points("taro", 5))
    assert path.read_bytes() == content.replace(b",taro,1,,,", b",taro,1,,5,")


def test_semicolons_and_decimal_commas_survive(fill):
    lines = [
        "Student;ID;SIS Login ID;Section;Layers (102)",
        "Points Possible;;;;20,00",
        '"Lovelace; Ada";1;ada;1;3,5',
        "",
    ]
    content = "\r\n".join(lines).encode()
    _, _, _, path = fill(content, points("ada", 17.25))
    assert path.read_bytes() == content.replace(b"3,5", b"17,25")


@pytest.mark.parametrize(
    "student",
    ["zoe", "ZOE", "12", "S2", "Müller, Zoë", "Zoë Müller", "zoë  müller", "Mu\u0308ller, Zoe\u0308"],
)
def test_students_are_found_by_login_number_or_name(fill, student):
    _, told, _, path = fill(sheet_of(*ROWS), points(student, 7))
    assert read(path)[4][6] == "7", told


def test_who_is_not_found_is_said(fill):
    status, told, _, path = fill(sheet_of(*ROWS), points("nobody", 7), points("ada@example.org", 6))
    assert status == 0
    assert "Not in the sheet: nobody." in told
    assert read(path)[3][6] == "6"


def test_two_rows_or_two_reports_for_one_are_left_alone(fill):
    twins = sheet_of('"Lee, Kim",1,A,kim1,1,,,,', '"Lee, Kim",2,B,kim2,1,,,,', '"Ray, Jo",3,C,jo,1,,,,')
    status, told, _, path = fill(twins, points("Kim Lee", 7), points("jo", 5), points("Jo Ray", 6))
    assert status == 0
    assert path.read_bytes() == twins
    (line,) = [line for line in told.splitlines() if line.startswith("Ambiguous")]
    assert {"Kim Lee", "Jo Ray", "jo"} == set(line.partition(": ")[2].removesuffix(".").split(", "))


def test_a_column_of_identifiers_can_be_chosen(fill):
    numbers = sheet_of('"One, A",7,x,8,1,,,,', '"Two, B",8,y,7,1,,,,')
    _, _, _, path = fill(numbers, points("8", 5), options=["--match", "ID"])
    assert [row[6] for row in read(path)[3:]] == ["", "5"]
    _, _, _, path = fill(numbers, points("8", 5))
    assert [row[6] for row in read(path)[3:]] == ["5", ""]


def test_who_is_excused_stays_so(fill):
    content = sheet_of(*ROWS)
    _, told, _, path = fill(content, points("grace", 7))
    assert path.read_bytes() == content
    assert "Excused in Canvas, left unchanged: Hopper, Grace." in told


def test_another_maximum_is_a_question(fill):
    status, told, err, path = fill(sheet_of(*ROWS), points("zoe", 12, 48))
    assert (status, told) == (2, "")
    assert "has at most 20 points, but 02_layers has 48." in err
    assert err.count("\n") == 1
    assert not path.exists()
    _, _, _, path = fill(sheet_of(*ROWS), points("zoe", 12, 48), options=["--scale"])
    assert read(path)[4][6] == "5"


def test_a_maximum_with_the_written_questions_is_the_same(fill):
    report = varied_report("zoe")  # 22 by machine, 5 by hand
    content = sheet_of(*ROWS).replace(b",10,20,", b",10,27,")
    _, _, _, path = fill(content, report)
    assert read(path)[4][6] == "11"


def test_a_name_that_is_a_formula_is_not_ours_to_change(fill):
    rows = ['"=HYPERLINK(""http://x"")",1,A,evil,1,,,,', *ROWS]
    content = sheet_of(*rows)
    _, told, _, path = fill(content, points("zoe", 2))
    assert path.read_bytes() == content.replace(b",8,3,80.0", b",8,2,80.0")
    assert "\x1b" not in told


REFUSED = {
    "no gradebook": (b"Name,Points\nAda,3\n", [], "is not a Canvas gradebook: it has no column 'Student'."),
    "no such column": (sheet_of(*ROWS), ["--column", "Losses (7)"],
                       "has no column 'Losses (7)'. Choose one with --column: 'Student',"),
    "computed": (sheet_of(*ROWS), ["--column", "Final Grade"], "Canvas computes 'Final Grade' itself."),
    "no such match": (sheet_of(*ROWS), ["--match", "E-mail"], "has no column 'E-mail'. Choose one with --match:"),
    "not there": (sheet_of(*ROWS).replace(b"Layers (102)", b"Project (102)"), [],
                  "has no column for 02_layers. Choose one with --column. Its assignments: 'Warm-up (101)', "),
    "twice": (sheet_of(*ROWS).replace(b"Warm-up", b"layers"), [], "has several columns for 02_layers."),
}  # fmt: skip


@pytest.mark.parametrize(("content", "options", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_a_sheet_without_what_is_needed_is_one_sentence(fill, content, options, sentence):
    status, told, err, path = fill(content, points("zoe", 2), options=options)
    assert (status, told) == (2, "")
    assert err.startswith("autograder: ")
    assert sentence in err
    assert err.count("\n") == 1
    assert not path.exists()


def test_the_original_is_never_written_over_unless_asked(fill, tmp_path):
    content = sheet_of(*ROWS)
    status, _, err, path = fill(content, points("zoe", 2), to="gradebook.csv")
    assert status == 2
    assert "is the sheet itself. Name another --to, or overwrite it with --in-place." in err
    assert path.read_bytes() == content
    os.link(tmp_path / "gradebook.csv", tmp_path / "linked.csv")
    (tmp_path / "pointing.csv").symlink_to(tmp_path / "gradebook.csv")
    for other in ("linked.csv", "pointing.csv"):
        out = Path(tmp_path / "graded")
        status, _, _ = run_command("canvas", out, "--sheet", tmp_path / "gradebook.csv", "--to", tmp_path / other)
        assert status == 2
    status, told, _ = run_command("canvas", tmp_path / "graded", "--sheet", tmp_path / "pointing.csv", "--in-place")
    assert status == 0, told
    assert (tmp_path / "pointing.csv").is_symlink()
    assert read(tmp_path / "gradebook.csv")[4][6] == "2"
    assert not list(tmp_path.glob(".*.part"))


def test_everybody_right_is_everybody_full(fill):
    _, _, _, path = fill(sheet_of(*ROWS), *[right_report(name, 20) for name in ("ada@example.org", "zoe", "taro")])
    assert [row[6] for row in read(path)[3:6]] == ["20", "20", "20"]
