"""Runs an optimizer on gradients drawn by the grader process, and judges its parameters after each step."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from autograder.checks.drawing import CaseMaker
from autograder.checks.judges import judge_float32
from autograder.isolation.tree import Ref, Rng, Value, Values
from autograder.spec import Case, Observations, Trial
from autograder.spec.comparison import FLOAT32, FLOAT64, Mismatch, Tolerance, compare
from autograder.subject import Instance, Subject
from dlkit.backend import NumpyArray

__all__ = ["Trajectory", "judge_in_place", "judge_kept", "judge_names", "judge_steps", "take_step"]

STEPS = 20
SHORT = 6
LARGE = 40_000
"""Numbers of a large parameter: several of ``dlkit.blocks``."""
ROWS = 32
"""Rows that are fetched of a parameter too large to be sent."""
ARRAY = "the array of parameter"
"""Begins the name of what stands in an array that a parameter had before the first step."""
"""Enough steps for a property that does not depend on the numbers."""
SHAPES = [(3, 4), (4,), (4,), (2, 1, 3)]
"""Shapes of the parameters: two are equal, so that state stored by shape shows, and first axes differ."""
SCALES = -2.0, 1.0
"""Powers of ten between which each parameter's gradients are scaled: treating all alike cannot pass by chance."""


