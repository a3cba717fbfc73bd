"""Verdict, Report and their JSON: what the rest of the house reads and nobody else decides.

``msgspec.json.schema(Report)`` is the schema; a Report is one submission's whole record.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from autograder.report.redaction import Redactor
from autograder.writing import write_file

__all__ = [
    "ExerciseResult",
    "Footprint",
    "Growth",
    "HotSpot",
    "NotGraded",
    "Pace",
    "Pair",
    "Problem",
    "Report",
    "Status",
    "Timing",
    "Verdict",
    "WrittenAnswer",
    "encodable",
    "grade_cell",
    "read_report",
    "write_atomically",
]

FORMAT = 1


class Status(StrEnum):
    """What became of a check, a part, an exercise, an assignment."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ATTEMPTED = "not attempted"
    SKIPPED = "skipped"
    INCONCLUSIVE = "inconclusive"
    BROKEN = "broken"
    PARTLY = "partly done"


class Pace(StrEnum):
    """Where a measured ratio lies: beside its limit, or too close to tell."""

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
    """One timed call of the code and one of the reference on the same inputs: seconds of CPU, and by the clock.

    put_off: CPU seconds that the code spent between calls beyond what the reference did; charged to it.
    code_instructions, reference_instructions: executed in that call, where the machine counts them, else 0.
    """

    code: float
    reference: float
    code_wall: float
    reference_wall: float
    put_off: float = 0.0
    code_instructions: int = 0
    reference_instructions: int = 0


class Timing(msgspec.Struct, frozen=True):
    """A speed check's figures: CPU-time ratios to the reference, one a pair, and their median.

    low, high: the interval of the median that the pace was judged by; half_limit: the limit for half of the points, and
    whether the ratio keeps within it; raw: what was measured; hot: where the time goes, where it was too much;
    estimated: by yardsticks, without the reference; pairs then holds each yardstick's own estimate.
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

    @property
    def instructions(self) -> float | None:
        """Instructions as a multiple of the reference's, the median of the pairs; None where they were not counted."""
        counted = [p.code_instructions / p.reference_instructions for p in self.raw if p.reference_instructions > 0]
        return statistics.median(counted) if counted else None


class Footprint(msgspec.Struct, frozen=True):
    """A memory check's figures: bytes at the peak of one call, of the code and of the reference, and their ratio.

    kept: bytes that stay after the call; half_limit: the limit for half of the points, and whether it keeps within it;
    estimated: the reference's peak is the one that was measured at release.
    """

    ratio: float
    limit: float
    peak: int
    reference_peak: int
    kept: int = 0
    half_limit: float | None = None
    within_half: bool = False
    estimated: bool = False


class Growth(msgspec.Struct, frozen=True):
    """A scaling check's figures: cost at each size (seconds of CPU, bytes at the peak), and the exponent fitted to it.

    of: "time" or "memory"; low, high: the interval of the exponent that the pace was judged by;
    reference, reference_costs: the reference's exponent and costs, where it was at hand.
    """

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


class Verdict(msgspec.Struct, frozen=True):
    """One check's outcome, with the sentence that the student reads.

    mistake, hint: a planted mistake whose outputs are the student's, and what its author needs; mistakes: their
    names, of one or of two at once.
    pattern: keys of the relations that the outputs have to the right ones, where no mistake is known (``factor 2``);
    the hint says them.
    places, heat: where the error sits, in words and as a table of |error| in tenths of the largest, at most 12 × 12, −1
    where it is no number;
    snippet: at most three lines of code that show it again.
    """

    check: str
    part: str
    status: Status
    points: float
    max_points: float
    sentence: str = ""
    mistake: str = ""
    hint: str = ""
    timing: Timing | None = None
    footprint: Footprint | None = None
    growth: Growth | None = None
    mistakes: list[str] = []
    pattern: str = ""
    places: str = ""
    heat: list[list[float]] = []
    snippet: str = ""

    @property
    def measured(self) -> float | None:
        """What is held against the limit: a multiple of the reference, or an exponent; None where nothing is."""
        figures = self.timing or self.footprint
        return figures.ratio if figures else self.growth.exponent if self.growth else None


class ExerciseResult(msgspec.Struct, frozen=True):
    """All verdicts of one exercise."""

    name: str
    verdicts: list[Verdict]

    @property
    def points(self) -> float:
        """Points earned."""
        return round(sum(verdict.points for verdict in self.verdicts), 2)

    @property
    def max_points(self) -> float:
        """Points to be had."""
        return round(sum(verdict.max_points for verdict in self.verdicts), 2)

    @property
    def status(self) -> Status:
        """The exercise as a whole."""
        return overall([verdict.status for verdict in self.verdicts])

    def parts(self) -> dict[str, Status]:
        """Each part's status."""
        names = dict.fromkeys(verdict.part for verdict in self.verdicts)
        return {name: overall([v.status for v in self.verdicts if v.part == name]) for name in names}


