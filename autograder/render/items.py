"""Item analysis of a class: how hard each exercise is, and how well it separates students; definitions of each figure.

The items are the exercises that count towards the maximum, scored by their points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autograder.render.mistakes import common_mistakes
from autograder.render.reading import RIGHT, nothing_handed_in, unread
from autograder.report import Report, Status

__all__ = ["FEWEST", "Item", "ItemAnalysis", "Stuck", "analysed", "cronbach_alpha", "difficulty", "item_rest"]

FEWEST = 10
"""Students from which correlations are shown: of fewer, chance decides."""
LOW, HARD, EASY = 0.2, 0.2, 0.95
"""A correlation below 0.2 is usually reviewed: Ebel & Frisbie, Essentials of Educational Measurement (1991)."""
TINY = 1e-12
MOST_MISTAKES = 3

Scores = npt.NDArray[np.float64]
"""Points, shape (students, items)."""


def difficulty(scores: Scores, most: Sequence[float]) -> Scores:
    """Mean points of each item as a share of its maximum, from 0 to 1: 1 is easy.  shape (items,).

    Crocker & Algina, Introduction to Classical and Modern Test Theory (1986), chapter 14.
    """
    return np.asarray(scores.mean(axis=0) / np.asarray(most, dtype=np.float64))


def item_rest(scores: Scores) -> Scores:
    """Pearson correlation of each item with the sum of all others; nan where either does not vary.  shape (items,).

    The item itself is left out of the sum, which would correlate with it in any case.  Crocker & Algina (1986),
    chapter 14.
    """
    rest = scores.sum(axis=1, keepdims=True) - scores
    one, other = scores - scores.mean(axis=0), rest - rest.mean(axis=0)
    spread = np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
    varies = (np.ptp(scores, axis=0) > TINY) & (np.ptp(rest, axis=0) > TINY)
    return np.where(varies, (one * other).sum(axis=0) / np.where(varies, spread, 1.0), np.nan)


def cronbach_alpha(scores: Scores) -> float:
    """Return k / (k − 1) · (1 − Σ variances of items / variance of their sum); nan where undefined.

    Cronbach, Coefficient alpha and the internal structure of tests, Psychometrika 16 (1951).
    """
    count = scores.shape[1]
    total = scores.sum(axis=1)
    if count < 2 or len(scores) < 2 or np.ptp(total) <= TINY:  # noqa: PLR2004 - variances need two
        return float("nan")
    return float(count / (count - 1) * (1 - scores.var(axis=0, ddof=1).sum() / total.var(ddof=1)))


@dataclass(frozen=True)
class Item:
    """One exercise.

    difficulty: mean share of its points; correlation: item–rest, None if unknown; flags: why to look at it;
    mistakes: the commonest, with how many students make each.
    """

    name: str
    difficulty: float
    correlation: float | None
    flags: list[str]
    mistakes: list[tuple[str, int]]


@dataclass(frozen=True)
class Stuck:
    """An exercise, and students who wrote it, have not solved it and wrote nothing after it."""

    exercise: str
    who: list[str]


@dataclass(frozen=True)
class ItemAnalysis:
    """The items of one assignment; students: how many they are computed from; left_out: how many are not.

    alpha: Cronbach's, None if unknown; too_few: whether correlations are left out, because chance would decide.
    """

    items: list[Item]
    students: int
    left_out: int
    alpha: float | None
    stuck: list[Stuck]

    @property
    def too_few(self) -> bool:
        """Whether there are too few students for correlations."""
        return self.students < FEWEST


def analysed(reports: Sequence[Report]) -> ItemAnalysis | None:
    """Analyse a class; None if nobody's work counts.

    Left out are students who handed in nothing, nothing that could be read, or an untouched stub, and those on whom
    the grader itself failed: their zeros say nothing about an exercise.
    """
    counted = [report for report in reports if _counts(report)]
    if not counted:
        return None
    largest: dict[str, float] = {}
    for report in counted:
        for result in report.exercises:
            if not result.bonus and result.max_points > 0:
                largest[result.name] = max(largest.get(result.name, 0.0), result.max_points)
    names = list(largest)
    scores = np.array([_points(report, names) for report in counted], dtype=np.float64).reshape(
        len(counted), len(names)
    )
    if not names:
        return None
    hard = difficulty(scores, [largest[name] for name in names])
    enough = len(counted) >= FEWEST
    correlations = item_rest(scores) if enough else np.full(len(names), np.nan)
    alpha = cronbach_alpha(scores) if enough else float("nan")
    mistakes = _mistakes(counted)
    items = [
        _item(name, float(share), float(r), mistakes.get(name, []), enough=enough)
        for name, share, r in zip(names, hard, correlations, strict=True)
    ]
    left = len(reports) - len(counted)
    return ItemAnalysis(items, len(counted), left, None if np.isnan(alpha) else alpha, _stuck(counted))


def _counts(report: Report) -> bool:
    broken = any(verdict.status is Status.BROKEN for result in report.exercises for verdict in result.verdicts)
    untouched = report.status is Status.NOT_ATTEMPTED
    return bool(report.exercises) and not (unread(report) or nothing_handed_in(report) or broken or untouched)


def _points(report: Report, names: Sequence[str]) -> list[float]:
    points = {result.name: result.points for result in report.exercises}
    return [points.get(name, 0.0) for name in names]


def _item(name: str, share: float, r: float, mistakes: list[tuple[str, int]], *, enough: bool) -> Item:
    flags = []
    if enough and r < 0:
        flags.append("negative: students who do well elsewhere lose points here")
    elif enough and r < LOW:
        flags.append("low: says little about the rest")
    if share < HARD:
        flags.append("hard: under a fifth of the points")
    elif share > EASY:
        flags.append("easy: nearly all points")
    return Item(name, share, None if np.isnan(r) else r, flags, mistakes)


def _mistakes(reports: Sequence[Report]) -> dict[str, list[tuple[str, int]]]:
    """The commonest mistakes of each exercise."""
    found: dict[str, list[tuple[str, int]]] = {}
    for one in common_mistakes(reports):
        those = found.setdefault(one.exercise, [])
        if len(those) < MOST_MISTAKES:
            those.append((one.mistake, one.students))
    return found


def _stuck(reports: Sequence[Report]) -> list[Stuck]:
    """Who is stuck, by exercise, the most students first."""
    found: dict[str, list[str]] = {}
    for report in reports:
        results = [result for result in report.exercises if not result.bonus]
        written = [number for number, result in enumerate(results) if result.status is not Status.NOT_ATTEMPTED]
        if not written or written[-1] == len(results) - 1:
            continue
        last = results[written[-1]]
        if last.status not in RIGHT:
            found.setdefault(last.name, []).append(report.student)
    return sorted((Stuck(name, who) for name, who in found.items()), key=lambda one: (-len(one.who), one.exercise))
