"""Where the errors are: which entries, in words, and a small map of their size that a page can draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autograder.diagnosis.arrays import Array
from autograder.diagnosis.evidence import Evidence, Pair
from autograder.diagnosis.regions import wrong_entries

__all__ = ["Places", "places"]

FEW = 3
ROUNDING = 1e-9
SIDE = 12
"""Rows and columns of the largest map."""


@dataclass(frozen=True)
class Places:
    """Where one name is wrong, in one case.

    sentence: in words; heat: |error| by row and column as a share of the largest, in tenths (the exact error would
    reveal the expected value); the largest of a block where the array has more than ``SIDE`` rows or columns; −1
    where it is not a finite number.
    """

    sentence: str
    heat: list[list[float]]


def places(evidence: Evidence) -> Places | None:
    """Describe the most informative case; None where one number is expected, or the shape differs."""
    if not evidence.one_shape:
        return None
    masks = wrong_entries(evidence)
    told = [(pair, mask) for pair, mask in zip(evidence.pairs, masks, strict=True) if mask.any() and mask.size > 1]
    if not told:
        return None
    partly = [(pair, mask) for pair, mask in told if not mask.all()]
    pair, mask = max(partly or told, key=lambda one: one[1].size)
    where = _words(mask)
    sentence = f"{evidence.name} is wrong {where} ({pair.case.describe()})"
    return Places(sentence, _heat(pair))


def _words(mask: Array) -> str:
    if mask.all():
        return "in every entry"
    if mask.sum() <= FEW:
        return "only at " + " and ".join(str(tuple(map(int, index))).replace(",)", ")") for index in np.argwhere(mask))
    if mask.ndim > 2 and _is_border(mask):  # noqa: PLR2004 - an image
        return "only at the border of the last two axes"
    told = []
    for axis in range(mask.ndim):
        indices = np.flatnonzero(mask.any(axis=tuple(i for i in range(mask.ndim) if i != axis)))
        if len(indices) < mask.shape[axis]:
            told.append(_strip(indices.tolist(), mask.shape[axis], axis, mask.ndim))
    if told:
        return "only in " + " and ".join(told)
    return f"in {int(mask.sum())} of {mask.size} entries, spread over every row and column"


def _strip(indices: list[int], count: int, axis: int, ndim: int) -> str:
    if ndim == 1:
        word, many, where = "entry", "entries", ""
    elif axis in (0, ndim - 1):
        word, many, where = ("row", "rows", "") if axis == 0 else ("column", "columns", "")
    else:
        word, many, where = "index", "indices", f" of axis {axis}"
    if len(indices) == 1:
        ends = {0: f"the first {word}", count - 1: f"the last {word}"}
        return ends.get(indices[0], f"{word} {indices[0]}") + where
    first, last = indices[0], indices[-1]
    if last - first + 1 == len(indices):
        return f"{many} {first} to {last}{where}"
    listed = ", ".join(map(str, indices[:6])) + ("…" if len(indices) > 6 else "")  # noqa: PLR2004
    return f"{many} {listed}{where}"


def _is_border(mask: Array) -> bool:
    inner = mask[..., 1:-1, 1:-1]
    return inner.size > 0 and not inner.any() and 2 * int(mask.sum()) > mask.size - inner.size


def _heat(pair: Pair) -> list[list[float]]:
    with np.errstate(all="ignore"):
        error = np.abs(pair.seen - pair.expected)
    known = np.isfinite(error)
    largest = float(error[known].max(initial=0.0)) or 1.0
    share = np.ceil(10 * np.where(error > ROUNDING * largest, error, 0) / largest) / 10
    table = np.where(known, share, -1.0)
    table = table.reshape(-1, table.shape[-1]) if table.ndim > 1 else table.reshape(1, -1)
    rows, columns = (_blocks(n) for n in table.shape)
    blocks = np.maximum.reduceat(np.maximum.reduceat(table, rows, axis=0), columns, axis=1)
    return [[round(float(value), 1) for value in row] for row in blocks]


def _blocks(count: int) -> Array:
    return np.linspace(0, count, min(count, SIDE), endpoint=False).astype(int)
