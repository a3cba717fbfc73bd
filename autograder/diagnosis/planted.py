"""Mistakes that the course knows: a student's outcomes compared with those of every planted mistake."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.course.answers import Answers, StoredAnswers
from autograder.course.catalogue import wire
from autograder.diagnosis.outcomes import (
    RAISED,
    Fingerprint,
    Outcome,
    Raised,
    identifies,
    observe,
    take_fingerprints,
    wrong_names,
)
from autograder.spec import Check, Exercise, Mistake, SpecError
from autograder.spec.mistake import with_mistakes
from autograder.subject import LocalSubject, SubjectRaisedError

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded

__all__ = ["Explained", "Known", "Planted", "as_data", "same_data"]

Stored = list[Any]
"""A tree of lists, texts and numbers, as JSON holds it."""
Explained = dict[tuple[str, str], Stored]
"""By exercise and check, in the form in which a release stores it."""

MOST_PAIRS = 60
FEWEST_NUMBERS = 12
"""In which two mistakes together do not give by chance what something else gives."""
NEAR, FAR = 1e-5, 1e-2
"""How near fingerprints are, in shares of their size: those of one mistake with a small number added to something,
and those of different answers."""


@dataclass(frozen=True)
class Known:
    """A mistake as it shows in one check: its fingerprints by name, and the names that it makes incorrect."""

    mistake: str
    hint: str
    fingerprints: dict[str, Fingerprint]
    wrong: frozenset[str]


class Planted:
    """What every planted mistake shows on every check's cases: computed when first needed, or read from a release."""

    def __init__(self, loaded: Loaded, answers: Answers | StoredAnswers) -> None:
        self._loaded = loaded
        self.answers = answers
        self._subjects: dict[tuple[str, ...], LocalSubject | None] = {}
        self._known: dict[tuple[str, str], list[Known]] = {}

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        """The assignment's exercises."""
        return self._loaded.assignment.exercises

    def match(
        self, exercise: Exercise, check: Check, outcomes: list[Outcome], found: frozenset[str] = frozenset()
    ) -> list[Known]:
        """Name the planted mistake that has these outcomes in every case, or two of them; none where no mistake fits.

        Two are named where each explains different names (dW one, db the other), and together they explain all.
        found: mistakes that were named before; they are preferred among several that look alike here, and then those
        that no other check is meant for.
        """
        if check.capstone or check.budget or not self._identifies(exercise, check, outcomes):
            return []
        seen = take_fingerprints(outcomes)
        wrong = wrong_names(seen, self._right(exercise, check))
        elsewhere = {one.name for one in exercise.mistakes if one.caught_by not in ("", check.name)}
        known = sorted(self.of(exercise, check), key=lambda one: (one.mistake not in found, one.mistake in elsewhere))
        for one in known:
            if (
                set(seen) == set(one.fingerprints)
                and all(seen[name].agrees(one.fingerprints[name]) for name in seen)
                and (wrong or self._has_these_errors(exercise, check, outcomes, one.mistake))
            ):
                return [one]
        if not _tells_mistakes_apart(check):
            return []
        parts = [
            one
            for one in known
            if one.wrong < wrong and all(seen[n].agrees(one.fingerprints[n]) for n in one.wrong & {*seen})
        ]
        for one, other in combinations(parts, 2):
            if one.wrong | other.wrong == wrong and not one.wrong & other.wrong:
                return [one, other]
        return []

    def _has_these_errors(self, exercise: Exercise, check: Check, outcomes: list[Outcome], mistake: str) -> bool:
        """Whether a planted mistake makes the same errors; asked where they are too small for a fingerprint."""
        made = self.outcomes(exercise, check, mistake)
        if not made:
            return True  # without the reference, nothing more can be told
        for seen, planted, (_, expected) in zip(outcomes, made, self.answers.of(exercise, check), strict=True):
            if isinstance(seen, Raised) or isinstance(planted, Raised):
                return isinstance(seen, Raised) and isinstance(planted, Raised)
            for name, right in expected.items():
                if isinstance(right, np.ndarray) and right.dtype.kind == "f":
                    errors = [np.asarray(shown[name], dtype=float) - right for shown in (seen, planted)]
                    if np.abs(errors[0] - errors[1]).max(initial=0.0) > FAR * np.abs(errors[1]).max(initial=0.0):
                        return False
        return True

    def match_in_part(self, exercise: Exercise, check: Check, outcomes: list[Outcome]) -> Known | None:
        """Name the planted mistake that explains most of the incorrect names, where others are left; None if none."""
        seen, right = take_fingerprints(outcomes), self._right(exercise, check)
        wrong = wrong_names(seen, right)
        if not _tells_mistakes_apart(check) or RAISED in seen or _numbers(outcomes) < FEWEST_NUMBERS:
            return None
        explained = {
            one.mistake: {n for n in one.wrong & wrong if n in seen and seen[n].agrees(one.fingerprints[n])}
            for one in self.of(exercise, check)
            if one.wrong <= wrong
        }
        return max(
            (one for one in self.of(exercise, check) if explained.get(one.mistake)),
            key=lambda one: len(explained[one.mistake]),
            default=None,
        )

    def match_nearly(self, exercise: Exercise, check: Check, outcomes: list[Outcome]) -> Known | None:
        """Name the only planted mistake that these outcomes are nearly those of, much nearer than the right ones."""
        seen, right = take_fingerprints(outcomes), self._right(exercise, check)
        if not _tells_mistakes_apart(check) or RAISED in seen or _numbers(outcomes) < FEWEST_NUMBERS:
            return None
        near = [
            one
            for one in self.of(exercise, check)
            if set(seen) == set(one.fingerprints) == set(right)
            and all(seen[n].is_near(one.fingerprints[n], NEAR) for n in seen)
            and not all(one.fingerprints[n].is_near(right[n], FAR) for n in seen)
        ]
        return near[0] if len(near) == 1 else None

    def outcomes(self, exercise: Exercise, check: Check, mistake: str) -> list[Outcome]:
        """What the reference with this mistake shows; nothing without the reference."""
        planted = [one for one in exercise.mistakes if one.name == mistake] if self._loaded.official else []
        return self._outcomes(exercise, check, tuple(planted)) if planted else []

    def match_pair(self, exercise: Exercise, check: Check, outcomes: list[Outcome], forward: str) -> list[Known]:
        """Name two planted mistakes that reproduce these outcomes only together.

        forward: the mistake found in another part; then only pairs that include it are considered.
        """
        if (
            not self._loaded.official
            or check.capstone
            or check.budget
            or _numbers(outcomes) < FEWEST_NUMBERS
            or not (forward or _tells_mistakes_apart(check))
            or not self._identifies(exercise, check, outcomes)
        ):
            return []
        seen = take_fingerprints(outcomes)
        for one, other in self._candidates(exercise, check, forward):
            fingerprints = self._fingerprints_of(exercise, check, (one, other))
            if set(seen) == set(fingerprints) and all(seen[name].agrees(fingerprints[name]) for name in seen):
                return [Known(m.name, m.hint, fingerprints, frozenset()) for m in (one, other)]
        return []

    def _identifies(self, exercise: Exercise, check: Check, outcomes: list[Outcome]) -> bool:
        """Whether these outcomes identify a mistake: where finite values are expected, many mistakes give inf."""
        return identifies(outcomes) or bool(self._right(exercise, check))

    def _candidates(self, exercise: Exercise, check: Check, forward: str) -> Iterator[tuple[Mistake, Mistake]]:
        alone = {one.mistake for one in self.of(exercise, check)}
        if forward:
            first = next((m for m in exercise.mistakes if m.name == forward), None)
            if first:
                yield from ((first, m) for m in exercise.mistakes if m is not first)
            return
        first_check = exercise.checks[0]
        elsewhere = {one.mistake for one in self.of(exercise, first_check)} if check.part != first_check.part else set()
        visible = [m for m in exercise.mistakes if m.name in alone - elsewhere]
        yield from islice(combinations(visible, 2), MOST_PAIRS)

    def of(self, exercise: Exercise, check: Check) -> list[Known]:
        """Every mistake that fails this check, as it shows there."""
        if check.device_only:  # what a mistake shows on a GPU is not known elsewhere
            return []
        key = exercise.name, check.name
        if key not in self._known:
            stored = getattr(self.answers, "known", {}).get(key, [])
            self._known[key] = _from_data(stored) if not self._loaded.official else self._computed(exercise, check)
        return self._known[key]

    def reached(self, exercise: Exercise, check: Check, failed_before: Collection[str]) -> list[Known]:
        """Every mistake that fails this check and no check that it comes after; those mistakes are not run."""
        return self._computed(exercise, check, failed_before)

    def _computed(self, exercise: Exercise, check: Check, without: Collection[str] = ()) -> list[Known]:
        found = []
        answers = self.answers.of(exercise, check)
        right = self._right(exercise, check)
        for mistake in exercise.mistakes:
            if mistake.name in without:
                continue
            try:
                outcomes = self._outcomes(exercise, check, (mistake,))
            except SpecError:  # its text is gone from the solution: the audit reports it, and grading continues
                continue
            if not outcomes:  # it cannot be loaded
                continue
            pairs = zip(outcomes, answers, strict=True)
            if not any(isinstance(o, Raised) or check.judge(o, expected, case) for o, (case, expected) in pairs):
                continue  # a mistake elsewhere passes here
            fingerprints = take_fingerprints(outcomes)
            found.append(Known(mistake.name, mistake.hint, fingerprints, wrong_names(fingerprints, right)))
        return found

    def _right(self, exercise: Exercise, check: Check) -> dict[str, Fingerprint]:
        return take_fingerprints([expected for _, expected in self.answers.of(exercise, check)])

    def _fingerprints_of(
        self, exercise: Exercise, check: Check, mistakes: tuple[Mistake, ...]
    ) -> dict[str, Fingerprint]:
        return take_fingerprints(self._outcomes(exercise, check, mistakes))

    def _outcomes(self, exercise: Exercise, check: Check, mistakes: tuple[Mistake, ...]) -> list[Outcome]:
        subject = self._with(exercise, mistakes)
        if subject is None:
            return []
        on = subject.on(check.backend or "numpy")
        try:
            return [observe(check, on, case) for case, _ in self.answers.of(exercise, check)]
        except Exception:  # noqa: BLE001 - the check cannot read what this mistake returns, so it shows nothing here
            return []
        finally:
            subject.forget()

    def subject(self, exercise: Exercise, mistake: Mistake) -> LocalSubject | None:
        """The reference with this mistake, in this process; None where it cannot even be loaded."""
        return self._with(exercise, (mistake,))

    def _with(self, exercise: Exercise, mistakes: tuple[Mistake, ...]) -> LocalSubject | None:
        key = exercise.name, *(mistake.name for mistake in mistakes)
        if key not in self._subjects:
            try:
                source = with_mistakes(self._loaded.source_of(exercise), mistakes, exercise.name)
                self._subjects[key] = self._load(exercise, source)
            except SubjectRaisedError:
                self._subjects[key] = None
            except SpecError:  # the two change the same text
                if len(mistakes) == 1:
                    raise
                self._subjects[key] = None
        return self._subjects[key]

    def _load(self, exercise: Exercise, source: str) -> LocalSubject:
        """Load a variant of one exercise, without exercises that it does not name, to save time.

        What is given and cannot be loaded without them, as a class derived from theirs, is left out like them.
        """
        exercises = {other.name for other in self._loaded.assignment.exercises if other is not exercise}
        derived = (chunk for chunk in self._loaded.reference.chunks if chunk.effects.uses & exercises)
        others = exercises | {name for chunk in derived for name in chunk.defines} - {exercise.name}
        texts = {
            name: chunk.source for chunk in self._loaded.reference.chunks for name in chunk.defines if name in others
        }
        needed: set[str] = set()
        look = [source, exercise.support, *exercise.depends]
        while look:
            text = look.pop()
            found = {name for name in texts if name in text} - needed
            needed |= found
            look += [texts[name] for name in found]
        used = [source, *(texts[name] for name in needed & set(texts))]
        chunks = tuple(
            chunk
            for chunk in self._loaded.variant(exercise, source)
            if needed & set(chunk.defines)
            or not (others & set(chunk.defines) or ("earlier(" in chunk.source and not _named(chunk.defines, used)))
        )
        uses_earlier = any("earlier(" in chunk.source for chunk in chunks)
        return LocalSubject.from_chunks(
            self._loaded.assignment.module,
            wire(chunks),
            support=exercise.support,
            earlier=self._loaded.earlier if uses_earlier else None,
        )


