"""What every layer and every loss is asked for, by behaviour.

A ``Behaviour`` knows how to build the thing from a Case and how to run it forward and backward; a
check is one of its runs, a way of drawing cases, and a judge.  To add a standard check, write a run
(what to look at) and list it in ``forward_checks`` or ``backward_checks`` with a sabotage that it catches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.compare import FLOAT32, Mismatch, compare, compare_all
from autograder.isolation.protocol import Strided
from autograder.spec import Case, Check, Observations, SpecError, Speed, Trial
from autograder.subject import Instance, Subject
from dlkit import gradcheck

__all__ = ["FORWARD", "GRADIENTS", "Behaviour", "CaseMaker", "speed_checks", "spoiled"]

CaseMaker = Callable[[np.random.Generator], Iterable[Case]]

FORWARD = "forward matches the reference"
GRADIENTS = "gradients match numerical differences"
PRINCIPAL_WEIGHT = 6.0
DIRECTIONS = 2


@dataclass(frozen=True)
class Behaviour:
    """A class with forward and backward, as checks see it.

    output: what a sentence calls the result (``y``, ``the loss``);
    takes_upstream: backward is given the gradient of the output (a layer) or nothing (a loss);
    gradient_of: inputs whose gradient backward returns; by default every array of floats.
    """

    name: str
    draw: CaseMaker
    output: str = "y"
    takes_upstream: bool = True
    gradient_of: tuple[str, ...] = ()
    extreme: float | None = None

    # --- cases -------------------------------------------------------------------------------

    def cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw the author's cases, complete with parameters and upstream gradients."""
        return [self.complete(case, rng, reference) for case in self.draw(rng)]

    def complete(self, case: Case, rng: np.random.Generator, reference: Subject) -> Case:
        """Draw what the author left out: parameters (biases too, or a forgotten one would hide) and dy."""
        thing = reference.make(self.name, **case.arguments)
        parameters = {
            path: case.parameters.get(path, rng.normal(0, 0.7, value.shape))
            for path, value in (thing.parameters() if self.takes_upstream else {}).items()
        }
        case = case.with_changes(parameters=parameters)
        if self.takes_upstream:
            y = self.build(reference, case).call("forward", *case.inputs.values())
            case = case.with_changes(upstream=_draw_like(y, rng))
        return case

    def forward_cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw the cases, and the last one again as a non-contiguous view."""
        cases = self.cases(rng, reference)
        inputs = {name: Strided(x) if _is_float(x) else x for name, x in cases[-1].inputs.items()}
        return [*cases, cases[-1].with_changes(inputs=inputs)]

    def some_cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw the two last cases: enough for a property that does not depend on the numbers."""
        return self.cases(rng, reference)[-2:]

    def float32_cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw the two last cases in single precision."""
        return [in_dtype(case, "float32") for case in self.some_cases(rng, reference)]

    def extreme_cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw a case whose float inputs hold plus and minus the extreme value among ordinary ones."""
        case = self.cases(rng, reference)[-1]
        inputs = {
            name: self._made_extreme(x, rng) if self._has_gradient(name, x) else x for name, x in case.inputs.items()
        }
        return [case.with_changes(inputs=inputs)]

    def _made_extreme(self, x: Any, rng: np.random.Generator) -> Any:
        signs = rng.permutation(np.arange(x.size) % 3 - 1).reshape(x.shape)
        if len(x) > 1:
            signs[0] = -1  # a whole row far below the others: one maximum for all would not do
        return np.where(signs == 0, x, signs * float(self.extreme or 0)).astype(x.dtype)

    def two_call_cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw a case with other inputs, and one row more of them, for an earlier call."""
        case = self.cases(rng, reference)[-1]
        order = rng.permutation(len(next(iter(case.inputs.values()))) + 1)
        first = {name: np.concatenate([x, x[:1]])[order] for name, x in case.inputs.items()}
        return [case.with_changes(hidden={"first": first})]

    # --- runs --------------------------------------------------------------------------------

    def build(self, subject: Subject, case: Case) -> Instance:
        """Make the thing and give it the case's parameters."""
        thing = subject.make(self.name, **case.arguments)
        for path, value in case.parameters.items():
            thing.set(f"{path}.data", value)
        if any(value.dtype == np.float32 for value in case.parameters.values()):
            thing.call("astype", "float32")
        return thing

    def forward(self, subject: Subject, case: Case) -> Observations:
        """Run forward once."""
        return {self.output: self.build(subject, case).call("forward", *case.inputs.values())}

    def backward(self, subject: Subject, case: Case) -> Observations:
        """Run forward and backward once; look at every gradient."""
        thing = self.build(subject, case)
        thing.call("forward", *case.inputs.values())
        return self.gradients(thing, case, self.call_backward(thing, case))

    def call_backward(self, thing: Instance, case: Case) -> Any:
        """Call backward as the kind of thing wants it."""
        return thing.call("backward", *self.upstream(case))

    def upstream(self, case: Case) -> list[Any]:
        """Give the arguments of backward."""
        return [case.upstream] if self.takes_upstream else []

    def gradients(self, thing: Instance, case: Case, returned: Any) -> Observations:
        """Name what backward returned and what it added to the parameters."""
        names = self.differentiable(case)
        seen: Observations = {}
        if len(names) == 1:
            seen[f"d{names[0]}"] = returned
        elif isinstance(returned, tuple | list) and len(returned) == len(names):
            seen.update({f"d{name}": value for name, value in zip(names, returned, strict=True)})
        else:
            seen["what backward returns"] = returned
        seen.update({gradient_name(path): thing.get(f"{path}.grad") for path in case.parameters})
        return seen

    def differentiable(self, case: Case) -> list[str]:
        """Names of the inputs that have a gradient."""
        return [name for name, x in case.inputs.items() if self._has_gradient(name, x)]

    def _has_gradient(self, name: str, x: Any) -> bool:
        return name in self.gradient_of if self.gradient_of else _is_float(x)

    def backward_twice(self, subject: Subject, case: Case) -> Observations:
        """Run forward and backward twice without zero_grad()."""
        thing = self.build(subject, case)
        for _ in range(2):
            thing.call("forward", *case.inputs.values())
            self.call_backward(thing, case)
        return {f"{gradient_name(path)} after two calls": thing.get(f"{path}.grad") for path in case.parameters}

    def after_another(self, subject: Subject, case: Case) -> Observations:
        """Run forward on other inputs first, forward and backward on the case's then."""
        thing = self.build(subject, case)
        thing.call("forward", *case.hidden["first"].values())
        thing.call("forward", *case.inputs.values())
        seen = self.gradients(thing, case, self.call_backward(thing, case))
        return {f"{name} of the second call": value for name, value in seen.items()}

    def forward_untouched(self, subject: Subject, case: Case) -> Observations:
        """Run forward and look at its inputs afterwards."""
        _, after = self.build(subject, case).echo("forward", *case.inputs.values())
        return dict(zip(case.inputs, after, strict=True))

    def backward_untouched(self, subject: Subject, case: Case) -> Observations:
        """Run forward and backward and look at dy afterwards."""
        thing = self.build(subject, case)
        thing.call("forward", *case.inputs.values())
        _, after = thing.echo("backward", *self.upstream(case))
        return {"dy": after[0]}

    def trial(self, subject: Subject, case: Case) -> Trial:
        """Prepare forward and backward with everything sent ahead, so that only computing is timed."""
        thing = self.build(subject, case)
        inputs = [subject.put(x) for x in case.inputs.values()]
        upstream = [subject.put(dy) for dy in self.upstream(case)]
        kept: list[Instance] = []

        def go() -> None:
            kept.append(thing.keep("forward", *inputs))
            kept.append(thing.keep("backward", *upstream))

        def collect() -> Observations:
            y, dx = (instance.fetch() for instance in kept)
            return {self.output: y, **self.gradients(thing, case, dx)}

        return Trial(go, collect)

    # --- what is right -----------------------------------------------------------------------

    def expect_gradients(self, reference: Subject, case: Case, rng: np.random.Generator) -> Observations:
        """Give the reference's gradients, and slopes of its forward along random directions."""
        expected = self.backward(reference, case)
        return {**expected, "_slopes": self.slopes(reference, case, rng, DIRECTIONS)}

    def slopes(self, subject: Subject, case: Case, rng: np.random.Generator, count: int) -> list[Any]:
        """Slopes of the subject's forward, by central differences: ``[name, direction, slope]`` each."""
        thing = self.build(subject, case)

        def objective(y: Any) -> float:
            return _weighted_sum(y, case.upstream) if self.takes_upstream else float(y)

        def of_input(name: str) -> Callable[[Any], float]:
            return lambda x: objective(thing.call("forward", *{**case.inputs, name: x}.values()))

        def of_parameter(path: str) -> Callable[[Any], float]:
            def f(value: Any) -> float:
                thing.set(f"{path}.data", value)
                return objective(thing.call("forward", *case.inputs.values()))

            return f

        found: list[Any] = []
        for name in count * self.differentiable(case):
            slope = gradcheck.directional_derivative(of_input(name), case.inputs[name], rng)
            found.append([f"d{name}", *slope])
        for path, value in count * list(case.parameters.items()):
            slope = gradcheck.directional_derivative(of_parameter(path), value, rng)
            found.append([gradient_name(path), *slope])
            thing.set(f"{path}.data", value)
        return found

    def is_right_for_own_forward(self, subject: Subject, case: Case, observed: Observations) -> bool:
        """Whether the gradients are those of the subject's own forward, be that right or wrong."""
        try:
            slopes = self.slopes(subject, case, np.random.default_rng(0), 2)
        except (ArithmeticError, TypeError, ValueError):
            return False
        return not any(_slope_error(observed, slope) for slope in slopes)


