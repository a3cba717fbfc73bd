"""The leaderboard of a class: who wants to be on it, by pseudonym, and how fast their code is."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.render.reading import RIGHT
from autograder.report import Report, Timing

__all__ = ["Leaderboard", "leaderboard"]


@dataclass(frozen=True)
class Row:
    """One pseudonym.

    ratios: by exercise, the time as a multiple of the version that all are compared with, where it was measured;
    mean: their geometric mean; place: equal for equal means over equally many exercises.
    """

    pseudonym: str
    ratios: dict[str, float]
    mean: float
    place: int = 0


@dataclass(frozen=True)
class Leaderboard:
    """Exercises in their order, rows from the fastest to the slowest; best: the smallest ratio of each exercise."""

    exercises: list[str]
    rows: list[Row]
    best: dict[str, float]


def leaderboard(reports: Sequence[Report]) -> Leaderboard | None:
    """The leaderboard of these reports; None if nobody with a measured time wants to be on one.

    Who has more exercises that are correct and measured comes first, then who is faster by the geometric mean.
    """
    measured = [(report.pseudonym, dict(_ratios(report))) for report in reports if report.pseudonym]
    rows = [Row(name, ratios, statistics.geometric_mean(ratios.values())) for name, ratios in measured if ratios]
    if not rows:
        return None
    rows.sort(key=lambda row: (*_rank(row), row.pseudonym.casefold()))
    ranks = [_rank(row) for row in rows]
    placed = [Row(row.pseudonym, row.ratios, row.mean, ranks.index(_rank(row)) + 1) for row in rows]
    order = list(dict.fromkeys(exercise.name for report in reports for exercise in report.exercises))
    exercises = [name for name in order if any(name in row.ratios for row in rows)]
    best = {name: min(row.ratios[name] for row in rows if name in row.ratios) for name in exercises}
    return Leaderboard(exercises, placed, best)


def _rank(row: Row) -> tuple[int, float]:
    return -len(row.ratios), round(row.mean, 2)


def _ratios(report: Report) -> Iterable[tuple[str, float]]:
    """Of each exercise that is correct, the time as a multiple of the frozen version's, as far as it was measured."""
    for exercise in report.exercises:
        for verdict in exercise.verdicts:
            figures = verdict.measurement
            correct = all(v.status in RIGHT for v in exercise.verdicts if v.measurement is None)
            if correct and isinstance(figures, Timing) and figures.frozen and not figures.estimated:
                yield exercise.name, max(figures.ratio, 1e-3)
