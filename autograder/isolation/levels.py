"""Levels of isolation of a worker, and the layers that decide them.  Imports nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["LAYERS", "LEVELS", "Isolation", "IsolationError", "weakest"]

LAYERS = ("session", "rlimits", "privileges", "landlock", "seccomp")
LEVELS = ("none", "partial", "full")


class IsolationError(Exception):
    """Student code would run with less isolation than required: one sentence with the cure."""


@dataclass(frozen=True)
class Isolation:
    """The isolation of student code.

    level: "full" with every layer proved, "partial" with a separate process and some layers, "none" without;
    missing: layers that are missing, each a clause with the reason.
    """

    level: str = "none"
    missing: tuple[str, ...] = ()

    def demand(self, least: str) -> None:
        """Raise IsolationError below ``least``."""
        if LEVELS.index(self.level) < LEVELS.index(least):
            message = (
                f"Student code would run with isolation '{self.level}' here, but '{least}' is required: "
                f"{'; '.join(self.missing)}. See docs/security.md, or accept it with --isolation {self.level}."
            )
            raise IsolationError(message)


def weakest(those: Iterable[Isolation]) -> Isolation:
    """The one with the lowest level; of several, the first."""
    return min(those, key=lambda isolation: LEVELS.index(isolation.level))