class Trajectory:
    """How an optimizer of this name is built and run on given gradients."""

    def __init__(self, name: str, draw: CaseMaker) -> None:
        self.name = name
        self.draw = draw

    # --- cases -------------------------------------------------------------------------------

    def cases(self, rng: np.random.Generator, _reference: Subject) -> list[Case]:
        """Draw the author's cases, complete with starting points and 20 gradients for each parameter."""
        return [self._complete(case, rng) for case in self.draw(rng)]

    def short_cases(self, rng: np.random.Generator, _reference: Subject) -> list[Case]:
        """Draw the two last cases with a few steps only."""
        return [self._complete(case, rng, SHORT) for case in list(self.draw(rng))[-2:]]

    def first_steps(self, rng: np.random.Generator, _reference: Subject) -> list[Case]:
        """Draw every case with a few steps only."""
        return [self._complete(case, rng, SHORT) for case in self.draw(rng)]

    def large_case(self, rng: np.random.Generator, _reference: Subject) -> list[Case]:
        """Draw the last case with one step, the first parameter being one of many blocks."""
        case = self._complete(list(self.draw(rng))[-1], rng, 1)
        start, gradient = (np.resize(rng.normal(size=64), LARGE) for _ in range(2))  # repeated, so that it packs well
        (_, *starts), (_, *gradients) = case.inputs["start"], case.hidden["gradients"]
        return [
            case.with_changes(inputs={"start": [start, *starts]}, hidden={"gradients": [gradient[None], *gradients]})
        ]

    def float32_cases(self, rng: np.random.Generator, _reference: Subject) -> list[Case]:
        """Draw the two last cases in single precision."""
        return [self._complete(case, rng, SHORT, "float32") for case in list(self.draw(rng))[-2:]]

    def pairs(self, rng: np.random.Generator, _reference: Subject) -> list[Case]:
        """Draw the last case twice, for two optimizers."""
        case = list(self.draw(rng))[-1]
        one, other = (self._complete(case, rng, SHORT) for _ in range(2))
        return [one.with_changes(hidden={**one.hidden, "other": other.inputs, "others": other.hidden["gradients"]})]

    def resting(self, rng: np.random.Generator, _reference: Subject) -> list[Case]:
        """Draw the two last cases with zero gradients: of a parameter, of an entry, and of an entry at first."""
        cases = [self._complete(case, rng, SHORT) for case in list(self.draw(rng))[-2:]]
        for case in cases:
            always, partly, late, _ = case.hidden["gradients"]
            always[...], partly[:, 1], late[: SHORT // 2] = 0, 0, 0
        return cases

    def with_changing_rates(self, rng: np.random.Generator, _reference: Subject) -> list[Case]:
        """Draw the two last cases with another learning rate at every step."""
        cases = [self._complete(case, rng, SHORT) for case in list(self.draw(rng))[-2:]]
        rates = [case.arguments["lr"] * rng.permutation(np.linspace(0.2, 2, SHORT)) for case in cases]
        pairs = zip(cases, rates, strict=True)
        return [case.with_changes(hidden={**case.hidden, "lr": [float(lr) for lr in some]}) for case, some in pairs]

    def with_zeros(self, names: Sequence[str], rng: np.random.Generator, _reference: Subject) -> list[Case]:
        """Draw the last case with 0 in place of each of these arguments, and of each number of a pair."""
        case = list(self.draw(rng))[-1]
        changed = [{name: value} for name in names for value in _with_zero(case.arguments[name])]
        cases = [case.with_changes(arguments={**case.arguments, **change}) for change in changed]
        return [self._complete(each, rng, SHORT) for each in cases]

    def _complete(self, case: Case, rng: np.random.Generator, steps: int = STEPS, dtype: str = "float64") -> Case:
        scales = 10 ** rng.permutation(np.linspace(*SCALES, len(SHAPES)))
        start = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
        pairs = zip(SHAPES, scales, strict=True)
        gradients = [(scale * rng.normal(size=(steps, *shape))).astype(dtype) for shape, scale in pairs]
        return case.with_changes(inputs={"start": start}, hidden={"gradients": gradients})

    # --- runs --------------------------------------------------------------------------------

    def build(self, subject: Subject, arguments: Values, start: list[NumpyArray]) -> tuple[Instance, Instance]:
        """Make parameters and their optimizer."""
        parameters = subject.keep("support.parameters", start)
        return parameters, subject.make(self.name, Ref(parameters.handle), **arguments)

    def travel(self, subject: Subject, case: Case) -> Observations:
        """Take every step; read every parameter after each."""
        parameters, optimizer = self.build(subject, case.arguments, case.inputs["start"])
        seen = []
        steps = list(zip(*case.hidden["gradients"], strict=True))
        for gradients, lr in zip(steps, case.hidden.get("lr", [None] * len(steps)), strict=True):
            if lr is not None:
                optimizer.set("lr", lr)
            seen.append(take_step(subject, optimizer, parameters, gradients))
        return _by_parameter(seen, "parameter")

    def travel_in_views(self, subject: Subject, case: Case) -> Observations:
        """Take one step with parameters of two axes or more in views that skip numbers."""
        parameters, optimizer = self.build(subject, case.arguments, case.inputs["start"])
        subject.run("support.spread", Ref(parameters.handle))
        gradients = [gradients[0] for gradients in case.hidden["gradients"]]
        return _by_parameter([take_step(subject, optimizer, parameters, gradients)], "parameter")

    def travel_in_turns(self, subject: Subject, case: Case) -> Observations:
        """Alternate between the steps of two optimizers, one of them a step behind."""
        pairs = [self.build(subject, case.arguments, drawn["start"]) for drawn in (case.inputs, case.hidden["other"])]
        (first, one), (second, other) = pairs
        seen: tuple[list[Value], list[Value]] = ([], [])
        roads = (zip(*case.hidden[key], strict=True) for key in ("gradients", "others"))
        for t, (gradients, others) in enumerate(zip(*roads, strict=True)):
            seen[0].append(take_step(subject, one, first, gradients))
            if t > 0:
                seen[1].append(take_step(subject, other, second, others))
        return {**_by_parameter(seen[0], "parameter"), **_by_parameter(seen[1], "the other optimizer's parameter")}

    def look_at_arrays(self, subject: Subject, case: Case) -> Observations:
        """Take every step and read the arrays that the parameters had before the first."""
        parameters, optimizer = self.build(subject, case.arguments, case.inputs["start"])
        arrays = subject.keep("support.data", Ref(parameters.handle))
        seen, held = [], []
        for gradients in zip(*case.hidden["gradients"], strict=True):
            held.append(take_step(subject, optimizer, parameters, gradients))
            seen.append(arrays.fetch())
        return {**_by_parameter(seen, ARRAY), **_by_parameter(held, "_parameter")}

    def look_at_gradients(self, subject: Subject, case: Case) -> Observations:
        """Take one step and read the gradients afterwards."""
        parameters, optimizer = self.build(subject, case.arguments, case.inputs["start"])
        take_step(subject, optimizer, parameters, [gradients[0] for gradients in case.hidden["gradients"]])
        after = subject.run("support.grads", Ref(parameters.handle))
        return {key: value[0] for key, value in _by_parameter([after], "the gradient of parameter").items()}

    def look_at_dtypes(self, subject: Subject, case: Case) -> Observations:
        """Take every step; read the parameters at the end, and the dtypes of the optimizer's state."""
        parameters, optimizer = self.build(subject, case.arguments, case.inputs["start"])
        after: Value = None
        for gradients in zip(*case.hidden["gradients"], strict=True):
            after = take_step(subject, optimizer, parameters, gradients)
        ends = {key: value[0] for key, value in _by_parameter([after], "parameter").items()}
        return {**ends, "_kept": subject.run("support.state_dtypes", Ref(optimizer.handle))}

    def look_at_states(self, names: Sequence[str], subject: Subject, case: Case) -> Observations:
        """Take every step; read the state under these names at the end."""
        parameters, optimizer = self.build(subject, case.arguments, case.inputs["start"])
        for gradients in zip(*case.hidden["gradients"], strict=True):
            take_step(subject, optimizer, parameters, gradients)
        kept = subject.run("support.states", Ref(optimizer.handle), list(names))
        return {f"self.{name}": arrays for name, arrays in kept.items()} if isinstance(kept, dict) else {}

    def trial(self, subject: Subject, case: Case) -> Trial:
        """Prepare one step on one large parameter whose gradient is set, so that only the step is timed."""
        parameters, optimizer = self.build(subject, case.arguments, [case.inputs["parameter"]])

        def renew(case: Case) -> None:
            subject.run("support.give", Ref(parameters.handle), [case.inputs["gradient"]])

        def go() -> None:
            optimizer.keep("step", settle=True)

        return Trial(renew, go, lambda: {"the parameter": parameters.get("0.data")})

    def large_trial(self, subject: Subject, case: Case) -> Trial:
        """Prepare the second step on one parameter that the worker has drawn: by then all arrays are in memory.

        Only some rows of what comes out are fetched.  Which ones, follows from a seed that the worker is not sent.
        """
        drawn, gradient = case.inputs["parameter"], case.inputs["gradient"]
        parameters = subject.keep("support.large", drawn.shape, drawn.dtype, rng=Rng(drawn.seed))
        optimizer = subject.make(self.name, Ref(parameters.handle), **case.arguments)
        places = [np.arange(0)]

        def renew(case: Case) -> None:
            subject.run("support.give_drawn", Ref(parameters.handle), rng=Rng(case.inputs["gradient"].seed))
            count, seed = drawn.shape[0], case.inputs["parameter"].seed
            places[0] = np.random.default_rng(seed).choice(count, min(count, ROWS), replace=False)

        def go() -> None:
            optimizer.keep("step", settle=True)

        subject.run("support.give_drawn", Ref(parameters.handle), rng=Rng(gradient.seed))
        go()
        return Trial(
            renew,
            go,
            lambda: {"some rows of the parameter": subject.run("support.rows", Ref(parameters.handle), places[0])},
        )


def take_step(subject: Subject, optimizer: Instance, parameters: Instance, gradients: Sequence[NumpyArray]) -> Value:
    """Take one step with these gradients; return the parameters' values afterwards."""
    return subject.run("support.step", Ref(optimizer.handle), Ref(parameters.handle), list(gradients))


def _with_zero(value: object) -> list[object]:
    """0 in place of a number; of a pair, in place of one number after the other."""
    if not isinstance(value, tuple):
        return [0.0]
    return [(*value[:at], 0.0, *value[at + 1 :]) for at in range(len(value))]


def _by_parameter(seen: list[Value], what: str) -> Observations:
    """Observations after every step, one entry per parameter, as one array (steps, …) where possible."""
    count = len(SHAPES)
    columns = [
        [step[i] if isinstance(step, list) and len(step) == count else step for step in seen] for i in range(count)
    ]
    return {f"{what} {i}": _stacked(column) for i, column in enumerate(columns)}


def _stacked(column: list[Value]) -> Value:
    kinds = {(value.shape, value.dtype) if isinstance(value, np.ndarray) else None for value in column}
    return np.stack(column) if len(kinds) == 1 and None not in kinds else column


# --- judges ----------------------------------------------------------------------------------


def judge_steps(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Compare step by step, so that the first incorrect step is named."""
    del case
    for t in range(max(map(len, expected.values()))):
        for name, right in expected.items():
            if t >= len(right):
                continue
            found = _compare_step(observed.get(name), right, t, f"{name} after step {t + 1}")
            if found:
                return found
    return None


def _compare_step(observed: Value, right: Value, t: int, name: str) -> Mismatch | None:
    dtype = getattr(right, "dtype", np.dtype(float))
    tolerance: Tolerance = FLOAT32 if dtype == np.float32 else FLOAT64
    seen = observed[t] if isinstance(observed, list | np.ndarray) and np.ndim(right) and len(observed) > t else None
    return compare(seen, right[t], name, tolerance)


def judge_in_place(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require that the original arrays hold the new values."""
    arrays, parameters = ({k: x for k, x in expected.items() if k.startswith(start)} for start in (ARRAY, "_"))
    found = judge_steps(observed, arrays, case)
    if found is None:
        return None
    what = found.name.partition(" after")[0]
    if judge_steps(observed, parameters, case):
        return Mismatch("changed", found.name, f"{what} was not updated as it should be")
    message = (
        f"{what} was not updated: step() made a new array. Write into parameter.data (-=, out=, [...] =), because "
        "other code holds the same array."
    )
    return Mismatch("changed", found.name, message)


def judge_kept(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require float32 parameters, correct within rounding, and no state of another dtype."""
    found = judge_float32(observed, {key: value for key, value in expected.items() if key != "_kept"}, case)
    kept = observed.get("_kept")
    if found or not isinstance(kept, dict):
        return found
    for name, dtype in kept.items():
        if dtype != "float32":
            message = f"self.{name}: expected float32 like the parameters, got {dtype}. Use self.new_state()."
            return Mismatch("dtype", "the state", message)
    return None


def judge_names(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require that no state stands under another one's name; in another form, or elsewhere, it may be kept."""
    del case
    for name, other in itertools.permutations(expected, 2):
        exchanged = compare(observed.get(name), expected[other], name) is None
        if exchanged and compare(expected[name], expected[other], name) is not None:
            text = f"{name} holds what the docstring calls {other}: the updates are correct, the names are exchanged"
            return Mismatch("structure", name, text)
    return None
