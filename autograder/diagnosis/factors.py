"""A constant factor between observed and expected values, and its name in every case."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autograder.diagnosis.arrays import Array, same
from autograder.diagnosis.evidence import Evidence, Pair

__all__ = ["Factor", "between", "named", "ratio"]

CONSTANTS = {
    1.0: "",
    2.0: "2",
    0.5: "1/2",
    3.0: "3",
    1 / 3: "1/3",
    4.0: "4",
    0.25: "1/4",
    math.log(2): "log 2",
    1 / math.log(2): "1/log 2",
    math.log(10): "log 10",
    1 / math.log(10): "1/log 10",
}
SIMPLE = (1.0, 2.0, 0.5)
WORDS = {
    "rows": "the number of rows (the batch size)",
    "size": "the number of all elements",
    "columns": "the length of the last axis",
    "rows − 1": "the number of rows minus one",
    "columns − 1": "the length of the last axis minus one",
    "vectors": "the product of all axes but the last",
    "one row": "the number of elements in one row of the batch",
    "places": "the product of all axes but the first and the last",
    "plane": "the product of all axes but the first two (height times width)",
    "channel": "the number of entries for each index of axis 1",
    "axis length": "the length of the axis",
    "axis length/(axis length − 1)": "n / (n − 1), with n the length of the axis",
    "outputs": "the number of outputs (the last axis of dy)",
    "rows/(rows − 1)": "n / (n − 1), with n rows",
    "columns/(columns − 1)": "n / (n − 1), with n the length of the last axis",
}


@dataclass(frozen=True)
class Factor:
    """A factor that is the same number, or the same quantity, in every case.

    key: ``sign``, ``factor 2``, ``factor 1/rows``; empty where both sides are equal.
    text: what follows “the expected value”: ``divided by the number of rows (the batch size)``.
    """

    key: str
    text: str

    @property
    def trivial(self) -> bool:
        """Whether this is the factor 1."""
        return not self.key


def ratio(seen: Array, base: Array) -> float | None:
    """The number that turns ``base`` into ``seen``; nan where there is none, None where both are zero."""
    if seen.shape != base.shape:
        return math.nan
    with np.errstate(all="ignore"):
        weight = float((base * base).sum())
        if not np.isfinite(weight) or not np.isfinite(seen).all():
            return math.nan
        if weight == 0:
            return None if not seen.any() else math.nan
        found = float((seen * base).sum()) / weight
    return found if found and same(seen, found * base) else math.nan


def between(
    evidence: Evidence, seen: Sequence[Array], base: Sequence[Array], *, any_constant: bool = False
) -> Factor | None:
    """The common factor between two lists of arrays, one per case; None where there is none that has a name.

    any_constant: accept a constant without a name.
    """
    if not evidence.proves(base):
        return None
    ratios: list[float] = []
    pairs: list[Pair] = []
    for pair, left, right in zip(evidence.pairs, seen, base, strict=True):
        found = ratio(left, right)
        if found is None:
            continue
        if math.isnan(found):
            return None
        ratios.append(found)
        pairs.append(pair)
    if not ratios or (evidence.scalar and len(ratios) < 2):  # noqa: PLR2004 - one number proves nothing
        return None
    return named(ratios, pairs, any_constant=any_constant)


def named(ratios: Sequence[float], pairs: Sequence[Pair], *, any_constant: bool = False) -> Factor | None:
    """Name a ratio that was measured in every case."""
    sign, sizes = (-1, [-r for r in ratios]) if all(r < 0 for r in ratios) else (1, list(ratios))
    if any(size <= 0 for size in sizes):
        return None
    reverse = "with reversed sign" if sign < 0 else ""
    for constant, name in CONSTANTS.items():
        if _all_close(sizes, [constant] * len(sizes)):
            return _factor(reverse, name, f"times {name}" if name else "")
    for quantity, values in _quantities(pairs).items():
        for simple in SIMPLE:
            for key, text, powers in (
                (quantity, "multiplied by", values),
                (f"1/{quantity}", "divided by", [1 / value for value in values]),
            ):
                if _all_close(sizes, [simple * power for power in powers]):
                    times = "" if simple == 1 else f"{CONSTANTS[simple]}·"
                    more = "" if simple == 1 else f"times {CONSTANTS[simple]} and "
                    return _factor(reverse, times + key, f"{more}{text} {WORDS.get(quantity, quantity)}")
    if any_constant and len(sizes) > 1 and _all_close(sizes, [sizes[0]] * len(sizes)):
        return _factor(reverse, "constant", f"times {sizes[0]:.4g}")
    return None


def _factor(reverse: str, name: str, text: str) -> Factor:
    keys = [*(["sign"] if reverse else []), *([f"factor {name}"] if name else [])]
    return Factor(", ".join(keys), " and ".join(part for part in (reverse, text) if part))


def _quantities(pairs: Sequence[Pair]) -> dict[str, list[float]]:
    """Quantities that every case has, and that are not the same in all of them."""
    names = [name for name in pairs[0].quantities if all(name in pair.quantities for pair in pairs)]
    found = {name: [pair.quantities[name] for pair in pairs] for name in names}
    for name in ("rows", "columns", "axis length"):
        if name in found and min(found[name]) > 1:
            n = found[name]
            found[f"{name}/({name} − 1)"] = [value / (value - 1) for value in n]
    return {name: values for name, values in found.items() if min(values) > 0 and len(set(values)) > 1}


def _all_close(left: Sequence[float], right: Sequence[float]) -> bool:
    return all(math.isclose(a, b, rel_tol=1e-8) for a, b in zip(left, right, strict=True))
