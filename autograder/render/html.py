"""Reports as pages: each one file that needs nothing else, no script, no network.

Whatever a template prints passes through ``_shown``: control characters go, long text is shortened, and
jinja2 escapes the rest.  A student's page is made of that student's report alone.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autograder.render.figures import attention, distribution, exercise_rates, questions, share, versions
from autograder.render.reading import (
    ISOLATION,
    MARKS,
    MEANING,
    NAME,
    RIGHT,
    clean,
    common_mistakes,
    exercise_names,
    findings,
    memory,
    number,
    shared_sentence,
    slow_to_grade,
    speed,
    tried,
)
from autograder.verdict import ExerciseResult, Report, Status, Timing, Verdict

__all__ = ["Drawn", "class_page", "environment", "student_page"]

MOST_LISTED = 12
"""Rows of a list on the class's page before the rest is folded away."""


def student_page(report: Report) -> str:
    """Draw one student's result of one assignment."""
    told = {problem.sentence for problem in report.problems}
    return (
        environment()
        .get_template("student.html")
        .render(
            report=report,
            exercises=[Drawn(exercise, told) for exercise in report.exercises],
            by_hand=sum(answer.max_points for answer in report.written),
            counts=_counts(exercise.status for exercise in report.exercises),
            attempts=tried(report),
        )
    )


def class_page(title: str, reports: Sequence[Report], links: Mapping[str, str]) -> str:
    """Draw a class: one assignment, all its students.

    links: the relative address of each student's page by the student's name, percent-encoded; a student
    without one is listed without a link, and an address that leads elsewhere is not followed.
    """
    ordered = sorted(reports, key=lambda report: (report.student.casefold(), report.student))
    return (
        environment()
        .get_template("class.html")
        .render(
            title=title,
            reports=ordered,
            links={student: link for student, link in links.items() if _is_local(link)},
            names=exercise_names(ordered),
            most=max((report.max_points for report in ordered), default=0.0),
            middle=statistics.median([report.points for report in ordered]) if ordered else 0.0,
            mean=statistics.fmean([report.points for report in ordered]) if ordered else 0.0,
            perfect=sum(bool(report.exercises) and report.status in RIGHT for report in ordered),
            untouched=sum(report.status is Status.NOT_ATTEMPTED for report in ordered),
            columns=distribution(ordered),
            exercises=exercise_rates(ordered),
            mistakes=common_mistakes(ordered),
            attention=attention(ordered),
            questions=questions(ordered),
            isolation=Counter(report.isolation for report in ordered).most_common(),
            unofficial=sum(not report.official for report in ordered),
            slow=slow_to_grade(ordered),
            usual=statistics.median([report.seconds for report in ordered]) if ordered else 0.0,
            seeds=sorted({report.seed for report in ordered}),
            checks=sorted({report.checks_sha256 for report in ordered if report.checks_sha256}),
            versions=versions(ordered),
            graded=max((report.graded_at for report in ordered), default=""),
            most_listed=MOST_LISTED,
        )
    )


@cache
def environment() -> Environment:
    """Make the templates' environment: everything escaped, everything cleaned, nothing undefined."""
    env = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        number=number, speed=speed, memory=memory, name=_name, slug=lambda s: str(s).replace(" ", "-"), when=_when
    )
    env.globals.update(MARKS=MARKS, MEANING=MEANING, ISOLATION=ISOLATION, Status=Status, share=share, percent=_percent)
    env.globals["statuses"] = lambda report: {exercise.name: exercise.status for exercise in report.exercises}
    return env


def _shown(value: Any) -> Any:
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return clean(value)
    return value


def _name(text: str) -> str:
    return clean(text, NAME) or "without a name"


def _when(stamp: str) -> str:
    return clean(stamp, 32).replace("T", " ").removesuffix("Z") + (" UTC" if stamp.endswith("Z") else "")


def _percent(part: float, whole: float) -> str:
    """Write a share for people: 100 % only where nothing is missing."""
    return f"{int(100 * part / whole)} %" if whole else "–"


def _is_local(link: str) -> bool:
    parts = urlsplit(link)
    return not parts.scheme and not parts.netloc and not link.startswith(("/", "\\"))


def _counts(statuses: Iterable[Status]) -> list[tuple[Status, int]]:
    found = Counter(statuses)
    return [(status, found[status]) for status in Status if found[status]]


class Drawn:
    """One exercise as a page shows it: each sentence, mistake and hint once."""

    def __init__(self, exercise: ExerciseResult, told: AbstractSet[str] = frozenset()) -> None:
        self.name = exercise.name
        self.status = exercise.status
        self.points = exercise.points
        self.max_points = exercise.max_points
        shared = shared_sentence(exercise.verdicts)
        self.about_file = bool(shared) and shared in told
        self.sentence = shared if len(exercise.verdicts) > 1 and not self.about_file else ""
        self.diagnoses = [finding for finding in findings(exercise) if finding.mistake]
        self.open = exercise.status not in (*RIGHT, Status.NOT_ATTEMPTED) and not self.about_file
        lines = list(_lines(exercise.verdicts, shared if self.about_file else self.sentence))
        self.parts = [(part, [line for line in lines if line.verdict.part == part]) for part in exercise.parts()]

    def count(self, status: Status) -> int:
        """How many checks have this status."""
        return sum(line.verdict.status is status for _, lines in self.parts for line in lines)

    @property
    def loud(self) -> list[_Line]:
        """The lines of the checks that did not pass and wait for nothing."""
        quiet = (Status.PASSED, Status.SKIPPED, Status.NOT_ATTEMPTED)
        return [line for _, lines in self.parts for line in lines if line.verdict.status not in quiet]

    @property
    def reason(self) -> str:
        """Why nothing could be said of it: what is unwritten, or what it waits for."""
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
        return next((line.verdict.timing for _, lines in self.parts for line in lines if line.verdict.timing), None)

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
    gauge: _Gauge | None


def _lines(verdicts: list[Verdict], above: str) -> Iterator[_Line]:
    """Make the table's lines; a sentence that the reader has read already is not repeated."""
    told = {above}
    before = above
    for verdict in verdicts:
        sentence = verdict.sentence
        if sentence == before:
            sentence = ""
        elif sentence in told and verdict.status is Status.FAILED and sentence:
            sentence = "the same as above"
        told.add(verdict.sentence)
        before = verdict.sentence or before
        yield _Line(verdict, sentence, _Gauge(verdict.timing) if verdict.timing else None)


class _Gauge:
    """A ratio on a scale whose middle is the limit."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.at = self._place(timing.ratio)
        self.low = self._place(timing.low or min(timing.pairs, default=timing.ratio))
        self.high = self._place(timing.high or max(timing.pairs, default=timing.ratio))
        self.over = timing.ratio > timing.limit

    def _place(self, ratio: float) -> float:
        return round(100 * min(1.0, max(0.0, ratio / (2 * self.timing.limit))), 2) if self.timing.limit > 0 else 100.0
