"""A share of a class, for machines that grade side by side: which students belong to it, by their ids alone."""

from __future__ import annotations

import hashlib
import re

import msgspec

from autograder.course.catalogue import UsageError

__all__ = ["WHOLE", "Part", "read_part"]


class Part(msgspec.Struct, frozen=True):
    """One of ``of`` equal shares of any class; number: from 1 to ``of``."""

    number: int = 1
    of: int = 1

    def __str__(self) -> str:
        return f"part {self.number} of {self.of}"

    def holds(self, student: str) -> bool:
        """Whether this student is graded in this part: the same on every machine, and whoever else is in the class."""
        digest = hashlib.sha256(student.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1


WHOLE = Part()
"""All of a class."""


def read_part(text: str) -> Part:
    """Read ``I/N``.  UsageError if it is anything else."""
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
    number, of = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= of:
        message = f"--part: expected I/N with I from 1 to N, such as 2/8, got '{text}'."
        raise UsageError(message)
    return Part(number, of)
