"""Masks of attention for cases."""

import numpy as np


def some_seen(rng, *shape):
    """Booleans (…, queries, keys) in which every query sees a key, and not all of them see the same"""
    mask = rng.random(shape) < 0.5
    mask[..., 0] |= ~mask.any(axis=-1)
    return mask


def hiding(rng, *shape):
    """The same, but the first query sees nothing, and nobody sees the last key"""
    mask = some_seen(rng, *shape)
    mask[..., -1] = False
    mask[..., 0] |= ~mask.any(axis=-1)
    mask[..., 0, :] = False
    return mask


def with_nonsense(x, axis_index):
    """A copy that holds NaN, and infinity in every other place, at one index of the axis before the last"""
    changed = x.copy()
    changed[..., axis_index, :] = np.where(np.arange(x.shape[-1]) % 2, np.inf, np.nan)
    return changed
