import pytest

from autograder.render.html import leaderboard_page
from autograder.report import ExerciseResult, Footprint, Status, Timing
from autograder.submission.pseudonym import LONGEST, pseudonym_in
from dlkit.extraction import extract
from tests.autograder.render.conftest import HOSTILE, report_of, verdict


def timed(name, ratio, *, against="frozen", correct=Status.PASSED, status=Status.PASSED):
    figures = Timing(ratio, 0.8, [ratio], against=against)
    return ExerciseResult(name, [verdict("result", correct), verdict("fast", status, "speed", measurement=figures)])


def small(name, ratio):
    figures = Footprint(ratio, 0.8, 100, 100, against="frozen")
    return ExerciseResult(name, [verdict("result"), verdict("little memory", part="memory", measurement=figures)])


def student(pseudonym, *exercises, name="Ada Lovelace"):
    return report_of(name, exercises, pseudonym=pseudonym)


def places(page_of, *reports):
    """The columns, and every row: place, pseudonym, mean, ratios."""
    return page_of(leaderboard_page("14", list(reports))).words.partition("Mean ")[2].partition(" Listed is")[0]


def test_only_who_asked_for_it_is_listed_and_only_by_pseudonym(page_of):
    asked, silent = student("fast fox", timed("conv", 0.25)), student("", timed("conv", 0.1), name="Grace Hopper")
    page = page_of(leaderboard_page("14", [silent, asked])).words
    assert "1 fast fox 0.25 × 0.25 ×" in page
    assert not any(name in page for name in ("Ada", "Grace", "0.10"))


def test_nobody_asked_means_no_page():
    assert leaderboard_page("14", [student("", timed("conv", 0.1))]) == ""
    assert leaderboard_page("14", [student("fast fox", timed("conv", 0.1, against="reference"))]) == ""


def test_more_exercises_come_first_then_the_smaller_geometric_mean_and_equal_ones_share_a_place(page_of):
    rows = places(
        page_of,
        student("one", timed("conv", 0.01)),
        student("slow", timed("conv", 0.8), timed("adam", 0.8)),
        student("also slow", timed("conv", 0.8), timed("adam", 0.8)),
        student("quick", timed("conv", 0.5), timed("adam", 0.3)),
    )
    assert rows == (
        "conv time adam time 1 quick 0.39 × 0.50 × 0.30 × 2 also slow 0.80 × 0.80 × 0.80 × 2 slow 0.80 × 0.80 × 0.80 × "
        "4 one 0.01 × 0.01 × –"
    )


def test_time_and_memory_are_columns_of_their_own(page_of):
    page = page_of(leaderboard_page("14", [student("a", timed("conv", 0.5), small("adam", 0.25))])).words
    assert "Mean conv time adam memory 1 a 0.35 × 0.50 × 0.25 ×" in page


def test_code_that_is_wrong_is_not_fast(page_of):
    wrong = student("cheat", timed("conv", 0.01, correct=Status.FAILED), timed("adam", 0.5))
    too_slow = student("plain", timed("conv", 1.2, status=Status.FAILED))
    assert places(page_of, wrong, too_slow) == "conv time adam time 1 cheat 0.50 × – 0.50 × 2 plain 1.20 × 1.20 × –"


@pytest.mark.parametrize("kind", [kind for kind, text in HOSTILE.items() if text])
def test_a_pseudonym_is_shown_as_text(kind):
    page = leaderboard_page("14", [student(HOSTILE[kind], timed("conv", 0.5))])
    assert "0.50" in page
    assert not any(text in page for text in ("<script", "<img", "49"))


@pytest.mark.parametrize(
    ("source", "pseudonym"),
    [
        ("x = 1", ""),
        ('LEADERBOARD_NAME = ""', ""),
        ('LEADERBOARD_NAME = "fast fox"', "fast fox"),
        ('LEADERBOARD_NAME = "first"\nLEADERBOARD_NAME = "last"', "last"),
        ('LEADERBOARD_NAME = open("/etc/passwd").read()', ""),
        ("LEADERBOARD_NAME = 7", ""),
        ('LEADERBOARD_NAME = "one"; import os', "one"),
        ('if True: LEADERBOARD_NAME = "within"', ""),
        ('LEADERBOARD_NAME: str = "typed"', "typed"),
        ('LEADERBOARD_NAME = " two\\n\\u202elines "', "two lines"),
        (f'LEADERBOARD_NAME = "{"a" * 99}"', "a" * LONGEST),
        ('for LEADERBOARD_NAME in ("a", "b"): pass', ""),
    ],
)
def test_a_pseudonym_is_read_and_never_computed(tmp_path, source, pseudonym):
    path = tmp_path / "performance.py"
    path.write_text(source, encoding="utf-8")
    assert pseudonym_in(extract(path)) == pseudonym
