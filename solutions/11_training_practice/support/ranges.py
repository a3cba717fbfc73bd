"""Ranges of settings, and a search that is asked many times."""

import numpy as np

from dlkit.search import Range, Search

__all__ = ["Range", "asked"]


def asked(search: Search, times: int) -> np.ndarray:
    """Ask a search so often, and tell it nothing; the settings (times, settings)."""
    return np.stack([search.ask() for _ in range(times)])
