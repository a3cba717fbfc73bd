"""Bounds on time, memory and their growth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autograder.spec.error import SpecError

if TYPE_CHECKING:
    import numpy as np

    from autograder.spec.case import Case

__all__ = ["Budget", "Memory", "Scaling", "Speed"]

FEWEST_SIZES, WIDEST = 4, 8


@dataclass(frozen=True)
class Budget:
    """At most ``at_most`` times what the reference takes on ``case``; half of the points up to ``half_at`` times.

    The case's inputs are shapes (drawn normal, anew for every pair) or functions of an rng (labels, a text).
    dtype: of the drawn inputs and the parameters.  Limits are set on measured ratios.
    """

    case: Case
    at_most: float
    half_at: float | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.half_at is not None and not self.half_at > self.at_most:
            message = f"half of the points are for up to {self.half_at} times: that must be more than {self.at_most}"
            raise SpecError(message)

    def draw(self, rng: np.random.Generator, case: Case | None = None) -> Case:
        """Draw inputs, and dy where ``case`` has one: a first case, or fresh numbers for one that is complete."""
        given = self.case.inputs.items()
        drawn = {name: spec(rng) if callable(spec) else rng.normal(size=spec) for name, spec in given}
        floats = {name for name, x in drawn.items() if getattr(getattr(x, "dtype", None), "kind", "") == "f"}
        inputs = {name: x.astype(self.dtype) if name in floats else x for name, x in drawn.items()}
        if case is None:
            return self.case.with_changes(inputs=inputs)
        fresh = {name: rng.normal(size=dy.shape).astype(self.dtype) for name, dy in case.upstreams.items()}
        return case.with_changes(inputs=inputs).with_upstreams(fresh)


@dataclass(frozen=True)
class Speed(Budget):
    """A budget of CPU time."""


@dataclass(frozen=True)
class Memory(Budget):
    """A budget of memory at its peak, beyond inputs and parameters.  Let the reference take a megabyte at least."""


@dataclass(frozen=True)
class Scaling:
    """A bound on growth: cost may grow like size to the power ``at_most``, fitted over ``sizes``.

    case(size): what is run at a size, its inputs given as in ``Budget``; sizes: four or more, the last at least eight
    times the first, the first large enough for half a millisecond or a megabyte; of: "time" or "memory".
    """

    case: Callable[[int], Case]
    sizes: tuple[int, ...]
    at_most: float
    of: str = "time"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        problem = ""
        if len(self.sizes) < FEWEST_SIZES or list(self.sizes) != sorted(set(self.sizes)):
            problem = f"sizes are {self.sizes}: four or more are wanted, each larger than the one before"
        elif self.sizes[-1] < WIDEST * self.sizes[0]:
            problem = f"sizes go from {self.sizes[0]} to {self.sizes[-1]}: {WIDEST} times is the least that tells"
        elif self.of not in ("time", "memory"):
            problem = f"growth is 'of' time or memory, not '{self.of}'"
        if problem:
            raise SpecError(problem)

    def at(self, size: int) -> Budget:
        """What is run at one size."""
        return Budget(self.case(size), self.at_most, dtype=self.dtype)
