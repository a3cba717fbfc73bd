"""Attention by a small network, and the step of a decoder that reads with it."""

import numpy as np

from autograder.checks import (
    FORWARD,
    GRADIENTS,
    Case,
    LayerExercise,
    New,
    Rng,
    Speed,
    by_name,
    independence,
    masked_steps,
    mutated,
    other_rows,
)

WEIGHTS = "the weights of the call are kept"
EMPTY = "a memory of which nothing may be read gives 0"
EMPTY_BACK = "a memory of which nothing may be read has no gradient"
HIDDEN = "what the mask hides does not count, not even NaN"
NONSENSE_BACK = "what the mask hides has no gradient, not even NaN"
ROWS = "sequences of a batch know nothing of each other"

KEPT = np.array([[1, 1, 1, 0], [0, 1, 0, 0], [1, 1, 1, 1]], bool)
"""What three sequences may read."""


def reading(state_features, memory_features, hidden):
    """Arguments of additive attention"""
    return {"state_features": state_features, "memory_features": memory_features, "hidden": hidden, "rng": Rng(0)}


def memory_cases(rng):
    """One sequence alone, a single step, and masks."""
    for batch, time, sizes, mask in [
        (1, 3, (2, 3, 4), None),
        (2, 1, (3, 2, 2), None),
        (3, 4, (4, 1, 3), KEPT),
        (2, 5, (2, 4, 1), None),
        (3, 4, (2, 3, 5), KEPT[[2, 0, 1]]),
    ]:
        inputs = {"state": rng.normal(size=(batch, sizes[0])), "memory": rng.normal(size=(batch, time, sizes[1]))}
        yield Case(reading(*sizes), **inputs, **({} if mask is None else {"mask": mask}))


# Few features and long memories: einsum without optimize takes twice as long as the reference, a loop over the steps 9
# to 10 times.
additive = LayerExercise(
    "AdditiveAttention",
    cases=memory_cases,
    has_parameters=True,
    depends=("masked_softmax", "softmax_backward"),
    wide=Case(reading(16, 16, 16), state=(1, 16), memory=(1, 64, 16)),
    speed=Speed(Case(reading(4, 4, 4), state=(16, 4), memory=(16, 512, 4)), at_most=6.0),
)


def drawn(case):
    """The case with parameters that depend on nothing but their shape."""
    sizes = [case.arguments[name] for name in ("state_features", "memory_features", "hidden")]
    shapes = {"W": (sizes[0], sizes[2]), "U": (sizes[1], sizes[2]), "v": (sizes[2],)}
    return {name: np.cos(np.arange(np.prod(shape)) + len(shape)).reshape(shape) for name, shape in shapes.items()}


def after_forward(subject, case):
    """The layer after its forward, and what that returned."""
    layer = subject.make("AdditiveAttention", **case.arguments)
    for name, value in drawn(case).items():
        layer.set(f"{name}.data", value)
    return layer, layer.call("forward", *case.inputs.values())


def gradients_of(subject, case):
    """All gradients for an upstream gradient that depends on nothing but the shape."""
    layer, context = after_forward(subject, case)
    returned = layer.call("backward", np.cos(np.arange(np.size(context))).reshape(np.shape(context)))
    seen = by_name(("dstate", "dmemory"), returned, "what backward returns")
    return {**seen, **{f"d{name}": layer.get(f"{name}.grad") for name in drawn(case)}}


@additive.check(WEIGHTS, cases=memory_cases, part="forward", needs=("forward",), after=(FORWARD,))
def weights(subject, case):
    layer, _ = after_forward(subject, case)
    return {"weights": layer.get("weights")}


def empty_cases(rng):
    inputs = {"state": rng.normal(size=(3, 2)), "memory": rng.normal(size=(3, 4, 3))}
    yield Case(reading(2, 3, 4), **inputs, mask=KEPT & (np.arange(3) != 1)[:, None])
    yield Case(reading(2, 3, 4), **inputs, mask=KEPT & False)


@additive.check(EMPTY, cases=empty_cases, part="forward", needs=("forward",), after=(FORWARD,))
def empty(subject, case):
    return {"context": after_forward(subject, case)[1]}


@additive.check(
    EMPTY_BACK,
    cases=empty_cases,
    part="backward",
    after=(EMPTY, GRADIENTS),
    mutation=mutated(
        "dstate, dmemory = super().backward(*dy)",
        "total = self.weights.sum(axis=1, keepdims=True)",
        "return dstate * total / total, dmemory",
        method="backward",
    ),
)
def empty_back(subject, case):
    return gradients_of(subject, case)


def nonsense_cases(rng):
    inputs = {"state": rng.normal(size=(3, 2)), "memory": rng.normal(size=(3, 4, 3))}
    for value in (np.nan, np.inf):
        memory = np.where(KEPT[:, :, None], inputs["memory"], value)
        yield Case(reading(2, 3, 4), state=inputs["state"], memory=memory, mask=KEPT)


@additive.check(NONSENSE_BACK, cases=nonsense_cases, part="backward", after=(HIDDEN, GRADIENTS))
def nonsense_back(subject, case):
    return gradients_of(subject, case)


independence(additive, HIDDEN, cases=memory_cases, of=masked_steps("memory", value=np.nan))
independence(additive, ROWS, cases=memory_cases, of=other_rows())


# --- one step of a decoder -------------------------------------------------------------------


def step_parts(in_features, hidden, memory_features):
    """An attention and a cell that fit each other"""
    return {
        "attention": New("support.Lookup", hidden, memory_features, rng=Rng(1)),
        "cell": New("support.Cell", in_features + memory_features, hidden, rng=Rng(2)),
    }


def step_cases(rng):
    """All sizes differ, then all are equal, so that exchanging them shows; with masks and without."""
    for batch, time, (in_features, hidden, memory_features), mask in [
        (1, 3, (2, 3, 4), None),
        (2, 1, (3, 1, 2), None),
        (3, 4, (3, 3, 3), KEPT),
        (3, 4, (1, 4, 2), KEPT[[2, 0, 1]]),
    ]:
        shapes = {"x": (batch, in_features), "state": (batch, hidden), "memory": (batch, time, memory_features)}
        inputs = {name: rng.normal(size=shape) for name, shape in shapes.items()}
        arguments = step_parts(in_features, hidden, memory_features)
        yield Case(arguments, **inputs, **({} if mask is None else {"mask": mask}))


step = LayerExercise(
    "DecoderStep",
    cases=step_cases,
    has_parameters=True,
    outputs=("new", "context"),
    support_files=("step_parts",),
    wide=Case(step_parts(16, 16, 16), x=(1, 16), state=(1, 16), memory=(1, 256, 16)),
)
independence(
    step, "what the mask hides does not count", cases=step_cases, of=masked_steps("memory"), outputs=("new", "context")
)
independence(step, ROWS, cases=step_cases, of=other_rows(), outputs=("new", "context"))
