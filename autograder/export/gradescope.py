"""Gradescope's ``results.json``, specified at https://gradescope-autograders.readthedocs.io/en/latest/specs/.

Texts are HTML with everything escaped; names are plain text.  No test is hidden from students, because that would hide
the total as well; a report's sentences contain nothing secret.
"""

from __future__ import annotations

from html import escape

from autograder.export.by_hand import HandRow, hand_rows
from autograder.export.feedback import headline, is_unreadable, lines, open_points, remarks, title
from autograder.export.figure import picture
from autograder.render.reading import ISOLATION, NAME, RIGHT, clean
from autograder.report import ExerciseResult, Report, Status, Verdict

__all__ = ["fault", "results"]


def results(report: Report) -> dict[str, object]:
    """A whole submission's result."""
    return {
        "score": report.points,
        "execution_time": report.seconds,
        "output": _paragraphs([f"{headline(report)}{_how(report)}.", *remarks(report)]),
        "output_format": "html",
        "test_output_format": "html",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": _record(report),
        "tests": [
            _test(exercise, verdict, f"{i}.{j}")
            for i, exercise in enumerate(report.listed, 1)
            for j, verdict in enumerate(exercise.verdicts, 1)
        ]
        + [_by_hand(row, str(i)) for i, row in enumerate(hand_rows(report), len(report.listed) + 1)],
    }


def _how(report: Report) -> str:
    return "" if hand_rows(report) else ", graded automatically"


def _by_hand(row: HandRow, count: str) -> dict[str, object]:
    """What was marked by hand; an answer that is still to be marked has no score."""
    test: dict[str, object] = {
        "name": row.title,
        "name_format": "text",
        "number": count,
        "output": _paragraphs(row.told),
        "output_format": "html",
        "tags": [row.subject, "by hand"],
        "visibility": "visible",
    }
    if row.points is not None:
        status = "passed" if row.points >= row.max_points else "failed"
        test |= {"score": row.points, "max_score": row.max_points, "status": status}
    return test


def fault(sentence: str, score: float = 0.0) -> dict[str, object]:
    """The result of a submission on which the grader itself failed: nothing in it is reported as wrong.

    score: the previous one; the platform requires a number.
    """
    told = [
        "Not graded: the grader itself failed; your work is not to blame.",
        sentence,
        "Your instructor can run it again; if nothing changes, hand in again.",
    ]
    return {
        "score": score,
        "output": _paragraphs([clean(text) for text in told]),
        "output_format": "html",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {"grader_fault": True, "sentence": clean(sentence)},
        "tests": [],
    }


def _test(exercise: ExerciseResult, verdict: Verdict, count: str) -> dict[str, object]:
    test: dict[str, object] = {
        "name": title(exercise, verdict),
        "name_format": "text",
        "number": count,
        "status": "passed" if verdict.status in RIGHT else "failed",
        "output": _paragraphs(lines(verdict)) + _picture(verdict),
        "output_format": "html",
        "tags": [clean(tag, NAME) for tag in (exercise.name, verdict.part, verdict.status)],
        "visibility": "visible",
    }
    if verdict.status is not Status.BROKEN:  # a fault of the grader has no score
        test |= {"score": verdict.points, "max_score": verdict.max_points}
    return test


def _picture(verdict: Verdict) -> str:
    drawn = picture(verdict)
    return f'<p><img src="{drawn.uri}" alt="{escape(drawn.alternative)}"></p>' if drawn else ""


def _paragraphs(told: list[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in told)


def _record(report: Report) -> dict[str, object]:
    """Data stored with the submission, so that grading can be repeated and reviewed."""
    return {
        "assignment": report.assignment,
        "seed": report.seed,
        "submission_sha256": report.submission_sha256,
        "checks_sha256": report.checks_sha256,
        "earlier_sha256": report.earlier_sha256,
        "isolation": report.isolation,
        "isolation_means": ISOLATION.get(report.isolation, ""),
        "isolation_missing": [clean(text) for text in report.isolation_missing],
        "tried": [clean(text) for text in report.tried],
        "backend": report.backend,
        "capstones": report.capstones,
        "bonus": report.bonus,
        "bonus_points": report.bonus_points,
        "versions": report.versions,
        "graded_at": report.graded_at,
        "official": report.official,
        "max_score": report.max_points,
        "unreadable": is_unreadable(report),
        "needs_a_hand": open_points(report) > 0,
        "written": [
            {"name": clean(a.name, NAME), "max_points": a.max_points, "answered": a.answered}
            | ({"points": a.points} if report.counts_written else {})
            for a in report.written
        ],
    }
