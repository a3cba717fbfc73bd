"""How well a worker is isolated: the layers, and the level that they add up to.  Imports nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["LAYERS", "LEVELS", "Isolation", "IsolationError", "weakest"]

LAYERS = ("session", "rlimits", "privileges", "landlock", "seccomp")
LEVELS = ("none", "partial", "full")


class IsolationError(Exception):
    """Student code would run less isolated than was asked for: one sentence with the cure."""


@dataclass(frozen=True)
class Isolation:
    """What holds student code.

    level: "full" with every layer proved, "partial" with a process of its own and some, "none" without;
    missing: what is not in force, each a clause with its reason.
    """

    level: str = "none"
    missing: tuple[str, ...] = ()

    def demand(self, least: str) -> None:
        """Raise IsolationError below ``least``."""
        if LEVELS.index(self.level) < LEVELS.index(least):
            message = (
                f"Student code would run with isolation '{self.level}' here, and '{least}' is asked for: "
                f"{'; '.join(self.missing)}. See docs/security.md, or accept it with --isolation {self.level}."
            )
            raise IsolationError(message)


def weakest(those: Iterable[Isolation]) -> Isolation:
    """The one with the lowest level, the first among equals."""
    return min(those, key=lambda isolation: LEVELS.index(isolation.level))
