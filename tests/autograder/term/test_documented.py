"""The example of docs/course.md is a course file that is read, and shows every key."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from autograder.term import course_file
from autograder.term.course_file import Excuse, Extension, Late, Override, Planned, Void, read_course_file

ROOT = Path(__file__).resolve().parents[3]
[EXAMPLE] = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/course.md").read_text(encoding="utf-8"), re.DOTALL)
TABLES = [
    ("extension", Extension, ()),
    ("excused", Excuse, ("reason",)),
    ("override", Override, ()),
    ("void", Void, ()),
]


@pytest.fixture
def term(tmp_path):
    (tmp_path / "course.toml").write_text(EXAMPLE, encoding="utf-8")
    return read_course_file(tmp_path / "course.toml")


def names(kind):
    return {field.name for field in msgspec.structs.fields(kind)}


def test_the_example_is_read(term):
    assert [one.name for one in term.assignments] == ["02_layers", "03_losses", "13_robustness"]
    assert term.late.budget == 4
    assert term.planned("13_robustness").late.cut_off.total_seconds() == 0
    assert (len(term.extensions), len(term.excused), len(term.overrides), len(term.voided)) == (1, 1, 1, 1)


@pytest.mark.parametrize(("table", "kind", "left_out"), TABLES)
def test_the_example_shows_every_key_of_a_table(table, kind, left_out):
    [row] = tomllib.loads(EXAMPLE)[table]
    assert set(row) == names(kind) - set(left_out)


def test_the_example_shows_every_key_of_an_assignment_and_of_the_policy():
    raw = tomllib.loads(EXAMPLE)
    assert {key for one in raw["assignments"].values() for key in one} == names(Planned) - {"name"}
    assert set(raw["late"]) == names(Late)


def test_the_example_shows_every_key_of_the_course():
    several = {
        "extensions": "extension",
        "excused": "excused",
        "overrides": "override",
        "voided": "void",
        "zone": "timezone",
    }
    fields = {several.get(name, name) for name in names(course_file.Term)}
    assert set(tomllib.loads(EXAMPLE)) == fields - {"folder", "states_zone"}


def test_exercises_and_assignments_of_the_example_exist():
    raw = tomllib.loads(EXAMPLE)
    for name in raw["assignments"]:
        assert (ROOT / "solutions" / name / "assignment.py").is_file(), name
    for table in ("override", "void"):
        [row] = raw[table]
        source = (ROOT / "solutions" / row["assignment"] / "assignment.py").parent
        text = "".join(path.read_text(encoding="utf-8") for path in source.glob("*.py"))
        assert re.search(rf"^(class|def) {row['exercise']}\b", text, re.MULTILINE), row["exercise"]
