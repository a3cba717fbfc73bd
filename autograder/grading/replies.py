"""How much of an implementation's answers is read: by what the reference returns to the very same questions."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

from autograder.subject import RemoteSubject, Subject

__all__ = ["KEPT", "MULTIPLE", "reading_at_most"]

MULTIPLE = 4
"""Of what is right: another dtype, an axis that was not summed over, is still read and explained."""
SPARE = 1 << 20
"""Bytes of arrays beyond it, in each reply and in all of a case."""
KEPT = 1 << 18
"""Of a case that is wrong, what is kept beyond ``MULTIPLE`` of what is right, to explain it by."""
UNKNOWN = 16 << 20
"""What one reply may hold where there is no reference, on a learner's own machine."""


@contextlib.contextmanager
def reading_at_most(subject: Subject, size: tuple[int, int] | None) -> Iterator[None]:
    """Read no more than a multiple of what is right for the length of the block, and in each later reply.

    Code in this process is not limited.

    size: bytes of arrays in the reference's largest reply, and in all of them; None where that is not known.
    """
    if not isinstance(subject, RemoteSubject):
        yield
        return
    reply, replies = (UNKNOWN, math.inf) if size is None else (MULTIPLE * known + SPARE for known in size)
    subject.worker.expect(int(reply), replies)
    try:
        yield
    finally:
        subject.worker.expect(int(reply))  # what explains a failure asks for things of the same size
