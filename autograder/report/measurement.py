"""Measured values and their limits: one struct per kind, and their union, which a verdict holds.

To add a kind, write its struct with everything that ``Figures`` requires, and list it in ``Measurement``.
"""

from __future__ import annotations

import statistics
from enum import StrEnum
from typing import ClassVar

import msgspec

__all__ = ["Footprint", "Growth", "HotSpot", "Measurement", "Pace", "Pair", "Timing"]

WHOLE_FROM = 10
COMPARED_WITH = {"frozen": "the plain version"}
"""What a ratio is a multiple of, in words; elsewhere the reference."""
NEAR = 0.1
"""Closer to a ratio's limit than this share, a second digit is shown."""
MEGABYTE = 1e6


class Pace(StrEnum):
    """The side of its limit on which a measured value lies, or too close to decide."""

    UNDER = "under"
    OVER = "over"
    OPEN = "too close to tell"


class HotSpot(msgspec.Struct, frozen=True):
    """Where time goes: a line or a loop of the submission, and its share of the time (0…1)."""

    where: str
    code: str
    share: float
    loop: bool = False


class Pair(msgspec.Struct, frozen=True):
    """One timed call of the code and one of the reference on the same inputs: CPU and wall seconds.

    deferred: CPU seconds of deferred work (in reports ``put_off``), spent between calls beyond what the reference did;
    charged to the code.
    code_instructions, reference_instructions: executed in that call, where the machine counts them, else 0.
    """

    code: float
    reference: float
    code_wall: float
    reference_wall: float
    deferred: float = msgspec.field(default=0.0, name="put_off")
    code_instructions: int = 0
    reference_instructions: int = 0


class Figures(msgspec.Struct, frozen=True, tag_field="kind"):
    """Common to all kinds of measurement; each also has ``value``, ``limit``, ``pace``, ``interval`` and ``words``.

    is_ratio: whether the value is a multiple of the reference's;
    in_sentence: whether the sentence of a failed check states the figures.
    """

    is_ratio: ClassVar[bool] = True
    in_sentence: ClassVar[bool] = False

    @property
    def kind(self) -> str:
        """The kind's name in the report."""
        return str(self.__struct_config__.tag)

    @property
    def hot_spots(self) -> list[HotSpot]:
        """Where the cost arises, if that is known."""
        return []

    @property
    def earns_half(self) -> bool:
        """Whether a value over the limit still earns half of the points."""
        return False

    @property
    def unit(self) -> str:
        """The text after the value in a sentence."""
        return f"× {self.compared_with}"

    @property
    def compared_with(self) -> str:
        """What a ratio is a multiple of, in words."""
        return COMPARED_WITH.get(getattr(self, "against", ""), "the reference")


class Timing(Figures, frozen=True, tag="speed"):
    """A speed check's figures: CPU-time ratios to the reference, one per pair, and their median.

    low, high: the interval of the median that decided the pace; half_limit: the limit for half of the points, and
    whether the ratio is within it; raw: the raw measurements; hot: where the time goes, if it was too much;
    estimated: by yardsticks, without the reference; pairs then holds each yardstick's estimate;
    against: what is called the reference here, "reference" or "frozen", the plain version.
    """

    ratio: float
    limit: float
    pairs: list[float]
    low: float = 0.0
    high: float = 0.0
    pace: Pace = Pace.OPEN
    half_limit: float | None = None
    within_half: bool = False
    raw: list[Pair] = []
    hot: list[HotSpot] = []
    estimated: bool = False
    against: str = "reference"

    @property
    def value(self) -> float:
        """The median ratio."""
        return self.ratio

    @property
    def interval(self) -> tuple[float, float]:
        """The interval that decided the pace, or the extreme ratios if that was not stored."""
        low = self.low or min(self.pairs, default=self.ratio)
        return low, self.high or max(self.pairs, default=self.ratio)

    @property
    def hot_spots(self) -> list[HotSpot]:
        """Where the time goes."""
        return self.hot

    @property
    def earns_half(self) -> bool:
        """Whether the ratio keeps within the limit for half of the points."""
        return self.within_half

    @property
    def words(self) -> str:
        """The ratio and its limit: ``2.7 × the reference (limit 2.0)``, with enough digits to differ."""
        ratio = _beside(self.ratio, self.limit, estimated=self.estimated)
        return f"{ratio} × {self.compared_with} (limit {_limit(self.limit)}{_note(self.estimated)})"

    @property
    def line(self) -> str:
        """The same as a line of its own."""
        return f"Time: {self.words}."

    @property
    def instructions(self) -> float | None:
        """Instructions as a multiple of the reference's, the median of the pairs; None if they were not counted."""
        counted = [p.code_instructions / p.reference_instructions for p in self.raw if p.reference_instructions > 0]
        return statistics.median(counted) if counted else None


