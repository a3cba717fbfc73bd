"""What is said about files: problems of the one that was graded, and files that were not."""

from __future__ import annotations

import msgspec

__all__ = ["NotGraded", "Problem"]


class Problem(msgspec.Struct, frozen=True):
    """Something about the file itself: one sentence, and where."""

    sentence: str
    where: str = ""


class NotGraded(msgspec.Struct, frozen=True):
    """Something that was seen among the hand-ins and was not graded: where it lies beneath their folder, and why.

    kind: "hand-in", which somebody has to look at, or "other", "handed out" (by the course), "system" (of a computer);
    assignment, student: whom it is about, as far as that is known.
    """

    path: str
    reason: str
    kind: str = "hand-in"
    assignment: str = ""
    student: str = ""
