"""Random expressions, by which an engine of automatic differentiation is graded; a failing one is cut down first.

An expression is drawn with its values: what an operation would leave outside [0.5, 2] is brought back by an affine
map, and what would come near a kink or a tie is not drawn.  So numerical differences are accurate for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.isolation.tree import New, Value
from autograder.spec import Case, Check, Exercise, Observations
from autograder.spec.comparison import Mismatch, Tolerance, compare, unit_of
from autograder.subject import Subject, SubjectRaisedError
from dlkit.backend import NumpyArray

__all__ = ["RANDOM", "Drawn", "Step", "beside", "draw_expression", "random_expressions", "shrink"]

RANDOM = "random expressions: gradients match numerical differences"
LOWEST, HIGHEST = 0.5, 2.0
"""Between these lie all operands."""
MOST_NUMBERS = 36
"""Of an intermediate result."""
APART = 0.03
"""How far operands stay from a kink or a tie."""
LARGEST = 1e3
"""Of a result before it is brought back."""
LONGEST = 30
"""Most operations of an expression."""
STEP = 2e-4
TOLERANCE = Tolerance(passes=1e-5, rounding=1e-5)
NAMES = "abcdefgh"
SPECIAL = ("affine", "getitem", "concatenate")


@dataclass(frozen=True)
class Step:
    """One operation: its name, the places of its operands among inputs and earlier results, its arguments by name."""

    name: str
    places: tuple[int, ...]
    arguments: dict[str, Value]

    def apply(self, values: Sequence[NumpyArray]) -> NumpyArray:
        """The operation, of NumPy arrays."""
        given = [values[place] for place in self.places]
        with np.errstate(all="ignore"):
            return np.asarray(FORMULAS[self.name](*given, **self.arguments))

    def said(self, names: Sequence[str]) -> str:
        """As a line of code."""
        first, *others = [names[place] for place in self.places]
        given = self.arguments
        if self.name == "affine":
            return f"{first} * {given['factor']:.3g} + {given['shift']:.3g}"
        if self.name == "getitem":
            return f"{first}[{given['index'].removeprefix('np.s_[').removesuffix(']')}]"
        named = [f"{name}={value}" for name, value in given.items()]
        if self.name == "concatenate":
            return f"concatenate([{', '.join([first, *others])}], {', '.join(named)})"
        return f"{first}.{self.name}({', '.join([*others, *named])})"


FORMULAS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "mul": np.multiply,
    "maximum": np.maximum,
    "power": lambda x, exponent: x**exponent,
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "sum": np.sum,
    "mean": np.mean,
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, axes: x.transpose(axes),
    "getitem": lambda x, index: x[eval(index, {"np": np})],  # noqa: S307 - text that is drawn below
    "concatenate": lambda *parts, axis: np.concatenate(parts, axis=axis),
    "matmul": np.matmul,
    "affine": lambda x, factor, shift: x * factor + shift,
}


@dataclass(frozen=True)
class Drawn:
    """An expression with the arrays that it is evaluated on; its last step gives one number."""

    inputs: tuple[NumpyArray, ...]
    steps: tuple[Step, ...]

    def values(self, inputs: Sequence[NumpyArray] | None = None) -> list[NumpyArray]:
        """Inputs and the result of every step."""
        found = list(self.inputs if inputs is None else inputs)
        for step in self.steps:
            found.append(step.apply(found))
        return found

    def gradients(self, step: float = STEP) -> list[NumpyArray]:
        """By differences of fourth order, at every input."""
        found = []
        for place, x in enumerate(self.inputs):
            slope = np.zeros(x.shape)
            for index in np.ndindex(*x.shape):

                def total(by: float, place: int = place, index: tuple[int, ...] = index) -> float:
                    moved = [each.copy() if i == place else each for i, each in enumerate(self.inputs)]
                    moved[place][index] += by
                    return float(self.values(moved)[-1].sum())

                near, far = (total(h) - total(-h) for h in (step, 2 * step))
                slope[index] = (8 * near - far) / (12 * step)
            found.append(slope)
        return found

    def is_accurate(self) -> bool:
        """Whether differences with half the step agree a hundred times better than is required."""
        pairs = zip(self.gradients(), self.gradients(STEP / 2), strict=True)
        return all(abs(a - b).max(initial=0.0) <= TOLERANCE.passes / 100 * unit_of(a) for a, b in pairs)

    def said(self) -> str:
        """As code that a student can run."""
        names = [*NAMES[: len(self.inputs)], *(f"t{number}" for number in range(1, len(self.steps) + 1))]
        lines = [
            f"{name} = {step.said(names)}" for name, step in zip(names[len(self.inputs) :], self.steps, strict=True)
        ]
        shapes = ", ".join(f"{name} {x.shape}" for name, x in zip(names, self.inputs, strict=False))
        return f"{'; '.join(lines)}, with {shapes}"

    def as_data(self) -> list[Value]:
        """The steps as a tree that crosses."""
        return [[step.name, list(step.places), step.arguments] for step in self.steps]


# --- drawing ---------------------------------------------------------------------------------


class _Drawing:
    """An expression that grows step by step."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        p, q = (int(n) for n in rng.integers(2, 4, size=2))
        shapes = [(p, q), (q,), (p, 1), (), (1, q), (2, 1, q)]
        chosen = [(p, q), *(shapes[int(i)] for i in rng.permutation(np.arange(1, 6))[: rng.integers(1, 3)])]
        self.inputs = tuple(rng.uniform(0.6, 1.9, size=shape) for shape in chosen)
        self.values = list(self.inputs)
        self.steps: list[Step] = []

    def grow(self, most: int) -> None:
        """Add operations until there are so many, or one or two fewer."""
        tries = 0
        while len(self.steps) < most and len(self.steps) + 3 * len(self._loose()) < LONGEST - 4 and tries < 20 * most:
            tries += 1
            step = self._drawn()
            value = None if step is None else self._applied(step)
            if step is None or value is None or value.size > MOST_NUMBERS:
                continue
            self._append(step, value)
            if value.min() < LOWEST or value.max() > HIGHEST:
                self._bring_back(value)

    def _append(self, step: Step, value: NumpyArray) -> None:
        self.steps.append(step)
        self.values.append(value)

    def _applied(self, step: Step) -> NumpyArray | None:
        try:
            value = step.apply(self.values)
        except (ValueError, IndexError):
            return None
        return value if value.size and np.isfinite(value).all() and abs(value).max() < LARGEST else None

    def _bring_back(self, value: NumpyArray) -> None:
        low, high = float(value.min()), float(value.max())
        factor = round(min(1.0, 1.2 / (high - low)) if high > low else 1.0, 3)
        shift = round(0.6 + 1.2 * float(self.rng.random()) * 0.05 - factor * low, 3)
        step = Step("affine", (len(self.values) - 1,), {"factor": factor, "shift": shift})
        self._append(step, step.apply(self.values))

    def _usable(self) -> list[int]:
        """Places of values within the limits."""
        return [i for i, x in enumerate(self.values) if x.min() >= LOWEST - APART and x.max() <= HIGHEST + APART]

    def _drawn(self) -> Step | None:
        rng = self.rng
        usable = self._usable()
        loose = set(self._loose())
        weights = np.array([1.0 + 4.0 * (place in loose) for place in usable])
        one, two = (usable[int(rng.choice(len(usable), p=weights / weights.sum()))] for _ in range(2))
        name = str(rng.choice([*list(FORMULAS)[:-1], "matmul", "matmul", "maximum", "concatenate"]))
        return _MAKERS.get(name, _unary)(name, [one, two], [self.values[one], self.values[two]], rng)

    def _loose(self) -> list[int]:
        """Places that nothing was computed from."""
        used = {place for step in self.steps for place in step.places}
        return [place for place in range(len(self.values)) if place not in used]

    def finished(self) -> Drawn:
        """The sum over all results that nothing uses, each times numbers of its own, as one number."""
        parts = []
        for place in self._loose():
            self._append(step := Step("mul", (place, place), {}), step.apply(self.values))
            self._append(step := Step("mean", (len(self.values) - 1,), {}), step.apply(self.values))
            parts.append(len(self.values) - 1)
        while len(parts) > 1:
            step = Step("add", (parts.pop(0), parts.pop(0)), {})
            self._append(step, step.apply(self.values))
            parts.append(len(self.values) - 1)
        return Drawn(self.inputs, tuple(self.steps))


