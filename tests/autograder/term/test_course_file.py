"""``course.toml`` is read strictly: each mistake is one sentence with the place and the cure; nothing is written."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from autograder.term.course_file import read_course_file
from autograder.term.errors import UsageError
from autograder.term.writing_term import read_marking
from tests.autograder.term.made_up import START, course, put, report, run

ROOT = Path(__file__).resolve().parents[3]

BAD = [
    ("", "course.toml has no assignments. Write [assignments.02_layers]"),
    ("a = ", "is not valid TOML"),
    (START + "dew = 1", "[assignments.02_layers]: there is no key 'dew'. Did you mean 'due'?"),
    ("titel = 'x'\n" + START, "course.toml: there is no key 'titel'. Did you mean 'title'?"),
    ("[assignments.02_layers]\nweight = 1", "[assignments.02_layers] does not state due. Add due = 2026-03-06T23:59"),
    (
        "[assignments.02_layers]\ndue = '2026-03-06'",
        "[assignments.02_layers], due: expected a date without quotation marks, such as 2026-03-06T23:59:00",
    ),
    ("[assignments.02_layers]\ndue = 2026-02-30", "is not valid TOML"),
    (
        "timezone = 'Europe/Berlin'\n[assignments.02_layers]\ndue = 2026-03-29T02:30:00",
        "[assignments.02_layers], due: 2026-03-29 02:30 does not exist in Europe/Berlin",
    ),
    ("[assignments.02_layers]\ndue = 1026-03-06", "the year 1026 is outside 1990 to 2199"),
    (START + "released = 2026-03-07", "[assignments.02_layers]: it is due before it is released."),
    ("timezone = 'Berlin'\n", "course.toml, timezone: there is no time zone 'Berlin'. Name one as Europe/Berlin"),
    ("timezone = 3\n", "course.toml, timezone: expected text in quotation marks, got '3'."),
    (START + "weight = -1", "weight: expected a number from 0, got '-1'."),
    (START + "weight = nan", "weight: expected a number without quotation marks"),
    (START + "weight = true", "weight: expected a number without quotation marks"),
    (START + "weight = 0", "course.toml: all weights are 0."),
    (START + "keep = 1", "keep: expected true or false, got '1'."),
    (START + "weight = 1\n[assignments.03_losses]\ndue = 2026-04-01", "03_losses states no weight. Add weight = 1"),
    ("weights = 'points'\n" + START + "weight = 2", 'weights = "points", but 02_layers states a weight.'),
    ("weights = 'square'\n" + START, 'weights: expected "stated" or "equal" or "points", got \'square\'.'),
    ("places = 7\n" + START, "places: expected a whole number from 0 to 6, got '7'."),
    ("drop_lowest = 1.5\n" + START, "drop_lowest: expected a whole number"),
    ("scale = 0\n" + START, "scale: expected a number from 0.001"),
    ("graded = []\n" + START, "graded: expected at least one text in quotation marks"),
    ("assignments = 3\n", "course.toml, assignments: expected a table, [assignments], got '3'."),
    ("late = 10\n" + START, "course.toml, late: expected a table, [late], got '10'."),
    (START + "[late]\ngrace = 15", "course.toml, late, grace: expected text in quotation marks, got '15'."),
    (START + "[late]\ngrace = '15'", "course.toml, late, grace: expected a duration such as"),
    (START + "[late]\npercent = 101", "course.toml, late, percent: expected a number from 0 to 100, got '101'."),
    (START + "[late]\nper = 'week'", 'course.toml, late, per: expected "day" or "hour", got \'week\'.'),
    (START + "[assignments.02_layers.late]\nbudget = 2", "State budget in [late] alone."),
    (START + "[extension]\nassignment = '02_layers'", "extension: expected a list of tables, each begun by [[ext"),
    (START + "[[extension]]\nassignment = '02_layers'", "course.toml, extension 1 does not state students."),
    (
        START + "[[extension]]\nassignment = '02_layer'\nstudents = 'amara'\nuntil = 2026-03-09",
        "course.toml, extension 1: there is no assignment '02_layer'. Did you mean '02_layers'?",
    ),
    (
        START + "[[extension]]\nassignment = '02_layers'\nstudents = 'amara'\nuntil = 2026-03-05",
        "course.toml, extension 1: until is not after the due date of 02_layers.",
    ),
    (
        START + "[[void]]\nassignment = '02_layers'\nexercise = 'Linear'\ncounts = 'half'",
        'course.toml, void 1, counts: expected "full" or "out", got \'half\'.',
    ),
    (
        START + "[[void]]\nassignment = '02_layers'\nexercise = 'Linear'\ncounts = 'out'\n" * 2,
        "course.toml, void 2: Linear of 02_layers is voided twice.",
    ),
    (
        START
        + "[[void]]\nassignment = '02_layers'\nexercise = 'Linear'\ncounts = 'out'\n"
        + "[[override]]\nassignment = '02_layers'\nexercise = 'Linear'\npoints = 1",
        "course.toml, override 1: Linear of 02_layers is voided too. Keep one of the two.",
    ),
    (START + "[[override]]\nassignment = '02_layers'", "course.toml, override 1 does not state points."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), BAD)
def test_a_mistake_in_the_file_is_one_sentence(tmp_path, text, sentence):
    with pytest.raises(UsageError) as error:
        read_course_file(course(tmp_path, text))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value).replace(str(tmp_path), "")


WRONG_FOR_THE_CLASS = [
    (
        "[[excused]]\nassignment = '02_layers'\nstudents = 'amarra'",
        "excused 1: there is no student 'amarra'. Did you mean 'amara'?",
    ),
    (
        "[[void]]\nassignment = '02_layers'\nexercise = 'Liner'\ncounts = 'out'",
        "void 1: there is no exercise of 02_layers called 'Liner'. Did you mean 'Linear'?",
    ),
    (
        "[[override]]\nassignment = '02_layers'\nexercise = 'Linear'\npoints = 11",
        "override 1: Linear has 10 points, fewer than 11.",
    ),
    (
        "[[excused]]\nassignment = '02_layers'\nstudents = ['amara', 'Amara']",
        "excused 1: an earlier row already says this of Amara.",
    ),
    ("[assignments.99_nothing]\ndue = 2026-04-01", "[assignments.99_nothing]: there is no assignment '99_nothing'."),
    ("[late]\npercnt = 1", "late: there is no key 'percnt'. Did you mean 'percent'?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), WRONG_FOR_THE_CLASS)
def test_what_names_nobody_or_nothing_ends_with_status_2_and_writes_nothing(tmp_path, capsys, text, sentence):
    put(tmp_path / "graded", report("amara", 8.0), report("bo", 8.0))
    status, told = run(capsys, course(tmp_path, START + text))
    assert (status, sentence in told) == (2, True), told
    assert not (tmp_path / "term").exists()


def test_numbers_are_read_exactly(tmp_path):
    term = read_course_file(course(tmp_path, START + "weight = 0.1\n[late]\npercent = 33.3"))
    assert (term.assignments[0].weight, term.late.percent) == (Fraction(1, 10), Fraction(333, 10))


def test_without_the_course_only_a_misspelt_name_is_refused(tmp_path):
    put(tmp_path / "graded", report("amara", 8.0))
    path = course(tmp_path, START + "[assignments.40_of_another_course]\ndue = 2027-04-01")
    term = read_course_file(path)
    now = datetime(2026, 4, 1, tzinfo=UTC)
    marking, people, _ = read_marking(term, path.name, root=None, now=now)
    assert [line.state for line in marking.mark(people.persons[0]).lines] == ["counts", "not yet due"]
    term = read_course_file(course(tmp_path, "[assignments.02_layer]\ndue = 2026-04-01"))
    with pytest.raises(UsageError, match="Did you mean '02_layers'"):
        read_marking(term, path.name, root=None)
