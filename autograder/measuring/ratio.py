"""Common parts of costs that are compared with the reference's."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.spec import Budget, Case, Run, SpecError

__all__ = ["Ratio"]


@dataclass(frozen=True)
class Ratio(Budget):
    """At most ``at_most`` times the reference's cost on ``case``; half of the points up to ``half_at`` times.

    case, dtype: as in ``Run``.  Limits are set from measured ratios.
    """

    case: Case
    at_most: float
    half_at: float | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.half_at is not None and not self.half_at > self.at_most:
            message = f"half of the points are for up to {self.half_at} times: that must be more than {self.at_most}"
            raise SpecError(message)

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