def _numbers(outcomes: Iterable[Outcome]) -> int:
    """How many numbers, words and arrays' entries were observed; an error tells as much as many."""
    return sum(
        FEWEST_NUMBERS if isinstance(outcome, Raised) else sum(map(_size, outcome.values())) for outcome in outcomes
    )


def _size(value: object) -> int:
    """Entries of an array, and of all arrays in a list, which may differ in shape; 1 for anything else."""
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    return value.size if isinstance(value, np.ndarray) else 1


def _tells_mistakes_apart(check: Check) -> bool:
    """Whether what is compared is what the reference shows: nothing random, no other judgement."""
    return not (check.capstone or check.budget) and (check.expect is None or check.complete is not None)


def _named(names: Iterable[str], texts: list[str]) -> bool:
    return any(name in text for name in names for text in texts)


def as_data(known: list[Known]) -> Stored:
    """Return known mistakes as a tree that can be stored."""
    return [
        [
            one.mistake,
            one.hint,
            sorted(one.wrong),
            [[name, p.form, list(p.numbers), p.size, p.coarse] for name, p in one.fingerprints.items()],
        ]
        for one in known
    ]


def _from_data(data: Stored) -> list[Known]:
    return [
        Known(
            mistake,
            hint,
            {
                name: Fingerprint(form, tuple(numbers), size, coarse)
                for name, form, numbers, size, coarse in fingerprints
            },
            frozenset(wrong),
        )
        for mistake, hint, wrong, fingerprints in data
    ]


def same_data(ours: Stored, theirs: Stored) -> bool:
    """Whether two stored lists hold the same mistakes, up to rounding and the text of errors."""
    mine, yours = _from_data(ours), _from_data(theirs)
    return len(mine) == len(yours) and all(
        (a.mistake, a.hint, a.wrong, set(a.fingerprints)) == (b.mistake, b.hint, b.wrong, set(b.fingerprints))
        and all(p.agrees(b.fingerprints[name], messages=False) for name, p in a.fingerprints.items())
        for a, b in zip(mine, yours, strict=True)
    )
