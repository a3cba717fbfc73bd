"""The status of a check, and of everything that consists of checks."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

__all__ = ["Status", "overall"]


class Status(StrEnum):
    """The status of a check, a part, an exercise, an assignment."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ATTEMPTED = "not attempted"
    SKIPPED = "skipped"
    INCONCLUSIVE = "inconclusive"
    BROKEN = "broken"
    PARTLY = "partly done"


def overall(statuses: Iterable[Status]) -> Status:
    """Combine: broken, then failed, come first; all untouched is not attempted, a correct beginning is partly done."""
    kinds = set(statuses)
    for status in (Status.BROKEN, Status.FAILED):
        if status in kinds:
            return status
    if len(kinds) == 1:
        return kinds.pop()
    if kinds == {Status.NOT_ATTEMPTED, Status.SKIPPED}:
        return Status.NOT_ATTEMPTED
    if kinds & {Status.NOT_ATTEMPTED, Status.PARTLY}:
        return Status.PARTLY
    if Status.INCONCLUSIVE in kinds:
        return Status.INCONCLUSIVE
    return Status.PASSED
