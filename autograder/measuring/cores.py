"""Processor cores that this process may use."""

from __future__ import annotations

import os

__all__ = ["usable"]


def usable() -> list[int]:
    """Their numbers; where the system only says how many there are, 0 to that."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
