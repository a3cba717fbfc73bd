"""Common parts of costs that are compared with the reference's."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.spec import FROZEN, REFERENCE, Budget, Case, Run, SpecError

__all__ = ["CLEAR_OF_ONE", "Ratio"]

CLEAR_OF_ONE = 1.25
"""A limit keeps this factor from the frozen version, whose ratio to itself is 1."""


@dataclass(frozen=True)
class Ratio(Budget):
    """At most ``at_most`` times the reference's cost on ``case``; half of the points up to ``half_at`` times.

    case, dtype: as in ``Run``.  Limits are set from measured ratios.
    against="frozen": times the cost of ``variants/NAME.py``'s ``frozen`` (of a class ``Frozen``): the plain version
    that students are to improve on (``at_most`` up to 0.8), or may cost a little more than (from 1.25 on).
    """

    case: Case
    at_most: float
    half_at: float | None = None
    dtype: str = "float32"
    against: str = REFERENCE

    def __post_init__(self) -> None:
        if self.half_at is not None and not self.half_at > self.at_most:
            message = f"half of the points are for up to {self.half_at} times: that must be more than {self.at_most}"
            raise SpecError(message)
        if self.against not in (REFERENCE, FROZEN):
            message = f"a cost is measured against '{REFERENCE}' or '{FROZEN}', not '{self.against}'"
            raise SpecError(message)
        if self.against == FROZEN and 1 / CLEAR_OF_ONE < self.at_most < CLEAR_OF_ONE:
            message = f"a limit of {self.at_most} is too close to the frozen version: at most 0.8, or 1.25 and more"
            raise SpecError(message)

    @property
    def improves(self) -> bool:
        """Whether the limit asks for less than the frozen version costs, so that this one must exceed it."""
        return self.against == FROZEN and self.at_most < 1

    @property
    def run(self) -> Run:
        """The only run."""
        return Run(self.case, self.dtype)

    @property
    def runs(self) -> tuple[Run, ...]:
        """The same as a tuple, like every kind."""
        return (self.run,)

    @property
    def limits(self) -> tuple[float, ...]:
        """The limit, and the limit for half of the points if there is one."""
        return (self.at_most,) if self.half_at is None else (self.at_most, self.half_at)
