"""The error raised where the course is at fault."""

from __future__ import annotations

__all__ = ["SpecError"]


class SpecError(Exception):
    """The course is at fault: the text of a mistake no longer occurs, or a check cannot run."""
