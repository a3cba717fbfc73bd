"""A budget: a limit on what correct code may cost, and how that is measured; one class per kind.

The kinds are in ``autograder.measuring``, each in a module of its own.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np

from autograder.report import Measurement, Pace, Status
from autograder.spec.error import SpecError

if TYPE_CHECKING:
    from autograder.spec.case import Case
    from autograder.spec.check import Check
    from autograder.spec.comparison import Mismatch
    from autograder.subject import Open, Subject
    from dlkit.extraction import Chunk

__all__ = ["FROZEN", "REFERENCE", "Bench", "Budget", "Judgement", "Run", "Seeded", "Stored"]

REFERENCE, FROZEN = "reference", "frozen"
"""What a cost can be compared with."""

TOO_CLOSE = "too close to the limit to decide on this machine: full points"
HALF = 0.5


@dataclass(frozen=True)
class Seeded:
    """An input so large that the worker draws it itself: its shape, and the seed, which is drawn for every call.

    Sent ahead, it would leave room in the worker's memory in which another array goes unseen.
    """

    shape: tuple[int, ...]
    seed: int = 0
    dtype: str = "float32"

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Run:
    """What is run when it is measured.

    The case's inputs are shapes (drawn normal, anew for every call), also those of ``Seeded``, or functions of an rng
    (labels), else SpecError.
    dtype: of the drawn inputs and the parameters.
    """

    case: Case
    dtype: str = "float32"

    def draw(self, rng: np.random.Generator, case: Case | None = None) -> Case:
        """Draw inputs, and dy where ``case`` has one: a first case, or fresh numbers for one that is complete."""
        drawn = {name: self._drawn(name, spec, rng) for name, spec in self.case.inputs.items()}
        floats = {name for name, x in drawn.items() if getattr(getattr(x, "dtype", None), "kind", "") == "f"}
        inputs = {name: x.astype(self.dtype) if name in floats else x for name, x in drawn.items()}
        if case is None:
            return self.case.with_changes(inputs=inputs)
        fresh = {name: rng.normal(size=dy.shape).astype(self.dtype) for name, dy in case.upstreams.items()}
        return case.with_changes(inputs=inputs).with_upstreams(fresh)

    def _drawn(self, name: str, spec: Any, rng: np.random.Generator) -> Any:
        if callable(spec):
            return spec(rng)
        if isinstance(spec, Seeded):
            return replace(spec, seed=int(rng.integers(1 << 62)), dtype=self.dtype)
        if not isinstance(spec, tuple | int):
            message = f"a case that is measured ({self.case.describe()}) has a shape for “{name}”, or a function of rng"
            raise SpecError(message)
        return rng.normal(size=spec)


@dataclass(frozen=True)
class Bench:
    """Where code is measured.

    code, reference, pieces: each starts a fresh worker, with the code, with what it is compared with (the reference, or
    the frozen version), with the yardstick's pieces of work; shapes: an implementation that shapes cases;
    rng: draws every input; statements: of the code.
    """

    code: Open
    reference: Open
    pieces: Open
    shapes: Subject
    rng: np.random.Generator
    statements: tuple[Chunk, ...] = ()

    def cases(self, check: Check) -> list[Case]:
        """Draw the check's cases, with parameters."""
        cases = check.cases(self.rng, self.shapes)
        self.shapes.forget()
        return cases


class Stored(msgspec.Struct, frozen=True):
    """What the reference used at release in one check: multiples of the yardstick's pieces, or peak bytes.

    of: hash of what was measured, so that figures of another reference are not kept.
    """

    of: str
    ratios: dict[str, float] = {}
    peak: int = 0


@dataclass(frozen=True)
class Judgement:
    """The result of a measurement; earned: the share of the points (0…1) where the status is failed."""

    status: Status
    sentence: str = ""
    measurement: Measurement | None = None
    earned: float = 0.0


class Budget(ABC):
    """A limit on what code may cost.

    name: of its check, the sentence that the student reads; part: the part that the check's points belong to;
    variant: the author's implementation that must exceed the limit; cost: what is limited, in one word;
    advice: the last hint, where only the cost is too high.
    at_most: the limit; dtype: of the inputs and parameters.
    against: what the cost is compared with: "reference", the solution of today, or "frozen", the author's plain
    version in ``variants/``, which no later solution changes.
    is_exclusive: whether the variant must stay within every other limit of the exercise;
    is_calibrated: whether an estimate needs the reference's figures, stored at release.
    """

    name: ClassVar[str]
    part: ClassVar[str]
    variant: ClassVar[str]
    cost: ClassVar[str]
    advice: ClassVar[str]
    is_exclusive: ClassVar[bool] = True
    is_calibrated: ClassVar[bool] = False
    against: str = REFERENCE
    at_most: float
    dtype: str

    @property
    @abstractmethod
    def runs(self) -> tuple[Run, ...]:
        """What is run, in the order of the check's cases."""

    @abstractmethod
    def measure(self, check: Check, bench: Bench) -> Judgement:
        """Measure code beside the reference.

        Raises NotMeasuredError where this system does not report the cost, and what a Subject raises.
        """

    @abstractmethod
    def estimate(self, check: Check, bench: Bench, stored: Stored | None) -> Judgement | None:
        """Measure code where the reference is not, against what was stored of it; None where that is missing.

        Raises as ``measure`` does.
        """

    def calibrate(self, check: Check, bench: Bench) -> Stored:
        """Measure ``bench.code``, the reference, for later estimates; called only where ``is_calibrated``."""
        raise NotImplementedError

    @staticmethod
    def refuse(mismatch: Mismatch) -> Judgement:
        """The verdict on a measured output that was incorrect."""
        return Judgement(Status.FAILED, f"while measured: {mismatch.sentence}")

    @staticmethod
    def judge(measurement: Measurement, excess: str) -> Judgement:
        """Turn figures into a verdict; excess: the sentence where they are over the limit."""
        if measurement.pace is Pace.UNDER:
            return Judgement(Status.PASSED, "", measurement)
        if measurement.pace is Pace.OPEN:
            return Judgement(Status.INCONCLUSIVE, TOO_CLOSE, measurement)
        return Judgement(Status.FAILED, excess, measurement, HALF if measurement.earns_half else 0.0)
