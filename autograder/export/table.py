"""The class as a table: one row per student, one column per exercise, then totals, questions, isolation, seed."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from autograder.export.by_hand import comments_by_hand, hand_rows
from autograder.export.feedback import is_unreadable, open_points
from autograder.export.formula import decimal, harmless
from autograder.render.reading import clean, exercise_names, number
from autograder.report import Report, WrittenAnswer

__all__ = ["table"]


def table(reports: Sequence[Report], *, semicolons: bool = False) -> bytes:
    """CSV of one assignment in UTF-8 with a byte order mark and CRLF, as spreadsheets expect.

    semicolons: between cells, with decimal commas, as spreadsheets in many countries expect.
    """
    names = exercise_names(reports)
    written = list(dict.fromkeys((a.name, a.max_points) for report in reports for a in report.written))
    header = [
        "student",
        *names,
        "points",
        "max points",
        "bonus points",
        *(f"{name} ({number(points)} by hand)" for name, points in written),
        "status",
        "not graded yet",
        "isolation",
        "seed",
        "backend",
        "submission sha256",
        "graded at",
        "about the file",
    ]
    has_marks = any(hand_rows(report) for report in reports)
    header += ["by hand"] if has_marks else []
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";" if semicolons else ",", lineterminator="\r\n")
    writer.writerow([harmless(_encodable(cell)) for cell in header])
    for report in sorted(reports, key=lambda report: (report.student.casefold(), report.student)):
        cells = [report.student, *_row(report, names, [name for name, _ in written], comma=semicolons)]
        cells += [" ".join(comments_by_hand(report))] if has_marks else []
        writer.writerow([harmless(_encodable(cell)) for cell in cells])
    return b"\xef\xbb\xbf" + file.getvalue().encode()


def _row(report: Report, names: list[str], written: list[str], *, comma: bool) -> list[str]:
    earned = {exercise.name: decimal(exercise.points, comma=comma) for exercise in report.exercises}
    answered = {answer.name: _mark(answer, counts=report.counts_written, comma=comma) for answer in report.written}
    return [
        *(earned.get(name, "") for name in names),
        decimal(report.points, comma=comma),
        decimal(report.max_points, comma=comma),
        decimal(report.bonus_points, comma=comma),
        *(answered.get(name, "") for name in written),
        "unreadable" if is_unreadable(report) else report.status,
        decimal(round(open_points(report) + report.open_by_hand, 2), comma=comma),
        report.isolation,
        str(report.seed),
        report.backend,
        report.submission_sha256,
        report.graded_at,
        " ".join(clean(problem.sentence) for problem in report.problems),
    ]


def _mark(answer: WrittenAnswer, *, counts: bool, comma: bool) -> str:
    """The points of a written question; before these count, whether there is an answer."""
    if not counts:
        return "answered" if answer.answered else "empty"
    return "to be marked" if answer.points is None else decimal(answer.points, comma=comma)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
