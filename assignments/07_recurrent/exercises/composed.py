"""Layers that are made of recurrent layers."""

import numpy as np

from autograder.checks import FORWARD, GRADIENTS, Case, LayerExercise, New, Rng, by_name, optional_state

from .cells import MASK, OUTPUTS

DROPOUT = "dropout stands between the layers, in training only"
SAME_DROPOUT = "gradients pass through the dropout of forward"


def running(in_features, hidden, parts, seed):
    return New("support.Running", in_features, hidden, parts=parts, rng=Rng(seed))


def composed_cases(arguments, levels):
    """Cases of something made of trusted layers that add up.

    arguments(in_features, hidden, parts, size); levels: how many states it holds, by default as many as its size.
    """

    def cases(rng):
        for batch, time, in_features, hidden, parts, size, mask in [
            (1, 3, 2, 3, 1, 2, None),
            (2, 4, 3, 3, 2, 1, None),
            (3, 5, 2, 3, 2, 3, MASK),
            (3, 5, 3, 2, 1, 2, MASK[[1, 2, 0]] != 0),
        ]:
            of_state = (levels or size, *((parts,) if parts > 1 else ()), hidden)
            inputs = {"x": (batch, time, in_features), "state": (batch, *of_state)}
            case = Case(
                arguments(in_features, hidden, parts, size),
                **{name: rng.normal(size=shape) for name, shape in inputs.items()},
            )
            yield case if mask is None else case.with_changes(inputs={**case.inputs, "mask": mask})

    return cases


def stacked(in_features, hidden, parts, size):
    layers = [running(hidden if n else in_features, hidden, parts, n) for n in range(size)]
    return {"layers": layers, "dropout": 0.0, "rng": Rng(0)}


stack = LayerExercise(
    "StackedRNN",
    cases=composed_cases(stacked, None),
    has_parameters=True,
    wide=Case(stacked(4, 4, 1, 2), x=(1, 2048, 4), state=(1, 2, 4)),
    outputs=OUTPUTS,
    support_files=("running",),
)


def dropping_cases(rng):
    for batch, time, size, parts in [(2, 3, 2, 1), (3, 4, 3, 2)]:
        arguments = {**stacked(2, 5, parts, size), "dropout": 0.4, "rng": Rng(int(rng.integers(1_000_000)))}
        shape = (batch, size, 5) if parts == 1 else (batch, size, parts, 5)
        yield Case(arguments, x=rng.normal(size=(batch, time, 2)), state=rng.normal(size=shape))


@stack.check(DROPOUT, cases=dropping_cases, part="forward", weight=2, needs=("forward",), after=(FORWARD,))
def dropout(subject, case):
    """The docstring says who draws and when: the given dropouts, one after the other."""
    layer = subject.make("StackedRNN", **case.arguments)
    seen = {}
    for mode in ("train", "eval"):
        layer.call(mode)
        outputs = by_name(OUTPUTS, layer.call("forward", *case.inputs.values()))
        seen |= {f"{name} in {mode} mode": y for name, y in outputs.items()}
    return seen


@stack.check(SAME_DROPOUT, cases=dropping_cases, part="backward", weight=2, after=(DROPOUT, GRADIENTS))
def same_dropout(subject, case):
    layer = subject.make("StackedRNN", **case.arguments)
    layer.call("forward", *case.inputs.values())
    dh = np.cos(np.arange(case.inputs["x"][..., :1].size * 5)).reshape(*case.inputs["x"].shape[:2], 5)
    returned = layer.call("backward", dh, np.sin(case.inputs["state"]))
    return by_name(("dx", "dstate"), returned, "what backward returns")


optional_state(stack, cases=composed_cases(stacked, None))


def both_ways(in_features, hidden, parts, size):
    return {"there": running(in_features, hidden, parts, size), "back": running(in_features, hidden, parts, size + 5)}


bidirectional = LayerExercise(
    "Bidirectional",
    cases=composed_cases(both_ways, 2),
    has_parameters=True,
    wide=Case(both_ways(4, 4, 1, 2), x=(1, 2048, 4), state=(1, 2, 4)),
    outputs=OUTPUTS,
    support_files=("running",),
)

optional_state(bidirectional, cases=composed_cases(both_ways, 2))
