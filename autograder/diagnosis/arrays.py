"""Arrays as the diagnosis compares them: NumPy's, of any shape and dtype."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Array", "same"]

Array: TypeAlias = NDArray[Any]
"""What a worker returned or a reference gave: its dtype is known only at run time."""


def same(left: ArrayLike, right: ArrayLike, scale: float | None = None, rounding: float = 1e-8) -> bool:
    """Whether two arrays are equal up to rounding; scale: the size it is relative to, by default the larger one."""
    left, right = (each.astype(int) if each.dtype == bool else each for each in map(np.asarray, (left, right)))
    if left.shape != right.shape:
        return False
    if not left.size:
        return True
    if not np.isfinite(right).all():
        return False
    with np.errstate(all="ignore"):
        largest = float(np.abs(right).max()) if scale is None else scale
        return bool((np.abs(left - right) <= rounding * np.abs(right) + 0.1 * rounding * largest).all())
