"""The checks of a layer that behaves differently in training and evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from autograder.checks.behaviour import Behaviour
from autograder.checks.drawing import TRAINED, in_dtype
from autograder.checks.judges import judge_float32
from autograder.checks.mutation import mutated, mutated_method
from autograder.checks.standard import FORWARD, GRADIENTS, judge_gradients
from autograder.isolation.tree import Values
from autograder.spec import Case, Check, Observations
from autograder.spec.comparison import compare_all
from autograder.subject import Subject

__all__ = ["DIFFER", "IN_EVAL", "Modes", "eval_backward_checks", "eval_forward_checks", "expect_both_modes"]

DIFFER = "train and eval differ"
IN_EVAL = "_in eval"
"""What forward should show in eval mode when it is run in training mode: it distinguishes the modes."""
CASES = 2


@dataclass(frozen=True)
class Modes:
    """A layer whose ``training`` flag changes what it does.

    steps: calls in training mode before ``eval()``, each on its own inputs; state: attributes (``running_mean``)
    that training changes and evaluation only reads, inspected after every call.
    """

    steps: int = 3
    state: tuple[str, ...] = ()


def _trained_cases(harness: Behaviour, modes: Modes, rng: np.random.Generator, reference: Subject) -> list[Case]:
    """The last cases, each with inputs of the same shapes for the calls in training before it."""
    cases = harness.cases(rng, reference)[-CASES:]
    earlier = [list(harness.draw(rng))[-CASES:] for _ in range(modes.steps)]
    return [
        case.with_changes(hidden={TRAINED: [list(drawn[i].inputs.values()) for drawn in earlier]})
        for i, case in enumerate(cases)
    ]


def expect_both_modes(harness: Behaviour, reference: Subject, case: Case) -> Observations:
    """What forward shows in training, together with what it would show in eval."""
    in_eval = harness.forward(reference, case.with_changes(hidden={TRAINED: []}))
    return {**harness.forward(reference, case), IN_EVAL: {k: v for k, v in in_eval.items() if not k.startswith("_")}}


def _travel(harness: Behaviour, modes: Modes, subject: Subject, case: Case) -> Observations:
    """Train, evaluate, evaluate two rows alone (one would have no variance), and train again on the same inputs."""
    layer = harness.build(subject, case.with_changes(hidden={}))
    seen: Observations = {}

    def look(when: str) -> None:
        seen.update({f"{name} {when}": layer.get(name) for name in modes.state})

    def forward(mode: str, inputs: Values) -> None:
        output = harness.named_outputs(layer.call("forward", *inputs.values()))
        shown = harness.shown(output, case.with_changes(inputs=inputs))
        seen.update({f"{name} {mode}": value for name, value in shown.items() if not name.startswith("_")})

    look("at the start")
    for step, earlier in enumerate(case.hidden[TRAINED], 1):
        layer.call("forward", *earlier)
        look(f"after training step {step}")
    layer.call("eval")
    forward("in eval", case.inputs)
    forward("in eval, two rows alone", {name: x[:2] for name, x in case.inputs.items()})
    look("after eval")
    layer.call("train")
    forward("in training", case.inputs)
    look("after training again")
    return seen


def eval_forward_checks(harness: Behaviour, modes: Modes) -> list[Check]:
    """The checks of forward in both modes."""
    draw = partial(_trained_cases, harness, modes)

    def draw_float32(rng: np.random.Generator, reference: Subject) -> list[Case]:
        return [in_dtype(case, "float32") for case in draw(rng, reference)]

    check = partial(Check, part="forward", needs=("forward",), after=(FORWARD,))
    right = "y = super().forward(*xs)"
    return [
        check(
            DIFFER,
            weight=4.0,
            cases=draw,
            observe=partial(_travel, harness, modes),
            judge=compare_all,
            mutation=mutated("mode = self.training", "self.train()", right, "if not mode: self.eval()", "return y"),
        ),
        check(
            "float32 stays float32 in eval",
            weight=1.0,
            cases=draw_float32,
            observe=harness.forward,
            judge=judge_float32,
            mutation=mutated(right, 'return y if self.training else y.astype("float64")'),
        ),
        check(
            "eval stays on the device",
            weight=1.0,
            cases=draw,
            observe=harness.forward,
            judge=compare_all,
            backend="stand-in",
            mutation=mutated(right, 'self.training or __import__("numpy").asarray(y)', "return y"),
        ),
    ]


def _with_backward(harness: Behaviour, modes: Modes, subject: Subject, case: Case) -> Observations:
    """Train with forward and backward; look at the state."""
    layer = harness.build(subject, case.with_changes(hidden={}))
    for earlier in case.hidden[TRAINED]:
        layer.call("forward", *earlier)
        harness.call_backward(layer, case)
    return {f"{name} after {len(case.hidden[TRAINED])} training steps": layer.get(name) for name in modes.state}


def _check_of_state(harness: Behaviour, modes: Modes) -> Check:
    """Backward leaves the state of the layer alone: code that runs forward again in it moves it twice."""
    return Check(
        "backward changes no state",
        "backward",
        1.0,
        partial(_trained_cases, harness, modes),
        partial(_with_backward, harness, modes),
        compare_all,
        needs=("forward", "backward"),
        after=(GRADIENTS, DIFFER),
        mutation=mutated("self.seen = xs", "return super().forward(*xs)")
        + mutated_method("super().forward(*self.seen)", "return super().backward(*dy)", method="backward"),
    )


def eval_backward_checks(harness: Behaviour, modes: Modes) -> list[Check]:
    """The checks of backward in eval mode, where running statistics are constant, and of what it does to them."""
    return [
        *([_check_of_state(harness, modes)] if modes.state else []),
        Check(
            "gradients in eval match numerical differences",
            "backward",
            2.0,
            partial(_trained_cases, harness, modes),
            harness.backward,
            judge_gradients,
            expect=harness.expect_gradients,
            needs=("forward", "backward"),
            after=(GRADIENTS, DIFFER),
            mutation=mutated(
                "dx = super().backward(*dy)",
                "factor = 1 if self.training else 2",
                "return tuple(d * factor for d in dx) if isinstance(dx, tuple) else dx * factor",
                method="backward",
            ),
        ),
    ]
