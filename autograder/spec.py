"""What an assignment is made of, as its author writes it: frozen data, nothing that runs by itself."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

if TYPE_CHECKING:
    from autograder.compare import Mismatch
    from autograder.subject import Subject

__all__ = [
    "Assignment",
    "Budget",
    "Case",
    "Check",
    "Exercise",
    "Extras",
    "Memory",
    "Mistake",
    "Observations",
    "Points",
    "Question",
    "Scaling",
    "SpecError",
    "Speed",
    "Trial",
    "swap",
]

FEWEST_SIZES, WIDEST = 4, 8
MOST_HINTS = 3

Observations = dict[str, Any]
"""What a check saw: a name that its sentence can use (``y``, ``dW``) → plain data."""


class SpecError(Exception):
    """The course is at fault: a mistake whose text no longer occurs, a check that cannot run."""


class Case:
    """One drawn input: constructor arguments, inputs by name in the order of ``forward``, parameters.

    Arrays of floats are given a gradient check, arrays of integers (labels, indices) are not.
    """

    def __init__(
        self,
        arguments: Mapping[str, Any] | None = None,
        /,
        *,
        parameters: Mapping[str, Any] | None = None,
        **inputs: Any,
    ) -> None:
        self.arguments = dict(arguments or {})
        self.inputs = dict(inputs)
        self.parameters = dict(parameters or {})
        self.upstream: Any = None
        self.hidden: dict[str, Any] = {}

    @property
    def upstreams(self) -> dict[str, Any]:
        """The upstream gradient by its name, ``dy``; of several outputs one for each, in their order."""
        if isinstance(self.upstream, dict):
            return self.upstream
        return {} if self.upstream is None else {"dy": self.upstream}

    def with_upstreams(self, named: dict[str, Any]) -> Case:
        """Return a copy with other upstream gradients, by the names of ``upstreams``."""
        return self.with_changes(upstream=named if isinstance(self.upstream, dict) else named.get("dy"))

    def with_changes(self, **changes: Any) -> Case:
        """Return a copy with some of ``arguments, inputs, parameters, upstream, hidden`` replaced."""
        copy = Case(self.arguments, parameters=self.parameters, **self.inputs)
        copy.upstream, copy.hidden = self.upstream, self.hidden
        for name, value in changes.items():
            setattr(copy, name, value)
        return copy

    def as_data(self) -> list[Any]:
        """Give the case as a tree that may be stored."""
        return [self.arguments, self.inputs, self.parameters, self.upstream, self.hidden]

    @classmethod
    def from_data(cls, data: list[Any]) -> Case:
        """Make the case that ``as_data`` described."""
        arguments, inputs, parameters, upstream, hidden = data
        return cls(arguments).with_changes(inputs=inputs, parameters=parameters, upstream=upstream, hidden=hidden)

    def describe(self) -> str:
        """Say what a student needs to see it again: ``in_features=4, x (7, 4)``."""
        arguments = [f"{name}={_brief(value)}" for name, value in self.arguments.items() if name != "rng"]
        inputs = [f"{name} {_brief(value)}" for name, value in self.inputs.items()]
        return ", ".join(arguments + inputs)


def _brief(value: Any) -> str:
    shape = getattr(getattr(value, "array", value), "shape", None)
    if shape is not None:
        return str(tuple(shape))
    text = str(value) if not isinstance(value, list) else f"[{len(value)} items]"
    return text if len(text) <= 40 else text[:37] + "…"  # noqa: PLR2004


@dataclass(frozen=True)
class Check:
    """One named property worth points; its name is the sentence that the student reads.

    part: where its points belong; needs: parts that must be written; after: checks without whose
    pass this one proves nothing, so that it is skipped.
    cases(rng, reference): the inputs; observe(subject, case): talks to an implementation and returns
    what it saw; expect(reference, case, rng): what is right (by default what the reference shows);
    judge(observed, expected, case): a Mismatch or None.
    own_forward(subject, case, observed): is a failed backward right for the student's own forward?
    capstone: trains; its cases run in a worker each, with cpu_s seconds of computing a call.
    budget: what is measured, where this is about time, memory or growth; trial: how.
    sabotage: source that spoils a right implementation in just this way, to prove the check's teeth.
    """

    name: str
    part: str
    weight: float
    cases: Callable[[np.random.Generator, Subject], list[Case]]
    observe: Callable[[Subject, Case], Observations]
    judge: Callable[[Observations, Observations, Case], Mismatch | None]
    expect: Callable[[Subject, Case, np.random.Generator], Observations] | None = None
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    backend: str | None = None
    own_forward: Callable[[Subject, Case, Observations], bool] | None = None
    sabotage: str = ""
    capstone: bool = False
    cpu_s: float | None = None
    budget: Budget | Scaling | None = None
    trial: Callable[[Subject, Case], Trial] | None = None

    @property
    def speed(self) -> Speed | None:
        """The budget of CPU time, where this is about that."""
        return self.budget if isinstance(self.budget, Speed) else None

    @property
    def memory(self) -> Memory | None:
        """The budget of memory, where this is about that."""
        return self.budget if isinstance(self.budget, Memory) else None

    @property
    def scaling(self) -> Scaling | None:
        """The bound on growth, where this is about that."""
        return self.budget if isinstance(self.budget, Scaling) else None


@dataclass(frozen=True)
class Trial:
    """Timed runs on one implementation, made once.

    renew: send a case's inputs ahead; go: compute, and nothing else (this is timed); collect: fetch what came of it;
    calls: requests that ``go`` makes.
    """

    renew: Callable[[Case], None]
    go: Callable[[], None]
    collect: Callable[[], Observations]
    calls: int = 1


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


@dataclass(frozen=True)
class Budget:
    """At most ``at_most`` times what the reference takes on ``case``; half of the points up to ``half_at`` times.

    The case's inputs are shapes (drawn normal, anew for every pair) or functions of an rng (labels).
    dtype: of the drawn inputs and the parameters.  Limits are set on measured ratios.
    """

    case: Case
    at_most: float
    half_at: float | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.half_at is not None and not self.half_at > self.at_most:
            message = f"half of the points are for up to {self.half_at} times: that must be more than {self.at_most}"
            raise SpecError(message)

    def draw(self, rng: np.random.Generator, case: Case | None = None) -> Case:
        """Draw inputs, and dy where ``case`` has one: a first case, or fresh numbers for one that is complete."""
        given = self.case.inputs.items()
        drawn = {name: spec(rng) if callable(spec) else rng.normal(size=spec) for name, spec in given}
        inputs = {name: x.astype(self.dtype) if x.dtype.kind == "f" else x for name, x in drawn.items()}
        if case is None:
            return self.case.with_changes(inputs=inputs)
        fresh = {name: rng.normal(size=dy.shape).astype(self.dtype) for name, dy in case.upstreams.items()}
        return case.with_changes(inputs=inputs).with_upstreams(fresh)


@dataclass(frozen=True)
class Speed(Budget):
    """A budget of CPU time."""


@dataclass(frozen=True)
class Memory(Budget):
    """A budget of memory at its peak, beyond inputs and parameters.  Let the reference take a megabyte at least."""


@dataclass(frozen=True)
class Scaling:
    """A bound on growth: cost may grow like size to the power ``at_most``, fitted over ``sizes``.

    case(size): what is run at a size, its inputs given as in ``Budget``; sizes: four or more, the last at least eight
    times the first, the first large enough for half a millisecond or a megabyte; of: "time" or "memory".
    """

    case: Callable[[int], Case]
    sizes: tuple[int, ...]
    at_most: float
    of: str = "time"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        problem = ""
        if len(self.sizes) < FEWEST_SIZES or list(self.sizes) != sorted(set(self.sizes)):
            problem = f"sizes are {self.sizes}: four or more are wanted, each larger than the one before"
        elif self.sizes[-1] < WIDEST * self.sizes[0]:
            problem = f"sizes go from {self.sizes[0]} to {self.sizes[-1]}: {WIDEST} times is the least that tells"
        elif self.of not in ("time", "memory"):
            problem = f"growth is 'of' time or memory, not '{self.of}'"
        if problem:
            raise SpecError(problem)

    def at(self, size: int) -> Budget:
        """What is run at one size."""
        return Budget(self.case(size), self.at_most, dtype=self.dtype)


@dataclass(frozen=True)
class _Swap:
    old: str
    new: str


def swap(old: str, new: str) -> _Swap:
    """Replace ``old`` by ``new`` in the reference's source of the exercise, where it must occur exactly once."""
    return _Swap(old, new)


