"""The checks of every layer and every loss.

A check is one of a Behaviour's runs (what to observe), a way of drawing cases, and a judge.  To add a
standard check, write a run in ``behaviour.py``, and list it in ``forward_checks`` or
``backward_checks`` with a mutation that it catches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from autograder.checks.behaviour import TRIES, Behaviour
from autograder.checks.judges import judge_float32, judge_unchanged
from autograder.checks.mutation import arguments_of, mutated, mutated_method
from autograder.checks.slopes import SLOPES, has_slope
from autograder.checks.wide import AS_DIFFERENCES
from autograder.spec import Case, Check, GradientCost, Observations, SpecError
from autograder.spec.comparison import Mismatch, compare_all

__all__ = ["FORWARD", "GRADIENTS", "Reads", "backward_checks", "check_of_eval", "forward_checks"]

FORWARD = "forward matches the reference"
GRADIENTS = "gradients match numerical differences"
PRINCIPAL_WEIGHT = 6.0
GRADIENTS_MADE = "dx if dx is not None else [p.grad for p in self.parameters()]"
"""In a mutation: what backward returned, or where inputs have no gradient, the gradients of parameters."""


def judge_gradients(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Compare element by element with the proved reference, and with the slopes that prove it.

    A backward that computes its numbers by calling forward fails, even where they are correct.
    """
    found = compare_all(observed, expected, case)
    if found is None and TRIES in observed:
        message = (
            f"backward called forward {observed[TRIES]} times to get its numbers: numerical differences are how a "
            "gradient is checked. Write what the chain rule gives."
        )
        return Mismatch("method", "backward", message)
    if found is None and not all(has_slope(expected, slope) for slope in expected[SLOPES]):
        message = f"the reference's gradients do not match its own forward in the case {case.describe()}"
        raise SpecError(message)
    return found


def forward_checks(harness: Behaviour, *, has_parameters: bool = False) -> list[Check]:
    """The checks of every forward."""
    part = "forward"
    check = partial(Check, part=part, weight=1.0, needs=(part,), after=(FORWARD,))
    checks = [
        Check(
            FORWARD,
            part,
            PRINCIPAL_WEIGHT,
            harness.forward_cases,
            harness.forward,
            compare_all,
            needs=(part,),
            complete=harness.complete,
        ),
        check(
            "inputs are not modified",
            cases=harness.cases,
            observe=harness.forward_untouched,
            expect=lambda reference, case, _rng: {**harness.forward_untouched(reference, case), **case.inputs},
            judge=judge_unchanged,
            mutation=mutated("y = super().forward(*xs) * 1", "for x in xs: x[...] = 1 - x", "return y"),
        ),
        check(
            "float32 stays float32",
            cases=harness.float32_cases,
            observe=harness.forward,
            judge=judge_float32,
            mutation=mutated(
                "y = super().forward(*xs)",
                'return tuple(v.astype("float64") for v in y) if isinstance(y, tuple) else y.astype("float64")',
            ),
        ),
    ]
    checks += _checks_of_forward(harness, has_parameters=has_parameters)
    return [
        *checks,
        check(
            "stays on the device",
            cases=harness.some_cases,
            observe=harness.forward,
            judge=compare_all,
            backend="stand-in",
            mutation=mutated(
                "y = super().forward(*xs)",
                '__import__("numpy").asarray(y[0] if isinstance(y, tuple) else y)',
                "return y",
            ),
        ),
    ]


def _checks_of_forward(harness: Behaviour, *, has_parameters: bool) -> Iterator[Check]:
    """Checks of forward for layers with parameters, and for extreme inputs where the exercise names a size."""
    check = partial(Check, part="forward", weight=1.0, needs=("forward",), after=(FORWARD,), judge=compare_all)
    if has_parameters:
        yield check(
            "parameters are read anew in every call",
            cases=harness.cases_of_two,
            observe=harness.output_with_new_parameters,
            mutation=_frozen_parameters(),
        )
    if harness.extreme is not None:
        yield check(
            "extreme inputs stay finite",
            cases=harness.extreme_cases,
            observe=harness.forward,
            mutation=mutated(
                "y = super().forward(*xs)",
                f'factor = float("nan") if abs(xs[0]).max() > {harness.extreme / 2} else 1',
                "return tuple(v * factor for v in y) if isinstance(y, tuple) else y * factor",
            ),
        )


@dataclass(frozen=True)
class Reads:
    """What gradients depend on beside dy: the numbers of forward's inputs, the values of parameters."""

    inputs: bool = True
    parameters: bool = True


