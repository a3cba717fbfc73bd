"""An exercise and its points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from autograder.spec.check import Check, GradientCost, Judge, Observations, Observe
from autograder.spec.error import SpecError
from autograder.spec.mistake import Mistake, with_methods

if TYPE_CHECKING:
    from autograder.spec.case import Case

__all__ = ["Exercise", "Extras", "Points", "points_by_part"]

MOST_HINTS = 3


@dataclass(frozen=True)
class Points:
    """Points by part; keyword arguments name parts: ``Points(forward=2, backward=4, speed=1)``."""

    by_part: Mapping[str, float]

    def __init__(self, **by_part: float) -> None:
        object.__setattr__(self, "by_part", by_part)
        for part, points in by_part.items():
            if not points > 0:
                message = f"points for '{part}' are {points}; they must be greater than zero"
                raise SpecError(message)


class OptionalStep(Points):
    """The points of a function that helps with a longer exercise: it is checked, and counts for nothing."""

    def __init__(self, name: str) -> None:
        super().__init__()
        object.__setattr__(self, "by_part", {name: 0.0})


def points_by_part(name: str, points: Points | float | None) -> Points:
    """Points as authors may write them: a number is enough for a function; None where ``assignment.py`` gives them.

    0 makes an optional step of a function.
    """
    if points is None:
        return Points()
    if points == 0:
        return OptionalStep(name)
    return points if isinstance(points, Points) else Points(**{name: points})


class Extras(TypedDict, total=False):
    """Fields of every kind of exercise; ``Exercise`` explains them."""

    mistakes: Sequence[Mistake]
    variants: Mapping[str, str]
    depends: tuple[str, ...]
    support_files: tuple[str, ...]
    hints: Mapping[str, Sequence[str]]
    published: Mapping[str, str]
    complex_numbers: bool


@dataclass(frozen=True)
class Exercise:
    """One class or function that the student implements, with everything that the course knows about it.

    parts: what is stubbed and graded separately (methods of a class; a function's own name);
    depends: exercises of the same assignment without which this one cannot work (a capstone's layers);
    support: trusted source with names that the checks use (``support.Double``); support_files: the files of the
    assignment's ``support/`` that it is read from, one after the other (or of ``autograder/checks/support/``, of which
    every assignment may name some);
    hints: by part: where to look, the formula, the step; released with the checks (no code); the audit requires three;
    variants: correct but costly methods that prove the checks of cost, by name: ``slow``, ``bulky``, ``steep`` and
    whatever else a kind of measurement must catch; ``plain``, without a Python loop, as a good student writes it,
    proves that the limits leave room for it; ``frozen`` is what costs may be measured against, not the reference;
    published: in a repair, by part, the published, incorrect body that students get in place of a stub;
    complex_numbers: whether its formula can be one of complex numbers (a rotation), which are no complex step then;
    bonus: whether its points are added to the mark without being part of the maximum.  One without points is an
    optional step.
    """

    name: str
    kind: str
    parts: tuple[str, ...]
    points: Points = field(default_factory=Points)
    checks: list[Check] = field(default_factory=list)
    mistakes: Sequence[Mistake] = ()
    variants: Mapping[str, str] = field(default_factory=dict)
    depends: tuple[str, ...] = ()
    support: str = ""
    support_files: tuple[str, ...] = ()
    hints: Mapping[str, Sequence[str]] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)
    complex_numbers: bool = False
    bonus: bool = False

    def __post_init__(self) -> None:
        if self.published and set(self.published) != set(self.parts):
            message = f"{self.name}: a repair has published code for every part: {', '.join(self.parts)}"
            raise SpecError(message)
        known = dict.fromkeys((*self.parts, *self.points.by_part))
        for part, hints in self.hints.items():
            if part not in known or isinstance(hints, str) or not 0 < len(hints) <= MOST_HINTS:
                message = (
                    f"{self.name}: hints for '{part}' are {hints!r}; give 1 to {MOST_HINTS} sentences for a part "
                    f"among {', '.join(known)}"
                )
                raise SpecError(message)

    @property
    def is_class(self) -> bool:
        """Whether the student writes a class (else a function)."""
        return self.parts != (self.name,)

    @property
    def capstone(self) -> bool:
        """Whether this trains on real data and has a time budget of its own."""
        return any(check.capstone for check in self.checks)

    @property
    def total(self) -> float:
        """Points of the whole exercise."""
        return float(sum(self.points.by_part.values()))

    @property
    def optional(self) -> bool:
        """Whether this is a step of another exercise, checked for whoever writes it, without points."""
        return isinstance(self.points, OptionalStep)

    def points_of(self, check: Check) -> float:
        """Points of one check: its part's points divided by weight, in hundredths that add up."""
        sharers = [other for other in self.checks if other.part == check.part]
        weights = np.cumsum([0.0, *(other.weight for other in sharers)])
        steps = np.round(100 * self.points.by_part[check.part] * weights / weights[-1]) / 100
        index = sharers.index(check)
        return round(float(steps[index + 1] - steps[index]), 2)

    def find(self, name: str) -> Check:
        """Return the check of this name; SpecError where there is none."""
        for check in self.checks:
            if check.name == name:
                return check
        message = f"{self.name} has no check '{name}'; it has: {', '.join(c.name for c in self.checks)}"
        raise SpecError(message)

    def slowed(self, source: str) -> str:
        """The exercise's source with its slow variant in place."""
        return self.varied(source, self.variants.get("slow"))

    def varied(self, source: str, variant: str | None) -> str:
        """The exercise's source with a variant in place: later methods override, a function is replaced."""
        if variant is None:
            message = f"{self.name} has no such variant"
            raise SpecError(message)
        if not self.is_class:
            return variant
        return with_methods(source, variant)

    def add(self, check: Check) -> None:
        """Add a check after the others of its part."""
        last = max((i for i, other in enumerate(self.checks) if other.part == check.part), default=len(self.checks) - 1)
        self.checks.insert(last + 1, check)

    def check(
        self,
        name: str,
        *,
        cases: Callable[[np.random.Generator], Iterable[Case]],
        part: str | None = None,
        weight: float = 1,
        expect: Callable[[Case], Observations] | None = None,
        judge: Judge | None = None,
        needs: tuple[str, ...] | None = None,
        after: tuple[str, ...] = (),
        backend: str | None = None,
        cost: GradientCost | None = None,
        mutation: str = "",
        cpu_s: float | None = None,
        device_only: bool = False,
    ) -> Callable[[Observe], Observe]:
        """Add a custom check: the decorated function runs a Subject and returns what it observed.

        name: the sentence that a student reads;  cases(rng): the inputs;
        part: where its points belong, by default the last; weight: its share of the part's points;
        expect(case): the expected result, by default what the same function observes on the reference;
        judge(observed, expected, case): a Mismatch or None, by default a comparison of everything expected;
        needs: parts that must be written, by default all; after: checks that must pass first, else this is skipped;
        backend: "stand-in" to run on a device that detects transfers;
        cost: of gradients that this check finds correct, measured on one large input;
        mutation: source that the check must catch, where no planted mistake is meant for it (see ``mutated``);
        cpu_s: for a check that trains, the seconds of computing allowed per case.  The first case that passes is
        enough; another is tried where one misses its goal (a Mismatch of kind "accuracy");
        device_only: for code that is compiled for a GPU; needs ``expect``, as the reference does not run elsewhere.
        """
        from autograder.spec.comparison import compare_all

        def add(observe: Observe) -> Observe:
            self.add(
                Check(
                    name,
                    part or self.parts[-1],
                    weight,
                    cases=lambda rng, _: list(cases(rng)),
                    observe=observe,
                    judge=judge or compare_all,
                    expect=None if expect is None else lambda _reference, case, _rng: expect(case),
                    needs=self.parts if needs is None else needs,
                    after=after,
                    backend=backend,
                    cost=cost,
                    mutation=mutation,
                    redrawn=expect is not None,
                    capstone=cpu_s is not None,
                    cpu_s=cpu_s,
                    device_only=device_only,
                )
            )
            return observe

        return add
