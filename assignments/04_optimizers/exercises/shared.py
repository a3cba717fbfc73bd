"""Checks of 04_optimizers: shared."""

LARGE = (4096, 64)
"""Of the timed parameter: a few milliseconds for whole arrays, and rows enough to loop over."""
