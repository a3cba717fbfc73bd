"""A report's feedback for its student, as plain lines from which the texts of all platforms are made."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from autograder.export.by_hand import comments_by_hand
from autograder.render.reading import MEANING, NAME, RIGHT, clean, findings, left_out, number, points_earned, tried
from autograder.report import ExerciseResult, Report, Status, Verdict

__all__ = [
    "LONGEST",
    "by_hand",
    "fitted",
    "headline",
    "is_unreadable",
    "lines",
    "open_points",
    "remarks",
    "summary",
    "title",
]

LONGEST = 600
SHORTER = (LONGEST, 300, 150, 80, 40, 0)


def title(exercise: ExerciseResult, verdict: Verdict) -> str:
    """A check's full name: ``Linear: forward matches the reference``."""
    return f"{clean(exercise.name, NAME)}: {clean(verdict.check, NAME)}"


def is_unreadable(report: Report) -> bool:
    """Whether there was nothing to grade: the file is missing or unreadable."""
    return not report.submission_sha256 and bool(report.problems) and report.status is not Status.BROKEN


def lines(verdict: Verdict, limit: int = LONGEST) -> list[str]:
    """Feedback on one check, each line at most ``limit`` characters; none if it simply passed.

    A fault of the grader is only named as such: its error might reveal what is expected.
    """
    if verdict.status is Status.BROKEN:
        return [f"Not graded: {MEANING[Status.BROKEN]}."]
    told = [verdict.sentence]
    if verdict.status is not Status.PASSED and not verdict.sentence:
        told = [MEANING[verdict.status]]
    if verdict.mistake:
        told.append(f"It looks like this mistake: {verdict.mistake}.")
    if verdict.hint:
        told.append(f"Hint: {verdict.hint}")
    if measured := verdict.measurement:
        told.append(measured.line)
        told += [f"{100 * spot.share:.0f} % of it at {spot.where}: {spot.code}" for spot in measured.hot_spots]
    return [line for line in (clean(text, limit) for text in told) if line] if limit else []


def remarks(report: Report) -> list[str]:
    """Remarks on the submission as a whole."""
    told = [problem.sentence for problem in report.problems] + [tried(report), left_out(report)]
    if points := open_points(report):
        told.append(
            f"The grader itself failed on checks worth {number(points)} points. They are not graded yet; "
            f"no student is to blame, and an instructor will look at it."
        )
    if points := report.open_by_hand:
        told.append(f"Written answers worth {number(points)} points are still to be marked.")
    if points := by_hand(report):
        told.append(f"Up to {number(points)} more points for written answers, which are graded by hand.")
    return [line for line in (clean(text) for text in told) if line]


def open_points(report: Report) -> float:
    """Points of checks on which the grader itself failed, where nobody gave points by hand."""
    failed = [exercise for exercise in report.exercises if not exercise.is_overridden]
    verdicts = [v for exercise in failed for v in exercise.verdicts if v.status is Status.BROKEN]
    return round(sum(verdict.max_points for verdict in verdicts), 2)


def by_hand(report: Report) -> float:
    """Points of written questions, which are graded by hand, where they do not count yet."""
    if report.counts_written:
        return 0.0
    return round(sum(answer.max_points for answer in report.written), 2)


def headline(report: Report) -> str:
    """The points in one line."""
    return points_earned(report)


def summary(report: Report, limit: int = 300) -> list[str]:
    """Summarize a report: the points, remarks on the file, one line per exercise without full points."""
    told = [f"{headline(report)}.", *remarks(report), *comments_by_hand(report)]
    if is_unreadable(report):
        return told
    about_file = {problem.sentence for problem in report.problems}
    for exercise in report.exercises:
        if (
            exercise.optional
            or exercise.status in RIGHT
            or (exercise.bonus and exercise.status is Status.NOT_ATTEMPTED)
        ):
            continue
        words = [
            "a fault of the grader" if one.status is Status.BROKEN else one.hint or one.sentence
            for one in findings(exercise)
            if one.sentence not in about_file
        ]
        points = f"{number(exercise.points)} of {number(exercise.max_points)}"
        points += " bonus points" if exercise.bonus else ""
        reason = next((word for word in words if word), MEANING[exercise.status])
        told.append(clean(f"{exercise.name}: {points}. {reason}", limit))
    return told


def fitted(make: Callable[[int], object], most: int, measure: Callable[[bytes], int] = len) -> bytes:
    """Encode what ``make`` returns as JSON, with shorter and shorter lines until it measures at most ``most``.

    make: from the longest line allowed to the object; the result for 0 must always fit.
    """
    content = b""
    for limit in SHORTER:
        content = msgspec.json.encode(make(limit))
        if measure(content) <= most:
            break
    return content
