"""The rows of ``course.toml`` that are about students, with everybody found: what applies to whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple, TypeVar

from autograder.term.course_file import Excuse, Extension, Override, Term
from autograder.term.errors import UsageError, refuse_unknown
from autograder.term.figures import exact
from autograder.term.people import People
from autograder.term.works import Part, Work

__all__ = ["Adjusted", "Rules", "rules_of"]

Key = TypeVar("Key")
Row = TypeVar("Row")


class Adjusted(NamedTuple):
    """Points and maximum after overrides and voided exercises, with a sentence for each."""

    points: Fraction
    most: Fraction
    steps: tuple[str, ...]


class Rules:
    """What the course file says about each student and assignment."""

    def __init__(
        self,
        term: Term,
        extensions: Mapping[tuple[str, str], Extension],
        excused: Mapping[tuple[str, str], Excuse],
        overrides: Mapping[tuple[str, str, str], Override],
    ) -> None:
        self.term = term
        self._extensions, self._excused, self._overrides = extensions, excused, overrides
        self._voided = {(one.assignment, one.exercise): one for one in term.voided}

    def due(self, key: str, assignment: str) -> tuple[datetime, str]:
        """When the assignment is due for a student, and the reason of an extension; extended where it differs."""
        if one := self._extensions.get((key, assignment)):
            return one.until, one.reason
        return self.term.planned(assignment).due, ""

    def excuse(self, key: str, assignment: str) -> Excuse | None:
        """Why an assignment does not count for a student; None if it does."""
        return self._excused.get((key, assignment))

    def override(self, key: str, assignment: str, exercise: str = "") -> Override | None:
        """Points stated for a student, else for everybody; exercise "": of the assignment as a whole."""
        own = self._overrides.get((key, assignment, exercise))
        return own or self._overrides.get(("", assignment, exercise))

    def adjusted(self, key: str, work: Work) -> Adjusted:
        """The points of a report after voided exercises and overrides."""
        steps: list[str] = []
        parts = [part for one in work.parts if (part := self._part(key, work, one, steps))]
        points = sum((part.points for part in parts), Fraction(0))
        most = sum((part.most for part in parts if not part.bonus), Fraction(0))
        if one := self.override(key, work.assignment):
            because = f" ({one.reason})" if one.reason else ""
            steps.append(f"The points were overridden: {exact(one.points)} in place of {exact(points)}{because}.")
            points = one.points
        return Adjusted(points, most, tuple(steps))

    def _part(self, key: str, work: Work, part: Part, steps: list[str]) -> Part | None:
        """One exercise after what was said about it; None if it was taken out."""
        if void := self._voided.get((work.assignment, part.name)):
            because = f" ({void.reason})" if void.reason else ""
            if void.counts == "out":
                steps.append(
                    f"{part.name} was withdrawn and is out of the points and the maximum: "
                    f"{exact(part.points)} of {exact(part.most)} points{because}."
                )
                return None
            if work.handed_in and part.points != part.most:
                steps.append(
                    f"{part.name} was withdrawn and gives full points: {exact(part.most)} in place of "
                    f"{exact(part.points)}{because}."
                )
                return Part(part.name, part.most, part.most, part.bonus)
            return part
        if (one := self.override(key, work.assignment, part.name)) and one.points != part.points:
            because = f" ({one.reason})" if one.reason else ""
            steps.append(
                f"{part.name} was overridden: {exact(one.points)} points in place of {exact(part.points)}{because}."
            )
            return Part(part.name, one.points, part.most, part.bonus)
        return part


def rules_of(term: Term, people: People, exercises: Mapping[str, Mapping[str, Fraction]], name: str) -> Rules:
    """Find everybody that the rows name.

    exercises: the maximum of each exercise of the assignments that have reports; name: of the course file.
    Raises UsageError for an unknown student or exercise, and for two rows that say different things.
    """
    extensions: dict[tuple[str, str], Extension] = {}
    excused: dict[tuple[str, str], Excuse] = {}
    overrides: dict[tuple[str, str, str], Override] = {}
    for number, one in enumerate(term.extensions, 1):
        place = f"{name}, extension {number}"
        for student in one.students:
            _once(extensions, (people.find(student, place), one.assignment), one, place, student)
    for number, excuse in enumerate(term.excused, 1):
        place = f"{name}, excused {number}"
        for student in excuse.students:
            _once(excused, (people.find(student, place), excuse.assignment), excuse, place, student)
    for number, row in enumerate(term.overrides, 1):
        place = f"{name}, override {number}"
        _check_exercise(row.assignment, row.exercise, exercises, place, row.points)
        for student in row.students:
            key = people.find(student, place)
            _once(overrides, (key, row.assignment, row.exercise), row, place, student)
        if not row.students:
            _once(overrides, ("", row.assignment, row.exercise), row, place, "everybody")
    for number, void in enumerate(term.voided, 1):
        _check_exercise(void.assignment, void.exercise, exercises, f"{name}, void {number}")
    return Rules(term, extensions, excused, overrides)


def _once(found: dict[Key, Row], key: Key, row: Row, place: str, who: str) -> None:
    if key in found:
        message = f"{place}: an earlier row already says this of {who[:60]}. Keep one of the two."
        raise UsageError(message)
    found[key] = row


def _check_exercise(
    assignment: str,
    exercise: str,
    exercises: Mapping[str, Mapping[str, Fraction]],
    place: str,
    points: Fraction = Fraction(0),
) -> None:
    """Raise UsageError if there is no such exercise, or if it has fewer points than are given for it."""
    if not exercise or assignment not in exercises:
        return
    refuse_unknown(exercise, exercises[assignment], place, f"exercise of {assignment} called")
    most = exercises[assignment][exercise]
    if points > most:
        message = f"{place}: {exercise} has {exact(most)} points, fewer than {exact(points)}. State at most those."
        raise UsageError(message)