def judge_gradients(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Compare element by element with the proved reference, and with the slopes that prove it."""
    found = compare_all(observed, expected, case)
    if found is None and any(_slope_error(observed, slope) for slope in expected["_slopes"]):
        message = f"the reference's gradients do not match its own forward in the case {case.describe()}"
        raise SpecError(message)
    return found


def _slope_error(observed: Observations, slope: list[Any]) -> bool:
    name, direction, value = slope
    gradient = observed.get(name)
    if not isinstance(gradient, np.ndarray) or gradient.shape != direction.shape:
        return True
    with np.errstate(all="ignore"):
        size = float(np.linalg.norm(gradient))
        return not abs(float((gradient * direction).sum()) - value) <= 1e-5 * max(abs(value), size) + 1e-8


def judge_float32(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Wants float32, and values right within its rounding."""
    del case
    for name, value in expected.items():
        seen = observed.get(name)
        found = compare(seen, value, name, FLOAT32)
        if found:
            return found
        dtype = getattr(seen, "dtype", np.dtype(float))
        if dtype != np.float32:
            return Mismatch("dtype", name, f"{name} is {dtype} where the inputs are float32: dtype in is dtype out")
    return None


def judge_unchanged(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Want every array as it was before the call."""
    del case
    for name, value in expected.items():
        seen = observed.get(name)
        if not isinstance(seen, np.ndarray) or not np.array_equal(seen, value):
            return Mismatch("changed", name, f"{name} was changed by the call: inputs are never written to")
    return None


def forward_checks(thing: Behaviour, part: str = "forward") -> list[Check]:
    """What is asked of every forward."""

    def check(name: str, **kwargs: Any) -> Check:
        return Check(name, part, 1.0, needs=(part,), after=(FORWARD,), **kwargs)

    checks = [
        Check(FORWARD, part, PRINCIPAL_WEIGHT, thing.forward_cases, thing.forward, compare_all, needs=(part,)),
        check(
            "inputs are not modified",
            cases=thing.some_cases,
            observe=thing.forward_untouched,
            expect=lambda _subject, case, _rng: dict(case.inputs),
            judge=judge_unchanged,
            sabotage=spoiled("y = super().forward(*xs) * 1", "for x in xs: x += 1", "return y"),
        ),
        check(
            "float32 stays float32",
            cases=thing.float32_cases,
            observe=thing.forward,
            judge=judge_float32,
            sabotage=spoiled('return super().forward(*xs).astype("float64")'),
        ),
    ]
    if thing.extreme is not None:
        checks.append(
            check(
                "extreme inputs stay finite",
                cases=thing.extreme_cases,
                observe=thing.forward,
                judge=compare_all,
                sabotage=spoiled(
                    "y = super().forward(*xs)",
                    f'return y * float("nan") if abs(xs[0]).max() > {thing.extreme / 2} else y',
                ),
            )
        )
    return [
        *checks,
        check(
            "stays on the device",
            cases=thing.some_cases,
            observe=thing.forward,
            judge=compare_all,
            backend="stand-in",
            sabotage=spoiled("y = super().forward(*xs)", '__import__("numpy").asarray(y)', "return y"),
        ),
    ]


def backward_checks(thing: Behaviour, *, has_parameters: bool) -> list[Check]:
    """What is asked of every backward."""

    def check(name: str, **kwargs: Any) -> Check:
        return Check(name, "backward", 1.0, needs=("forward", "backward"), after=(GRADIENTS,), **kwargs)

    checks = [
        Check(
            GRADIENTS,
            "backward",
            PRINCIPAL_WEIGHT,
            thing.cases,
            thing.backward,
            judge_gradients,
            expect=thing.expect_gradients,
            needs=("forward", "backward"),
            own_forward=thing.is_right_for_own_forward,
        )
    ]
    if has_parameters:
        checks.append(
            check(
                "gradients accumulate",
                cases=thing.some_cases,
                observe=thing.backward_twice,
                judge=compare_all,
                sabotage=spoiled("self.zero_grad()", "return super().backward(*dy)", method="backward"),
            )
        )
    checks.append(
        check(
            "a second call forgets the first",
            cases=thing.two_call_cases,
            observe=thing.after_another,
            judge=compare_all,
            sabotage=spoiled("self.first = getattr(self, 'first', xs)", "return super().forward(*xs)")
            + spoiled_method("super().forward(*self.first)", "return super().backward(*dy)", method="backward"),
        )
    )
    if thing.takes_upstream:
        checks.append(
            check(
                "the upstream gradient is not modified",
                cases=thing.some_cases,
                observe=thing.backward_untouched,
                expect=lambda _subject, case, _rng: {"dy": case.upstream},
                judge=judge_unchanged,
                sabotage=spoiled("dx = super().backward(*dy) * 1", "dy[0][...] = 0", "return dx", method="backward"),
            )
        )
    checks.append(
        check(
            "float32 gradients stay float32",
            cases=thing.float32_cases,
            observe=thing.backward,
            judge=judge_float32,
            sabotage=spoiled(
                "dx = super().backward(*dy)",
                'return tuple(d.astype("float64") for d in dx) if isinstance(dx, tuple) else dx.astype("float64")',
                method="backward",
            ),
        )
    )
    if thing.extreme is not None:
        checks.append(
            check(
                "extreme gradients stay finite",
                cases=thing.extreme_cases,
                observe=thing.backward,
                judge=compare_all,
                sabotage=spoiled(
                    "self.large = bool(max(abs(x).max() for x in xs) > %s)" % (thing.extreme / 2),
                    "return super().forward(*xs)",
                )
                + spoiled_method(
                    "dx = super().backward(*dy)",
                    "factor = float('nan') if self.large else 1",
                    "return tuple(d * factor for d in dx) if isinstance(dx, tuple) else dx * factor",
                    method="backward",
                ),
            )
        )
    return [
        *checks,
        check(
            "backward stays on the device",
            cases=thing.some_cases,
            observe=thing.backward,
            judge=compare_all,
            backend="stand-in",
            sabotage=spoiled(
                "dx = super().backward(*dy)",
                'list(map(__import__("numpy").asarray, dx))',
                "return dx",
                method="backward",
            ),
        ),
    ]


def speed_checks(
    trial: Callable[[Subject, Case], Trial],
    speed: Speed | None,
    needs: tuple[str, ...],
    after: tuple[str, ...],
    prepare: Callable[[Case, np.random.Generator, Subject], Case] | None = None,
) -> list[Check]:
    """The speed check, where the exercise has one: CPU time against the reference's, on fresh inputs."""
    if speed is None:
        return []

    def draw(rng: np.random.Generator, reference: Subject) -> list[Case]:
        inputs = {
            name: x(rng) if callable(x) else rng.standard_normal(x, dtype=np.float32)
            for name, x in speed.case.inputs.items()
        }
        case = speed.case.with_changes(inputs=inputs)
        return [in_dtype(prepare(case, rng, reference) if prepare else case, speed.dtype)]

    return [
        Check(
            "fast enough",
            "speed",
            1.0,
            cases=draw,
            observe=lambda subject, case: _run_trial(trial(subject, case)),
            judge=judge_float32 if speed.dtype == "float32" else compare_all,
            needs=needs,
            after=after,
            speed=speed,
            trial=trial,
        )
    ]


def _run_trial(trial: Trial) -> Observations:
    trial.go()
    return trial.collect()


def spoiled(*body: str, method: str = "forward") -> str:
    """Source of a subclass that spoils one method of a right class; ``{name}`` stands for the exercise."""
    return "_Right = {name}\nclass {name}(_Right):\n" + spoiled_method(*body, method=method)


def spoiled_method(*body: str, method: str) -> str:
    """One more spoiled method of the subclass."""
    arguments = "*xs" if method == "forward" else "*dy"
    return f"    def {method}(self, {arguments}):\n" + "".join(f"        {line}\n" for line in body)


def gradient_name(path: str) -> str:
    """``dW`` for the parameter W; a nested one is named by its path."""
    return f"d{path}" if "." not in path else f"the gradient of {path}"


def in_dtype(case: Case, dtype: str) -> Case:
    """The same case with every float array in another dtype."""

    def convert(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return type(value)(convert(item) for item in value)
        return value.astype(dtype) if _is_float(value) else value

    return case.with_changes(
        inputs={name: convert(x) for name, x in case.inputs.items()},
        parameters={path: convert(value) for path, value in case.parameters.items()},
        upstream=convert(case.upstream),
    )


def _is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _draw_like(y: Any, rng: np.random.Generator) -> Any:
    if isinstance(y, tuple):
        return tuple(_draw_like(item, rng) for item in y)
    return rng.normal(size=np.shape(y))


def _weighted_sum(y: Any, weights: Any) -> float:
    if isinstance(y, tuple):
        return sum(_weighted_sum(a, b) for a, b in zip(y, weights, strict=True))
    return float((y * weights).sum())
