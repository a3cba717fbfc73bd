"""Growth as an exponent: cost at several sizes, read from outside, and the fitted power of the size.

Costs are fitted on logarithms by least squares, once per pass over the sizes; time is judged like ratios, by an
interval of the median exponent that must lie on one side of the limit.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import msgspec
import numpy as np

from autograder.measuring import memory, timing
from autograder.report import Growth, Pace
from autograder.spec import Bench, Budget, Case, Check, Judgement, Run, SpecError, Stored
from autograder.spec.comparison import Mismatch
from autograder.subject import RemoteSubject

__all__ = ["Scaling", "exponent", "fit", "sentence"]

FEWEST_SIZES, WIDEST = 4, 8
WORKERS = 3
ROUNDS = 3
"""Of ``WORKERS`` fresh workers each, before an exponent is reported as too close to decide."""
PASSES = 5
"""Passes over all sizes, in one worker."""
CLEAR = 0.2
"""Memory hardly varies: an exponent farther than this from its limit is not measured again."""

Runs = list[tuple[Run, Case]]
Costs = list[list[list[float]]]
"""Costs at every size, by worker and pass."""
Found = tuple[Costs, list[list[float]], Mismatch | None]
"""Costs of the code; costs of the reference, by pass; an incorrect output."""


@dataclass(frozen=True)
class Scaling(Budget):
    """A limit on growth: cost may grow like the size to the power ``at_most``, fitted over ``sizes``.

    case(size): the case at a size, with inputs as in ``Run``; sizes: four or more, the last at least eight times the
    first, the first large enough for half a millisecond or a megabyte; of: "time" or "memory".
    """

    name: ClassVar[str] = "keeps pace with the size"
    part: ClassVar[str] = "scaling"
    variant: ClassVar[str] = "steep"
    cost: ClassVar[str] = "growth"
    advice: ClassVar[str] = "Which loop, or which axis of an array, grows with the size, and inside which other one?"
    is_exclusive: ClassVar[bool] = False

    case: Callable[[int], Case]
    sizes: tuple[int, ...]
    at_most: float
    of: str = "time"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        problem = ""
        if len(self.sizes) < FEWEST_SIZES or list(self.sizes) != sorted(set(self.sizes)):
            problem = f"sizes are {self.sizes}: there must be four or more, each larger than the one before"
        elif self.sizes[-1] < WIDEST * self.sizes[0]:
            problem = (
                f"sizes go from {self.sizes[0]} to {self.sizes[-1]}: the last must be at least {WIDEST} times the first"
            )
        elif self.of not in ("time", "memory"):
            problem = f"growth is 'of' time or memory, not '{self.of}'"
        if problem:
            raise SpecError(problem)

    @property
    def runs(self) -> tuple[Run, ...]:
        """What is run at every size."""
        return tuple(Run(self.case(size), self.dtype) for size in self.sizes)

    def measure(self, check: Check, bench: Bench) -> Judgement:
        """Fit the exponents of code and reference."""
        figures, mismatch = fit(self, check, bench)
        return self.refuse(mismatch) if mismatch else self._judged(figures)

    def estimate(self, check: Check, bench: Bench, stored: Stored | None) -> Judgement | None:
        """Fit only the code's exponent: growth needs no reference."""
        del stored
        alone = Bench(bench.code, bench.code, bench.pieces, bench.shapes, bench.rng)
        figures, _ = fit(self, check, alone)
        return self._judged(msgspec.structs.replace(figures, reference=0.0, reference_costs=[]))  # its own

    def _judged(self, figures: Growth) -> Judgement:
        return self.judge(figures, f"correct, but {sentence(figures)}" if figures.pace is Pace.OVER else "")


