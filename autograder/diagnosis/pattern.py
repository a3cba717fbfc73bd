"""What a pattern is: when it is looked for, what it reports, and the examples that prove and explain it.

A pattern is a function with the decorator ``pattern``; the registries list them in the order in which they are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVarTuple

from autograder.diagnosis.evidence import Evidence, Finding
from autograder.diagnosis.probe import Probe
from autograder.spec.mistake import Edit, Mistake

__all__ = ["Example", "Needs", "NumberPattern", "Pattern", "first", "pattern"]

Asked = TypeVarTuple("Asked")
"""What a pattern is given."""


@dataclass(frozen=True)
class Example:
    """Wrong code, and what its author reads.

    exercise: one of ``autograder.diagnosis.examples``; check: the first of its checks that fails;
    correct: text that occurs once in the exercise's correct code; wrong: the text in its place (none: it is deleted);
    sentence, hint: what is reported, as a student reads it.
    """

    exercise: str
    check: str
    correct: str
    wrong: str
    sentence: str
    hint: str = ""

    def apply(self, source: str) -> str:
        """The exercise's code with the mistake in it.  SpecError where the correct text does not occur once."""
        edit = Edit(tuple(self.correct.splitlines()), tuple(self.wrong.splitlines()))
        return Mistake(self.sentence, (edit,)).apply(source, self.exercise)

    @property
    def said(self) -> str:
        """The sentence, with the hint after it."""
        return f"{self.sentence} {self.hint}".strip()


@dataclass(frozen=True)
class Pattern(Generic[*Asked]):
    """One relation between what is observed and what is expected, recognised by a function.

    summary: the first line of the function's docstring; when: what must hold before it is asked, in words as ``str``.
    """

    name: str
    summary: str
    when: Callable[[*Asked], bool]
    examine: Callable[[*Asked], Finding | None]
    examples: tuple[Example, ...]

    def __call__(self, *asked: *Asked) -> Finding | None:
        """What it reports, marked with its name; None where it does not hold."""
        found = self.examine(*asked) if self.when(*asked) else None
        return replace(found, pattern=self.name) if found else None


NumberPattern = Pattern[Evidence, Probe]
"""A pattern of the numbers of one name, and of what experiments with the code show about them."""


def pattern(
    when: Callable[[*Asked], bool], *examples: Example
) -> Callable[[Callable[[*Asked], Finding | None]], Pattern[*Asked]]:
    """Make a pattern of the decorated function, which is named and summarised by its own name and docstring."""

    def make(examine: Callable[[*Asked], Finding | None]) -> Pattern[*Asked]:
        summary = (examine.__doc__ or "").split("\n", 1)[0]
        return Pattern(examine.__name__.replace("_", " "), summary, when, examine, examples)

    return make


def first(patterns: Iterable[Pattern[*Asked]], *asked: *Asked) -> Finding | None:
    """What the first pattern that holds reports."""
    return next((found for each in patterns if (found := each(*asked))), None)


@dataclass(frozen=True)
class Needs:
    """When a pattern of numbers is looked for.

    of: in arrays (outputs, gradients), in trajectories of an optimizer's parameters, or in both;
    shape: the observed shape is the expected one in every case;
    entries: in some case more than one number is expected;
    proof: the expected numbers are enough, and different enough, to rule out agreement by chance;
    forward: the code's forward is known to be correct, so that gradients can be computed from it.
    """

    of: Literal["arrays", "trajectories", "both"] = "arrays"
    shape: bool = False
    entries: bool = False
    proof: bool = False
    forward: bool = False

    def __call__(self, evidence: Evidence, probe: Probe) -> bool:
        """Whether it is looked for here."""
        if self.of != "both" and evidence.is_trajectory != (self.of == "trajectories"):
            return False
        return not (
            (self.shape and not evidence.one_shape)
            or (self.entries and evidence.scalar)
            or (self.forward and probe.forward is None)
            or (self.proof and not evidence.proves())
        )

    def __str__(self) -> str:
        where = {"both": "outputs, gradients and trajectories", "arrays": "outputs and gradients"}.get(self.of, self.of)
        more = {
            "of the expected shape": self.shape,
            "with more than one number": self.entries,
            "with enough different numbers": self.proof,
            "where forward is correct": self.forward,
        }
        return ", ".join([where, *(text for text, needed in more.items() if needed)])
