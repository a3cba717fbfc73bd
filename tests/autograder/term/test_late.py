"""What a late hand-in loses, by cases that were computed by hand."""

# ruff: noqa: DTZ001 - dates as a course file states them, without a zone

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from autograder.term.course_file import Late
from autograder.term.dates import in_words, instant, length_in_words, localised, read_duration
from autograder.term.errors import UsageError
from autograder.term.figures import exact, percent, rounded
from autograder.term.late import after_deduction, spend

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")
TEN = Late(percent=Fraction(10))
"""Ten percent of the earned points for each day."""

CASES = [
    # 18 of 20 points, ten percent of the earned 18 per day begun: 1.8 a day
    ("in time", TEN, timedelta(0), "18", ""),
    ("a second", TEN, timedelta(seconds=1), "16.2", "deduction"),  # one day has begun
    ("exactly a day", TEN, DAY, "16.2", "deduction"),
    ("a day and a second", TEN, DAY + timedelta(seconds=1), "14.4", "deduction"),
    ("ten days", TEN, 10 * DAY, "0", "deduction"),  # 18 - 10 × 1.8
    ("eleven days", TEN, 11 * DAY, "0", "floor"),  # never below 0
    # of the maximum: 2 a day
    ("of the maximum", Late(percent=Fraction(10), of="maximum"), 2 * DAY, "14", "deduction"),
    # per hour: 2.5 % of 18 = 0.45; three hours have begun
    ("per hour", Late(percent=Fraction(5, 2), per="hour"), 2 * HOUR + MINUTE, "16.65", "deduction"),
    # grace: up to it nothing, beyond it the lateness counts from the due date
    ("within the grace", Late(grace=15 * MINUTE, percent=Fraction(10)), 15 * MINUTE, "18", "grace"),
    ("beyond the grace", Late(grace=15 * MINUTE, percent=Fraction(10)), 16 * MINUTE, "16.2", "deduction"),
    # floor of 50 %: of the earned points 9, of the maximum 10
    ("floor of the earned points", Late(percent=Fraction(10), floor=Fraction(50)), 6 * DAY, "9", "floor"),
    ("floor of the maximum", Late(percent=Fraction(10), floor=Fraction(50), of="maximum"), 6 * DAY, "10", "floor"),
    # a floor of 95 % of the maximum is 19, more than was earned
    ("floor above", Late(percent=Fraction(10), floor=Fraction(95), of="maximum"), DAY, "18", "floor"),
    # cut-off: at it a deduction, above it nothing, whatever the floor
    ("at the cut-off", Late(percent=Fraction(10), cut_off=3 * DAY), 3 * DAY, "12.6", "deduction"),
    ("above the cut-off", Late(floor=Fraction(50), cut_off=3 * DAY), 3 * DAY + MINUTE, "0", "cut-off"),
    # a third of the points per day stays exact: 18 - 18/3
    ("a third", Late(percent=Fraction(100, 3)), DAY, "12", "deduction"),
]


