"""PrairieLearn's ``results.json`` for externally graded questions (its documentation, External grading).

What cannot be graded, for instance because the grader itself failed, is ``gradable: false``: it costs no attempt.
"""

from __future__ import annotations

from autograder.export.by_hand import hand_rows
from autograder.export.feedback import LONGEST, fitted, headline, is_unreadable, lines, open_points, remarks, title
from autograder.export.figure import picture
from autograder.render.reading import clean
from autograder.report import Report, Verdict

__all__ = ["MOST", "result"]

MOST = 1_000_000
"""Bytes; the platform takes 1 MB."""


def result(report: Report) -> bytes:
    """JSON of a whole submission, shortened until it fits."""
    return fitted(lambda limit: _result(report, limit), MOST)


def _result(report: Report, limit: int) -> dict[str, object]:
    told = remarks(report)
    if is_unreadable(report) or open_points(report):
        return {"gradable": False, "message": clean(" ".join(told)), "format_errors": told[:20]}
    return {
        "gradable": True,
        "score": max(0.0, min(1.0, report.points / report.max_points)) if report.max_points else 0.0,
        "message": clean(f"{headline(report)}. {' '.join(told)}", LONGEST),
        "output": "",
        "images": [],
        "tests": [
            {
                "name": title(exercise, verdict),
                "description": clean(verdict.part, 80),
                "points": verdict.points,
                "max_points": verdict.max_points,
                "message": "\n".join(lines(verdict, limit)),
                "output": "",
                "images": _images(verdict) if limit == LONGEST else [],
            }
            for exercise in report.listed
            for verdict in exercise.verdicts
            if limit
        ]
        + [
            {
                "name": row.title,
                "description": "marked by hand",
                "points": row.points or 0.0,
                "max_points": row.max_points,
                "message": "\n".join(row.told),
                "output": "",
                "images": [],
            }
            for row in hand_rows(report)
            if limit
        ],
    }


def _images(verdict: Verdict) -> list[dict[str, str]]:
    drawn = picture(verdict)
    return [{"label": drawn.alternative, "url": drawn.uri}] if drawn else []
