"""What a class gets wrong, and who: recognised mistakes, and failures that match no known mistake."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from autograder.report import Report, Status, Verdict

__all__ = ["MistakeCount", "Unexplained", "alike", "common_mistakes", "personal_mistake", "unexplained"]

_INPUTS = re.compile(r" \([^()]*(?:\([^()]*\)[^()]*)*\)$")
"""The end of a sentence: the inputs that showed the failure."""
_NUMBERS = re.compile(r"\d[\d.,]*(?:e[+-]?\d+)?")


@dataclass
class MistakeCount:
    """A mistake, its exercise, who makes it, and its hint."""

    exercise: str
    mistake: str
    hint: str
    who: list[str]

    @property
    def students(self) -> int:
        """How many students make it."""
        return len(self.who)


@dataclass
class Unexplained:
    """A failure that matches no planted mistake: where, an example of its sentence, and who has it."""

    places: list[str]
    sentence: str
    who: list[str]


def common_mistakes(reports: Iterable[Report]) -> list[MistakeCount]:
    """Count each mistake once per student, the most common first."""
    found: dict[tuple[str, str], MistakeCount] = {}
    for report in reports:
        for key, hint in _recognised(report).items():
            found.setdefault(key, MistakeCount(*key, hint, [])).who.append(report.student)
    return sorted(found.values(), key=lambda one: (-one.students, one.exercise, one.mistake))


def _recognised(report: Report) -> dict[tuple[str, str], str]:
    """Each mistake by its exercise and name, with its hint; two made at once count as two."""
    found: dict[tuple[str, str], str] = {}
    for exercise in report.exercises:
        for verdict in exercise.verdicts:
            if verdict.mistake:
                names = verdict.mistakes or [verdict.mistake]
                found.update({(exercise.name, name): verdict.hint for name in names})
    return found


def unexplained(reports: Iterable[Report]) -> list[Unexplained]:
    """Group similar failures that were not recognised, the most common first.

    Failures are similar if they have the same relation to the expected answer, or if their sentences differ only in
    numbers and inputs; if the same students fail in the same way in several places, that is one entry.  Measurements
    over their limits, and failures that the file explains, are not counted.
    """
    found: dict[tuple[str, str], Unexplained] = {}
    for report in reports:
        ways = {(f"{name}: {v.check}", v.pattern or alike(v.sentence)): _said(v) for name, v in _unrecognised(report)}
        for (place, way), sentence in ways.items():
            found.setdefault((place, way), Unexplained([place], sentence, [])).who.append(report.student)
    merged: dict[tuple[str, ...], Unexplained] = {}
    for (place, way), one in found.items():
        same = merged.setdefault((way, *one.who), Unexplained([], one.sentence, one.who))
        same.places.append(place)
    return sorted(merged.values(), key=lambda one: (-len(one.who), -len(one.places), one.places))


def _said(verdict: Verdict) -> str:
    return verdict.hint if verdict.pattern and verdict.hint else verdict.sentence


@lru_cache(maxsize=4096)
def alike(sentence: str) -> str:
    """What is the same in sentences that differ only in numbers and inputs."""
    return _NUMBERS.sub("#", _INPUTS.sub("", sentence))


def _unrecognised(report: Report) -> Iterator[tuple[str, Verdict]]:
    told = {problem.sentence for problem in report.problems}
    for exercise in report.exercises:
        for verdict in exercise.verdicts:
            explained = verdict.mistake or verdict.measurement or verdict.sentence in told
            if verdict.status is Status.FAILED and not explained:
                yield exercise.name, verdict


def personal_mistake(report: Report) -> str:
    """Name the mistake that costs this student the most points; empty if none was recognised."""
    costs: dict[str, float] = {}
    for exercise in report.exercises:
        for verdict in exercise.verdicts:
            if verdict.mistake:
                name = f"{exercise.name} {verdict.mistake}"
                costs[name] = costs.get(name, 0.0) + verdict.max_points - verdict.points
    return max(costs, key=lambda name: costs[name], default="")
