"""The diagnosis of a failed check: everything that can be said about it for certain.

First known mistakes, one or two of them; then what the failure of a check of one property shows; then patterns; and
where nothing is recognised, where the errors are.  What is not certain is not said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from autograder.course.answers import Answers, StoredAnswers, generator
from autograder.diagnosis.contrasts import CONTRASTS, Tried
from autograder.diagnosis.evidence import Answer, Evidence, Finding, gather
from autograder.diagnosis.outcomes import Outcome, Raised, observe, take_fingerprints, wrong_names
from autograder.diagnosis.pattern import first
from autograder.diagnosis.patterns import PATTERNS
from autograder.diagnosis.places import places
from autograder.diagnosis.planted import Explained, Known, Planted, as_data
from autograder.diagnosis.probe import Laboratory, Probe
from autograder.diagnosis.probing import dependences
from autograder.diagnosis.properties import CALLS, EVAL, PROPERTIES, SECOND, STALE, Violation
from autograder.diagnosis.regions import wrong_entries
from autograder.diagnosis.reproduce import snippet
from autograder.spec import Check, Exercise, SpecError
from autograder.spec.comparison import Mismatch, compare, is_compared
from autograder.subject import LocalSubject, Subject

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded
    from autograder.spec import Mistake

__all__ = ["Diagnosis", "Diagnostics", "Outcome", "Raised", "observe"]

MOST_FINDINGS, MOST_NAMES = 2, 5
WORDS = frozenset(
    {"the", "each", "only", "with", "all", "every", "what", "where", "in", "equal", "after", "it", "for", "part"}
)
"""Words that a finding may begin with; any other first word is the name of an array."""


@dataclass(frozen=True)
class Diagnosis:
    """What is known about a failure.

    mistakes: planted ones, at most two; findings: patterns, one per name; places, heat: where the errors are;
    snippet: lines that reproduce it.
    """

    mistakes: list[Known] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    places: str = ""
    heat: list[list[float]] = field(default_factory=list)
    snippet: str = ""

    def as_fields(self) -> dict[str, object]:
        """Return it as fields of a Verdict."""
        said = dict.fromkeys(f"{_sentence(f.sentence)} {f.hint}".strip() for f in self.findings)
        if self.mistakes:
            names = [one.mistake for one in self.mistakes]
            hints = dict.fromkeys((*(one.hint for one in self.mistakes), *said))
            more = {"pattern": "; ".join(dict.fromkeys(f.key for f in self.findings))} if self.findings else {}
            return {"mistake": ", and ".join(names), "mistakes": names, "hint": " ".join(hints), **more}
        return {
            "pattern": "; ".join(dict.fromkeys(f.key for f in self.findings)),
            "hint": " ".join(said),
            "places": self.places,
            "heat": self.heat,
            "snippet": self.snippet,
        }


@dataclass(frozen=True)
class Failure:
    """A failed check: what was observed in its cases, the first mismatch (None for an error), and how to run it again.

    forward_mistake: the mistake found in another part; forward_right: whether the other part's check has passed.
    """

    exercise: Exercise
    check: Check
    outcomes: list[Outcome]
    mismatch: Mismatch | None
    ask: Callable[[], Subject]
    forward: Check | None = None
    forward_mistake: str = ""
    forward_wrong: bool = False


class Diagnostics:
    """Diagnoses failures of one assignment; outcomes of planted mistakes are computed once for all submissions."""

    def __init__(self, loaded: Loaded, answers: Answers | StoredAnswers) -> None:
        self._planted = Planted(loaded, answers)
        self._official = loaded.official
        self._matters: dict[tuple[str, str], frozenset[tuple[str, str]]] = {}
        self.answers = answers

    def match(
        self, exercise: Exercise, check: Check, outcomes: list[Outcome], found: frozenset[str] = frozenset()
    ) -> list[Known]:
        """Name the planted mistakes that have these outcomes: one, or two that explain different names."""
        return self._planted.match(exercise, check, outcomes, found)

    def subject(self, exercise: Exercise, mistake: Mistake) -> LocalSubject | None:
        """The reference with this mistake, in this process; None where it cannot even be loaded."""
        return self._planted.subject(exercise, mistake)

    def diagnose(self, failure: Failure) -> Diagnosis:
        """Diagnose what ``match`` does not explain by one or two planted mistakes."""
        exercise, check = failure.exercise, failure.check
        if check.capstone or check.budget:
            return Diagnosis()
        if failure.forward_mistake:
            pair = self._planted.match_pair(exercise, check, failure.outcomes, failure.forward_mistake)
            if pair:
                return Diagnosis(mistakes=pair[1:])
        answers = self.answers.of(exercise, check)
        found = self._property(failure, answers)
        if found:
            return Diagnosis(findings=[found])
        if failure.forward_wrong or any(isinstance(outcome, Raised) for outcome in failure.outcomes):
            findings = [] if failure.forward_wrong else self._contrasts(failure, answers)
            return self._unrecognised(failure, answers, findings)
        return self._recognised(failure, answers)

    def _recognised(self, failure: Failure, answers: Sequence[Answer]) -> Diagnosis:
        """What patterns say, two mistakes together, one with something else beside it; or where the errors are."""
        exercise, check, outcomes = failure.exercise, failure.check, failure.outcomes
        findings, rest = self._patterns(failure, answers)
        if not findings:
            known = self._planted.match_pair(exercise, check, outcomes, "")
            known = known or [*filter(None, [self._planted.match_nearly(exercise, check, outcomes)])]
            if known:
                return Diagnosis(mistakes=known)
        in_part = self._in_part(failure, answers) if rest else None
        return in_part or self._unrecognised(failure, answers, findings or self._contrasts(failure, answers), rest)

    def _in_part(self, failure: Failure, answers: Sequence[Answer]) -> Diagnosis | None:
        """A planted mistake that explains some names, and what patterns say of the others where it is made."""
        known = self._planted.match_in_part(failure.exercise, failure.check, failure.outcomes)
        if known is None:
            return None
        made = self._planted.outcomes(failure.exercise, failure.check, known.mistake)
        there = [
            (case, dict(outcome))
            for (case, _), outcome in zip(answers, made, strict=False)
            if not isinstance(outcome, Raised)
        ]
        findings = self._patterns(failure, there)[0] if len(there) == len(answers) else []
        return Diagnosis(mistakes=[known], findings=findings)

    def _property(self, failure: Failure, answers: Sequence[Answer]) -> Finding | None:
        if failure.check.name in CALLS and not self._right_alone(failure, answers):
            return None  # it also fails by itself
        name = failure.mismatch.name if failure.mismatch else ""
        evidence = gather(name, failure.outcomes, answers, [None] * len(answers))
        violation = Violation(failure.check.name, failure.mismatch, failure.outcomes, answers, evidence)
        return first(PROPERTIES, violation)

    def _right_alone(self, failure: Failure, answers: Sequence[Answer]) -> bool:
        """Whether the same cases pass in one call of one object; those in eval mode, also after an earlier call."""
        principal = failure.exercise.find(STALE if failure.check.name == EVAL else failure.check.after[0])
        for case, expected in answers:
            seen = observe(principal, failure.ask(), case)
            if isinstance(seen, Raised):
                return False
            seen = {name.removesuffix(SECOND): value for name, value in seen.items()}
            wanted = {name.removesuffix(SECOND): value for name, value in expected.items() if is_compared(name)}
            if any(compare(seen[name], value, name) for name, value in wanted.items() if name in seen):
                return False
        return True

    def _patterns(self, failure: Failure, answers: Sequence[Answer]) -> tuple[list[Finding], list[Evidence]]:
        """Findings, reported once if they apply to several names; and the evidence of names that none explains."""
        probe = self._probe(failure)
        outputs = [probe.output(case) if failure.forward else None for case, _ in answers]
        right = take_fingerprints([expected for _, expected in answers])
        found: dict[str, tuple[Finding, list[str]]] = {}
        rest = []
        wrong = wrong_names(take_fingerprints(failure.outcomes), right)
        for name in (name for name in right if name in wrong):
            evidence = gather(name, failure.outcomes, answers, outputs)
            if evidence is None:
                continue
            finding = _first(evidence, probe)
            if finding is None:
                rest.append(evidence)
            else:
                found.setdefault(finding.key, (finding, []))[1].append(name)
        findings = [
            replace(
                finding,
                sentence=finding.sentence + (f" ({_are(names[1:])} wrong in the same way)" if names[1:] else ""),
            )
            for finding, names in found.values()
        ]
        return findings[:MOST_FINDINGS], rest

    def _contrasts(self, failure: Failure, answers: Sequence[Answer]) -> list[Finding]:
        """What distinguishes the cases that are wrong."""
        name = failure.mismatch.name if failure.mismatch else ""
        tried = Tried(self._probe(failure), failure.outcomes, answers, name)
        found = first(CONTRASTS, tried)
        return [found] if found else []

    def _probe(self, failure: Failure) -> Probe:
        matters = self.matters(failure.exercise, failure.check)
        return Probe(failure.check, failure.ask, failure.forward, matters, self._laboratory(failure))

    def _laboratory(self, failure: Failure) -> Laboratory | None:
        """What experiments with other cases need; None without the reference."""
        if isinstance(self.answers, StoredAnswers):
            return None
        exercise, check = failure.exercise, failure.check
        reference = self.answers.reference(exercise)
        rng = generator(self.answers.seed, "again", exercise.name, check.name)
        return Laboratory(check, reference, lambda: check.cases(rng, reference))

    def matters(self, exercise: Exercise, check: Check) -> frozenset[tuple[str, str]]:
        """What each name of the expected answer depends on: computed, or read from a release."""
        key = exercise.name, check.name
        if check.after or check.device_only:  # what runs only after the principal check has passed is explained without
            return frozenset()
        if key not in self._matters:
            if isinstance(self.answers, StoredAnswers):
                found = [(str(a), str(b)) for a, b in self.answers.matters.get(key, [])]
            else:
                reference = self.answers.reference(exercise)
                found = dependences(check, reference, [case for case, _ in self.answers.of(exercise, check)])
                reference.forget()
            self._matters[key] = frozenset(found)
        return self._matters[key]

    def explained(self) -> tuple[Explained, Explained]:
        """What a release holds, by exercise and check: fingerprints of mistakes, and what expected answers depend on.

        A mistake is listed only for checks that a student who makes it reaches: not where an earlier check fails.
        """
        known: Explained = {}
        matters: Explained = {}
        for exercise in self._planted.exercises:
            failing: dict[str, set[str]] = {}
            for check in exercise.checks:
                if check.capstone or check.budget or check.device_only:
                    continue
                before = set().union(*(failing.get(name, set()) for name in check.after))
                try:
                    reached = self._planted.reached(exercise, check, before)
                except SpecError:  # the solution is at fault, which the audit reports: there is nothing to compare with
                    continue
                failing[check.name] = before | {one.mistake for one in reached}
                if reached:
                    known[exercise.name, check.name] = as_data(reached)
                if depends := self.matters(exercise, check):
                    matters[exercise.name, check.name] = [list(pair) for pair in sorted(depends)]
        return known, matters

    def _unrecognised(
        self,
        failure: Failure,
        answers: Sequence[Answer],
        findings: list[Finding],
        rest: Sequence[Evidence] | None = None,
    ) -> Diagnosis:
        names = [failure.mismatch.name] if failure.mismatch else []
        left = list(rest) if rest is not None else [
            e for name in names if (e := gather(name, failure.outcomes, answers, [None] * len(answers)))
        ]  # fmt: skip
        where = next((p for evidence in left if (p := places(evidence))), None)
        failed = [
            case
            for outcome, (case, expected) in zip(failure.outcomes, answers, strict=True)
            if isinstance(outcome, Raised) or failure.check.judge(outcome, expected, case)
        ]
        official = not isinstance(self.answers, StoredAnswers)
        reference = self.answers.reference(failure.exercise) if official else None
        lines = snippet(failure.exercise, failure.check, failed, failure.ask(), reference)
        return Diagnosis(
            findings=findings, places=where.sentence if where else "", heat=where.heat if where else [], snippet=lines
        )


def _first(evidence: Evidence, probe: Probe) -> Finding | None:
    if evidence.one_shape and not any(mask.any() for mask in wrong_entries(evidence)):
        return None  # no number is wrong
    return first(PATTERNS, evidence, probe)


def _sentence(text: str) -> str:
    """Begin with a capital, unless it begins with a name (``y``, ``dW``), and end with a stop."""
    first = text.split(" ", 1)[0]
    start = text[:1].upper() if first in WORDS else text[:1]
    return start + text[1:] + ("" if text.endswith("?") else ".")


def _are(names: list[str]) -> str:
    if len(names) > MOST_NAMES:
        return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more are"
    return f"{names[0]} is" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} are"
