"""What a person decided on an exercise or a written question, as a report that counts it shows it."""

from __future__ import annotations

import msgspec

__all__ = ["ByHand"]


class ByHand(msgspec.Struct, frozen=True):
    """Points and a comment given by hand; points: None for a comment alone.

    by, at: who gave them, and when (UTC, ISO 8601); imported: whether they were read from a gradebook, which holds
    them itself; changed: the answer, or the points found automatically, are no longer those that were marked.
    """

    points: float | None = None
    comment: str = ""
    by: str = ""
    at: str = ""
    imported: bool = False
    changed: bool = False
