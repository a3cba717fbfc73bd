"""Distributions of independent draws, and bounds on how unlikely some draws are, for every sample size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from dlkit.backend import NumpyArray

__all__ = ["AllAlike", "Distribution", "Law", "Mean", "NormalMean", "Variance", "even_draw"]


MANY = 100
"""Draws whose mean is as good as normal near its centre, with a density below 1 / σ."""
POWER = 0.999
"""Probability with which a law notices what is as far off as it says, or farther."""


class Law(Protocol):
    """One property of the distribution of independently drawn numbers."""

    def chance(self, values: NumpyArray) -> float:
        """An upper bound on the probability that numbers of this law look as unlikely as these."""

    def describe(self, values: NumpyArray) -> str:
        """Describe the expected value in a few words or digits, beside what was drawn."""

    def verdict(self, values: NumpyArray) -> str:
        """What is wrong with numbers that are too unlikely, the same for every draw."""

    def measure(self, values: NumpyArray) -> float:
        """The statistic of the drawn numbers that the sentence reports."""

    def level(self) -> float:
        """The expected value of that statistic."""

    def noticed(self, count: int, chance: float) -> tuple[float, float]:
        """Levels below and above the expected one at which so many draws fail with probability ``POWER`` or more.

        chance: the bound below which they fail.
        """


@dataclass(frozen=True)
class Mean:
    """Numbers between low and high with this mean; for conditions, the probability that one holds.

    Source: Hoeffding, Probability Inequalities for Sums of Bounded Random Variables (1963), theorem 1, both sides.
    """

    mean: float
    low: float = 0.0
    high: float = 1.0

    def chance(self, values: NumpyArray) -> float:
        """2 exp(−n KL(seen ‖ expected)); 0 where a number lies outside."""
        if values.min() < self.low or values.max() > self.high:
            return 0.0
        seen, expected = ((float(m) - self.low) / (self.high - self.low) for m in (values.mean(), self.mean))
        return min(1.0, 2 * math.exp(-values.size * _divergence(min(max(seen, 0.0), 1.0), expected)))

    def describe(self, _values: NumpyArray) -> str:
        """The mean."""
        return f"{self.mean:.4g}"

    def verdict(self, values: NumpyArray) -> str:
        """Whether the mean is too large or too small."""
        return _side(self, values)

    def level(self) -> float:
        """The mean."""
        return self.mean

    def measure(self, values: NumpyArray) -> float:
        """The mean of what was drawn."""
        return float(values.mean())

    def noticed(self, count: int, chance: float) -> tuple[float, float]:
        """By the same bound twice: around the expected mean, and around the other one."""
        expected, span = (self.mean - self.low) / (self.high - self.low), self.high - self.low
        found = []
        for end in (0.0, 1.0):
            edge = _farthest(partial(_is_likely, count, chance / 2, expected), expected, end)
            other = _farthest(partial(_could_show, count, edge), edge, end)
            found.append(self.low + span * other)
        return found[0], found[1]


def _side(law: Law, values: NumpyArray) -> str:
    measured = law.measure(values)
    return f"too {'large' if measured > law.level() else 'small'}, about {measured:.1g}"


def _is_likely(count: int, chance: float, expected: float, seen: float) -> bool:
    return math.exp(-count * _divergence(seen, expected)) >= chance


def _could_show(count: int, edge: float, true: float) -> bool:
    return math.exp(-count * _divergence(edge, true)) >= 1 - POWER


def _farthest(holds: Callable[[float], bool], start: float, end: float) -> float:
    """The number farthest from ``start`` towards ``end`` at which a condition still holds, by bisection."""
    if holds(end):
        return end
    for _ in range(60):
        middle = (start + end) / 2
        start, end = (middle, end) if holds(middle) else (start, middle)
    return end


def _divergence(seen: float, expected: float) -> float:
    """The Kullback-Leibler divergence of two Bernoulli distributions."""
    pairs = ((seen, expected), (1 - seen, 1 - expected))
    if any(a > 0 and b <= 0 for a, b in pairs):
        return math.inf
    return sum(a * math.log(a / b) for a, b in pairs if a > 0)


@dataclass(frozen=True)
class NormalMean:
    """Normal numbers, or others with no heavier tails (uniform ones), with this mean and standard deviation.

    A mean that is exact is as unlikely as one that is far off: numbers were shifted, or drawn in pairs of both signs.
    Source: Boucheron, Lugosi & Massart, Concentration Inequalities (2013), section 2.3.
    """

    mean: float
    sd: float

    def chance(self, values: NumpyArray) -> float:
        """2 exp(−n t² / 2σ²); where that is smaller, the probability that a mean is so close, at most √n |t| / σ."""
        off = math.sqrt(values.size) * abs(float(values.mean()) - self.mean) / self.sd
        far = 2 * math.exp(-off * off / 2)
        return min(1.0, far, off) if values.size >= MANY else min(1.0, far)

    def describe(self, values: NumpyArray) -> str:
        """The mean; where what was drawn is too near, how far independent draws usually are from it."""
        usual = f", but not exactly: that of independent draws is off by about {self.sd / math.sqrt(values.size):.1g}"
        return f"{self.mean:.4g}{usual if self._is_exact(values) else ''}"

    def verdict(self, values: NumpyArray) -> str:
        """Whether the mean is exact, or too large or small."""
        return "exact" if self._is_exact(values) else _side(self, values)

    def _is_exact(self, values: NumpyArray) -> bool:
        return math.sqrt(values.size) * abs(self.measure(values) - self.mean) < self.sd / 2

    def level(self) -> float:
        """The mean."""
        return self.mean

    def measure(self, values: NumpyArray) -> float:
        """The mean of what was drawn."""
        return float(values.mean())

    def noticed(self, count: int, chance: float) -> tuple[float, float]:
        """Both deviations, each by the tail of a normal mean."""
        off = self.sd * (math.sqrt(2 * math.log(2 / chance) / count) + math.sqrt(-2 * math.log(1 - POWER) / count))
        return self.mean - off, self.mean + off


@dataclass(frozen=True)
class Variance:
    """Normal numbers, or others with no heavier tails (uniform ones), with mean 0 and this variance.

    Source: Chernoff's bound of the chi-squared distribution; Dasgupta & Gupta, An Elementary Proof of a Theorem of
    Johnson and Lindenstrauss (2003), lemma 2.2.
    """

    variance: float

    def chance(self, values: NumpyArray) -> float:
        """2 (r e^(1 − r))^(n/2), with r the mean square as a multiple of the variance."""
        r = self.measure(values) / self.variance
        return min(1.0, 2 * math.exp(values.size / 2 * (math.log(r) + 1 - r))) if 0 < r < math.inf else 0.0

    def describe(self, _values: NumpyArray) -> str:
        """The variance."""
        return f"{self.variance:.4g}"

    def verdict(self, values: NumpyArray) -> str:
        """Whether the mean square is too large or too small."""
        return _side(self, values)

    def level(self) -> float:
        """The variance."""
        return self.variance

    def measure(self, values: NumpyArray) -> float:
        """The mean square of what was drawn."""
        return float(np.mean(np.square(values, dtype=float)))

    def noticed(self, count: int, chance: float) -> tuple[float, float]:
        """By the same bound twice: around the expected variance, and around the other one."""

        def bound(r: float) -> float:
            return math.exp(count / 2 * (math.log(r) + 1 - r))

        def is_near(edge: float, true: float) -> bool:
            return bound(edge / true) >= 1 - POWER

        found = []
        for end in (1e-9, 1e9):
            edge = _farthest(lambda r: 2 * bound(r) >= chance, 1.0, end)
            other = _farthest(partial(is_near, edge), edge, end)
            found.append(self.variance * other)
        return found[0], found[1]


@dataclass(frozen=True)
class Distribution:
    """Numbers that lie at or below x with probability cdf(x), for every x; whole numbers are allowed.

    Source: Massart, The Tight Constant in the Dvoretzky-Kiefer-Wolfowitz Inequality (1990).
    """

    name: str
    cdf: Callable[[NumpyArray], NumpyArray]

    def chance(self, values: NumpyArray) -> float:
        """2 exp(−2 n d²), with d the largest difference of the two cumulative distributions."""
        return min(1.0, 2 * math.exp(-2 * values.size * self.measure(values) ** 2))

    def describe(self, _values: NumpyArray) -> str:
        """Its name."""
        return f"about 0 for {self.name}"

    def verdict(self, values: NumpyArray) -> str:
        """Whether the distance is too large or too small."""
        return _side(self, values)

    def level(self) -> float:
        """No difference."""
        return 0.0

    def measure(self, values: NumpyArray) -> float:
        """The largest difference between the share of numbers up to x and cdf(x), at every number and just before."""
        at, counts = np.unique(values, return_counts=True)
        up_to = counts.cumsum()
        there = np.abs(up_to / values.size - self.cdf(at))
        before = np.abs((up_to - counts) / values.size - self.cdf(np.nextafter(at, -np.inf)))
        return float(max(there.max(), before.max()))

    def noticed(self, count: int, chance: float) -> tuple[float, float]:
        """A distance of the cumulative distributions."""
        off = math.sqrt(math.log(2 / chance) / (2 * count)) + math.sqrt(math.log(2 / (1 - POWER)) / (2 * count))
        return -off, off


def even_draw(count: int, first: int = 0) -> Distribution:
    """The uniform distribution of ``count`` whole numbers, beginning with ``first``."""
    return Distribution("a uniform draw", lambda k: np.clip((np.floor(k) - first + 1) / count, 0, 1))


@dataclass(frozen=True)
class AllAlike:
    """Numbers that are all equal: the law of a mistake that draws one number for all."""

    def chance(self, values: NumpyArray) -> float:
        """1 where they are; else 0."""
        return float(values.min() == values.max())

    def describe(self, _values: NumpyArray) -> str:
        """One number."""
        return "one number"

    def verdict(self, values: NumpyArray) -> str:
        """Whether the spread is too large or too small."""
        return _side(self, values)

    def level(self) -> float:
        """No spread."""
        return 0.0

    def measure(self, values: NumpyArray) -> float:
        """The spread: the largest less the smallest."""
        return float(values.max() - values.min())

    def noticed(self, _count: int, _chance: float) -> tuple[float, float]:
        """Any spread."""
        return 0.0, 0.0