@dataclass(frozen=True)
class Mistake:
    """A planted wrong implementation, named by what the person did, with the hint that they need.

    edits: swaps in the exercise's reference source, or one whole replacement source (a string).
    caught_by: the check meant to catch it; by default the first of the part that is edited.
    """

    name: str
    edits: tuple[_Swap | str, ...]
    hint: str
    caught_by: str | None = None

    def __init__(self, name: str, *edits: _Swap | str, hint: str, caught_by: str | None = None) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "edits", edits)
        object.__setattr__(self, "hint", hint)
        object.__setattr__(self, "caught_by", caught_by)

    def apply(self, source: str, exercise: str) -> str:
        """Return the exercise's source with the mistake in it.

        Raises SpecError where a swap's text does not occur exactly once.
        """
        for edit in self.edits:
            if isinstance(edit, str):
                source = edit
                continue
            count = source.count(edit.old)
            if count != 1:
                message = f"{exercise}: mistake '{self.name}': its text occurs {count} times, not once: {edit.old!r}"
                raise SpecError(message)
            source = source.replace(edit.old, edit.new)
        try:
            ast.parse(source)
        except SyntaxError as error:
            message = f"{exercise}: mistake '{self.name}' does not parse: {error.msg}, line {error.lineno}"
            raise SpecError(message) from error
        return source


