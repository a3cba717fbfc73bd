"""Remarks on answers that pass and could be more exact: float32 in between, a constant with few digits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from autograder.checks.judges import judge_float32
from autograder.checks.standard import judge_gradients
from autograder.checks.trajectory import judge_steps
from autograder.diagnosis.diagnose import Outcome
from autograder.spec import Case, Check, Observations
from autograder.spec.comparison import FLOAT32, FLOAT64, compare_all, is_compared, unit_of
from dlkit.backend import NumpyArray

__all__ = ["remark_on"]

BY_VALUE = (compare_all, judge_gradients, judge_float32, judge_steps)
"""Judges that compare values by the common tolerance; where an author gives another, rounding may be larger."""


def remark_on(check: Check, outcomes: Sequence[Outcome], answers: Sequence[tuple[Case, Observations]]) -> str:
    """What to say of answers that pass and are further from the expected ones than rounding; empty if they are not."""
    if check.judge not in BY_VALUE:
        return ""
    found = (_remark(seen, right) for seen, (_, right) in zip(outcomes, answers, strict=True) if isinstance(seen, dict))
    return next(filter(None, found), "")


def _remark(observed: Observations, expected: Observations) -> str:
    worst, name = 0.0, ""
    for key, value in expected.items():
        for seen, right in _pairs(observed.get(key), value) if is_compared(key) else ():
            tolerance = FLOAT32 if seen.dtype == np.float32 else FLOAT64
            with np.errstate(all="ignore"):
                error = float(np.nan_to_num(np.abs(seen - right)).max(initial=0.0)) / unit_of(right[np.isfinite(right)])
            if tolerance.rounding < error <= tolerance.passes and error > worst:
                worst, name = error, key
    if not name:
        return ""
    return (
        f"passes, but {name} is off by {worst:.1e}, more than rounding usually leaves: look for float32 among float64, "
        "a constant with few digits, or an epsilon of your own"
    )


def _pairs(observed: object, expected: object) -> Iterator[tuple[NumpyArray, NumpyArray]]:
    """Arrays of real numbers, observed and expected, of the same shape, anywhere in two trees."""
    if isinstance(expected, tuple | list) and isinstance(observed, tuple | list):
        for seen, right in zip(observed, expected, strict=False):
            yield from _pairs(seen, right)
    elif isinstance(expected, dict) and isinstance(observed, dict):
        for key in expected.keys() & observed.keys():
            yield from _pairs(observed[key], expected[key])
    elif isinstance(expected, np.ndarray | np.generic) and isinstance(observed, np.ndarray | np.generic):
        seen, right = np.asarray(observed), np.asarray(expected)
        if seen.shape == right.shape and seen.dtype.kind == right.dtype.kind == "f":
            yield seen, right
