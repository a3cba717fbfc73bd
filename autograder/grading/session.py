"""One exercise of one submission, graded: its verdicts."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property

import msgspec
import numpy as np

from autograder.course.answers import generator
from autograder.diagnosis.diagnose import Diagnosis, Diagnostics, Failure, Outcome, Raised
from autograder.grading.explain import at, explain, missing, waits
from autograder.grading.remarks import remark_on
from autograder.grading.replies import KEPT, MULTIPLE, reading_at_most
from autograder.grading.unreadable import is_unreadable
from autograder.grading.workplace import Workplace
from autograder.isolation.launcher import NotMeasuredError
from autograder.isolation.levels import IsolationError
from autograder.isolation.tree import size_of
from autograder.measuring import differences, yardstick
from autograder.report import WAITS, ExerciseResult, Status, Verdict
from autograder.spec import FROZEN, Bench, Budget, Case, Check, GradientCost, Judgement, Observations
from autograder.spec.comparison import Mismatch
from autograder.subject import RemoteSubject, Subject, SubjectLostError, SubjectRaisedError
from autograder.submission.method import opens_stand_in, other_than_formulas

__all__ = ["Session"]

NO_DEVICE = "runs on a GPU only (--backend cupy): here it neither earns points nor costs any"
UNREADABLE = "returned something that this check cannot read: compare its form with the text"
LATER = "is measured when the work is graded, against the reference"
DEVICE = "cupy"
"""The backend whose arrays lie on a GPU."""
Shown = tuple[Case, Observations]
TOO_LARGE = Raised("", "")
"""Stands for an outcome that is not kept, because it is far larger than expected."""
MISSED = "accuracy"
"""The kind of a mismatch that another training may not have."""
NEAR_MISS = 0.5
"""Share of the points for a backward that is correct for a forward with a recognised small mistake."""


class Session:
    """One exercise of one submission: every check in order, and the verdicts so far.

    checks: those to run, by default all that this run grades; with a check come those that it comes ``after``;
    explains: whether to diagnose what fails;  ends_at_failure: after a check that fails no other is run, and a capstone
    is trained no further once a training has failed.
    """

    def __init__(
        self,
        place: Workplace,
        diagnostics: Diagnostics,
        *,
        checks: Iterable[Check] | None = None,
        explains: bool = True,
        ends_at_failure: bool = False,
    ) -> None:
        graded = place.options.scope.checks(place.exercise)
        self.checks = graded if checks is None else list(checks)
        self.explains, self.ends_at_failure = explains, ends_at_failure
        self.place = place
        self.context, self.options = place.context, place.options
        self.exercise = place.exercise
        self.submission = place.submission
        self.diagnostics = diagnostics
        self.answers = diagnostics.answers
        self.unfinished: list[str] = []
        self.verdicts: dict[str, Verdict] = {}
        self.dead: dict[str, str] = {}

    def grade(self) -> ExerciseResult:
        """Run every check in order; what this run leaves out counts neither in the result nor in its maximum."""
        unwritten = self.submission.unwritten(self.exercise)
        broken = self.submission.broken_cell(self.exercise)
        pieces = [piece for piece in self.context.loaded.assignment.exercises if piece.name in self.exercise.depends]
        self.unfinished = [piece.name for piece in pieces if self.submission.unwritten(piece)]
        try:
            for check in self.checks:
                if broken:
                    verdict = self._verdict(check, Status.FAILED, broken)
                elif missing := [part for part in check.needs if part in unwritten]:
                    verdict = self._verdict(check, Status.NOT_ATTEMPTED, self._not_written(missing[0]))
                else:
                    verdict = self._run(check)
                self.verdicts[check.name] = verdict
                if self.ends_at_failure and verdict.status not in (Status.PASSED, Status.SKIPPED):
                    break
        finally:
            self.place.end()
        return ExerciseResult(self.exercise.name, list(self.verdicts.values()), self.exercise.bonus)

    def _not_written(self, part: str) -> str:
        if self.exercise.name not in self.submission.extraction.defined:
            return f"{self.submission.file} does not define {self.exercise.name}"
        if part in self.exercise.published:
            return f"{self._title(part)} is still as it was published: repair it"
        return f"{self._title(part)} is still to be written"

    def _title(self, part: str) -> str:
        return f"{self.exercise.name}.{part}" if self.exercise.is_class else part

    def _verdict(self, check: Check, status: Status, sentence: str = "") -> Verdict:
        most = self.exercise.points_of(check)
        earned = most if status in (Status.PASSED, Status.INCONCLUSIVE) else 0.0
        return Verdict(check.name, check.part, status, earned, most, sentence)

    # --- one check ---------------------------------------------------------------------------

    def _run(self, check: Check) -> Verdict:
        if verdict := self._without_running(check):
            return verdict
        try:
            if check.budget and self.context.live is not None:
                return self._verdict(check, Status.SKIPPED, f"{check.part} {LATER}")
            if check.budget:
                return self._run_budget(check, check.budget)
            with np.errstate(all="ignore"):  # an answer may hold anything
                return self._run_cases(check)
        except SubjectLostError as lost:
            self.place.end()
            self.dead[check.part] = str(lost)
            return self._verdict(check, Status.FAILED, f"{self._title(check.part)} {lost}")
        except IsolationError:
            self.place.end()
            raise
        except Exception as error:  # noqa: BLE001 - the grader's own fault is never the student's loss
            self.place.end()
            return self._stopped(check, error)

    def _stopped(self, check: Check, error: Exception) -> Verdict:
        """The verdict where an exception has ended a check: it cannot read the answer, or the grader is at fault."""
        what = f"({type(error).__name__}: {error})"
        if is_unreadable(error, self.context.loaded.folder):
            return self._verdict(check, Status.FAILED, f"{self._title(check.part)} {UNREADABLE} {what}")
        self.place.faults.append("".join(traceback.format_exception(error)))
        return self._verdict(check, Status.BROKEN, f"the grader itself failed {what}")

    def _without_running(self, check: Check) -> Verdict | None:
        """The verdict on a check that is not run: an earlier one failed, or a capstone carries too much data."""
        if check.device_only and self.options.backend != DEVICE:
            return self._verdict(check, Status.SKIPPED, NO_DEVICE)
        for name in check.after:
            if self.verdicts[name].status is not Status.PASSED:
                return self._verdict(check, Status.SKIPPED, f"comes after “{name}”")
        for part in check.needs:
            if part in self.dead:
                return self._verdict(check, Status.SKIPPED, f"{self._title(part)} {self.dead[part]}")
        if check.capstone and self.place.too_much_data:
            return self._verdict(check, Status.FAILED, self.place.too_much_data)
        return None

    def _run_cases(self, check: Check) -> Verdict:
        if problem := (check.cost and self._no_formulas) or (check.backend and self._opened):
            return self._verdict(check, Status.FAILED, problem)
        answers = self.answers.of(self.exercise, check)
        outcomes: list[Outcome] = []
        failures: list[tuple[Case, Mismatch | SubjectRaisedError, Observations]] = []
        for (case, expected), seen in zip(answers, self._observe_all(check, answers), strict=not check.capstone):
            if isinstance(seen, SubjectRaisedError):
                outcomes.append(Raised(seen.type, seen.message))
                failures.append((case, seen, {}))
                continue
            mismatch = check.judge(seen, expected, case)
            if mismatch:
                failures.append((case, mismatch, seen))
            elif check.capstone:  # one training that reaches the goal is enough
                return self._verdict(check, Status.PASSED)
            kept = not mismatch or size_of(seen) <= KEPT + MULTIPLE * size_of(expected)
            outcomes.append(seen if kept else TOO_LARGE)  # too large to explain anything
            if mismatch and check.capstone and (mismatch.kind != MISSED or self.ends_at_failure):
                break  # another seed would change nothing
        if not failures:
            if check.cost and (problem := self._problem_of_cost(check, check.cost)):
                return self._verdict(check, Status.FAILED, problem)
            return self._verdict(check, Status.PASSED, remark_on(check, outcomes, answers))
        failure = _nearest(failures) if check.capstone else failures[0]
        error = failure[1]
        if isinstance(error, SubjectRaisedError) and (waits(error) or missing(error) in self.unfinished):
            return self._verdict(check, Status.SKIPPED, self._waits_for(error))
        return self._failed(check, outcomes, *failure[:2], [(case, seen) for case, _, seen in failures])

    @cached_property
    def _no_formulas(self) -> str:
        rotations = {one.name for one in self.context.loaded.assignment.exercises if one.complex_numbers}
        chunks = [chunk for _, chunk in self.submission.slice(self.exercise)]
        turning = [chunk for chunk in chunks if self.exercise.complex_numbers or rotations & {*chunk.defines}]
        return other_than_formulas(chunks, complex_in=turning)

    @cached_property
    def _opened(self) -> str:
        return opens_stand_in(chunk for _, chunk in self.submission.slice(self.exercise))

    def _waits_for(self, error: SubjectRaisedError) -> str:
        """Say what is still to be written: an exercise that this one uses, where one of those raised."""
        for name in self.unfinished:
            piece = self.context.loaded.assignment.exercise(name)
            if missing(error) == name or self.submission.holds(piece, error.where):
                return f"{WAITS}{name}, which it uses"
        return f"{WAITS}something that still raises NotImplementedError{at(error)}"

    def _observe_all(
        self, check: Check, answers: list[tuple[Case, Observations]]
    ) -> Iterator[Observations | SubjectRaisedError]:
        """Run every case, one result each; a capstone's one after the other, each in a worker of its own.

        Where the exercise itself could not be defined, the first error stands for the cases after it.  A training that
        raises is not tried from another seed.
        """
        if check.capstone and self.context.live is None:
            for case, _ in answers:
                seen = self._observe_alone(check, case)
                yield seen
                if isinstance(seen, SubjectRaisedError):
                    return
            return
        sizes: list[tuple[int, int] | None] = [*self.answers.sizes(self.exercise, check)] or [None] * len(answers)
        undefined: SubjectRaisedError | None = None
        for (case, _), size in zip(answers, sizes, strict=True):
            if undefined is not None:
                yield undefined
                continue
            subject = self.place.subject(check)
            with reading_at_most(subject, size):
                seen = self._observe(check, subject, case)
            yield seen
            if isinstance(seen, SubjectRaisedError) and self.exercise.name in self.place.load_errors:
                undefined = seen

    def _observe_alone(self, check: Check, case: Case) -> Observations | SubjectRaisedError:
        with self.place.fresh(self.place.limits(check)) as subject:
            return self._observe(check, subject.on(check.backend or self.options.backend), case)

    def _observe(self, check: Check, subject: Subject, case: Case) -> Observations | SubjectRaisedError:
        try:
            with np.errstate(all="ignore"):  # a wrong answer may hold anything
                return check.observe(subject, case)
        except SubjectRaisedError as error:
            return error

    def _failed(
        self, check: Check, outcomes: list[Outcome], case: Case, why: Mismatch | SubjectRaisedError, shown: list[Shown]
    ) -> Verdict:
        """The verdict on a check that failed in this case; shown: every case that failed, with what was observed."""
        sentence = (
            explain(why, self._title(check.part), self.place) if isinstance(why, SubjectRaisedError) else why.sentence
        )
        if check.budget is None and not check.capstone and not isinstance(why, SubjectRaisedError):
            sentence = f"{sentence} ({case.describe()})"
        if not self.explains:
            return self._verdict(check, Status.FAILED, sentence)
        if self.unfinished and isinstance(why, SubjectRaisedError):
            sentence = f"{sentence}; {self.unfinished[0]}, which it uses, is still to be written"
        named = frozenset(name for v in self.verdicts.values() for name in v.mistakes)
        known = self.diagnostics.match(self.exercise, check, outcomes, named)
        more: dict[str, object] = Diagnosis(mistakes=known).as_fields() if known else {}
        same = bool(known) and all(one.mistake in named for one in known)  # the forward's mistake explains it as well
        if not same and check.own_forward and self._forward_is_wrong(check):
            try:
                if all(seen and check.own_forward(self.place.subject(check), one, seen) for one, seen in shown):
                    sentence = "backward is correct for your forward, but your forward is not correct yet"
                    more = {"pattern": "own forward"}
                    if self._is_right_for_a_near_miss(check, shown) and not self._costs_too_much(check):
                        more["points"] = round(NEAR_MISS * self.exercise.points_of(check), 2)
            except SubjectRaisedError:
                pass
            except SubjectLostError:  # it failed before it was run again
                self.place.end()
        more = more or self._diagnosed(check, outcomes, why)
        return msgspec.structs.replace(self._verdict(check, Status.FAILED, sentence), **more)

    def _diagnosed(
        self, check: Check, outcomes: list[Outcome], why: Mismatch | SubjectRaisedError
    ) -> dict[str, object]:
        """Fields of the verdict that explain it; none if the implementation is lost meanwhile."""
        mismatch = None if isinstance(why, SubjectRaisedError) else why
        first = self.exercise.checks[0]
        forward = first if first.part != check.part and self.verdicts[first.name].status is Status.PASSED else None
        named = next((name for v in self.verdicts.values() if v.part != check.part for name in v.mistakes), "")
        wrong = self._forward_is_wrong(check)
        try:
            return self.diagnostics.diagnose(
                Failure(
                    self.exercise, check, outcomes, mismatch, lambda: self.place.subject(check), forward, named, wrong
                )
            ).as_fields()
        except SubjectLostError:
            self.place.end()
            return {}
        except IsolationError:
            raise
        except Exception:  # noqa: BLE001 - an explanation that fails costs no verdict
            return {}

    def _forward_is_wrong(self, check: Check) -> bool:
        return any(v.status is Status.FAILED for v in self.verdicts.values() if v.part != check.part)

    def _is_right_for_a_near_miss(self, check: Check, shown: list[Shown]) -> bool:
        """Whether these are the gradients of a recognised mistake as it was planted, not of an imitation."""
        own_forward = check.own_forward
        assert own_forward is not None  # noqa: S101 - the caller asks for it
        named = {name for v in self.verdicts.values() if v.part != check.part for name in v.mistakes}
        planted = [self.diagnostics.subject(self.exercise, m) for m in self.exercise.mistakes if m.name in named]
        return any(all(own_forward(subject, case, seen) for case, seen in shown) for subject in planted if subject)

    def _problem_of_cost(self, check: Check, cost: GradientCost) -> str:
        """What is wrong on a large input with gradients that are correct on small ones: they, or their cost."""
        subject = self.place.subject(check).on("numpy")
        if not (self.context.loaded.official and isinstance(subject, RemoteSubject)):
            return ""
        exercise, assignment = self.exercise, self.context.loaded.assignment
        rng = generator(self.answers.seed, assignment.name, exercise.name, check.name, "on a large input")
        try:
            found = differences.problem_of(cost, subject, self.answers.reference(exercise), rng)
        except SubjectRaisedError as error:
            return f"on a large input: {explain(error, self._title(check.part), self.place)}"
        if not subject.worker.is_alive:
            self.place.end()
        return found

    def _costs_too_much(self, check: Check) -> bool:
        return bool(check.cost and self._problem_of_cost(check, replace(check.cost, judge=_anything)))

    def _run_budget(self, check: Check, budget: Budget) -> Verdict:
        """Measure against the reference, or where it is missing, against its figures stored at release."""
        try:
            judged = self._measured(check, budget)
        except SubjectRaisedError as error:
            reason = explain(error, self.exercise.name, self.place)
            return self._verdict(check, Status.FAILED, f"while measured: {reason}")
        except NotMeasuredError as error:
            return self._verdict(check, Status.SKIPPED, str(error))
        if judged is None:
            return self._verdict(check, Status.SKIPPED, f"{check.part} {LATER}")
        verdict = self._verdict(check, judged.status, judged.sentence)
        points = verdict.points or round(judged.earned * verdict.max_points, 2)
        return msgspec.structs.replace(verdict, points=points, measurement=judged.measurement)

    def _measured(self, check: Check, budget: Budget) -> Judgement | None:
        exercise, loaded = self.exercise, self.context.loaded
        bench = Bench(
            code=lambda: self.place.fresh(self.options.limits),
            reference=self.place.fresh_frozen if budget.against == FROZEN else self.place.fresh_reference,
            pieces=self.place.fresh_yardsticks,
            shapes=self.answers.reference(exercise) if loaded.official else self.place.subject(check),
            rng=generator(self.answers.seed, loaded.assignment.name, exercise.name, check.name),
            statements=self.submission.extraction.chunks,
        )
        if loaded.official:
            return budget.measure(check, bench)
        return budget.estimate(check, bench, yardstick.read(loaded.folder).find(exercise.name, check.name))


def _anything(_observed: Observations, _expected: Observations, _case: Case) -> None:
    """Judge nothing: only the cost counts."""


def _nearest(
    failures: list[tuple[Case, Mismatch | SubjectRaisedError, Observations]],
) -> tuple[Case, Mismatch | SubjectRaisedError, Observations]:
    """Of several trainings that missed the goal, the one that came nearest, and how many there were."""
    case, why, seen = min(failures, key=lambda failure: getattr(failure[1], "error", float("inf")))
    if isinstance(why, Mismatch) and len(failures) > 1:
        why = replace(why, sentence=f"{why.sentence}, in the best of {len(failures)} trainings")
    return case, why, seen