ALL = Reads()


def backward_checks(
    harness: Behaviour, *, has_parameters: bool, cost: GradientCost | None, reads: Reads = ALL
) -> list[Check]:
    """The checks of every backward.

    cost: what its gradients may cost; reads: what they depend on.
    """
    gradients = Check(
        GRADIENTS,
        "backward",
        PRINCIPAL_WEIGHT,
        harness.gradient_cases,
        harness.backward,
        judge_gradients,
        expect=harness.expect_gradients,
        needs=("forward", "backward"),
        own_forward=harness.is_right_for_own_forward,
        cost=cost,
        mutation=AS_DIFFERENCES if cost else "",
        complete=harness.complete,
    )
    return [
        gradients,
        *_checks_of_calls(harness, has_parameters=has_parameters, reads=reads),
        *_checks_of_arrays(harness),
        *_checks_of_precision(harness),
        _secondary(
            "backward stays on the device",
            cases=harness.some_cases,
            observe=harness.backward,
            judge=compare_all,
            backend="stand-in",
            mutation=mutated(
                "dx = super().backward(*dy)",
                f'list(map(__import__("numpy").asarray, {GRADIENTS_MADE}))',
                "return dx",
                method="backward",
            ),
        ),
    ]


_secondary = partial(Check, part="backward", weight=1.0, needs=("forward", "backward"), after=(GRADIENTS,))
"""A check of backward that is skipped where the gradients are incorrect."""


def _checks_of_calls(harness: Behaviour, *, has_parameters: bool, reads: Reads) -> Iterator[Check]:
    """Checks of what a call leaves behind for the next, of this object or of another."""
    if has_parameters:
        yield _secondary(
            "gradients accumulate",
            cases=harness.some_cases,
            observe=harness.backward_twice,
            judge=compare_all,
            mutation=mutated("self.zero_grad()", "return super().backward(*dy)", method="backward"),
        )
    yield _secondary(
        "results stay as they were",
        cases=harness.cases,
        observe=harness.results_kept,
        judge=compare_all,
        mutation=_one_buffer("forward" if harness.takes_upstream else "backward"),
    )
    if reads.inputs:
        yield _secondary(
            "a second call forgets the first",
            cases=harness.two_call_cases,
            observe=harness.after_another,
            judge=compare_all,
            after=(FORWARD, GRADIENTS),  # it looks at the outputs too
            mutation=_stale_draw() if harness.invariant else _stale_inputs(),
        )
        yield _secondary(
            "a second object changes nothing",
            cases=harness.cases_beside_another,
            observe=harness.beside_another,
            judge=compare_all,
            mutation=_shared_memory(),
        )
    if has_parameters and reads.parameters:
        yield _secondary(
            "gradients use the parameters of this call",
            cases=harness.cases_of_two,
            observe=harness.with_new_parameters,
            judge=compare_all,
            mutation=_frozen_in_backward() if harness.invariant else _frozen_gradients(),
        )


def _checks_of_arrays(harness: Behaviour) -> Iterator[Check]:
    """Checks of what backward does to arrays: those that forward kept, views, and its own argument."""
    yield _secondary(
        "backward can be repeated",
        cases=harness.some_cases,
        observe=harness.backward_again,
        judge=compare_all,
        mutation=mutated("self.factor = 1", "return super().forward(*xs)")
        + mutated_method(*_gradients_times("factor, self.factor = self.factor, 2"), method="backward"),
    )
    yield _secondary(
        "arrays may be views",
        cases=harness.cases,
        observe=harness.backward_of_views,
        judge=compare_all,
        mutation=mutated(
            "self.order = xs[0].strides == xs[0].copy().strides",
            "return super().forward(*xs)",
        )
        + mutated_method(
            *_gradients_times("factor = 1 if self.order and all(d.strides == d.copy().strides for d in dy) else 2"),
            method="backward",
        ),
    )
    if harness.takes_upstream:
        yield _secondary(
            "the upstream gradient is not modified",
            cases=harness.some_cases,
            observe=harness.backward_untouched,
            expect=lambda reference, case, _rng: {**harness.backward_untouched(reference, case), **case.upstreams},
            judge=judge_unchanged,
            mutation=mutated(
                "dx = super().backward(*dy)",
                "dx = __import__('copy').deepcopy(dx)",
                "dy[0][...] = 0",
                "return dx",
                method="backward",
            ),
        )


