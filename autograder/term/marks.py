"""One student's mark: each assignment's points, maximum, lateness and weight, and the sum, with every step in words.

Nothing is rounded but the mark itself: all numbers are fractions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction

import msgspec

from autograder.term.course_file import Late, Planned, Term
from autograder.term.dates import in_words, length_in_words
from autograder.term.figures import exact, percent, rounded
from autograder.term.late import Deducted, after_deduction, spend
from autograder.term.people import Person
from autograder.term.rules import Rules
from autograder.term.times import Arrival, trusted
from autograder.term.works import Work

__all__ = ["COUNTED", "Line", "Mark", "Marking"]

COUNTED = ("counts", "missing")
"""States of assignments that are part of the mark; the others are dropped, excused, not yet due, not graded, empty."""
DAY = timedelta(days=1)


class Line(msgspec.Struct, frozen=True):
    """One assignment of one student.

    points: after everything; weight: as it counts; late: whether points were lost; steps: how it came about;
    attention: what an instructor should look at.
    """

    assignment: str
    state: str
    due: datetime
    points: Fraction = Fraction(0)
    most: Fraction = Fraction(0)
    weight: Fraction = Fraction(0)
    arrived: Arrival | None = None
    late: bool = False
    steps: tuple[str, ...] = ()
    attention: tuple[str, ...] = ()

    @property
    def share(self) -> Fraction:
        """The points as a share of the maximum."""
        return self.points / self.most if self.most else Fraction(0)


class Mark(msgspec.Struct, frozen=True):
    """One student's mark so far.  exactly: before rounding; both None if nothing counts yet; days: late days used."""

    person: Person
    lines: tuple[Line, ...]
    exactly: Fraction | None
    mark: Fraction | None
    days: int
    steps: tuple[str, ...]


