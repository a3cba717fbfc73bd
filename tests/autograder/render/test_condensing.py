"""What is kept of a report for its class's page: everything that the page shows, and little memory."""

import tracemalloc

import msgspec
import pytest
from msgspec.structs import replace

from autograder.render.condensing import Condenser
from autograder.render.html import class_page, leaderboard_page
from autograder.report import WAITS, ExerciseResult, Footprint, Growth, Problem, Report, Status, Timing
from benchmarks.pages import made_up
from tests.autograder.render.conftest import report_of, verdict


def condensed(reports):
    condenser = Condenser()
    return [condenser.condense(report) for report in reports]


@pytest.fixture
def varied(every_status, right, wrong, every_hostile):
    """Reports with whatever a class's page can show."""
    growth = Growth(2.03, 1.3, "memory", [64, 512], [1e6, 64e6], reference=1.0, reference_costs=[1e6, 8e6])
    known = {"mistake": "one, and two", "mistakes": ["one", "two"], "hint": "Two hints."}
    checks = [
        verdict("a", Status.FAILED, **known),
        verdict("b", Status.FAILED, pattern="factor 2", hint="twice too large", sentence="y is wrong"),
        verdict("c", Status.FAILED, sentence="y is wrong in 3 of 4 (x (1, 4))", heat=[[1.0, 0.0]], snippet="f(x)"),
        verdict("d", Status.SKIPPED, sentence=f"{WAITS}Linear"),
        verdict("e", Status.BROKEN, sentence="a fault"),
        verdict("f", Status.INCONCLUSIVE, "speed", sentence="close", measurement=Timing(1.98, 2.0, [1.9, 2.1])),
        verdict("g", Status.FAILED, "memory", sentence="much", measurement=Footprint(3.1, 2.0, 6_212_345, 2_000_000)),
        verdict("h", Status.FAILED, "growth", sentence="grows", measurement=growth),
        verdict("i", Status.INCONCLUSIVE, "growth", sentence="grows", measurement=growth),
        verdict("j", Status.FAILED, sentence="cell 3 does not parse"),
    ]
    waits = ExerciseResult("Waits", [verdict("a"), verdict("b", Status.SKIPPED, sentence=f"{WAITS}Linear")])
    bonus = ExerciseResult("Bonus", checks[:3], bonus=True)
    some = [
        replace(
            report_of(f"s{i}", [ExerciseResult("Tanh", checks), waits, bonus, right], tried=["open a socket"]),
            problems=[Problem("cell 3 does not parse", "cell 3")],
            seconds=float(i),
        )
        for i in range(7)
    ]
    timing = Timing(9.0, 2.0, [9.0])
    far = ExerciseResult("Linear", [verdict("fast enough", Status.FAILED, "speed", measurement=timing)])
    odd = [verdict("x", Status.FAILED, sentence=text) for text in every_hostile]
    hostile = [report_of(one.sentence, [ExerciseResult("E", [one])]) for one in odd]
    return [every_status, report_of("a", [right, wrong]), report_of("far", [far]), report_of("none"), *some, *hostile]


def test_the_page_of_condensed_reports_is_that_of_the_reports(varied):
    assert class_page("Layers", condensed(varied), {}) == class_page("Layers", varied, {})


def test_points_and_statuses_stay(varied):
    for report, kept in zip(varied, condensed(varied), strict=True):
        assert (kept.points, kept.bonus_points, kept.max_points, kept.status) == (
            report.points, report.bonus_points, report.max_points, report.status,
        )  # fmt: skip
        assert [one.status for one in kept.exercises] == [one.status for one in report.exercises]
        assert kept.student == report.student


def test_a_leaderboard_is_exact():
    figures = Timing(0.123456, 0.8, [0.1], against="frozen")
    exercise = ExerciseResult("conv", [verdict("result"), verdict("fast", measurement=figures)])
    reports = [report_of("ada", [exercise], pseudonym="fox"), report_of("bob", [exercise])]
    ratios = [report.exercises[0].verdicts[1].measurement.ratio for report in condensed(reports)]
    assert ratios == [0.123456, 0.123]
    assert leaderboard_page("x", condensed(reports)) == leaderboard_page("x", reports)


def test_equal_verdicts_are_one_object(right):
    untimed = ExerciseResult("Linear", right.verdicts[:1])
    again = [msgspec.json.decode(msgspec.json.encode(report_of(name, [untimed])), type=Report) for name in "ab"]
    one, other = condensed(again)
    assert again[0].exercises[0] is not again[1].exercises[0]
    assert one.exercises[0] is other.exercises[0]


def test_sentences_that_differ_only_in_numbers_are_kept_once():
    reports = [
        report_of(name, [ExerciseResult("Tanh", [verdict("c", Status.FAILED, sentence=f"wrong in {n} of 9 entries")])])
        for name, n in (("a", 3), ("b", 5))
    ]
    sentences = [report.exercises[0].verdicts[0].sentence for report in condensed(reports)]
    assert sentences == ["wrong in 3 of 9 entries"] * 2


def test_a_report_of_a_large_class_takes_fifteen_kilobytes():
    encoded = [msgspec.json.encode(made_up(number)) for number in range(0, 3000, 10)]
    condenser = Condenser()
    tracemalloc.start()
    kept = [condenser.condense(msgspec.json.decode(content, type=Report)) for content in encoded]
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / len(kept) <= 15_000
    assert len(encoded[0]) > 30_000
