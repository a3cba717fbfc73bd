"""Synthetic sequences: sums of distant numbers, and dates as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from dlkit.backend import NumpyArray

__all__ = ["adding_problem", "date_pairs", "written_dates"]

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FORMATS = (
    "{day} {month} {year}",
    "{month} {day}, {year}",
    "{day}-{short}-{short_year}",
    "{number:02}/{day:02}/{year}",
    "{number}/{day}/{short_year}",
    "{weekday} {short} {day} {year}",
)


def adding_problem(count: int, length: int, *, rng: np.random.Generator) -> tuple[NumpyArray, NumpyArray]:
    """Sequences with two marked numbers and their sum: x (count, length, 2), y (count, 1), float64.

    x[:, :, 0] is uniform in [0, 1); x[:, :, 1] is 1 at one place of the first half and one of the
    second, else 0.  y is the sum of the two marked numbers; answering 1 always costs a mean squared
    error of 1/6.
    count: sequences, 0 or more.  length: 2 or more.  Raises ValueError outside of that.

    Source: Hochreiter & Schmidhuber, Long Short-Term Memory (1997), section 5.4, in the form of Le,
    Jaitly & Hinton (2015), section 4.1: one length, numbers in [0, 1), the plain sum.
    """
    if count < 0 or length < 2:  # noqa: PLR2004
        message = f"The adding problem needs a count of 0 and a length of 2 or more, not {count} and {length}."
        raise ValueError(message)
    rows = np.arange(count)
    x = np.zeros((count, length, 2))
    x[:, :, 0] = rng.random((count, length))
    first, second = rng.integers(0, length // 2, count), rng.integers(length // 2, length, count)
    x[rows, first, 1] = x[rows, second, 1] = 1
    return x, (x[rows, first, 0] + x[rows, second, 0])[:, None]


def date_pairs(
    count: int, *, first_year: int = 1900, last_year: int = 2099, rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """Dates as people write them and by ISO 8601: (["3 May 1997", …], ["1997-05-03", …]).

    Every day from 1 January of the first year to 31 December of the last is as likely; days may
    repeat.  The left strings have 10 to 17 characters, the right ones 10.
    count: pairs, 0 or more.  Years: 1000 to 9999, in order.  Raises ValueError outside of that.
    """
    if count < 0 or not 1000 <= first_year <= last_year <= 9999:  # noqa: PLR2004
        message = (
            f"date_pairs needs a count of 0 or more and years within 1000…9999, not {count}, {first_year}, {last_year}."
        )
        raise ValueError(message)
    earliest, latest = date(first_year, 1, 1).toordinal(), date(last_year, 12, 31).toordinal()
    days = [date.fromordinal(int(day)) for day in rng.integers(earliest, latest + 1, count)]
    return [f"{day.day} {_MONTHS[day.month - 1]} {day.year}" for day in days], [day.isoformat() for day in days]


def written_dates(
    count: int, *, months: Sequence[str] = _MONTHS, rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """Dates in six formats, and by ISO 8601: (["3 May 1997", "05/03/1997", …], ["1997-05-03", …]).

    The formats, each as likely: ``3 May 1997``, ``May 3, 1997``, ``3-May-97``, ``05/03/1997``, ``5/3/97`` and
    ``Sat May 3 1997``.  Where a date has numbers only, the month comes first, as in the United States.  Every day from
    1 January 1970 to 31 December 2069 is as likely, so two digits of a year are enough.  Nothing depends on the locale.
    count: pairs, 0 or more.  months: the twelve names; the short ones are their first three letters.
    Raises ValueError for a negative count, and for names whose first three letters do not tell them apart.
    """
    short = [name[:3] for name in months]
    if count < 0 or len(set(short)) != len(_MONTHS) or len(short) != len(_MONTHS):
        message = (
            f"written_dates needs a count of 0 or more, not {count}, and twelve months with different first three "
            f"letters, not {', '.join(months)}."
        )
        raise ValueError(message)
    earliest, latest = date(1970, 1, 1).toordinal(), date(2069, 12, 31).toordinal()
    days = [date.fromordinal(int(day)) for day in rng.integers(earliest, latest + 1, count)]
    formats = [_FORMATS[i] for i in rng.integers(len(_FORMATS), size=count)]
    written = [
        form.format(
            day=day.day,
            number=day.month,
            month=months[day.month - 1],
            short=short[day.month - 1],
            year=day.year,
            short_year=f"{day.year % 100:02}",
            weekday=_WEEKDAYS[day.weekday()],
        )
        for day, form in zip(days, formats, strict=True)
    ]
    return written, [day.isoformat() for day in days]
