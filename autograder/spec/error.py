"""What is raised where a course is at fault."""

from __future__ import annotations

__all__ = ["SpecError"]


class SpecError(Exception):
    """The course is at fault: a mistake whose text no longer occurs, a check that cannot run."""
