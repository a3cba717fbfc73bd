"""Processor cores that this process may use."""

from __future__ import annotations

import os

__all__ = ["usable"]


def usable() -> list[int]:
    """Their numbers; 0, 1, … if the system only reports how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