class Problem(msgspec.Struct, frozen=True):
    """Something about the file itself: one sentence, and where."""

    sentence: str
    where: str = ""


class NotGraded(msgspec.Struct, frozen=True):
    """Something that was seen among the hand-ins and was not graded: where it lies beneath their folder, and why.

    kind: "hand-in", which somebody has to look at, or "other", "handed out" (by the course), "system" (of a computer);
    assignment, student: whom it is about, as far as that is known.
    """

    path: str
    reason: str
    kind: str = "hand-in"
    assignment: str = ""
    student: str = ""


class WrittenAnswer(msgspec.Struct, frozen=True):
    """A written question: graded by hand, so only whether there is an answer is known."""

    name: str
    max_points: float
    answered: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known of one graded submission; can be replayed from its seed and hashes.

    capstones: whether training was asked for; left_out: exercises of which this run graded nothing, or not all: what is
    left out is in neither the points nor the maximum; earlier_sha256: of the earlier assignments it was graded on;
    seconds: the wall time of grading; official: false for a verdict in the student's own process.
    isolation: "full", "partial" or "none", proved before student code was loaded ("" where none ran);
    isolation_missing: what was not in force, with the reason; tried: what the code attempted and an exercise
    never needs, each as what follows “tried to”; set_aside: files of this hand-in that were not graded.
    """

    format: int = FORMAT
    student: str
    assignment: str
    title: str = ""
    file: str = ""
    submission_sha256: str = ""
    checks_sha256: str = ""
    seed: int = 0
    official: bool = True
    isolation: str = ""
    isolation_missing: list[str] = []
    tried: list[str] = []
    backend: str = "numpy"
    capstones: bool = True
    left_out: list[str] = []
    earlier_sha256: str = ""
    versions: dict[str, str] = {}
    problems: list[Problem] = []
    set_aside: list[NotGraded] = []
    exercises: list[ExerciseResult] = []
    written: list[WrittenAnswer] = []
    seconds: float = 0.0
    graded_at: str = ""

    @property
    def points(self) -> float:
        """Points earned by machine."""
        return round(sum(exercise.points for exercise in self.exercises), 2)

    @property
    def max_points(self) -> float:
        """Points to be had by machine; written questions come on top."""
        return round(sum(exercise.max_points for exercise in self.exercises), 2)

    @property
    def status(self) -> Status:
        """The assignment as a whole."""
        return overall([exercise.status for exercise in self.exercises])


def grade_cell(exercise: str) -> str:
    """Name the notebook's cell that holds an exercise's points."""
    return f"check_{exercise}"


def encodable(report: Report, source: str = "", folders: Iterable[Path] = ()) -> Report:
    """Return the report with every text as it may leave this machine; every report goes through here.

    UTF-8 can hold it: half a character becomes “?”.  It names no folder of this machine but those that the submission's
    source spells itself; folders: the course's own.
    """
    redactor = Redactor(source, folders)
    with contextlib.suppress(UnicodeEncodeError):
        if not redactor.is_needed(msgspec.json.encode(report).decode()):
            return report

    def leaving(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: leaving(item) for key, item in value.items()}
        if isinstance(value, list):
            return [leaving(item) for item in value]
        return redactor.shown(_whole(value)) if isinstance(value, str) else value

    told = {name: leaving(value) for name, value in msgspec.to_builtins(report).items()}
    return msgspec.convert({**told, "student": _whole(report.student)}, Report)


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def overall(statuses: list[Status]) -> Status:
    """Sum up: broken, then failed, come first; an untouched whole is not attempted, a right beginning partly done."""
    kinds = set(statuses)
    for status in (Status.BROKEN, Status.FAILED):
        if status in kinds:
            return status
    if len(kinds) == 1:
        return kinds.pop()
    if kinds == {Status.NOT_ATTEMPTED, Status.SKIPPED}:
        return Status.NOT_ATTEMPTED
    if kinds & {Status.NOT_ATTEMPTED, Status.PARTLY}:
        return Status.PARTLY
    if Status.INCONCLUSIVE in kinds:
        return Status.INCONCLUSIVE
    return Status.PASSED


def read_report(path: Path) -> Report:
    """Read a report; msgspec.DecodeError or ValidationError where the file is not one."""
    return msgspec.json.decode(path.read_bytes(), type=Report)


def write_atomically(path: Path, content: bytes | str | Any, *, within: Path | None = None) -> None:
    """Write a file whole or not at all: a Struct as JSON, text as UTF-8.

    within: the folder that somebody named, below which nothing may be a link, as ``write_file`` takes it.
    """
    if isinstance(content, str):
        content = content.encode()
    elif not isinstance(content, bytes):
        content = msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"
    write_file(path, content, within=within)
