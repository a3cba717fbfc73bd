"""Dates and durations as ``course.toml`` states them: with an offset, or in the course's time zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from autograder.term.errors import UsageError

__all__ = ["in_words", "instant", "length_in_words", "localised", "read_duration", "read_zone"]

UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
YEARS = range(1990, 2200)


def read_zone(name: str, place: str) -> ZoneInfo:
    """A time zone by its name in the tz database.  UsageError if there is none."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        message = f"{place}: there is no time zone '{name[:60]}'. Name one as Europe/Berlin, America/New_York or UTC."
        raise UsageError(message) from error


def instant(value: date, zone: ZoneInfo, place: str) -> datetime:
    """The moment that a date means, in UTC.  A date alone is the end of that day, an hour that occurs twice the later.

    value: a date, or a date and time with an offset or without.
    Raises UsageError for an hour that the clocks leave out, and for years that no course is in.
    """
    if value.year not in YEARS:
        message = f"{place}: the year {value.year} is outside {YEARS.start} to {YEARS.stop - 1}. Correct the date."
        raise UsageError(message)
    if not isinstance(value, datetime):
        value = datetime.combine(value + timedelta(days=1), time(0))
        while not _exists(value, zone):  # in some countries clocks are put forward at midnight
            value += timedelta(minutes=30)
        return value.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if value.tzinfo is not None:
        return value.astimezone(UTC)
    if not _exists(value, zone):
        after = value.replace(tzinfo=zone, fold=0).astimezone(UTC).astimezone(zone)
        message = (
            f"{place}: {value:%Y-%m-%d %H:%M} does not exist in {zone.key}, where clocks are put forward then. "
            f"Write {after:%Y-%m-%dT%H:%M:%S}, or add an offset."
        )
        raise UsageError(message)
    return value.replace(tzinfo=zone, fold=1).astimezone(UTC)


def localised(value: datetime, zone: ZoneInfo) -> datetime:
    """A recorded time in UTC: one without an offset is of ``zone``, and the earlier of an hour that occurs twice."""
    return (value if value.tzinfo is not None else value.replace(tzinfo=zone, fold=0)).astimezone(UTC)


def _exists(value: datetime, zone: ZoneInfo) -> bool:
    return value.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == value


def read_duration(text: str, place: str) -> timedelta:
    """Read ``15 minutes``, ``36 hours`` or ``3 days``.  UsageError if it is anything else."""
    found = re.fullmatch(r"\s*(\d{1,5})\s*(minute|hour|day)s?\s*", text)
    if found is None:
        message = f'{place}: expected a duration such as "15 minutes", "36 hours" or "3 days", got \'{text[:60]}\'.'
        raise UsageError(message)
    return int(found[1]) * UNITS[found[2]]


def in_words(moment: datetime, zone: ZoneInfo) -> str:
    """A moment for readers: ``2026-03-06 23:59 (UTC+01:00)``; seconds only where they are not 0.

    Midnight is 24:00 of the day that ends, which nobody takes for a day later.
    """
    local = moment.astimezone(zone)
    offset = f"{local:%z}"
    told = local.strftime("%Y-%m-%d %H:%M:%S" if local.second else "%Y-%m-%d %H:%M")
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        told = f"{local - timedelta(days=1):%Y-%m-%d} 24:00"
    return f"{told} (UTC{offset[:3]}:{offset[3:5]})"


def length_in_words(length: timedelta) -> str:
    """``2 days 3 hours``, ``41 minutes``; a length below a minute in seconds."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    counts = {"day": days, "hour": hours, "minute": minutes, "second": seconds}
    told = [f"{count} {unit}" if count == 1 else f"{count} {unit}s" for unit, count in counts.items() if count]
    return " ".join(told) or "0 seconds"
