"""Layers of a Transformer: what reads, what writes, and both together."""

import numpy as np

from autograder.checks import (
    Case,
    Change,
    Independence,
    LayerExercise,
    Rng,
    independence,
    later_steps,
    masked_steps,
    other_rows,
)

PADDING = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 1, 0]], bool)
"""Where three sequences have tokens."""

FUTURE = "no output depends on a later input"
MASKED = "what the mask hides does not count"
ROWS = "sequences of a batch know nothing of each other"


def block(features, heads, hidden, **more):
    """Arguments of a layer."""
    return {"features": features, "heads": heads, "hidden": hidden, **more, "rng": Rng(0)}


def for_all(kept):
    """A mask of tokens (batch, time) as one for all heads and queries."""
    return kept[:, None, None]


def encoder_cases(rng):
    """One head and several; a single position; padding, and a mask of pairs in which every step sees itself."""
    for (batch, time, features), heads, hidden, mask in [
        ((2, 1, 3), 1, 2, None),
        ((1, 3, 4), 2, 3, (rng.random((1, 2, 3, 3)) < 0.5) | np.eye(3, dtype=bool)),
        ((3, 5, 4), 2, 3, for_all(PADDING)),
        ((3, 5, 2), 1, 3, for_all(PADDING[[2, 0, 1]])),
    ]:
        case = Case(block(features, heads, hidden), x=rng.normal(size=(batch, time, features)))
        yield case if mask is None else case.with_changes(inputs={**case.inputs, "mask": mask})


encoder = LayerExercise(
    "EncoderLayer",
    cases=encoder_cases,
    has_parameters=True,
    depends=("MultiHeadAttention", "PositionwiseFeedForward", "RMSNorm"),
    wide=Case(block(8, 2, 16), x=(1, 64, 8)),
)


def of_other_steps():
    """Where the mask forbids it, no step depends on another one, directly."""

    def change(case, rng):
        mask = case.inputs.get("mask")
        if mask is None or mask.shape[1:3] != (1, 1):
            return None
        hidden = ~mask[:, 0, 0]
        x = case.inputs["x"].copy()
        x[hidden] += rng.normal(size=x[hidden].shape)
        return Change({"x": x}, "x where the mask is False", hidden)

    return Independence(change, (0, 1), "what is masked must not count")


independence(encoder, MASKED, cases=encoder_cases, of=of_other_steps())
independence(encoder, ROWS, cases=encoder_cases, of=other_rows())


def decoder_cases(rng):
    """Target and memory of different lengths; one head and several; a single position; padding in the memory."""
    for (batch, time, features), source_time, heads, hidden, mask in [
        ((2, 1, 3), 2, 1, 2, None),
        ((2, 3, 2), 4, 1, 3, for_all(PADDING[:2, :4])),  # arguments of the last case, and other lengths
        ((3, 5, 4), 5, 2, 3, for_all(PADDING)),
        ((3, 4, 2), 5, 1, 3, for_all(PADDING[[2, 0, 1]])),
    ]:
        x, memory = (rng.normal(size=(batch, n, features)) for n in (time, source_time))
        case = Case(block(features, heads, hidden), x=x, memory=memory)
        yield case if mask is None else case.with_changes(inputs={**case.inputs, "mask": mask})


decoder = LayerExercise(
    "DecoderLayer",
    cases=decoder_cases,
    has_parameters=True,
    depends=("MultiHeadAttention", "PositionwiseFeedForward", "RMSNorm"),
    wide=Case(block(8, 2, 16), x=(1, 48, 8), memory=(1, 32, 8)),
)


def of_hidden_memory():
    """No output depends on the memory where the mask hides it."""

    def change(case, rng):
        if "mask" not in case.inputs:
            return None
        hidden = ~case.inputs["mask"][:, 0, 0]
        memory = case.inputs["memory"].copy()
        memory[hidden] += rng.normal(size=memory[hidden].shape)
        return Change({"memory": memory}, "memory where the mask is False", np.zeros((1, 1), bool))

    return Independence(change, (0, 1), "what is masked must not count")


independence(decoder, FUTURE, cases=decoder_cases, of=later_steps(), weight=2)
independence(decoder, MASKED, cases=decoder_cases, of=of_hidden_memory())
independence(decoder, ROWS, cases=decoder_cases, of=other_rows())


def transformer_cases(rng):
    """Stacks of one layer and of two; source and target of different lengths; padding."""
    for (batch, time, features), source_time, heads, layers, mask in [
        ((1, 3, 4), 2, 2, 1, None),
        ((3, 2, 2), 5, 1, 2, PADDING),
        ((3, 3, 2), 5, 2, 1, PADDING[[2, 0, 1]]),
    ]:
        source, target = (rng.normal(size=(batch, n, features)) for n in (source_time, time))
        case = Case(block(features, heads, 3, layers=layers), source=source, target=target)
        yield case if mask is None else case.with_changes(inputs={**case.inputs, "mask": mask})


transformer = LayerExercise(
    "Transformer",
    cases=transformer_cases,
    has_parameters=True,
    depends=("EncoderLayer", "DecoderLayer", "MultiHeadAttention", "PositionwiseFeedForward", "RMSNorm"),
    wide=Case(block(8, 2, 16, layers=1), source=(1, 32, 8), target=(1, 32, 8)),
)

independence(transformer, FUTURE, cases=transformer_cases, of=later_steps("target"), weight=2)
independence(transformer, MASKED, cases=transformer_cases, of=masked_steps("source"))
independence(transformer, ROWS, cases=transformer_cases, of=other_rows())
