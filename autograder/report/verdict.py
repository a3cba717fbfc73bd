"""One check's verdict, and those of one exercise together."""

from __future__ import annotations

import msgspec

from autograder.report.by_hand import ByHand
from autograder.report.measurement import Measurement
from autograder.report.status import Status, overall

__all__ = ["WAITS", "ExerciseResult", "Verdict"]

WAITS = "waits for "
"""How the sentence of a check begins that could not be run because something that it uses is still to be written."""


class Verdict(msgspec.Struct, frozen=True):
    """One check's outcome, with the sentence that the student reads.

    mistake, hint: a planted mistake with the same outputs as the student's code, and what its author needs; mistakes:
    the names, of one or of two at once.
    measurement: the figures of a check that measures something.
    pattern: keys of the relations between observed and expected outputs, if no mistake is recognised (``factor 2``);
    the hint describes them.
    places, heat: where the errors are, in words and as a table of |error| in tenths of the largest, at most 12 × 12, −1
    where it is not a number;
    snippet: at most three lines of code that reproduce the failure.
    """

    check: str
    part: str
    status: Status
    points: float
    max_points: float
    sentence: str = ""
    mistake: str = ""
    hint: str = ""
    measurement: Measurement | None = None
    mistakes: list[str] = []
    pattern: str = ""
    places: str = ""
    heat: list[list[float]] = []
    snippet: str = ""


class ExerciseResult(msgspec.Struct, frozen=True):
    """All verdicts of one exercise; bonus: whether its points are not part of the assignment's maximum.

    One that has none at all is an optional step of another exercise.
    by_hand: points that replace those of the checks, or a comment: in no stored report, see ``report.marks``.
    """

    name: str
    verdicts: list[Verdict]
    bonus: bool = False
    by_hand: ByHand | None = None

    @property
    def points(self) -> float:
        """Points as they count: those given by hand, if there are any."""
        if self.by_hand is not None and self.by_hand.points is not None:
            return self.by_hand.points
        return self.automatic_points

    @property
    def automatic_points(self) -> float:
        """Points that the checks found."""
        return round(sum(verdict.points for verdict in self.verdicts), 2)

    @property
    def is_overridden(self) -> bool:
        """Whether its points were given by hand."""
        return self.by_hand is not None and self.by_hand.points is not None

    @property
    def max_points(self) -> float:
        """Maximum of the points."""
        return round(sum(verdict.max_points for verdict in self.verdicts), 2)

    @property
    def optional(self) -> bool:
        """Whether this is an optional step, which counts for nothing."""
        return self.bonus and not self.max_points

    @property
    def status(self) -> Status:
        """The exercise as a whole; what waits for an unwritten one is no more than partly done.

        Of points given by hand, all are “passed”, and others no more than partly done.
        """
        found = overall(verdict.status for verdict in self.verdicts)
        if self.is_overridden and self.max_points:
            if self.points >= self.max_points:
                return Status.PASSED
            decided = found in (Status.PASSED, Status.INCONCLUSIVE, Status.BROKEN)
            return Status.PARTLY if decided and self.points else Status.FAILED if decided else found
        waits = any(v.status is Status.SKIPPED and v.sentence.startswith(WAITS) for v in self.verdicts)
        return Status.PARTLY if waits and found in (Status.PASSED, Status.INCONCLUSIVE) else found

    def parts(self) -> dict[str, Status]:
        """Each part's status."""
        names = dict.fromkeys(verdict.part for verdict in self.verdicts)
        return {name: overall(v.status for v in self.verdicts if v.part == name) for name in names}
