"""One exercise as a page shows it: the sentences of each check, none of them twice."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from autograder.render.errormap import levels, telling
from autograder.render.measured import Measure, measured, timing_of
from autograder.render.reading import RIGHT, decided_by_hand, findings, shared_sentence
from autograder.report import ExerciseResult, Status, Timing, Verdict

__all__ = ["Drawn", "Gauge"]


class Drawn:
    """One exercise as a page shows it: each sentence, mistake and hint once.

    told: sentences that are elsewhere on the page; number: its place among the exercises, for links.
    """

    def __init__(self, exercise: ExerciseResult, told: AbstractSet[str] = frozenset(), number: int = 0) -> None:
        self.name = exercise.name
        self.anchor = f"exercise-{number}"
        self.status = exercise.status
        self.points = exercise.points
        self.max_points = exercise.max_points
        self.bonus = exercise.bonus
        self.optional = exercise.optional
        self.by_hand = decided_by_hand(exercise)
        shared = shared_sentence(exercise.verdicts)
        self.about_file = bool(shared) and shared in told
        self.sentence = shared if len(exercise.verdicts) > 1 and not self.about_file else ""
        self.diagnoses = [finding for finding in findings(exercise) if finding.mistake or finding.hint]
        self.open = exercise.status not in (*RIGHT, Status.NOT_ATTEMPTED) and not self.about_file
        lines = list(_lines(exercise, shared if self.about_file else self.sentence))
        self.parts = _by_part(lines)
        self.others = _by_part([line for line in lines if line.verdict.status is not Status.PASSED])
        self.passed = _by_part([line for line in lines if line.verdict.status is Status.PASSED])

    def count(self, status: Status) -> int:
        """How many checks have this status."""
        return sum(line.verdict.status is status for _, lines in self.parts for line in lines)

    @property
    def reason(self) -> str:
        """Why there is no verdict: what is unwritten, or what it waits for."""
        waits = [
            line.verdict.sentence
            for _, lines in self.parts
            for line in lines
            if line.verdict.status is not Status.PASSED
        ]
        return next((sentence for sentence in waits if sentence), "")

    @property
    def timing(self) -> Timing | None:
        """The first speed check's figures."""
        return timing_of(line.verdict for _, lines in self.parts for line in lines)

    @property
    def right(self) -> bool:
        """Whether it earned full points."""
        return self.status in RIGHT

    @property
    def untouched(self) -> bool:
        """Whether nothing was written yet."""
        return self.status is Status.NOT_ATTEMPTED


@dataclass
class _Line:
    """One check's line in the table."""

    verdict: Verdict
    sentence: str
    gauge: Gauge | None

    @property
    def heat(self) -> list[list[int]]:
        """The size of the error, entry by entry, in levels; empty if that adds nothing to the sentence."""
        return levels(self.verdict.heat) if telling(self.verdict.heat) else []


def _by_part(lines: list[_Line]) -> list[tuple[str, list[_Line]]]:
    parts = dict.fromkeys(line.verdict.part for line in lines)
    return [(part, [line for line in lines if line.verdict.part == part]) for part in parts]


def _lines(exercise: ExerciseResult, above: str) -> Iterator[_Line]:
    """Make the table's lines; sentences are not repeated."""
    told = {above}
    before = above
    for verdict in exercise.verdicts:
        sentence = verdict.sentence
        if verdict.measurement and verdict.measurement.hot_spots:
            sentence = sentence.partition(". ")[0]  # the places are drawn below it
        if sentence == before:
            sentence = ""
        elif sentence in told and verdict.status is Status.FAILED and sentence:
            sentence = "the same as above"
        told.add(verdict.sentence)
        before = verdict.sentence or before
        measure = measured(exercise.name, verdict)
        yield _Line(verdict, sentence, Gauge(measure) if measure else None)


class Gauge:
    """A measured value, on a scale whose middle is the limit."""

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self.words = measure.figures.words
        self.at, self.low, self.high = map(self._place, (measure.value, measure.low, measure.high))
        self.over = measure.value > measure.limit

    def _place(self, value: float) -> float:
        return round(50 * min(2.0, max(0.0, self._measure.of_limit(value))), 2)
