"""Comparison of arrays: what differs, where, and by how much.  Expected numbers are never shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autograder.isolation.tree import LARGEST, Opaque
from autograder.spec import Case, Observations
from dlkit.backend import NumpyArray

__all__ = ["Mismatch", "Tolerance", "agree", "compare", "compare_all", "is_compared", "unit_of"]


@dataclass(frozen=True)
class Tolerance:
    """How far arrays may lie apart: e = max|observed − expected| / max(1, max|expected|).

    Up to ``rounding`` they agree; up to ``passes`` they pass, with a remark; above they differ.
    """

    passes: float = 1e-6
    rounding: float = 1e-9

    def bound(self, expected: NumpyArray) -> float:
        """The largest difference that passes; expected: finite numbers."""
        return self.passes * unit_of(expected)


FLOAT64 = Tolerance()
FLOAT32 = Tolerance(passes=1e-3, rounding=1e-5)
LEAST_SCALE = 1e-9
"""Of the error, which is not stated as a share of an expected value that is smaller than this."""
SAME, SAME_FLOAT32 = (1e-9, 1e-10, 1e-12), (2e-4, 2e-5, 1e-6)
"""For two observations of which neither is known to be correct: relative, relative to the largest number, absolute."""


def unit_of(expected: NumpyArray) -> float:
    """What errors are relative to: the largest expected number, at least 1."""
    return max(1.0, float(np.abs(expected).max(initial=0.0)))


@dataclass(frozen=True)
class Mismatch:
    """One difference.

    kind: missing, type, structure, shape, dtype, nan, value, changed, method or accuracy; name: what differs
    (``dW``); sentence: what the student reads; index: where the error is largest; error: its size there.
    """

    kind: str
    name: str
    sentence: str
    index: tuple[int, ...] = ()
    error: float = 0.0


def compare_all(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Compare all expected values in order; return the first difference."""
    del case
    for name, value in expected.items():
        if not is_compared(name):
            continue
        others = ((key, seen) for key, seen in observed.items() if key not in expected)
        words = (f"{key} is {seen[:60]!r}" for key, seen in others if isinstance(seen, str))
        instead = next(words, "")
        if name not in observed and instead:
            return Mismatch("structure", name, instead)
        if name not in observed and value is None:
            return Mismatch("structure", name, f"{name}: expected None")
        found = compare(observed.get(name), value, name)
        if found:
            return found
    return None


def is_compared(name: str) -> bool:
    """Whether what is expected under this name is compared; a name that begins with an underscore only explains."""
    return not name.startswith("_")


def compare(observed: object, expected: object, name: str, tolerance: Tolerance = FLOAT64) -> Mismatch | None:
    """Compare two trees of plain data; ``None`` where they agree."""
    if type(observed) is int and abs(observed) > LARGEST:
        observed = math.inf if observed > 0 else -math.inf  # too large for an array or a sentence
    if isinstance(expected, tuple | list):
        return _compare_sequences(observed, expected, name, tolerance)
    if isinstance(expected, dict):
        if not isinstance(observed, dict) or set(observed) != set(expected):
            return Mismatch("structure", name, f"{name}: expected a dict with the keys {', '.join(map(str, expected))}")
        pairs = ((observed[key], value, f"{name}[{key!r}]") for key, value in expected.items())
        return next((m for o, e, n in pairs if (m := compare(o, e, n, tolerance))), None)
    if expected is None or isinstance(expected, str | bool):
        if type(observed) is type(expected) and observed == expected:
            return None
        said = repr(observed)[:60] if isinstance(observed, str) and isinstance(expected, str) else _say(observed)
        return Mismatch("value", name, f"{name} is {said}, which is incorrect")
    return _compare_arrays(observed, expected, name, tolerance)


def _compare_sequences(
    observed: object, expected: Sequence[object], name: str, tolerance: Tolerance
) -> Mismatch | None:
    count = f"{len(expected)} values"
    if not isinstance(observed, tuple | list):
        return Mismatch("structure", name, f"{name}: expected {count}, got {_say(observed)}")
    if len(observed) != len(expected):
        return Mismatch("structure", name, f"{name}: expected {count}, got {len(observed)}")
    pairs = zip(observed, expected, strict=True)
    return next((m for i, (o, e) in enumerate(pairs) if (m := compare(o, e, f"{name}[{i}]", tolerance))), None)


