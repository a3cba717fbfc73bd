"""How submissions are graded: one frozen record, from the command line to the worker."""

from __future__ import annotations

from dataclasses import dataclass, field

from autograder.isolation.allowance import Share
from autograder.isolation.launcher import Limits
from autograder.spec import EVERYTHING, Scope

__all__ = ["Options"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How submissions are graded.

    seed: draws every input, and the same seed grades the same way; None: drawn anew, or that of the resumed run.
    backend: where arrays live, "numpy" or "cupy"; scope: what is graded, without capstones or bonus exercises perhaps.
    earlier: "own" or "reference", the earlier assignments that a student's work is run on.
    isolation: the lowest level at which a worker receives student code.
    only: names of the exercises to grade (all if None); threads: exercises graded in parallel, each with its own
    worker.  limits: of one call of an exercise; share: the total that one submission may use of the machine, by default
    derived from its capstones.
    """

    seed: int | None = None
    backend: str = "numpy"
    scope: Scope = EVERYTHING
    earlier: str = "reference"
    isolation: str = "none"
    only: frozenset[str] | None = None
    threads: int = 1
    limits: Limits = field(default_factory=Limits)
    share: Share | None = None
