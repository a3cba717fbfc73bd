"""Sequences of different lengths in one array: padding, masks, and batches in which there is little of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dlkit.backend import NumpyArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["padded", "similar_lengths"]

POOL = 16
"""Batches that are put in the order of their lengths together."""


def padded(sequences: Sequence[Sequence[int]], *, padding: int = 0) -> tuple[NumpyArray, NumpyArray]:
    """Sequences of whole numbers side by side, filled up at the end: ids and mask, both (batch, longest).

    ids: int64, ``padding`` after each sequence's own end;  mask: boolean, True where there is a number of a sequence.
    """
    lengths = np.array([len(sequence) for sequence in sequences], int)
    mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
    ids = np.full(mask.shape, padding, np.int64)
    for row, sequence in zip(ids, sequences, strict=True):
        row[: len(sequence)] = sequence
    return ids, mask


def similar_lengths(lengths: ArrayLike, size: int, *, rng: np.random.Generator) -> Iterator[NumpyArray]:
    """Yield the rows of one epoch in batches, each row once: rows of similar length together, batches in any order.

    lengths (rows,): of the sequences;  size: rows of a batch, 1 or more; the last one may have fewer.
    Raises ValueError for a size below 1.
    """
    if size < 1:
        message = f"A batch has 1 row or more, not {size}."
        raise ValueError(message)
    lengths = np.asarray(lengths)
    order = rng.permutation(len(lengths))
    batches = []
    for first in range(0, len(order), POOL * size):
        pool = order[first : first + POOL * size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[start : start + size] for start in range(0, len(pool), size)]
    for number in rng.permutation(len(batches)):
        yield batches[number]
