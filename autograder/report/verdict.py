"""One check's verdict, and those of one exercise together."""

from __future__ import annotations

import msgspec

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
    """

    name: str
    verdicts: list[Verdict]
    bonus: bool = False

    @property
    def points(self) -> float:
        """Points earned."""
        return round(sum(verdict.points for verdict in self.verdicts), 2)

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
        """The exercise as a whole; what waits for an unwritten one is no more than partly done."""
        found = overall(verdict.status for verdict in self.verdicts)
        waits = any(v.status is Status.SKIPPED and v.sentence.startswith(WAITS) for v in self.verdicts)
        return Status.PARTLY if waits and found in (Status.PASSED, Status.INCONCLUSIVE) else found

    def parts(self) -> dict[str, Status]:
        """Each part's status."""
        names = dict.fromkeys(verdict.part for verdict in self.verdicts)
        return {name: overall(v.status for v in self.verdicts if v.part == name) for name in names}