def _checks_of_precision(harness: Behaviour) -> Iterator[Check]:
    """Checks of gradients in float32, and for extreme inputs where the exercise names a size."""
    yield _secondary(
        "float32 gradients stay float32",
        cases=harness.float32_cases,
        observe=harness.backward,
        judge=judge_float32,
        mutation=mutated(
            "dx = super().backward(*dy)",
            "if dx is None:",
            "    for p in self.parameters(): p.grad = p.grad.astype('float64')",
            "    return None",
            'return tuple(d.astype("float64") for d in dx) if isinstance(dx, tuple) else dx.astype("float64")',
            method="backward",
        ),
    )
    if harness.extreme is not None:
        yield _secondary(
            "extreme gradients stay finite",
            cases=harness.extreme_cases,
            observe=harness.backward,
            judge=compare_all,
            mutation=mutated(
                f"self.large = bool(max(abs(x).max() for x in xs) > {harness.extreme / 2})",
                "return super().forward(*xs)",
            )
            + mutated_method(*_gradients_times("factor = float('nan') if self.large else 1"), method="backward"),
        )


def check_of_eval(harness: Behaviour) -> Check:
    """A layer without modes of its own computes the same after eval()."""
    return _secondary(
        "eval() changes nothing",
        cases=harness.cases_of_two,
        observe=harness.in_eval,
        judge=compare_all,
        mutation=mutated(*_gradients_times("factor = 1 if self.training else 2"), method="backward"),
    )


def _shared_memory() -> str:
    """A class whose objects all use what the last forward of any of them kept."""
    return mutated("y = super().forward(*xs)", "_Right.kept = dict(vars(self))", "return y") + mutated_method(
        "vars(self).update(_Right.kept)", "return super().backward(*dy)", method="backward"
    )


def _one_buffer(method: str) -> str:
    """A class whose method overwrites what its last call returned."""
    return mutated(
        f"y = super().{method}({arguments_of(method)})",
        "y = tuple(v * 1 for v in y) if isinstance(y, tuple) else y * 1",
        "for last in getattr(self, 'last', ()): last[...] = 0",
        "self.last = y if isinstance(y, tuple) else (y,)",
        "return y",
        method=method,
    )


def _gradients_times(factor: str) -> tuple[str, ...]:
    """The body of a backward that multiplies every gradient of the inputs, or where these have none, of parameters.

    factor: the statement that sets it.
    """
    return (
        "dx = super().backward(*dy)",
        factor,
        "if dx is None:",
        "    for p in self.parameters(): p.grad *= factor",
        "    return None",
        "return tuple(d * factor for d in dx) if isinstance(dx, tuple) else dx * factor",
    )


FREEZE = (
    "parameters = list(self.parameters())",
    "if not hasattr(self, 'frozen'): self.frozen = [p.data * 1 for p in parameters]",
    "now = [p.data * 1 for p in parameters]",
    "for p, first in zip(parameters, self.frozen): p.data[...] = first",
)
THAW = "for p, value in zip(parameters, now): p.data[...] = value"
"""Around statements that are to compute with the parameters of the first call."""


def _frozen_parameters() -> str:
    """A layer that computes with the parameters of its first call."""
    return mutated(*FREEZE, "y = super().forward(*xs)", THAW, "return y")


def _frozen_gradients() -> str:
    """A layer whose backward repeats its forward with the parameters of the first call."""
    return mutated("self.seen = xs", "return super().forward(*xs)") + mutated_method(
        *FREEZE, "super().forward(*self.seen)", "dx = super().backward(*dy)", THAW, "return dx", method="backward"
    )


def _frozen_in_backward() -> str:
    """The same where forward draws: backward alone uses the parameters of the first call."""
    return mutated(*FREEZE, "dx = super().backward(*dy)", THAW, "return dx", method="backward")


def _stale_inputs() -> str:
    """A layer whose backward repeats the first call and uses its gradients."""
    return mutated("self.first = getattr(self, 'first', xs)", "return super().forward(*xs)") + mutated_method(
        "super().forward(*self.first)", "return super().backward(*dy)", method="backward"
    )


def _stale_draw() -> str:
    """The same where repeating the call would draw other numbers: all attributes are those of the first call."""
    return mutated(
        "y = super().forward(*xs)", "self.first = getattr(self, 'first', None) or dict(vars(self))", "return y"
    ) + mutated_method("vars(self).update(self.first)", "return super().backward(*dy)", method="backward")
