"""Grading on many machines: Dask schedules, hand-ins travel as content, and so do their reports."""