class Extras(TypedDict, total=False):
    """What an exercise of every kind may have; ``Exercise`` says what each is."""

    mistakes: Sequence[Mistake]
    slow: str | None
    plain: str | None
    bulky: str | None
    steep: str | None
    depends: tuple[str, ...]
    support: str
    hints: Mapping[str, Sequence[str]]
    published: Mapping[str, str]


@dataclass(frozen=True)
class Exercise:
    """One class or function the student implements, with everything that is known of it.

    parts: what is stubbed and graded by itself (methods of a class; a function's own name);
    depends: exercises of the same assignment without which this one cannot work (a capstone's layers);
    support: trusted source with names that the checks use (``support.Double``);
    hints: by part where to look, the formula, the step, released with the checks (no code); the audit wants all three;
    slow, bulky, steep: right methods that take too much time, too much memory, or whose cost grows too fast, to prove
    the checks of these; plain: right methods without a Python loop, as a good student writes them, to prove that the
    limits leave room for them;
    published: of a repair, by part, the published and wrong body that students get in place of a stub.
    """

    name: str
    kind: str
    parts: tuple[str, ...]
    points: Points
    checks: list[Check] = field(default_factory=list)
    mistakes: Sequence[Mistake] = ()
    slow: str | None = None
    plain: str | None = None
    bulky: str | None = None
    steep: str | None = None
    depends: tuple[str, ...] = ()
    support: str = ""
    hints: Mapping[str, Sequence[str]] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.published and set(self.published) != set(self.parts):
            message = f"{self.name}: a repair has published code for every part: {', '.join(self.parts)}"
            raise SpecError(message)
        known = dict.fromkeys((*self.parts, *self.points.by_part))
        for part, hints in self.hints.items():
            if part not in known or isinstance(hints, str) or not 0 < len(hints) <= MOST_HINTS:
                message = (
                    f"{self.name}: hints for '{part}' are {hints!r}; give one to {MOST_HINTS} sentences for a part "
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

    def points_of(self, check: Check) -> float:
        """Points of one check: its part's, shared by weight, in hundredths that add up."""
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
        return self.varied(source, self.slow)

    def varied(self, source: str, variant: str | None) -> str:
        """The exercise's source with a variant in place: methods that come last win, a function is replaced."""
        if variant is None:
            message = f"{self.name} has no such variant"
            raise SpecError(message)
        if not self.is_class:
            return variant
        return f"{source}\n{textwrap.indent(variant, '    ')}\n"

    def check(
        self,
        name: str,
        *,
        cases: Callable[[np.random.Generator], Iterable[Case]],
        part: str | None = None,
        weight: float = 1,
        judge: Callable[[Observations, Observations, Case], Mismatch | None] | None = None,
        needs: tuple[str, ...] | None = None,
        after: tuple[str, ...] = (),
    ) -> Callable[[Callable[[Subject, Case], Observations]], Callable[[Subject, Case], Observations]]:
        """Add a check of one's own: the decorated function speaks to a Subject and returns what it saw.

        The same function is run on the reference, and what it shows there is expected.
        """
        from autograder.compare import compare_all

        part = part or self.parts[-1]

        def add(observe: Callable[[Subject, Case], Observations]) -> Callable[[Subject, Case], Observations]:
            self.checks.append(
                Check(
                    name,
                    part,
                    weight,
                    cases=lambda rng, _: list(cases(rng)),
                    observe=observe,
                    judge=judge or compare_all,
                    needs=self.parts if needs is None else needs,
                    after=after,
                )
            )
            return observe

        return add


@dataclass(frozen=True)
class Question:
    """A written question, graded by hand; its text and mark scheme stand in the notebook."""

    name: str
    points: float


@dataclass(frozen=True)
class Assignment:
    """A folder and a notebook: exercises in reading order, and written questions."""

    name: str
    title: str
    exercises: tuple[Exercise, ...]
    questions: tuple[Question, ...] = ()
    earlier: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        *,
        title: str,
        exercises: Iterable[Exercise],
        questions: Iterable[Question] = (),
        earlier: Iterable[str] = (),
    ) -> None:
        for attribute, value in (
            ("name", name),
            ("title", title),
            ("exercises", tuple(exercises)),
            ("questions", tuple(questions)),
            ("earlier", tuple(earlier)),
        ):
            object.__setattr__(self, attribute, value)
        names = [exercise.name for exercise in self.exercises]
        twice = {n for n in names if names.count(n) > 1}
        if twice:
            message = f"{name}: exercises named twice: {', '.join(sorted(twice))}"
            raise SpecError(message)

    @property
    def module(self) -> str:
        """The file's name without suffix: ``layers`` for ``02_layers``."""
        return self.name.split("_", 1)[1]

    def exercise(self, name: str) -> Exercise:
        """Return the exercise of this name; SpecError where there is none."""
        for exercise in self.exercises:
            if exercise.name == name:
                return exercise
        message = f"{self.name} has no exercise '{name}'; it has: {', '.join(e.name for e in self.exercises)}"
        raise SpecError(message)
