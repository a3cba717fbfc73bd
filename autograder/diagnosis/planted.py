"""Mistakes that the course knows: a student's outcomes beside those of every planted mistake."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

from autograder.course.answers import Answers, StoredAnswers
from autograder.course.catalogue import wire
from autograder.diagnosis.outcomes import Outcome, Print, Raised, observe, printed, tells, wrong_names
from autograder.spec import Check, Exercise, Mistake, SpecError
from autograder.subject import LocalSubject, SubjectRaisedError

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded

__all__ = ["Known", "Planted", "as_data", "same_data"]

MOST_PAIRS = 28


@dataclass(frozen=True)
class Known:
    """A mistake as it shows in one check: its prints by name, and the names in which it is wrong."""

    mistake: str
    hint: str
    prints: dict[str, Print]
    wrong: frozenset[str]


class Planted:
    """What every planted mistake shows on every check's cases: computed when first needed, or read from a release."""

    def __init__(self, loaded: Loaded, answers: Answers | StoredAnswers) -> None:
        self._loaded = loaded
        self.answers = answers
        self._subjects: dict[tuple[str, ...], LocalSubject | None] = {}
        self._known: dict[tuple[str, str], list[Known]] = {}
        self._pairs: dict[tuple[str, str], list[tuple[Mistake, Mistake, dict[str, Print]]]] = {}

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        """The assignment's exercises."""
        return self._loaded.assignment.exercises

    def match(
        self, exercise: Exercise, check: Check, outcomes: list[Outcome], found: frozenset[str] = frozenset()
    ) -> list[Known]:
        """Name the planted mistake whose outcomes these are on every case, or two of them; none where it is another.

        Two are named where each explains names of its own (dW one, db the other), and together they explain all.
        found: mistakes that have been named before; of several that look alike here, such a one is meant.
        """
        if check.capstone or check.budget or not self._tells(exercise, check, outcomes):
            return []
        seen = printed(outcomes)
        known = sorted(self.of(exercise, check), key=lambda one: one.mistake not in found)
        for one in known:
            if set(seen) == set(one.prints) and all(seen[name].agrees(one.prints[name]) for name in seen):
                return [one]
        wrong = wrong_names(seen, self._right(exercise, check))
        parts = [
            one
            for one in known
            if one.wrong < wrong and all(seen[n].agrees(one.prints[n]) for n in one.wrong & {*seen})
        ]
        for one, other in combinations(parts, 2):
            if one.wrong | other.wrong == wrong and not one.wrong & other.wrong:
                return [one, other]
        return []

    def match_pair(self, exercise: Exercise, check: Check, outcomes: list[Outcome], forward: str) -> list[Known]:
        """Name two planted mistakes that reproduce these outcomes only together.

        forward: the mistake that another part has been found to hold; pairs are then looked for with that one alone.
        """
        if not self._loaded.official or check.capstone or check.budget or not self._tells(exercise, check, outcomes):
            return []
        seen = printed(outcomes)
        for one, other in self._candidates(exercise, check, forward):
            prints = self._prints_of(exercise, check, (one, other))
            if set(seen) == set(prints) and all(seen[name].agrees(prints[name]) for name in seen):
                return [Known(m.name, m.hint, prints, frozenset()) for m in (one, other)]
        return []

    def _tells(self, exercise: Exercise, check: Check, outcomes: list[Outcome]) -> bool:
        """Whether these outcomes can be told from those of others: where no answer is wanted, inf is anybody's."""
        return tells(outcomes) or bool(self._right(exercise, check))

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
            except SpecError:  # its text is gone from the solution: the audit says so, and nobody's grade waits for it
                continue
            if not outcomes:  # it cannot even be loaded
                continue
            pairs = zip(outcomes, answers, strict=True)
            if not any(isinstance(o, Raised) or check.judge(o, expected, case) for o, (case, expected) in pairs):
                continue  # a mistake elsewhere looks right here
            prints = printed(outcomes)
            found.append(Known(mistake.name, mistake.hint, prints, wrong_names(prints, right)))
        return found

    def _right(self, exercise: Exercise, check: Check) -> dict[str, Print]:
        return printed([expected for _, expected in self.answers.of(exercise, check)])

    def _prints_of(self, exercise: Exercise, check: Check, mistakes: tuple[Mistake, ...]) -> dict[str, Print]:
        return printed(self._outcomes(exercise, check, mistakes))

    def _outcomes(self, exercise: Exercise, check: Check, mistakes: tuple[Mistake, ...]) -> list[Outcome]:
        subject = self._with(exercise, mistakes)
        if subject is None:
            return []
        on = subject.on(check.backend or "numpy")
        outcomes = [observe(check, on, case) for case, _ in self.answers.of(exercise, check)]
        subject.forget()
        return outcomes

    def subject(self, exercise: Exercise, mistake: Mistake) -> LocalSubject | None:
        """The reference with this mistake, in this process; None where it cannot even be loaded."""
        return self._with(exercise, (mistake,))

    def _with(self, exercise: Exercise, mistakes: tuple[Mistake, ...]) -> LocalSubject | None:
        key = exercise.name, *(mistake.name for mistake in mistakes)
        if key not in self._subjects:
            try:
                source = self._loaded.source_of(exercise)
                for mistake in mistakes:
                    source = mistake.apply(source, exercise.name)
                self._subjects[key] = self._load(exercise, source)
            except SubjectRaisedError:
                self._subjects[key] = None
            except SpecError:  # the text of one is gone with the other
                if len(mistakes) == 1:
                    raise
                self._subjects[key] = None
        return self._subjects[key]

    def _load(self, exercise: Exercise, source: str) -> LocalSubject:
        """Load a variant of one exercise, without other exercises that it does not name, to save time."""
        others = {other.name for other in self._loaded.assignment.exercises if other is not exercise}
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


def _named(names: Iterable[str], texts: list[str]) -> bool:
    return any(name in text for name in names for text in texts)


def as_data(known: list[Known]) -> list[Any]:
    """Give known mistakes as a tree that may be stored."""
    return [
        [
            one.mistake,
            one.hint,
            sorted(one.wrong),
            [[name, p.form, list(p.numbers), p.size, p.coarse] for name, p in one.prints.items()],
        ]
        for one in known
    ]


def _from_data(data: list[Any]) -> list[Known]:
    return [
        Known(
            mistake,
            hint,
            {name: Print(form, tuple(numbers), size, coarse) for name, form, numbers, size, coarse in prints},
            frozenset(wrong),
        )
        for mistake, hint, wrong, prints in data
    ]


def same_data(ours: list[Any], theirs: list[Any]) -> bool:
    """Whether two stored lists are of the same mistakes, up to rounding and the words of an error."""
    mine, yours = _from_data(ours), _from_data(theirs)
    return len(mine) == len(yours) and all(
        (a.mistake, a.hint, a.wrong, set(a.prints)) == (b.mistake, b.hint, b.wrong, set(b.prints))
        and all(p.agrees(b.prints[name], messages=False) for name, p in a.prints.items())
        for a, b in zip(mine, yours, strict=True)
    )