class Footprint(Figures, frozen=True, tag="memory"):
    """A memory check's figures: bytes at the peak of one call, of the code and of the reference, and their ratio.

    kept: bytes that stay allocated after the call; half_limit: the limit for half of the points, and whether the ratio
    is within it; estimated: whether the reference's peak was measured at release; against: as in ``Timing``;
    of: an input, where the ratio is not one of both peaks but the share of its bytes taken beyond the reference.
    """

    ratio: float
    limit: float
    peak: int
    reference_peak: int
    kept: int = 0
    half_limit: float | None = None
    within_half: bool = False
    estimated: bool = False
    against: str = "reference"
    of: str = ""

    @property
    def value(self) -> float:
        """The ratio."""
        return self.ratio

    @property
    def unit(self) -> str:
        """The text after the value in a sentence."""
        return f"× the {self.of}" if self.of else f"× {self.compared_with}"

    @property
    def pace(self) -> Pace:
        """Memory hardly varies, so it is never too close to decide."""
        return Pace.UNDER if self.ratio <= self.limit else Pace.OVER

    @property
    def interval(self) -> tuple[float, float]:
        """The ratio itself."""
        return self.ratio, self.ratio

    @property
    def earns_half(self) -> bool:
        """Whether the ratio keeps within the limit for half of the points."""
        return self.within_half

    @property
    def words(self) -> str:
        """The ratio, its limit, and the measured bytes."""
        ratio = _beside(self.ratio, self.limit, estimated=self.estimated)
        peak, theirs = (f"{amount / MEGABYTE:.1f} MB" for amount in (self.peak, self.reference_peak))
        limit = f"limit {_limit(self.limit)}{_note(self.estimated)}"
        what = f"the {self.of} beyond {self.compared_with}" if self.of else self.compared_with
        return f"{ratio} × {what}’s memory ({peak} at its peak against {theirs}; {limit})"

    @property
    def line(self) -> str:
        """The same as a line of its own."""
        return f"Memory: {self.words}."


class Growth(Figures, frozen=True, tag="growth"):
    """A scaling check's figures: cost at each size (seconds of CPU, bytes at the peak), and the exponent fitted to it.

    of: "time" or "memory"; low, high: the interval of the exponent that decided the pace;
    reference, reference_costs: the reference's exponent and costs, if it was available.
    """

    is_ratio: ClassVar[bool] = False
    in_sentence: ClassVar[bool] = True

    exponent: float
    limit: float
    of: str
    sizes: list[int]
    costs: list[float]
    low: float = 0.0
    high: float = 0.0
    pace: Pace = Pace.OPEN
    reference: float = 0.0
    reference_costs: list[float] = []

    @property
    def value(self) -> float:
        """The exponent."""
        return self.exponent

    @property
    def unit(self) -> str:
        """The text after the value in a sentence."""
        return "to the power"

    @property
    def interval(self) -> tuple[float, float]:
        """The interval that decided the pace."""
        return self.low or self.exponent, self.high or self.exponent

    @property
    def cost(self) -> str:
        """What grows, in words."""
        return "computing time" if self.of == "time" else "memory"

    @property
    def words(self) -> str:
        """How the cost grows with the size, the limit, and how the reference's cost grows."""
        theirs = f"; the reference’s to the power {self.reference:.2f}" if self.reference_costs else ""
        return f"{self.cost} grows like the size to the power {self.exponent:.2f} (limit {self.limit:.2f}{theirs})"

    @property
    def line(self) -> str:
        """The same as a line of its own."""
        return f"Growth of {self.of} with the size: exponent {self.exponent:.2f} (limit {self.limit:.2f})."


Measurement = Timing | Footprint | Growth
"""The result of a measured check; its ``kind`` in a report is speed, memory or growth."""


def _beside(ratio: float, limit: float, *, estimated: bool) -> str:
    digits = 0 if ratio >= WHOLE_FROM else 2 if abs(ratio - limit) < NEAR or limit < 1 else 1
    return f"{'about ' if estimated else ''}{ratio:.{digits}f}"


def _limit(limit: float) -> str:
    return f"{limit:.{2 if limit < 1 else 1}f}"


def _note(estimated: bool) -> str:  # noqa: FBT001 - one figure's own flag
    return "; an estimate" if estimated else ""
