"""Leads an optimizer along gradients that the host draws, and judges where its parameters are after each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.drawing import CaseMaker
from autograder.checks.judges import judge_float32
from autograder.isolation.tree import Ref
from autograder.spec import Case, Observations, Trial
from autograder.spec.comparison import FLOAT32, FLOAT64, Mismatch, Tolerance, compare
from autograder.subject import Instance, Subject

__all__ = ["Journey", "judge_in_place", "judge_kept", "judge_steps", "take_step"]

STEPS = 20
SHORT = 6
"""Steps that are enough where a property is asked that does not depend on the numbers."""
SHAPES = [(3, 4), (4,), (4,), (2, 1, 3)]
"""Of the parameters: two of one shape, so that state kept by shape shows, and a first axis of more than one size."""
SCALES = -2.0, 1.0
"""Powers of ten between which each parameter's gradients are scaled: what treats all alike is not right by chance."""


class Journey:
    """How an optimizer of this name is made and led along gradients."""

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

    def float32_cases(self, rng: np.random.Generator, _reference: Subject) -> list[Case]:
        """Draw the two last cases in single precision."""
        return [self._complete(case, rng, SHORT, "float32") for case in list(self.draw(rng))[-2:]]

    def pairs(self, rng: np.random.Generator, _reference: Subject) -> list[Case]:
        """Draw the last case twice over, for two optimizers."""
        case = list(self.draw(rng))[-1]
        one, other = (self._complete(case, rng, SHORT) for _ in range(2))
        return [one.with_changes(hidden={**one.hidden, "other": other.inputs, "others": other.hidden["gradients"]})]

    def resting(self, rng: np.random.Generator, _reference: Subject) -> list[Case]:
        """Draw the two last cases with zeros: a parameter at all steps, an entry at all steps, one at first."""
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

    def _complete(self, case: Case, rng: np.random.Generator, steps: int = STEPS, dtype: str = "float64") -> Case:
        scales = 10 ** rng.permutation(np.linspace(*SCALES, len(SHAPES)))
        start = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
        pairs = zip(SHAPES, scales, strict=True)
        gradients = [(scale * rng.normal(size=(steps, *shape))).astype(dtype) for shape, scale in pairs]
        return case.with_changes(inputs={"start": start}, hidden={"gradients": gradients})

    # --- runs --------------------------------------------------------------------------------

    def build(self, subject: Subject, arguments: dict[str, Any], start: list[Any]) -> tuple[Instance, Instance]:
        """Make parameters, and an optimizer of them."""
        parameters = subject.keep("support.parameters", start)
        return parameters, subject.make(self.name, Ref(parameters.handle), **arguments)

    def travel(self, subject: Subject, case: Case) -> Observations:
        """Take every step; look at every parameter after each."""
        parameters, optimizer = self.build(subject, case.arguments, case.inputs["start"])
        seen = []
        steps = list(zip(*case.hidden["gradients"], strict=True))
        for gradients, lr in zip(steps, case.hidden.get("lr", [None] * len(steps)), strict=True):
            if lr is not None:
                optimizer.set("lr", lr)
            seen.append(take_step(subject, optimizer, parameters, gradients))
        return _by_parameter(seen, "parameter")

    def travel_in_turns(self, subject: Subject, case: Case) -> Observations:
        """Take every step with two optimizers in turns, one of them a step behind."""
        pairs = [self.build(subject, case.arguments, drawn["start"]) for drawn in (case.inputs, case.hidden["other"])]
        (first, one), (second, other) = pairs
        seen: tuple[list[Any], list[Any]] = ([], [])
        roads = (zip(*case.hidden[key], strict=True) for key in ("gradients", "others"))
        for t, (gradients, others) in enumerate(zip(*roads, strict=True)):
            seen[0].append(take_step(subject, one, first, gradients))
            if t > 0:
                seen[1].append(take_step(subject, other, second, others))
        return {**_by_parameter(seen[0], "parameter"), **_by_parameter(seen[1], "the other optimizer's parameter")}

    def look_at_arrays(self, subject: Subject, case: Case) -> Observations:
        """Take every step and look at the arrays that the parameters had before the first."""
        parameters, optimizer = self.build(subject, case.arguments, case.inputs["start"])
        arrays = subject.keep("support.data", Ref(parameters.handle))
        seen = []
        for gradients in zip(*case.hidden["gradients"], strict=True):
            take_step(subject, optimizer, parameters, gradients)
            seen.append(arrays.fetch())
        return _by_parameter(seen, "the array of parameter")

    def look_at_gradients(self, subject: Subject, case: Case) -> Observations:
        """Take one step and look at the gradients afterwards."""
        parameters, optimizer = self.build(subject, case.arguments, case.inputs["start"])
        take_step(subject, optimizer, parameters, [gradients[0] for gradients in case.hidden["gradients"]])
        after = subject.run("support.grads", Ref(parameters.handle))
        return {key: value[0] for key, value in _by_parameter([after], "the gradient of parameter").items()}

    def look_at_dtypes(self, subject: Subject, case: Case) -> Observations:
        """Take every step; look at the parameters at the end, and at the dtypes of what the optimizer keeps."""
        parameters, optimizer = self.build(subject, case.arguments, case.inputs["start"])
        after: Any = None
        for gradients in zip(*case.hidden["gradients"], strict=True):
            after = take_step(subject, optimizer, parameters, gradients)
        ends = {key: value[0] for key, value in _by_parameter([after], "parameter").items()}
        return {**ends, "_kept": subject.run("support.state_dtypes", Ref(optimizer.handle))}

    def trial(self, subject: Subject, case: Case) -> Trial:
        """Prepare one step on one large parameter with its gradient in place, so that only the step is timed."""
        parameters, optimizer = self.build(subject, case.arguments, [case.inputs["parameter"]])

        def renew(case: Case) -> None:
            subject.run("support.give", Ref(parameters.handle), [case.inputs["gradient"]])

        def go() -> None:
            optimizer.keep("step", settle=True)

        return Trial(renew, go, lambda: {"the parameter": parameters.get("0.data")})


