"""How much of an implementation's answers is read: a multiple of the reference's answers to the same requests."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

from autograder.subject import RemoteSubject, Subject

__all__ = ["KEPT", "MULTIPLE", "reading_at_most"]

MULTIPLE = 4
"""Of the expected size: a wider dtype or an axis that was not summed over is still read and explained."""
SPARE = 1 << 20
"""Bytes of arrays beyond it, in each reply and in all of a case."""
KEPT = 1 << 18
"""Bytes beyond ``MULTIPLE`` of the expected size that are kept of a wrong case, to explain it."""
UNKNOWN = 16 << 20
"""Bytes of one reply where there is no reference, on a learner's own machine."""


@contextlib.contextmanager
def reading_at_most(subject: Subject, size: tuple[int, int] | None) -> Iterator[None]:
    """Read no more than a multiple of the expected size within the block, and in each later reply.

    Code in this process is not limited.

    size: bytes of arrays in the reference's largest reply, and in all of them; None if unknown.
    """
    if not isinstance(subject, RemoteSubject):
        yield
        return
    reply, replies = (UNKNOWN, math.inf) if size is None else (MULTIPLE * known + SPARE for known in size)
    subject.worker.expect(int(reply), replies)
    try:
        yield
    finally:
        subject.worker.expect(int(reply))  # explaining a failure needs replies of the same size