def _compare_arrays(observed: object, expected: object, name: str, tolerance: Tolerance) -> Mismatch | None:
    expected = np.asarray(expected)
    problem = _not_an_array(observed, name, scalar=expected.ndim == 0)
    if problem:
        return problem
    observed = np.asarray(observed)
    if observed.shape != expected.shape:
        sentence = f"{name}: expected shape {expected.shape}, got {observed.shape}"
        return Mismatch("shape", name, sentence)
    if not expected.size:
        return None
    finite = np.isfinite(expected)
    broken = ~np.isfinite(observed) & finite
    if broken.any():
        index = tuple(int(i) for i in np.argwhere(broken)[0])
        what = "nan (not a number)" if np.isnan(observed[index]) else "infinite"
        where = f" in {_share(broken)}, first at index {_at(index)}" if expected.ndim else ""
        sentence = f"{name} is {what}{where}"
        return Mismatch("nan", name, sentence, index, float("inf"))
    with np.errstate(all="ignore"):
        error, size = _errors(observed, expected, finite)
        scale = float(size.max())
    wrong = ~(error <= tolerance.bound(size))
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.unravel_index(np.argmax(error), error.shape))
    largest = float(error[index])
    told = scale > LEAST_SCALE * largest  # what is expected may be zero up to rounding errors
    relative = f" ({_number(100 * largest / scale)} % of the largest expected value)" if told else ""
    where = f" at index {_at(index)}" if expected.ndim else ""
    sentence = (
        f"{name} is wrong in {_share(wrong)}: largest error {largest:.3g}{relative}{where}"
        if expected.ndim
        else (f"{name} is off by {largest:.3g}{relative}")
    )
    return Mismatch("value", name, sentence, index, largest)


def _errors(observed: NumpyArray, expected: NumpyArray, finite: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
    """The error and the expected size of every entry; of one that is not finite, 0 or infinity, and 0.

    finite: where the expected value is; almost always everywhere, and then nothing has to be replaced.
    """
    wide = complex if "c" in observed.dtype.kind + expected.dtype.kind else float
    if finite.all() and "b" not in observed.dtype.kind + expected.dtype.kind:
        return np.abs(observed.astype(wide) - expected.astype(wide)), np.abs(expected)
    error = np.abs(np.where(finite, observed, 0).astype(wide) - np.where(finite, expected, 0).astype(wide))
    same = (observed == expected) | (np.isnan(expected) & np.isnan(observed))
    return np.where(finite, error, np.where(same, 0, np.inf)), np.abs(np.where(finite, expected, 0))


def _not_an_array(observed: object, name: str, *, scalar: bool) -> Mismatch | None:
    if isinstance(observed, np.ndarray | np.generic):
        return None
    if scalar and isinstance(observed, int | float) and not isinstance(observed, bool):
        return None
    if observed is None:
        return Mismatch("missing", name, f"{name} is None: is a return missing?")
    kind = "a number" if scalar else "an array"
    return Mismatch("type", name, f"{name}: expected {kind}, got {_say(observed)}")


def _number(value: float) -> str:
    """Three digits, and all of those before the point."""
    return f"{value:.0f}" if 1e3 <= value < 1e6 else f"{value:.3g}"  # noqa: PLR2004 - where .3g begins to write e+03


def _share(wrong: NumpyArray) -> str:
    count, size = int(wrong.sum()), wrong.size
    return ("every entry" if size > 1 else "its only entry") if count == size else f"{count} of {size} entries"


def _at(index: tuple[int, ...]) -> str:
    return str(index[0]) if len(index) == 1 else str(index)


def _say(value: object) -> str:
    if isinstance(value, Opaque):
        return (
            f"an object of class {value.type_name}"
            if not value.type_name.startswith("array")
            else f"an {value.type_name}"
        )
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, list | tuple | dict | str):
        return f"a {type(value).__name__}"
    return (
        "None" if value is None else f"the number {value:.6g}" if isinstance(value, int | float) else repr(value)[:60]
    )


def agree(left: object, right: object) -> bool:  # noqa: PLR0911 - one return a kind
    """Whether two observations are the same, correct or not: equal trees and dtypes, values equal up to rounding."""
    if isinstance(left, np.ndarray | np.generic) and isinstance(right, np.ndarray | np.generic):
        left, right = np.asarray(left), np.asarray(right)
        if left.shape != right.shape or left.dtype != right.dtype:
            return False
        if left.dtype.kind not in "fc":
            return bool(np.array_equal(left, right))
        relative, of_largest, floor = SAME_FLOAT32 if left.dtype.itemsize <= 4 else SAME  # noqa: PLR2004
        with np.errstate(all="ignore"):
            finite = np.isfinite(right)
            scale = float(np.abs(right[finite]).max(initial=0.0))
            close = np.isclose(left, right, relative, max(of_largest * scale, floor), equal_nan=True)
        return bool(close.all())
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(agree(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return set(left) == set(right) and all(agree(left[key], right[key]) for key in left)
    if isinstance(left, float) and isinstance(right, float):
        return bool(np.isclose(left, right, 1e-6, 1e-10, equal_nan=True))
    return type(left) is type(right) and left == right
