"""What the page of a class reads of a report, so that a large class fits into memory."""

from __future__ import annotations

from msgspec.structs import replace

from autograder.report import ExerciseResult, Report, Status, Verdict

__all__ = ["Excerpts"]


class Excerpts:
    """Makes excerpts of the reports of one class.  Verdicts that are equal in them exist once.

    An excerpt has no evidence: no places of errors, no code that reproduces them, no remark on what has passed.
    """

    def __init__(self) -> None:
        self._verdicts: dict[tuple[object, ...], Verdict] = {}
        self._versions: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}

    def of(self, report: Report) -> Report:
        """The excerpt of one report: every figure and list of a class is the same with it as with the report."""
        exercises = [
            ExerciseResult(result.name, [self._excerpt(verdict) for verdict in result.verdicts], result.bonus)
            for result in report.exercises
        ]
        versions = self._versions.setdefault(tuple(report.versions.items()), report.versions)
        return replace(report, exercises=exercises, versions=versions, set_aside=[])

    def _excerpt(self, verdict: Verdict) -> Verdict:
        sentence = "" if verdict.status is Status.PASSED else verdict.sentence
        slim = replace(verdict, sentence=sentence, places="", heat=[], snippet="")
        if verdict.measurement is not None:
            return slim
        key = (
            slim.check,
            slim.part,
            slim.status,
            slim.points,
            slim.max_points,
            slim.sentence,
            slim.mistake,
            slim.hint,
            tuple(slim.mistakes),
            slim.pattern,
        )
        return self._verdicts.setdefault(key, slim)
