"""Reports of a large class, condensed: of each only what the class's page shows, and what is equal only once.

A report of 110 kB takes about 10 kB.  Code, maps of errors and raw measurements are dropped, as students' own pages
show them; of sentences that differ only in numbers, the first one stands for all.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import TypeVar

from msgspec.structs import replace

from autograder.render.mistakes import alike
from autograder.report import WAITS, ExerciseResult, Footprint, Growth, Measurement, Report, Status, Timing, Verdict

__all__ = ["Condenser"]

T = TypeVar("T", bound=Hashable)

SHOWN = (Status.BROKEN, Status.INCONCLUSIVE)
"""Statuses whose sentences are listed as they are."""
DIGITS = 2
PEAK_DIGITS = -4
"""A peak is rounded to 10 kB: pages show tenths of a megabyte."""


class Condenser:
    """Condenses reports one after the other; those of one class should pass through one of these."""

    def __init__(self) -> None:
        self._same: dict[Hashable, Hashable] = {}
        self._verdicts: dict[Hashable, Verdict] = {}
        self._results: dict[Hashable, ExerciseResult] = {}
        self._examples: dict[Hashable, str] = {}
        self._versions: dict[Hashable, dict[str, str]] = {}

    def condense(self, report: Report) -> Report:
        """The report without what its class's page does not show."""
        told = {problem.sentence for problem in report.problems}
        is_listed = bool(report.pseudonym)
        versions = self._versions.setdefault(tuple(report.versions.items()), report.versions)
        return replace(
            report,
            title=self._once(report.title),
            assignment=self._once(report.assignment),
            file=self._once(report.file),
            checks_sha256=self._once(report.checks_sha256),
            earlier_sha256="",
            isolation=self._once(report.isolation),
            isolation_missing=[self._once(one) for one in report.isolation_missing],
            backend=self._once(report.backend),
            left_out=[self._once(one) for one in report.left_out],
            versions=versions,
            problems=[self._once(one) for one in report.problems],
            written=[self._once(replace(one, text="", sha256="")) for one in report.written],
            set_aside=[],
            exercises=[self._result(one, told, exact=is_listed) for one in report.exercises],
        )

    def _once(self, value: T) -> T:
        """The first value that was equal to this one."""
        return self._same.setdefault((type(value), value), value)  # type: ignore[return-value]

    def _result(self, result: ExerciseResult, told: Collection[str], *, exact: bool) -> ExerciseResult:
        verdicts = [self._verdict(result.name, one, told, exact=exact) for one in result.verdicts]
        if any(one.measurement for one in verdicts):  # hardly two students' are equal
            return ExerciseResult(self._once(result.name), verdicts, result.bonus, result.by_hand)
        key = (result.name, result.bonus, result.by_hand, *map(id, verdicts))
        found = self._results.get(key)
        if found is None:
            found = self._results[key] = ExerciseResult(self._once(result.name), verdicts, result.bonus, result.by_hand)
        return found

    def _verdict(self, exercise: str, verdict: Verdict, told: Collection[str], *, exact: bool) -> Verdict:
        sentence, hint = self._words(exercise, verdict, told)
        figures = verdict.measurement
        if figures is not None and not exact:
            figures = _rounded(figures)
        key = (
            verdict.check,
            verdict.part,
            verdict.status,
            verdict.points,
            verdict.max_points,
            sentence,
            verdict.mistake,
            hint,
            *verdict.mistakes,
            verdict.pattern,
            _key(figures),
        )
        found = self._verdicts.get(key)
        if found is None:
            found = self._verdicts[key] = replace(
                verdict, sentence=sentence, hint=hint, measurement=figures, places="", heat=[], snippet=""
            )
        return found

    def _words(self, exercise: str, verdict: Verdict, told: Collection[str]) -> tuple[str, str]:
        """The sentence and hint, as far as the class's page shows them; of similar ones the first."""
        sentence, status = verdict.sentence, verdict.status
        if status is Status.SKIPPED and sentence.startswith(WAITS):
            return WAITS, ""
        if status in SHOWN or sentence in told:
            return sentence, verdict.hint
        if status is not Status.FAILED or verdict.measurement:
            return "", ""
        if verdict.mistake:
            return "", verdict.hint
        if verdict.pattern and verdict.hint:
            return "", self._examples.setdefault((exercise, verdict.check, verdict.pattern), verdict.hint)
        way = verdict.pattern or alike(sentence)
        return self._examples.setdefault((exercise, verdict.check, way), sentence), ""


def _round(ratio: float) -> float:
    """As exact as pages show it: three digits, or two behind the point."""
    return round(ratio, DIGITS) if ratio >= 1 else float(f"{ratio:.3g}")


def _rounded(figures: Measurement) -> Measurement:
    """The same value and limit, without what they were computed from."""
    if isinstance(figures, Timing):
        return replace(figures, ratio=_round(figures.ratio), pairs=[], low=0.0, high=0.0, raw=[], hot=[])
    if isinstance(figures, Footprint):
        peak, theirs = (round(amount, PEAK_DIGITS) for amount in (figures.peak, figures.reference_peak))
        return replace(figures, ratio=_round(figures.ratio), peak=peak, reference_peak=theirs, kept=0)
    exponent, theirs_to = round(figures.exponent, DIGITS), round(figures.reference, DIGITS)
    costs = figures.reference_costs[:1] and [1.0]
    return replace(
        figures, exponent=exponent, reference=theirs_to, sizes=[], costs=[], low=0.0, high=0.0, reference_costs=costs
    )


def _key(figures: Measurement | None) -> Hashable:
    """Equal where two measurements read the same."""
    if figures is None:
        return None
    more: tuple[Hashable, ...] = (figures.peak, figures.reference_peak) if isinstance(figures, Footprint) else ()
    if isinstance(figures, Growth):
        more = (figures.of, figures.reference)
    exact = tuple(figures.pairs) if isinstance(figures, Timing) else ()
    against, estimated = getattr(figures, "against", ""), getattr(figures, "estimated", False)
    return (figures.kind, figures.value, figures.limit, figures.pace, against, estimated, *more, *exact)
