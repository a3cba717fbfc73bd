"""InitialValuesExercise: a function that draws initial values of a parameter array."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Unpack

from autograder.checks.drawing import CaseMaker
from autograder.checks.laws import NormalMean, Variance
from autograder.checks.random_function import RandomFunctionExercise
from autograder.checks.statistics import Claim, equal_signs
from autograder.spec import Case, Exercise, Extras, Observations
from dlkit.backend import NumpyArray

__all__ = ["SHAPED", "SPREAD", "InitialValuesExercise", "values_claims"]

SHAPED = "gives numbers of the requested shape"
SPREAD = "mean and variance are correct, and the numbers are independent"

OfCase = Callable[[Case], float]


def InitialValuesExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    cases: CaseMaker,
    variance: OfCase,
    others: Mapping[str, OfCase],
    claims: Sequence[Claim] = (),
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of one function of sizes and ``rng`` that returns an array of independent numbers with mean 0.

    cases: arguments, for arrays of about ten thousand numbers; variance(case): the correct one; others: variances that
    mistakes lead to, named by the mistake; claims: further claims about ``seen["y"]``.
    """
    return RandomFunctionExercise(
        name,
        cases=cases,
        draws=cases,
        claims=[*values_claims("W", variance, others), *claims],
        names=(SHAPED, SPREAD),
        weights=(1, 4),
        creates=True,
        **extras,
    )


def values_claims(symbol: str, variance: OfCase, others: Mapping[str, OfCase]) -> list[Claim]:
    """Independent numbers with mean 0 and this variance, normal or uniform, in an array of two or more axes."""

    def drawn(seen: Observations, _case: Case) -> NumpyArray:
        values: NumpyArray = seen["y"]
        return values

    def rows(seen: Observations, case: Case) -> NumpyArray:
        values = drawn(seen, case)
        return values.reshape(len(values), -1)

    return [
        Claim(
            f"the variance of {symbol}",
            drawn,
            lambda case: Variance(variance(case)),
            {done: _variance(of) for done, of in others.items()},
        ),
        Claim(f"the mean of {symbol}", drawn, lambda case: NormalMean(0, math.sqrt(variance(case)))),
        equal_signs(rows, 0, "rows"),
        equal_signs(rows, 1, "columns"),
    ]


def _variance(of: OfCase) -> Callable[[Case], Variance]:
    return lambda case: Variance(of(case))