@pytest.mark.parametrize(("late", "late_by", "left", "why"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_a_late_hand_in_keeps_what_was_computed_by_hand(late, late_by, left, why):
    found = after_deduction(Fraction(18), Fraction(20), late_by, late)
    assert (exact(found.points), found.why) == (left, why)


def test_a_floor_of_the_maximum_gives_nobody_more_than_was_earned():
    late = Late(percent=Fraction(10), of="maximum", floor=Fraction(50))
    assert after_deduction(Fraction(4), Fraction(20), DAY, late).points == 4


SPENT = [
    # 3 days late, 10 % per day: each late day saves 10 %, as far as there are any
    ("all", TEN, 3 * DAY, 5, 3),
    ("what is left", TEN, 3 * DAY, 2, 2),
    ("none left", TEN, 3 * DAY, 0, 0),
    ("at most one at once", Late(percent=Fraction(10), at_once=1), 3 * DAY, 5, 1),
    ("in time", TEN, timedelta(0), 5, 0),
    # 1 day 10 minutes with a grace of 15 minutes: one day is enough
    ("grace", Late(percent=Fraction(10), grace=15 * MINUTE), DAY + 10 * MINUTE, 5, 1),
    ("beyond the grace", Late(percent=Fraction(10), grace=5 * MINUTE), DAY + 10 * MINUTE, 5, 2),
    # cut-off of one day: 3 days late needs two days to count at all, and a third to lose nothing
    ("cut-off, in reach", Late(percent=Fraction(10), cut_off=DAY), 3 * DAY, 2, 2),
    ("cut-off, out of reach", Late(percent=Fraction(10), cut_off=DAY), 3 * DAY, 1, 0),
    # nothing is lost without a percentage, so nothing is used
    ("no deduction", Late(), 3 * DAY, 5, 0),
    # floor of 90 %: one day left would cost as much as three
    ("floor", Late(percent=Fraction(10), floor=Fraction(90)), 3 * DAY, 2, 0),
]


@pytest.mark.parametrize(("late", "late_by", "left", "used"), [case[1:] for case in SPENT], ids=[c[0] for c in SPENT])
def test_late_days_are_used_as_few_as_save_the_most(late, late_by, left, used):
    assert spend(Fraction(18), Fraction(20), late_by, late, left) == used


def test_no_late_day_is_used_for_a_hand_in_without_points():
    assert spend(Fraction(0), Fraction(20), DAY, TEN, 5) == 0


# --- dates -----------------------------------------------------------------------------------

MOMENTS = [
    # in winter Berlin is an hour ahead of UTC, in summer two
    (datetime(2026, 3, 6, 23, 59), "2026-03-06T22:59:00+00:00"),
    (datetime(2026, 7, 6, 23, 59), "2026-07-06T21:59:00+00:00"),
    (datetime.fromisoformat("2026-03-06T23:59:00-08:00"), "2026-03-07T07:59:00+00:00"),
    # a date alone is the end of that day
    (datetime(2026, 3, 6).date(), "2026-03-06T23:00:00+00:00"),
    # 02:30 occurs twice on 25 October; the later one is an hour ahead of UTC
    (datetime(2026, 10, 25, 2, 30), "2026-10-25T01:30:00+00:00"),
]


@pytest.mark.parametrize(("stated", "moment"), MOMENTS)
def test_a_date_means_a_moment(stated, moment):
    assert instant(stated, BERLIN, "due").isoformat() == moment


def test_an_hour_that_the_clocks_leave_out_is_refused_with_the_one_after():
    with pytest.raises(UsageError, match=r"02:30 does not exist in Europe/Berlin.*Write 2026-03-29T03:30:00"):
        instant(datetime(2026, 3, 29, 2, 30), BERLIN, "due")


def test_the_end_of_a_day_exists_where_clocks_are_put_forward_at_midnight():
    havana = ZoneInfo("America/Havana")  # on 8 March 2026 the hour from 00:00 to 01:00 is left out
    assert instant(datetime(2026, 3, 7).date(), havana, "due") == datetime(2026, 3, 8, 5, tzinfo=UTC)


def test_a_recorded_hour_that_occurs_twice_is_the_earlier():
    assert localised(datetime(2026, 10, 25, 2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_midnight_is_shown_as_the_end_of_a_day():
    assert in_words(datetime(2026, 3, 6, 23, tzinfo=UTC), BERLIN) == "2026-03-06 24:00 (UTC+01:00)"
    assert in_words(datetime(2026, 3, 6, 22, 59, 7, tzinfo=UTC), BERLIN) == "2026-03-06 23:59:07 (UTC+01:00)"


@pytest.mark.parametrize(
    ("text", "length"), [("15 minutes", 15 * MINUTE), ("1 hour", HOUR), ("36 hours", 36 * HOUR), (" 3 days ", 3 * DAY)]
)
def test_a_duration_has_a_number_and_a_unit(text, length):
    assert read_duration(text, "grace") == length


@pytest.mark.parametrize("text", ["15", "3 weeks", "-1 days", "1.5 hours", "", "minutes"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UsageError, match="grace: expected a duration such as"):
        read_duration(text, "grace")


def test_lengths_are_told_without_zeros():
    assert length_in_words(2 * DAY + 3 * HOUR) == "2 days 3 hours"
    assert length_in_words(DAY + MINUTE) == "1 day 1 minute"
    assert length_in_words(timedelta(seconds=1)) == "1 second"


# --- numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0", "0"),
        ("78.75", "78.75"),
        ("22/3", "7.3333…"),
        ("-1/4", "-0.25"),
        ("1/3", "0.3333…"),
        ("0.000001", "0.000001"),
    ],
)
def test_a_number_is_whole_or_says_that_it_is_cut(value, shown):
    assert exact(Fraction(value)) == shown


def test_a_share_is_shown_in_percent():
    assert percent(Fraction("63/80")) == "78.75 %"


@pytest.mark.parametrize(
    ("value", "places", "half_up"),
    [
        ("0.125", 2, "0.13"),  # round() gives 0.12
        ("2.675", 2, "2.68"),  # as a float it is below the half
        ("0.5", 0, "1"),
        ("99.995", 2, "100"),
        ("99.99499", 2, "99.99"),
    ],
)
def test_a_mark_is_rounded_half_up(value, places, half_up):
    assert exact(rounded(Fraction(value), places)) == half_up
