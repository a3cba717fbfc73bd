"""Answers that a check of the course cannot read, because they do not have the form that the text asks for."""

from __future__ import annotations

import traceback
from pathlib import Path

__all__ = ["is_unreadable"]

KINDS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
KIT = Path(__file__).parents[1]


def is_unreadable(error: Exception, folder: Path) -> bool:
    """Whether an assignment's own check raised this while it read an answer; otherwise the grader itself is at fault.

    folder: of the assignment.  The same lines have read the reference's answers, so it is the answer that differs.
    """
    files = [Path(frame.filename).resolve() for frame in traceback.extract_tb(error.__traceback__)]
    own = [file for file in files if file.is_relative_to(folder.resolve()) or file.is_relative_to(KIT)]
    return isinstance(error, KINDS) and bool(own) and own[-1].is_relative_to(folder.resolve())
