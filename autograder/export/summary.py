"""What became of the reports that were written into a gradebook."""

from __future__ import annotations

from dataclasses import dataclass, field

from autograder.render.reading import NAME, clean
from autograder.report import Report

__all__ = ["LeftOut", "Summary"]

MOST_NAMED = 3
MOST_TOLD = 12


@dataclass(frozen=True)
class LeftOut:
    """A report that is not in the gradebook, and why; both names are empty if it could not even be read."""

    student: str
    assignment: str
    reason: str


@dataclass
class Summary:
    """How many reports are new in the gradebook, changed it, or were there already.

    waiting: cells of these submissions that wait for manual grading; left_out: reports that were not written.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    waiting: int = 0
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def written(self) -> int:
        """Reports that the gradebook holds now."""
        return self.added + self.changed + self.unchanged

    def __str__(self) -> str:
        """One line for a person."""
        text = (
            f"{self.added} new, {self.changed} changed, {self.unchanged} unchanged; "
            f"{self.waiting} cells wait for manual grading"
        )
        return f"{text}; {len(self.left_out)} left out" if self.left_out else text

    def leave_out(self, report: Report, reason: str) -> None:
        """Note a report that is not written."""
        self.left_out.append(LeftOut(report.student, report.assignment, reason))

    def include(self, other: Summary) -> None:
        """Add the counts of a batch."""
        self.added += other.added
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.waiting += other.waiting
        self.left_out += other.left_out

    def sentences(self) -> list[str]:
        """Say what was left out and why: one line for each reason, at most ``MOST_TOLD`` and how many more."""
        reasons: dict[tuple[str, str], list[str]] = {}
        for one in self.left_out:
            reasons.setdefault((one.assignment, one.reason), []).append(one.student)
        told = [_sentence(assignment, reason, names) for (assignment, reason), names in reasons.items()]
        hidden = sum(len(names) for names in list(reasons.values())[MOST_TOLD:])
        return told[:MOST_TOLD] + ([f"{hidden} more left out."] if hidden else [])


def _sentence(assignment: str, reason: str, students: list[str]) -> str:
    if not assignment:
        return f"Left out: {reason}"
    names = ", ".join(f"'{clean(name, NAME)}'" for name in students[:MOST_NAMED])
    more = f" and {len(students) - MOST_NAMED} more" if len(students) > MOST_NAMED else ""
    return f"Left out: {clean(assignment, NAME)} of {names}{more}. {reason}"