Maker = Callable[[str, list[int], list[NumpyArray], np.random.Generator], Step | None]


def _unary(name: str, at: list[int], of: list[NumpyArray], _rng: np.random.Generator) -> Step | None:
    return None if name == "relu" and abs(of[0]).min() < APART else Step(name, (at[0],), {})


def _binary(name: str, at: list[int], of: list[NumpyArray], _rng: np.random.Generator) -> Step | None:
    if name == "maximum":
        try:
            if at[0] == at[1] or abs(of[0] - of[1]).min() < APART:
                return None
        except ValueError:
            return None
    return Step(name, tuple(at), {})


def _power(name: str, at: list[int], _of: list[NumpyArray], rng: np.random.Generator) -> Step | None:
    return Step(name, (at[0],), {"exponent": float(rng.choice([-2.0, -1.0, -0.5, 0.5, 2.0, 3.0]))})


def _reduced(name: str, at: list[int], of: list[NumpyArray], rng: np.random.Generator) -> Step | None:
    if not of[0].ndim:
        return None
    axis = int(rng.integers(-of[0].ndim, of[0].ndim))
    return Step(name, (at[0],), {"axis": axis, "keepdims": bool(rng.random() < 0.5)})  # noqa: PLR2004 - a coin


def _reshaped(name: str, at: list[int], of: list[NumpyArray], rng: np.random.Generator) -> Step | None:
    shapes = [
        (of[0].size,),
        (1, of[0].size),
        (of[0].size, 1),
        *((n, of[0].size // n) for n in range(2, of[0].size) if of[0].size % n == 0),
    ]
    return Step(name, (at[0],), {"shape": shapes[int(rng.integers(len(shapes)))]})


def _transposed(name: str, at: list[int], of: list[NumpyArray], rng: np.random.Generator) -> Step | None:
    return (
        Step(name, (at[0],), {"axes": tuple(int(i) for i in rng.permutation(of[0].ndim))}) if of[0].ndim > 1 else None
    )


def _indexed(name: str, at: list[int], of: list[NumpyArray], rng: np.random.Generator) -> Step | None:
    if not of[0].ndim:
        return None
    rows = [int(i) for i in rng.integers(-len(of[0]), len(of[0]), size=rng.integers(1, 4))]
    texts = [f"{rows}", f"{rows[0]}", "1:", "::-1", f"..., {rows[0] % of[0].shape[-1]}", f"None, {rows}"]
    return Step(name, (at[0],), {"index": f"np.s_[{texts[int(rng.integers(len(texts)))]}]"})


def _joined(name: str, at: list[int], of: list[NumpyArray], rng: np.random.Generator) -> Step | None:
    if not of[0].ndim or of[0].ndim != of[1].ndim:
        return None
    return Step(name, tuple(at), {"axis": int(rng.integers(-of[0].ndim, of[0].ndim))})


_MAKERS: dict[str, Maker] = {
    "add": _binary,
    "mul": _binary,
    "maximum": _binary,
    "matmul": _binary,
    "power": _power,
    "sum": _reduced,
    "mean": _reduced,
    "reshape": _reshaped,
    "transpose": _transposed,
    "getitem": _indexed,
    "concatenate": _joined,
}


def draw_expression(rng: np.random.Generator, most: int = LONGEST) -> Drawn:
    """Draw an expression of about so many operations, 30 at most, and those that make one number of its results."""
    while True:
        drawing = _Drawing(rng)
        drawing.grow(most)
        drawn = drawing.finished()
        if drawn.is_accurate():
            return drawn


# --- cutting down ----------------------------------------------------------------------------


def _below(steps: Sequence[Step], count: int, root: int) -> list[int]:
    """Places that a place was computed from, and itself, in order; count: how many inputs there are."""
    wanted, found = {root}, []
    for place in reversed(range(root + 1)):
        if place in wanted:
            found.append(place)
            if place >= count:
                wanted.update(steps[place - count].places)
    return found[::-1]


def _part(drawn: Drawn, root: int, leaves: frozenset[int] = frozenset()) -> Drawn:
    """The expression that ends at one place, its sum; leaves: places that become inputs with their values."""
    values, count = drawn.values(), len(drawn.inputs)
    steps = [Step(s.name, () if i + count in leaves else s.places, s.arguments) for i, s in enumerate(drawn.steps)]
    places = _below(steps, count, root)
    kept = [place for place in places if place >= count and place not in leaves]
    inputs = [place for place in places if place not in kept]
    order = {place: i for i, place in enumerate([*inputs, *kept])}
    made = [
        Step(steps[p - count].name, tuple(order[q] for q in steps[p - count].places), steps[p - count].arguments)
        for p in kept
    ]
    if values[root].size != 1:
        last = len(inputs) + len(made) - 1
        made += [Step("mul", (last, last), {}), Step("sum", (last + 1,), {})]
    return Drawn(tuple(values[place] for place in inputs), tuple(made))


def _is_smooth(drawn: Drawn) -> bool:
    """Whether all values are finite and away from kinks and ties, so that differences are accurate."""
    values = drawn.values()
    if not all(np.isfinite(value).all() and abs(value).max() < LARGEST for value in values):
        return False
    for step in drawn.steps:
        x, *others = (values[place] for place in step.places)
        gap = x - others[0] if step.name == "maximum" else x
        if step.name in ("maximum", "relu") and abs(gap).min() < APART:
            return False
        if step.name in ("log", "power") and x.min() < LOWEST / 2:
            return False
    return True


def _without(drawn: Drawn, number: int) -> Iterator[Drawn]:
    """The expression without one of its steps: what used its result uses one of its operands of the same shape."""
    values, place = drawn.values(), len(drawn.inputs) + number
    for operand in dict.fromkeys(drawn.steps[number].places):
        if values[operand].shape == values[place].shape and number < len(drawn.steps) - 1:
            steps = [
                Step(step.name, tuple(operand if each == place else each for each in step.places), step.arguments)
                for step in drawn.steps
            ]
            yield _part(Drawn(drawn.inputs, tuple(steps)), len(values) - 1)


def shrink(drawn: Drawn, fails: Callable[[Drawn], bool]) -> Drawn:
    """The smallest expression found that still fails: it ends as early as possible, and what can be a leaf is one.

    Then steps are left out as long as what remains fails.
    """
    count = len(drawn.inputs)
    total = count + len(drawn.steps)
    root = next((place for place in range(count, total) if fails(_part(drawn, place))), total - 1)
    leaves: frozenset[int] = frozenset()
    for place in reversed(range(count, root)):
        if place in _below(drawn.steps, count, root) and fails(_part(drawn, root, leaves | {place})):
            leaves |= {place}
    smallest = _part(drawn, root, leaves)
    if not fails(smallest):
        return drawn
    number = len(smallest.steps) - 1
    while number > 0:
        number -= 1
        shorter = (each for each in _without(smallest, number) if _is_smooth(each) and fails(each))
        smallest = next(shorter, smallest)
        number = min(number, len(smallest.steps) - 1)
    return smallest


# --- checks ----------------------------------------------------------------------------------


def _wrong(subject: Subject, name: str, drawn: Drawn) -> str:
    """A sentence for what is wrong with the value and the gradients of an expression; empty where nothing is."""
    try:
        seen = subject.run(name, New("support.Expression", drawn.as_data()), *drawn.inputs)
    except SubjectRaisedError as error:
        if error.unwritten:
            raise
        return f"raises {error.type}: {error.message}"
    if not isinstance(seen, tuple | list) or len(seen) != 2:  # noqa: PLR2004 - value and gradients
        return "no pair of the value and the gradients was returned"
    expected = [("the value", seen[0], drawn.values()[-1].sum().reshape(drawn.values()[-1].shape))]
    grads = seen[1] if isinstance(seen[1], list | tuple) else ()
    if len(grads) != len(drawn.inputs):
        return f"expected {len(drawn.inputs)} gradients, got {len(grads)}"
    expected += [
        (f"d{letter}", grad, slope) for letter, grad, slope in zip(NAMES, grads, drawn.gradients(), strict=False)
    ]
    found = (compare(each, right, what, TOLERANCE) for what, each, right in expected)
    return next((mismatch.sentence for mismatch in found if mismatch), "")


def random_expressions(exercise: Exercise, *, count: int = 12, weight: float = 4, mutation: str = "") -> None:
    """Add the check of random expressions to a function ``name(f, *arrays)`` that returns the value and gradients.

    count: how many are drawn, of 2 to 30 operations.  ``expressions`` must be among the exercise's support files.
    """
    name = exercise.name

    def cases(rng: np.random.Generator) -> list[Case]:
        sizes = [2, 4, 6, 9, 12, 16, 20, *[LONGEST] * count][:count]
        drawn = [draw_expression(rng, most) for most in sizes]
        return [Case({"inputs": list(each.inputs), "steps": each.as_data()}) for each in drawn]

    def observe(subject: Subject, case: Case) -> Observations:
        drawn = expression_of(case)
        if not _wrong(subject, name, drawn):
            return {"the expression": ""}
        smallest = shrink(drawn, lambda part: part.is_accurate() and bool(_wrong(subject, name, part)))
        return {"the expression": f"{smallest.said()}: {_wrong(subject, name, smallest)}"}

    def judge(observed: Observations, _expected: Observations, _case: Case) -> Mismatch | None:
        said = observed.get("the expression")
        return Mismatch("value", "an expression", f"the smallest expression that fails is {said}") if said else None

    exercise.check(
        RANDOM, cases=cases, weight=weight, expect=lambda _: {"the expression": ""}, judge=judge, mutation=mutation
    )(observe)


def expression_of(case: Case) -> Drawn:
    """The expression of a case."""
    steps = [Step(name, tuple(places), dict(arguments)) for name, places, arguments in case.arguments["steps"]]
    return Drawn(tuple(np.asarray(x) for x in case.arguments["inputs"]), tuple(steps))


def beside(
    exercise: Exercise,
    name: str,
    *,
    cases: Callable[[np.random.Generator], Sequence[Case]],
    engine: Callable[[Subject, Case], Observations],
    by_hand: Callable[[Subject, Case], Observations],
    after: tuple[str, ...] = (),
    weight: float = 1,
    mutation: str = "",
) -> None:
    """Add a check that a graph has the values and gradients of the reference's hand-written layers.

    engine(subject, case): what the student's engine gives; by_hand(reference, case): what the layers give.
    """
    from autograder.spec.comparison import compare_all

    part = exercise.parts[-1]
    check = Check(
        name, part, weight, lambda rng, _: list(cases(rng)), engine, compare_all,
        expect=lambda reference, case, _rng: by_hand(reference, case), needs=(part,), after=after, mutation=mutation,
    )  # fmt: skip
    exercise.add(check)
