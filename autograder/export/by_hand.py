"""What was marked by hand, as rows beside a report's checks: their points add up with those of the checks."""

from __future__ import annotations

from typing import NamedTuple

from autograder.render.reading import COMMENT, NAME, clean, decided_by_hand, number
from autograder.report import Report

__all__ = ["HandRow", "comments_by_hand", "hand_rows"]


class HandRow(NamedTuple):
    """One written question that counts, or one exercise with a mark or a comment by hand.

    points: None where an answer is still to be marked; of an exercise, the difference to what its checks found, of a
    maximum of 0.
    """

    subject: str
    title: str
    points: float | None
    max_points: float
    told: list[str]


def hand_rows(report: Report) -> list[HandRow]:
    """The rows of a report; none where nothing was marked by hand."""
    rows = [
        HandRow(
            clean(exercise.name, NAME),
            f"{clean(exercise.name, NAME)}: {'points' if exercise.is_overridden else 'comment'} by hand",
            round(exercise.points - exercise.automatic_points, 2),
            0.0,
            decided_by_hand(exercise),
        )
        for exercise in report.exercises
        if exercise.by_hand is not None
    ]
    for answer in report.written if report.counts_written else ():
        told = [clean(answer.mark.comment, COMMENT)] if answer.mark and answer.mark.comment else []
        if answer.points is None:
            told = ["Still to be marked.", *told]
        elif not answer.answered and not (answer.mark and answer.mark.points is not None):
            told = ["No answer.", *told]
        name = clean(answer.name, NAME)
        rows.append(HandRow(name, f"Question {name}", answer.points, answer.max_points, told))
    return rows


def comments_by_hand(report: Report) -> list[str]:
    """One sentence for each of these rows that has something to say."""
    found = []
    for row in hand_rows(report):
        points = f"{number(row.points)} of {number(row.max_points)}" if row.points is not None else ""
        head = [f"{points}."] if points and row.max_points else []
        if row.told or head:
            found.append(clean(f"{row.subject}: {' '.join([*head, *row.told])}", COMMENT))
    return found
