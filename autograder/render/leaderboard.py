"""The leaderboard of a class: who wants to be on it, by pseudonym, and what their code costs beside a plain version."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from autograder.render.reading import RIGHT
from autograder.report import Footprint, Report, Timing

__all__ = ["Leaderboard", "leaderboard"]


FROZEN = "frozen"
COSTS = {"speed": "time", "memory": "memory"}
LEAST = 1e-3
"""A smaller ratio, as that of code without any measurable cost, counts as this."""


class Column(NamedTuple):
    """What is compared: the time or the memory of an exercise."""

    exercise: str
    cost: str


@dataclass(frozen=True)
class Row:
    """One pseudonym.

    ratios: by column, time or memory as a multiple of the frozen version's, where it was measured;
    mean: their geometric mean; place: equal for equal means over equally many columns.
    """

    pseudonym: str
    ratios: dict[Column, float]
    mean: float
    place: int = 0


@dataclass(frozen=True)
class Leaderboard:
    """Columns in the order of the exercises, rows from the cheapest to the dearest; best: the least of each column."""

    columns: list[Column]
    rows: list[Row]
    best: dict[Column, float]


def leaderboard(reports: Sequence[Report]) -> Leaderboard | None:
    """The leaderboard of these reports; None if nobody of whom something was measured wants to be on one.

    Who has more that is correct and measured comes first, then whose geometric mean is smaller.
    """
    measured = [(report.pseudonym, dict(_ratios(report))) for report in reports if report.pseudonym]
    rows = [Row(name, ratios, statistics.geometric_mean(ratios.values())) for name, ratios in measured if ratios]
    if not rows:
        return None
    rows.sort(key=lambda row: (*_rank(row), row.pseudonym.casefold()))
    ranks = [_rank(row) for row in rows]
    placed = [Row(row.pseudonym, row.ratios, row.mean, ranks.index(_rank(row)) + 1) for row in rows]
    order = list(dict.fromkeys(exercise.name for report in reports for exercise in report.exercises))
    columns = sorted({column for row in rows for column in row.ratios}, key=lambda c: (order.index(c.exercise), c.cost))
    best = {column: min(row.ratios[column] for row in rows if column in row.ratios) for column in columns}
    return Leaderboard(columns, placed, best)


def _rank(row: Row) -> tuple[int, float]:
    return -len(row.ratios), round(row.mean, 2)


def _ratios(report: Report) -> Iterable[tuple[Column, float]]:
    """Of each exercise that is correct, time and memory as multiples of the frozen version's, as far as measured."""
    for exercise in report.exercises:
        correct = all(v.status in RIGHT for v in exercise.verdicts if v.measurement is None)
        for verdict in exercise.verdicts:
            figures = verdict.measurement
            if (
                correct
                and isinstance(figures, Timing | Footprint)
                and figures.against == FROZEN
                and not figures.estimated
            ):
                yield Column(exercise.name, COSTS[figures.kind]), max(figures.ratio, LEAST)
