"""The check that any two rows of a small batch are drawn independently, not only neighbours of a large one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from autograder.checks.drawing import CaseMaker
from autograder.checks.statistics import CHANCE, Run
from autograder.isolation.tree import Rng, Value
from autograder.spec import Case, Exercise, Observations
from autograder.spec.comparison import Mismatch
from autograder.subject import Subject
from dlkit.backend import NumpyArray

__all__ = ["APART", "rows_apart"]

APART = "any two rows are drawn independently"
CALLS = 300
ROWS, RIGHT, DEPENDENT, UNSEEN = "the rows of a batch", "independent", "dependent", "not to be seen"


def rows_apart(
    exercise: Exercise,
    *,
    cases: CaseMaker,
    part: str | None = None,
    after: tuple[str, ...] = (),
    mutation: str = "",
) -> Callable[[Run], Run]:
    """Add the check: the decorated function draws once, with ``case.arguments["rng"]``, which this check sets.

    cases: batches of a few rows.  It returns one array, or several as a tuple, whose first axis are the rows.  Each is
    reduced to one number for each row, which is large or small beside those of the same row in other calls; for every
    pair of rows it is counted how often both are alike.
    """

    def draw(rng: np.random.Generator) -> list[Case]:
        seeds = [case.with_changes(hidden={**case.hidden, "seed": int(rng.integers(2**31))}) for case in cases(rng)]
        return [case.with_changes(hidden={**case.hidden, "comparisons": len(seeds)}) for case in seeds]

    def add(run: Run) -> Run:
        def observe(subject: Subject, case: Case) -> Observations:
            rng = subject.put(Rng(case.hidden["seed"]))
            one = case.with_changes(arguments={**case.arguments, "rng": rng})
            word, said = _judged([run(subject, one) for _ in range(CALLS)], CHANCE / case.hidden["comparisons"])
            return {ROWS: word, "_said": said}

        exercise.check(
            APART,
            part=part or exercise.parts[-1],
            cases=draw,
            expect=lambda _: {ROWS: RIGHT},
            judge=_judge,
            after=after,
            mutation=mutation,
        )(observe)
        return run

    return add


def _judge(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    del case
    if observed.get(ROWS) == expected[ROWS]:
        return None
    return Mismatch("statistics", ROWS, str(observed.get("_said")))


def _judged(results: list[Value], chance: float) -> tuple[str, str]:
    """The verdict, which does not depend on the draw, and a sentence."""
    try:
        outputs = [[_real(each) for each in (y if isinstance(y, tuple) else (y,))] for y in results]
        numbers = [_numbers(np.stack(values)) for values in zip(*outputs, strict=True)]
    except (TypeError, ValueError, IndexError):
        return UNSEEN, "the rows cannot be compared: the results of several calls differ in their shapes"
    pairs = [
        (large[:, i], large[:, j], i, j)
        for large in (each > each.mean(axis=0) for each in numbers)
        for i, j in itertools.combinations(range(large.shape[1]), 2)
    ]
    for one, other, i, j in pairs:
        if _chance(one, other) < chance / len(pairs):
            said = (
                f"rows {i} and {j} of a batch are drawn in dependence: in {len(one)} calls both are large or both "
                f"small {int((one == other).sum())} times, where independent rows would be about "
                f"{_expected(one, other):.0f} times; draw every row by itself"
            )
            return DEPENDENT, said
    return RIGHT, ""


def _real(value: Value) -> NumpyArray:
    """Real numbers; TypeError for complex ones."""
    if np.iscomplexobj(value):
        message = "complex numbers"
        raise TypeError(message)
    return np.asarray(value, float)


def _numbers(stacked: NumpyArray) -> NumpyArray:
    """One number for each call and row; (calls, rows, …) → (calls, rows)."""
    flat = stacked.reshape(*stacked.shape[:2], -1)
    found: NumpyArray = flat @ np.cos(1 + np.arange(flat.shape[2]))
    return found


def _expected(one: NumpyArray, other: NumpyArray) -> float:
    p, q = float(one.mean()), float(other.mean())
    return len(one) * (p * q + (1 - p) * (1 - q))


def _chance(one: NumpyArray, other: NumpyArray) -> float:
    """An upper bound on the probability that independent rows are alike as often, or as rarely, as these.

    Given how often each row is large, the calls in which one of them is are a sample without replacement of all calls.
    Source: Hoeffding, Probability Inequalities for Sums of Bounded Random Variables (1963), theorem 1 and section 6.
    """
    count = len(one)
    sample = min(one.sum(), count - one.sum(), other.sum(), count - other.sum())
    if not sample:
        return 1.0
    off = abs(float((one == other).sum()) - _expected(one, other)) / 2  # of the calls in which both are large
    return 2 * math.exp(-2 * off * off / float(sample))