def take_step(subject: Subject, optimizer: Instance, parameters: Instance, gradients: Any) -> Any:
    """Take one step with these gradients; return where the parameters are then."""
    return subject.run("support.step", Ref(optimizer.handle), Ref(parameters.handle), list(gradients))


def _by_parameter(seen: list[Any], what: str) -> Observations:
    """What was seen after every step, one entry a parameter, as one array (steps, …) where that can be."""
    count = len(SHAPES)
    columns = [
        [step[i] if isinstance(step, list) and len(step) == count else step for step in seen] for i in range(count)
    ]
    return {f"{what} {i}": _stacked(column) for i, column in enumerate(columns)}


def _stacked(column: list[Any]) -> Any:
    kinds = {(value.shape, value.dtype) if isinstance(value, np.ndarray) else None for value in column}
    return np.stack(column) if len(kinds) == 1 and None not in kinds else column


# --- judges ----------------------------------------------------------------------------------


def judge_steps(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Compare step by step, so that the first wrong step is named."""
    del case
    for t in range(max(map(len, expected.values()))):
        for name, right in expected.items():
            if t >= len(right):
                continue
            found = _compare_step(observed.get(name), right, t, f"{name} after step {t + 1}")
            if found:
                return found
    return None


def _compare_step(observed: Any, right: Any, t: int, name: str) -> Mismatch | None:
    dtype = getattr(right, "dtype", np.dtype(float))
    tolerance: Tolerance = FLOAT32 if dtype == np.float32 else FLOAT64
    seen = observed[t] if isinstance(observed, list | np.ndarray) and np.ndim(right) and len(observed) > t else None
    return compare(seen, right[t], name, tolerance)


def judge_in_place(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Want the arrays that were there before to hold the new values."""
    found = judge_steps(observed, expected, case)
    if found is None:
        return None
    message = (
        f"{found.name.partition(' after')[0]} did not follow: step() made a new array. Write into parameter.data "
        "(-=, out=, [...] =), for others hold the same array."
    )
    return Mismatch("changed", found.name, message)


def judge_kept(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Want float32 parameters, right within rounding, and no state of another dtype."""
    found = judge_float32(observed, {key: value for key, value in expected.items() if key != "_kept"}, case)
    kept = observed.get("_kept")
    if found or not isinstance(kept, dict):
        return found
    for name, dtype in kept.items():
        if dtype != "float32":
            message = f"self.{name} is {dtype} where the parameters are float32: self.new_state() has their dtype"
            return Mismatch("dtype", "the state", message)
    return None
