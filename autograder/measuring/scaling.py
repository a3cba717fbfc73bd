"""Growth as an exponent: cost at several sizes, read from outside, and the power of the size that fits it.

Costs are fitted on logarithms by least squares, once for every pass over the sizes; time is judged as ratios are, by an
interval of the median exponent that must lie beside the limit.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import numpy as np

from autograder.measuring import footprint, timing
from autograder.report.verdict import Growth, Pace
from autograder.spec import Case, Check

if TYPE_CHECKING:
    from autograder.spec import Budget
    from autograder.spec.comparison import Mismatch
    from autograder.subject import Open, RemoteSubject, Subject

__all__ = ["exponent", "measure", "sentence"]

WORKERS = 3
ROUNDS = 3
"""Of ``WORKERS`` fresh workers each, before an exponent is called too close to tell."""
PASSES = 5
"""Over all sizes, in one worker."""
CLEAR = 0.2
"""Memory hardly varies: an exponent that is further than this from its limit is not measured again."""

Runs = list[tuple["Budget", Case]]
Costs = list[list[list[float]]]
"""At every size, by worker and pass."""
Found = tuple[Costs, list[list[float]], "Mismatch | None"]
"""Costs of the code; costs of the reference, by pass; what was wrong with an output."""


def exponent(sizes: list[int], costs: list[float]) -> float:
    """The power of the size that fits these costs best: the slope of their logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def measure(
    check: Check, open_student: Open, open_reference: Open, shapes: Subject, rng: np.random.Generator
) -> tuple[Growth, Mismatch | None]:
    """Measure one scaling check, as ``timing.measure`` does a speed check; shapes: an implementation that shapes cases.

    Raises NotMeasuredError where memory is asked for and the system does not tell it.
    """
    scaling = check.scaling
    assert scaling is not None  # noqa: S101 - the caller dispatches on it
    runs = list(zip(map(scaling.at, scaling.sizes), check.cases(rng, shapes), strict=True))
    shapes.forget()
    measuring = _time if scaling.of == "time" else _memory
    found, theirs, mismatch = measuring(check, open_student, open_reference, runs, rng)
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
    return timing.judge([[exponent(sizes, costs) for costs in group] for group in found], limit)


def _time(check: Check, open_student: Open, open_reference: Open, runs: Runs, rng: np.random.Generator) -> Found:
    assert check.scaling is not None  # noqa: S101 - the caller dispatches on it
    sizes, limit = list(check.scaling.sizes), check.scaling.at_most
    found: Costs = []
    reference: list[list[float]] = []
    for number in range(ROUNDS * WORKERS):
        at_each_size = []
        for budget, case in runs:
            with open_student() as student, open_reference() as right:
                timing.share_core((student, right), number)
                *costs, mismatch = _time_at(check, (student, right), (budget, case), rng)
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
    check: Check, sides: tuple[RemoteSubject, RemoteSubject], run: tuple[Budget, Case], rng: np.random.Generator
) -> tuple[list[float], list[float], Mismatch | None]:
    """CPU seconds of every pass at one size, on both sides, and what was wrong with an output.

    The workers know this size alone: work that is left for a later call is charged to the same size.
    """
    assert check.trial is not None  # noqa: S101 - every measured check has one
    budget, case = run
    ours, theirs = (timing.Meter(subject, check.trial(subject, case)) for subject in sides)
    empty = theirs.empty_call() * theirs.trial.calls
    mine: list[float] = []
    its: list[float] = []
    for number in range(PASSES + 1):
        fresh = budget.draw(rng, case)
        spent, reference = (meter.run(fresh, empty) for meter in (ours, theirs))
        seen, spent = ours.collect(spent)
        expected, reference = theirs.collect(reference)
        if number:  # the first pass only warms up
            mine.append(spent.charged + timing.put_off(spent, reference))
            its.append(reference.computing)
        mismatch = check.judge(seen, expected, fresh)
        if mismatch:
            return mine, its, mismatch
    return mine, its, None


def _memory(check: Check, open_student: Open, open_reference: Open, runs: Runs, rng: np.random.Generator) -> Found:
    assert check.scaling is not None  # noqa: S101 - the caller dispatches on it
    found: Costs = []
    reference: list[list[float]] = []
    mismatch = None
    for _ in range(ROUNDS):
        ours, theirs = [], []
        for budget, case in runs:
            fresh = budget.draw(rng, case)
            with open_student() as student, open_reference() as right:
                peak, _, seen = footprint.grow(check, student, case, fresh)
                its_peak, _, expected = footprint.grow(check, right, case, fresh)
            ours.append(float(peak + footprint.FLOOR))
            theirs.append(float(its_peak + footprint.FLOOR))
            mismatch = mismatch or check.judge(seen, expected, fresh)
        found.append([ours])
        reference.append(theirs)
        if mismatch or abs(exponent(list(check.scaling.sizes), ours) - check.scaling.at_most) > CLEAR:
            break
    return found, reference, mismatch


def sentence(figures: Growth) -> str:
    """Say how fast its cost grows, and what that means from the smallest size to the largest."""
    thing = "computing time" if figures.of == "time" else "memory"
    text = (
        f"its {thing} grows like the size to the power {figures.exponent:.1f} (limit {figures.limit:g}): at "
        f"{figures.sizes[-1] / figures.sizes[0]:g} times the size it takes {figures.costs[-1] / figures.costs[0]:.0f} "
        "times as much"
    )
    if not figures.reference_costs:
        return text
    return f"{text}, the reference {figures.reference_costs[-1] / figures.reference_costs[0]:.0f} times"
