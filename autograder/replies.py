"""How much of an implementation's answer is read: by what is right, which is known before it is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from autograder.isolation.tree import size_of
from autograder.spec import Case, Observations
from autograder.subject import RemoteSubject, Subject

__all__ = ["KEPT", "MULTIPLE", "allowed_reply", "reading_at_most"]

MULTIPLE = 4
"""Of what is right, and of what was sent: another dtype, or a sum that was forgotten, is still read and explained."""
KEPT = 1 << 20
SPARE = 8 << 20
REPLIES = 4
"""So many full replies are read in one case, which asks for a few things; the grader holds no more at a time."""


def allowed_reply(case: Case, expected: Observations) -> int:
    """Bytes of arrays that one reply may hold where this is asked, and this is right."""
    return SPARE + MULTIPLE * (size_of(case.as_data()) + size_of(expected))


@contextlib.contextmanager
def reading_at_most(subject: Subject, reply: int) -> Iterator[None]:
    """Read no larger reply for the length of the block; code in this process is not limited."""
    if not isinstance(subject, RemoteSubject):
        yield
        return
    subject.worker.expect(reply, REPLIES * reply)
    try:
        yield
    finally:
        subject.worker.expect(None)
