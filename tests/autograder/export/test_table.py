"""The class as CSV, and what keeps a cell from being run."""

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.export.formula import NUMBER, STARTERS, decimal, harmless, uses_commas
from autograder.export.table import table
from tests.autograder.export.made_up import (
    HOSTILE,
    graded_folder,
    hostile_report,
    report_of,
    run_command,
    unreadable_report,
    varied_report,
)
from tests.sampling import examples

NAMES = [
    "Lovelace, Ada",
    'Grace "Amazing" Hopper',
    "Zoë Müller-Lüdenscheidt",
    "山田 太郎",
    "김철수",
    "O'Brien; Anne",
    "Åse\nTwo lines",
    "Нина",
]
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
dangerous = st.builds(
    "".join, st.lists(st.sampled_from([*STARTERS, " ", "\t", "\r", "\n", '"', ",", ";", "A1", "7", "."]))
)


def rows(content, delimiter=","):
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def test_one_row_per_student_and_one_column_per_exercise():
    header, ada, bob = rows(table([unreadable_report("bob"), varied_report("ada")]))
    assert header[:9] == [
        "student",
        "Linear",
        "Conv2d",
        "ReLU",
        "points",
        "max points",
        "bonus points",
        "why (3 by hand)",
        "how (2 by hand)",
    ]
    assert ada[:9] == ["ada", "4", "5", "2", "11", "22", "0", "answered", "empty"]
    told = dict(zip(header, ada, strict=True))
    assert (told["isolation"], told["seed"], told["not graded yet"]) == ("full", "20260", "2")
    assert bob[:6] == ["bob", "0", "", "", "0", "7"]
    assert dict(zip(header, bob, strict=True))["status"] == "unreadable"


def test_semicolons_come_with_decimal_commas():
    header, row = rows(table([varied_report("Lovelace; Ada")], semicolons=True), ";")
    assert header[0] == "student"
    assert row[0] == "Lovelace; Ada"
    assert decimal(7.25, comma=True) == "7,25"


@pytest.mark.parametrize("semicolons", [False, True])
def test_names_survive(semicolons):
    content = table([report_of(name) for name in NAMES], semicolons=semicolons)
    found = [row[0] for row in rows(content, ";" if semicolons else ",")[1:]]
    assert sorted(found) == sorted(NAMES)
    assert content.count(b"\r\n") == len(NAMES) + 1


@settings(deadline=None, max_examples=examples(80, 200))
@given(st.lists(st.one_of(texts, dangerous), min_size=1, max_size=5, unique=True))
@example(['=HYPERLINK("http://x","y")', "+1", "-2-3", "@SUM(A1)", "\tx", "\r=1", "＝1", " =1", "a;=cmd|' /C calc'!A0"])
def test_every_text_survives_but_for_an_apostrophe(names):
    read = [row[0] for row in rows(table([report_of(name) for name in names]))[1:]]
    assert len(read) == len(names)
    assert sorted(text.replace("'", "") for text in read) == sorted(name.replace("'", "") for name in names)


@settings(deadline=None, max_examples=examples(100, 500))
@given(st.one_of(texts, dangerous))
def test_nothing_that_is_written_begins_like_a_formula(text):
    safe = harmless(text)
    if NUMBER.fullmatch(text):
        assert safe == text
        return
    assert safe[:1] not in set(STARTERS) | {"\t", "\r", "\n"} or not safe
    assert safe.replace("'", "") == text.replace("'", "")
    for border in ",;\t\r\n|":  # a program that cuts elsewhere finds no formula either
        for piece in safe.split(border)[1:]:
            first = piece.lstrip(" \t\r\n\"'")[:1]
            if first and first in "=@＝＠":
                assert "'" in piece[: piece.index(first)]


@given(st.floats(-1e6, 1e6).map(lambda value: f"{value:.2f}"))
def test_numbers_stay_numbers(text):
    assert harmless(text) == text


@pytest.mark.parametrize("text", ["", "Ada", "a=b", "3-4", "7,5", "-0.5", "+1e-3", "50%", "x, -0.5", "naïve @ home"])
def test_what_is_harmless_stays(text):
    assert harmless(text) == text


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-A1", "@A1", "\t7", "＝1", " =1", "\u200b=1", "-1+1", "- Anne"])
def test_what_a_spreadsheet_would_run_does_not(text):
    assert harmless(text) == f"'{text}"


def test_decimal_commas_are_seen():
    assert uses_commas(["", "10,00", "x"])
    assert not uses_commas(["10.00", "1,000.50", "a,b"])


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_stays_in_its_cells(text):
    found = rows(table([hostile_report(text), varied_report("ada")]))
    assert len(found) == 3
    assert len({len(row) for row in found}) == 1


def test_the_command_writes_one_file_an_assignment(tmp_path):
    losses = report_of("ada").__class__(student="ada", assignment="03_losses")
    out = graded_folder(tmp_path / "graded", varied_report("ada"), losses)
    status, told, err = run_command("csv", out)
    assert (status, err) == (0, "")
    assert told == f"1 students in {out / '02_layers.csv'}.\n1 students in {out / '03_losses.csv'}.\n"
    assert rows((out / "02_layers.csv").read_bytes())[1][0] == "ada"
    status, told, _ = run_command("csv", out, "--assignment", "02", "--to", tmp_path / "x.csv", "--semicolons")
    assert status == 0
    assert rows((tmp_path / "x.csv").read_bytes(), ";")[1][0] == "ada"
