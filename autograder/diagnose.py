"""From a failed check to the mistake that its author made: outputs matched against planted mistakes' outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autograder.answers import Answers, StoredAnswers
from autograder.compare import agree
from autograder.spec import Check, Exercise, Mistake, Observations
from autograder.subject import LocalSubject, Subject, SubjectRaisedError

if TYPE_CHECKING:
    from autograder.catalogue import Loaded

__all__ = ["Fingerprints", "Outcome", "Raised", "observe"]


@dataclass(frozen=True)
class Raised:
    """An outcome that is an error of the implementation's."""

    type: str
    message: str


Outcome = Observations | Raised


def observe(check: Check, subject: Subject, case: object) -> Outcome:
    """Run one case; an error of the implementation's is an outcome like any other."""
    try:
        return check.observe(subject, case)  # type: ignore[arg-type]
    except SubjectRaisedError as error:
        return Raised(error.type, error.message)


class Fingerprints:
    """What every planted mistake shows on every check's cases, computed when it is first needed."""

    def __init__(self, loaded: Loaded, answers: Answers | StoredAnswers) -> None:
        self._loaded = loaded
        self.answers = answers
        self._subjects: dict[tuple[str, str], LocalSubject | None] = {}
        self._outcomes: dict[tuple[str, str, str], list[Outcome]] = {}

    def match(self, exercise: Exercise, check: Check, outcomes: list[Outcome]) -> Mistake | None:
        """Name the planted mistake whose outcomes these are, on every case; None where it is another."""
        if check.capstone or check.speed:
            return None
        for mistake in exercise.mistakes:
            theirs = self._of(exercise, check, mistake)
            if (
                len(theirs) == len(outcomes)
                and all(map(_same, outcomes, theirs))
                and self._fails(exercise, check, theirs)
            ):
                return mistake
        return None

    def _of(self, exercise: Exercise, check: Check, mistake: Mistake) -> list[Outcome]:
        key = exercise.name, check.name, mistake.name
        if key not in self._outcomes:
            subject = self.subject(exercise, mistake)
            cases = [case for case, _ in self.answers.of(exercise, check)]
            self._outcomes[key] = (
                [observe(check, subject.on(check.backend or "numpy"), case) for case in cases] if subject else []
            )
            if subject:
                subject.forget()
        return self._outcomes[key]

    def subject(self, exercise: Exercise, mistake: Mistake) -> LocalSubject | None:
        """The reference with this mistake, in this process; None where it cannot even be loaded."""
        key = exercise.name, mistake.name
        if key not in self._subjects:
            try:
                chunks = self._loaded.with_mistake(exercise, mistake)
                self._subjects[key] = self._loaded.subject(exercise, chunks)
            except SubjectRaisedError:
                self._subjects[key] = None
        return self._subjects[key]

    def _fails(self, exercise: Exercise, check: Check, outcomes: list[Outcome]) -> bool:
        """Whether these outcomes fail the check at all: a mistake elsewhere looks right here."""
        answers = self.answers.of(exercise, check)
        pairs = zip(outcomes, answers, strict=True)
        return any(isinstance(o, Raised) or check.judge(o, expected, case) for o, (case, expected) in pairs)


def _same(left: Outcome, right: Outcome) -> bool:
    if isinstance(left, Raised) or isinstance(right, Raised):
        return left == right
    return agree(left, right)