def exponent(sizes: list[int], costs: list[float]) -> float:
    """The power of the size that fits these costs best: the slope on logarithmic axes."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def fit(scaling: Scaling, check: Check, bench: Bench) -> tuple[Growth, Mismatch | None]:
    """Measure code and reference: the figures, and a Mismatch if an output was incorrect."""
    runs = list(zip(scaling.runs, bench.cases(check), strict=True))
    measuring = _time if scaling.of == "time" else _memory
    found, theirs, mismatch = measuring(scaling, check, bench, runs)
    sizes = list(scaling.sizes)
    if mismatch:
        return Growth(0.0, scaling.at_most, scaling.of, sizes, []), mismatch
    ours = [costs for group in found for costs in group]
    exponents = [exponent(sizes, costs) for costs in ours]
    interval = timing.interval(exponents)
    middle, reference_costs = ([float(cost) for cost in np.median(rows, axis=0)] for rows in (ours, theirs))
    figures = Growth(
        exponent=round(statistics.median(exponents), 3),
        limit=scaling.at_most,
        of=scaling.of,
        sizes=sizes,
        costs=middle,
        low=round(interval.low, 3),
        high=round(interval.high, 3),
        pace=_pace(sizes, found, scaling.at_most),
        reference=round(exponent(sizes, reference_costs), 3),
        reference_costs=reference_costs,
    )
    return figures, None


def _pace(sizes: list[int], found: Costs, limit: float) -> Pace:
    groups = [[exponent(sizes, costs) for costs in group] for group in found]
    return timing.judge(groups, limit, last=len(found) >= ROUNDS * WORKERS)


def _time(scaling: Scaling, check: Check, bench: Bench, runs: Runs) -> Found:
    sizes, limit = list(scaling.sizes), scaling.at_most
    found: Costs = []
    reference: list[list[float]] = []
    for number in range(ROUNDS * WORKERS):
        at_each_size = []
        for run in runs:
            with bench.code() as code, bench.reference() as beside:
                timing.share_core((code, beside), number)
                *costs, mismatch = _time_at(check, (code, beside), run, bench.rng)
            at_each_size.append(costs)
            if mismatch:
                return found, reference, mismatch
        ours, theirs = (list(map(list, zip(*side, strict=True))) for side in zip(*at_each_size, strict=True))
        found.append(ours)
        reference += theirs
        if (number + 1) % WORKERS == 0 and _pace(sizes, found, limit) is not Pace.OPEN:
            break
    return found, reference, None


def _time_at(
    check: Check, sides: tuple[RemoteSubject, RemoteSubject], run: tuple[Run, Case], rng: np.random.Generator
) -> tuple[list[float], list[float], Mismatch | None]:
    """CPU seconds of every pass at one size, of code and reference, and a Mismatch of an incorrect output.

    The workers see only this size: deferred work is charged to the same size.
    """
    what, case = run
    ours, theirs = (timing.Meter(subject, check.prepare(subject, case)) for subject in sides)
    empty = theirs.empty_call() * theirs.trial.calls
    mine: list[float] = []
    its: list[float] = []
    for number in range(PASSES + 1):
        fresh = what.draw(rng, case)
        spent, reference = (meter.run(fresh, empty) for meter in (ours, theirs))
        seen, spent = ours.collect(spent)
        expected, reference = theirs.collect(reference)
        if number:  # the first pass only warms up
            mine.append(spent.charged + timing.deferred(spent, reference))
            its.append(reference.computing)
        mismatch = check.judge(seen, expected, fresh)
        if mismatch:
            return mine, its, mismatch
    return mine, its, None


def _memory(scaling: Scaling, check: Check, bench: Bench, runs: Runs) -> Found:
    found: Costs = []
    reference: list[list[float]] = []
    mismatch = None
    for _ in range(ROUNDS):
        ours, theirs = [], []
        for run, case in runs:
            fresh = run.draw(bench.rng, case)
            with bench.code() as code, bench.reference() as beside:
                taken, seen = memory.grow(check, code, case, fresh)
                its, expected = memory.grow(check, beside, case, fresh)
            ours.append(float(memory.used(taken, its) + memory.FLOOR))
            theirs.append(float(its.grew + memory.FLOOR))
            mismatch = mismatch or check.judge(seen, expected, fresh)
        found.append([ours])
        reference.append(theirs)
        if mismatch or abs(exponent(list(scaling.sizes), ours) - scaling.at_most) > CLEAR:
            break
    return found, reference, mismatch


def sentence(figures: Growth) -> str:
    """Say how fast the cost grows, and what that means from the smallest size to the largest."""
    text = (
        f"its {figures.cost} grows like the size to the power {figures.exponent:.1f} (limit {figures.limit:g}): at "
        f"{figures.sizes[-1] / figures.sizes[0]:g} times the size it takes {figures.costs[-1] / figures.costs[0]:.0f} "
        "times as much"
    )
    if not figures.reference_costs:
        return text
    return f"{text}, the reference {figures.reference_costs[-1] / figures.reference_costs[0]:.0f} times"
