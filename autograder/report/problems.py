"""Remarks on files: problems of the graded one, and files that were not graded."""

from __future__ import annotations

import msgspec

__all__ = ["NotGraded", "Problem"]


class Problem(msgspec.Struct, frozen=True):
    """A problem of the file itself: one sentence, and the place."""

    sentence: str
    where: str = ""


class NotGraded(msgspec.Struct, frozen=True):
    """A file that was seen among the hand-ins and not graded: its path below their folder, and the reason.

    kind: "hand-in", which needs attention, or "other", "handed out" (by the course), "system" (of a computer);
    assignment, student: that it belongs to, as far as they are known.
    """

    path: str
    reason: str
    kind: str = "hand-in"
    assignment: str = ""
    student: str = ""