class Marking:
    """Everything that marks depend on.

    works: by the student's key and the assignment; times: the same; usual: of each assignment that was graded, the
    work with the largest maximum, which is that of whoever handed in nothing; now: the date of the pages.
    """

    def __init__(
        self,
        rules: Rules,
        works: Mapping[tuple[str, str], Work],
        times: Mapping[tuple[str, str], Arrival],
        usual: Mapping[str, Work],
        now: datetime,
    ) -> None:
        self.term: Term = rules.term
        self.rules, self.works, self.times, self.usual, self.now = rules, works, times, usual, now

    def mark(self, person: Person) -> Mark:
        """Add up one student's assignments; late days are used in the order of the due dates."""
        lines: dict[str, Line] = {}
        left = self.term.late.budget
        for planned in sorted(self.term.assignments, key=lambda one: self.rules.due(person.key, one.name)[0]):
            lines[planned.name], used = self._line(person.key, planned, left)
            left -= used
        ordered = self._dropped([lines[planned.name] for planned in self.term.assignments])
        exactly, steps = self._sum(ordered)
        mark = None if exactly is None else rounded(exactly, self.term.places)
        return Mark(person, tuple(ordered), exactly, mark, self.term.late.budget - left, tuple(steps))

    def _line(self, key: str, planned: Planned, left: int) -> tuple[Line, int]:
        """One assignment, and the late days that it uses of those that are left."""
        name = planned.name
        due, reason = self.rules.due(key, name)
        work = self.works.get((key, name))
        steps = [self._due_in_words(planned, due, reason)]
        if excuse := self.rules.excuse(key, name):
            because = f": {excuse.reason}" if excuse.reason else ""
            return Line(name, "excused", due, steps=(*steps, f"Excused{because}. It does not count.")), 0
        stated = self.rules.override(key, name) is not None
        if (work is None or not work.handed_in) and not stated:
            return self._missing(key, planned, due, steps), 0
        work = work or self.usual.get(name) or Work(name, ())
        return self._counting(key, planned, work, steps, left)

    def _missing(self, key: str, planned: Planned, due: datetime, steps: list[str]) -> Line:
        """The line of whoever handed in nothing."""
        name = planned.name
        if due > self.now:
            return Line(name, "not yet due", due, steps=(*steps, "Nothing was handed in yet. It does not count yet."))
        if name not in self.usual:
            return Line(name, "not graded", due, steps=(*steps, "It has not been graded yet. It does not count yet."))
        _, most, _ = self.rules.adjusted(key, self.usual[name])
        if not most:
            return Line(name, "no maximum", due, steps=(*steps, "Its maximum is 0. It does not count."))
        told = f"Nothing was handed in: 0 of {exact(most)} points."
        return Line(name, "missing", due, most=most, weight=self._weight(planned, most), steps=(*steps, told))

    def _counting(self, key: str, planned: Planned, work: Work, steps: list[str], left: int) -> tuple[Line, int]:
        """The line of a hand-in, or of points that were stated."""
        name, zone = planned.name, self.term.zone
        due, _ = self.rules.due(key, name)
        points, most, changes = self.rules.adjusted(key, work)
        raw = sum((part.points for part in work.parts), Fraction(0))
        whole = sum((part.most for part in work.parts if not part.bonus), Fraction(0))
        if work.handed_in and (key, name) in self.works:
            bonus = sum((part.points for part in work.parts if part.bonus), Fraction(0))
            extra = f", {exact(bonus)} of them bonus points, which are no part of the maximum" if bonus else ""
            steps.append(f"The report: {exact(raw)} of {exact(whole)} points{extra}.")
        steps += [*([work.left_out] if work.left_out else []), *changes]
        if not most:
            return Line(name, "no maximum", due, steps=(*steps, "Its maximum is 0. It does not count.")), 0
        arrived = self.times.get((key, name), Arrival(None, ""))
        arrived = trusted(arrived, planned.released, self.now, zone)
        kept, days, told, is_late = self._after_lateness(planned, points, most, arrived=arrived, due=due, left=left)
        weight = self._weight(planned, most)
        steps += [*told, f"Share: {exact(kept)} / {exact(most)} = {percent(kept / most)}."]
        attention = tuple(self._attention(work, arrived, due, stated=(key, name) not in self.works))
        return Line(name, "counts", due, kept, most, weight, arrived, is_late, tuple(steps), attention), days

    def _after_lateness(
        self, planned: Planned, points: Fraction, most: Fraction, *, arrived: Arrival, due: datetime, left: int
    ) -> tuple[Fraction, int, list[str], bool]:
        """What is left of the points; the late days used; the sentences; whether points were lost."""
        zone, late = self.term.zone, planned.late or self.term.late
        if arrived.at is None:
            why = f": {arrived.doubt}" if arrived.doubt else ""
            return points, 0, [f"When it was handed in is not known{why}. Nothing is deducted."], False
        how = f", {arrived.source}" if arrived.source else ""
        told = [f"Handed in {in_words(arrived.at, zone)}{how}."]
        late_by = arrived.at - due
        if late_by <= timedelta(0):
            return points, 0, [*told, "In time."], False
        told.append(f"Late by {length_in_words(late_by)}.")
        days = spend(points, most, late_by, late, left)
        if days:
            late_by -= days * DAY
            what = "1 late day is" if days == 1 else f"{days} late days are"
            then = f" This leaves it late by {length_in_words(late_by)}." if late_by > timedelta(0) else ""
            told.append(f"{what} used, of {left} that were left of {self.term.late.budget}.{then}")
        found = after_deduction(points, most, late_by, late)
        return found.points, days, [*told, *_lateness_in_words(points, most, late, found)], found.points < points

    def _attention(self, work: Work, arrived: Arrival, due: datetime, *, stated: bool) -> list[str]:
        """What an instructor should look at."""
        told = []
        if work.unread:
            told.append("The hand-in could not be read.")
        if work.still_open:
            told.append(f"{exact(work.still_open)} points wait for a fault of the grader, and count 0 until then.")
        if work.to_mark:
            told.append(f"{exact(work.to_mark)} points of written answers are to be marked, and count 0 until then.")
        if arrived.doubt and not stated:
            told.append(
                f"The time of the hand-in is not known: {arrived.doubt}. Nothing is deducted. State it with --times."
            )
        if arrived.late and arrived.at is not None and arrived.at <= due:
            told.append("The platform marked it as late, and its time is before the due date.")
        return told

    def _due_in_words(self, planned: Planned, due: datetime, reason: str) -> str:
        zone = self.term.zone
        if due == planned.due:
            return f"Due {in_words(due, zone)}."
        because = f" ({reason})" if reason else ""
        return f"Due {in_words(planned.due, zone)}, extended to {in_words(due, zone)}{because}."

    def _weight(self, planned: Planned, most: Fraction) -> Fraction:
        """What an assignment weighs: as stated, the same for all, or its maximum."""
        if self.term.weights == "points":
            return most
        return Fraction(1) if planned.weight is None or self.term.weights == "equal" else planned.weight

    def _dropped(self, lines: list[Line]) -> list[Line]:
        """The lines, the lowest shares of them dropped; of equal ones the first due.  One always stays."""
        keep = {planned.name for planned in self.term.assignments if planned.keep}
        counted = [line for line in lines if line.state in COUNTED]
        may = sorted((line for line in counted if line.assignment not in keep), key=lambda line: (line.share, line.due))
        drop = {line.assignment for line in may[: min(self.term.drop_lowest, max(0, len(counted) - 1))]}
        told = f"One of the {self.term.drop_lowest} lowest shares: it is dropped and does not count."
        if self.term.drop_lowest == 1:
            told = "The lowest share: it is dropped and does not count."
        return [
            msgspec.structs.replace(line, state="dropped", steps=(*line.steps, told))
            if line.assignment in drop
            else line
            for line in lines
        ]

    def _sum(self, lines: list[Line]) -> tuple[Fraction | None, list[str]]:
        """The mark before it is rounded, and how it is computed."""
        counted = [line for line in lines if line.state in COUNTED]
        weights = sum((line.weight for line in counted), Fraction(0))
        if not weights:
            return None, ["Nothing counts yet."]
        products = sum((line.weight * line.share for line in counted), Fraction(0))
        exactly = products / weights * self.term.scale
        places = self.term.places
        decimals = "1 decimal" if places == 1 else f"{places} decimals"
        steps = [
            f"Sum of weight × share: {exact(products)}; sum of the weights: {exact(weights)}.",
            f"{exact(products)} / {exact(weights)} × {exact(self.term.scale)} = {exact(exactly)}",
            f"Rounded half up to {decimals}, once, here: {exact(rounded(exactly, places))}.",
        ]
        return exactly, steps


def _lateness_in_words(points: Fraction, most: Fraction, late: Late, found: Deducted) -> list[str]:
    """The deduction as it is computed."""
    if not found.why:
        return ["Nothing is deducted."]
    if found.why == "grace":
        return [f"That is within the grace of {length_in_words(late.grace)}: nothing is deducted."]
    if found.why == "cut-off" and late.cut_off is not None:
        return [f"That is above the cut-off of {length_in_words(late.cut_off)}: 0 points."]
    if not late.percent:
        return ["Nothing is deducted."]
    units = f"{found.units} {late.per} has" if found.units == 1 else f"{found.units} {late.per}s have"
    base, name = (points, "the earned points") if late.of == "earned" else (most, "the maximum")
    left = points - found.units * late.percent / 100 * base
    told = (
        f"{units} begun, {exact(late.percent)} % of {name} each: "
        f"{exact(points)} − {found.units} × {exact(late.percent)} % × {exact(base)} = {exact(left)} points."
    )
    if found.why == "deduction":
        return [told]
    least = f"But {exact(late.floor)} % of {name} are left" if found.points < points else "But no more than was earned"
    return [told, f"{least}: {exact(found.points)} points." if late.floor else "But no less than 0 points."]
