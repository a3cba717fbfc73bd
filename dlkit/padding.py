"""Sequences of different lengths in one array: padding, masks, and batches that are as wide as they must be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dlkit.backend import NumpyArray

__all__ = ["padded", "trimmed_batches"]


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


def trimmed_batches(mask: NumpyArray, size: int, *, rng: np.random.Generator) -> Iterator[tuple[NumpyArray, int]]:
    """Yield the rows of one epoch in batches in random order, each with the number of columns that it needs.

    mask (rows, time): booleans, True where a sequence has a number;  size: rows of a batch, 1 or more; the last batch
    may have fewer.  Of a batch (rows, time), ``x[rows, :time]`` holds all that is not padding.
    Raises ValueError for a size below 1.
    """
    if size < 1:
        message = f"A batch has 1 row or more, not {size}."
        raise ValueError(message)
    order = rng.permutation(len(mask))
    for first in range(0, len(order), size):
        rows = order[first : first + size]
        used = np.flatnonzero(mask[rows].any(axis=0))
        yield rows, int(used[-1]) + 1 if used.size else 0
