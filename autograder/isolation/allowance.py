"""The total that one hand-in may use of the machine: a share, and an account that all of its workers share.

The limits of one call (``Limits``) allow a great many calls.  A share limits the sum: a hand-in whose calls all stay
just below the limit of a call is also ended, and the run continues.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace

from autograder.isolation.launcher import Limits

__all__ = ["TOO_LONG", "Allowance", "Share", "SubjectLostError", "UsedUpError", "share_of"]

TOO_LONG = "look for a loop that does not end, or for work that is far too slow"
"""What to do about code that reaches a limit of time."""

CPU_S, CPU_EACH_S = 60.0, 15.0
"""CPU seconds of everything except training: at least, and for each exercise.  The references of whole assignments
need less than two; solutions with a Python loop over numbers in every exercise, on a slow machine, a hundred.
"""
TRAININGS = 4.0
"""A capstone trains from up to three seeds, each within its own limit."""
WALL = 4.0
IDLE_S = 20.0
RECEIVED = 1 << 30


class SubjectLostError(Exception):
    """The worker is gone or was ended: too slow, killed, forged a frame.  Its sentence is shown to the student."""


class OutOfTimeError(SubjectLostError):
    """A call that took longer than its limits allow."""


class UsedUpError(SubjectLostError):
    """The hand-in has used up its share; none of its code is run any more."""


@dataclass(frozen=True)
class Share:
    """What all workers of one hand-in may use together.

    cpu_s: CPU seconds; wall_s: wall seconds of its requests; idle_s: the part of them in which all of its threads were
    asleep (waiting for a processor does not count); received: bytes of replies.
    """

    cpu_s: float = CPU_S
    wall_s: float = WALL * CPU_S
    idle_s: float = IDLE_S
    received: int = RECEIVED


def share_of(exercises: int, training_s: float, *, device: bool = False) -> Share:
    """The share of a hand-in with this many exercises, whose capstones may train for this many CPU seconds in total.

    device: whether arrays are on a GPU; code sleeps while it waits for one.
    """
    cpu = max(CPU_S, CPU_EACH_S * exercises) + TRAININGS * training_s
    return Share(cpu, WALL * cpu, math.inf if device else IDLE_S)


class Allowance:
    """How much of its share a hand-in has used.  Its workers may run in several threads."""

    def __init__(self, share: Share | None = None) -> None:
        self.share = share or Share()
        self._lock = threading.Lock()
        self.cpu_s = self.wall_s = self.idle_s = 0.0
        self.received = 0

    def charge(self, *, cpu_s: float, wall_s: float, idle_s: float, received: int) -> None:
        """Add what one request has used."""
        with self._lock:
            self.cpu_s += cpu_s
            self.wall_s += wall_s
            self.idle_s += idle_s
            self.received += received

    def refuse_if_used_up(self) -> None:
        """Raise UsedUpError with a sentence for the student if nothing is left."""
        if what := self._used_up():
            message = f"did not finish: the whole hand-in has used up {what}, so no more of it is run"
            raise UsedUpError(message)

    def _used_up(self) -> str:
        share = self.share
        if self.cpu_s >= share.cpu_s:
            return f"its {share.cpu_s:g} s of computing"
        if self.idle_s >= share.idle_s:
            return f"the {share.idle_s:g} s that it may sleep or wait"
        if self.wall_s >= share.wall_s:
            return f"its {share.wall_s:g} s of wall time"
        if self.received >= share.received:
            return f"the {share.received >> 20} MB that it may return"
        return ""

    def within(self, limits: Limits, reply: int) -> Limits:
        """The limits of the next call: its own, or what is left if that is less; reply: bytes that it may return."""
        share = self.share
        return replace(
            limits,
            cpu_s=min(limits.cpu_s, share.cpu_s - self.cpu_s),
            wall_s=min(limits.wall_s, share.wall_s - self.wall_s),
            idle_s=min(limits.idle_s, share.idle_s - self.idle_s),
            reply=reply,
        )
