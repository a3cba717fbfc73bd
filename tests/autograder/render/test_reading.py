import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autograder.render import reading
from autograder.render.measured import slow_to_grade
from autograder.render.mistakes import common_mistakes, personal_mistake
from autograder.render.reading import (
    ascii_fallback,
    clean,
    findings,
    number,
)
from autograder.report import ExerciseResult, Footprint, Status, Timing


def test_cleaned_text_is_one_line_of_bounded_length_without_control_characters(hostile):
    text = clean(hostile)
    assert len(text) <= 600
    assert all(unicodedata.category(char)[0] != "C" for char in text)
    text.encode()
    assert clean(text) == text


def test_an_escape_sequence_leaves_nothing_behind():
    assert clean("before\x1b[31mred\x1b[0m\x1b]0;title\x07 after\x1b") == "beforered after"


@pytest.mark.parametrize(
    "name", ["José Álvarez", "山田 太郎", "Łukasz Dębski", "محمد", "می‌خواهم", "O'Brien, Séan", 'Zoë "Zo" Müller']
)
def test_names_of_every_script_stay_as_they_are(name):
    assert clean(name) == name


def test_what_is_too_long_keeps_its_beginning_and_its_end():
    text = clean("begins " + "x" * 5000 + " (cell 3, line 7)", 100)
    assert len(text) == 100
    assert text.startswith("begins")
    assert text.endswith("(cell 3, line 7)")


def test_piled_up_accents_are_thinned():
    assert len(clean("Z" + "\u0301" * 400 + "algo")) < 10


def test_an_ascii_terminal_gets_words_it_can_show():
    assert ascii_fallback("2.7 × x³, “José” ≤ Σ 山", "ascii") == '2.7 x x^3, "Jose" <= sum ?'
    assert ascii_fallback("José × 3", "latin-1") == "José × 3"
    assert ascii_fallback("José ✓", "utf-8") == "José ✓"


@pytest.mark.parametrize(("value", "text"), [(7.0, "7"), (2.5, "2.5"), (40.07, "40.07"), (0.0, "0"), (100.0, "100")])
def test_points_have_no_needless_zeros(value, text):
    assert number(value) == text


def test_a_ratio_near_its_limit_is_shown_more_exactly():
    assert Timing(2.7, 2.0, []).words == "2.7 × the reference (limit 2.0)"
    assert Timing(2.47, 2.5, []).words == "2.47 × the reference (limit 2.5)"
    assert Timing(85.6, 2.5, []).words == "86 × the reference (limit 2.5)"


def test_checks_of_one_mistake_are_one_finding(wrong):
    first, second = findings(wrong)
    assert first.checks == ["gradients match numerical differences", "gradients accumulate"]
    assert second.checks == ["fast enough"]


def test_an_estimate_says_that_it_is_one():
    assert Timing(2.7, 2.0, [2.7], estimated=True).words == "about 2.7 × the reference (limit 2.0; an estimate)"
    figures = Footprint(1.1, 2.0, 2_200_000, 2_000_000, estimated=True)
    assert figures.words == (
        "about 1.1 × the reference’s memory (2.2 MB at its peak against 2.0 MB; limit 2.0; an estimate)"
    )


def test_a_skipped_exercise_says_what_it_waits_for(make_verdict):
    skipped = ExerciseResult("Sequential", [make_verdict("a", Status.SKIPPED, sentence="waits for Linear")])
    assert [finding.sentence for finding in findings(skipped)] == ["waits for Linear"]


def test_a_mistake_counts_once_a_student(wrong, make_report):
    (count,) = common_mistakes([make_report("a", [wrong]), make_report("b", [wrong])])
    assert (count.exercise, count.mistake, count.students) == ("Conv2d", "averages the weight gradient", 2)
    assert personal_mistake(make_report("a", [wrong])) == "Conv2d averages the weight gradient"
    assert personal_mistake(make_report("a")) == ""


def test_only_what_takes_far_longer_is_slow(make_report):
    assert slow_to_grade([]) == []
    reports = [make_report(str(i)) for i in range(5)]
    assert slow_to_grade(reports) == []


def test_render_knows_nothing_of_the_autograder_but_verdicts():
    folder = Path(reading.__file__).parent
    source = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    known = set(re.findall(r"(?:from|import) (autograder[.\w]*)", source))
    assert {name for name in known if not name.startswith("autograder.render")} == {"autograder.report"}


@given(st.text(max_size=30))
@example("Ⅳ 名前 ÷ ½ é")
def test_text_in_which_nothing_is_dropped_is_cleaned_the_same_on_the_short_way(text):
    """A control character in front is dropped, and takes a text the long way."""
    assert clean(text) == clean(f"\x00{text}")
