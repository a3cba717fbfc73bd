"""Several heads: dividing the features among them, and attention with projections."""

import numpy as np

from autograder.checks import (
    FORWARD,
    GRADIENTS,
    Case,
    FunctionExercise,
    Instance,
    LayerExercise,
    Rng,
    Speed,
    by_name,
    hidden_keys,
    independence,
    other_rows,
    other_steps,
)

from .masks import some_seen


def features_cases(rng):
    """One head, one feature per head, and sizes that all differ."""
    for (batch, time, head_dim), heads in [
        ((1, 3, 2), 1),
        ((2, 3, 1), 4),
        ((3, 2, 5), 4),
        ((2, 3, 4), 3),
        ((2, 4, 3), 2),
    ]:
        yield Case({"heads": heads}, x=rng.normal(size=(batch, time, heads * head_dim)))


split = FunctionExercise("split_heads", cases=features_cases, float32=True)


def heads_cases(rng):
    for shape in [(1, 1, 3, 2), (2, 4, 3, 1), (3, 4, 2, 5), (2, 3, 3, 4), (2, 2, 4, 3)]:
        yield Case(x=rng.normal(size=shape))


merge = FunctionExercise("merge_heads", cases=heads_cases, float32=True)


# --- the layer -------------------------------------------------------------------------------

WEIGHTS = "the weights of every head are kept"
BROADCAST = "a causal mask and a padding mask act together"
ITSELF = "a sequence may read itself"
HIDDEN = "what the mask hides from a query does not count"
QUERIES = "queries know nothing of each other"
ROWS = "sequences of a batch know nothing of each other"


def several(features, heads):
    """Arguments of the layer"""
    return {"features": features, "heads": heads, "rng": Rng(0)}


def sequences(rng, batch, queries, keys, features):
    """What asks, and what is read"""
    return {"x": rng.normal(size=(batch, queries, features)), "memory": rng.normal(size=(batch, keys, features))}


def several_cases(rng):
    """More keys than queries and fewer, one key, one head, one feature per head; masks for all heads and for each."""
    yield Case(several(4, 2), **sequences(rng, 1, 3, 3, 4))
    yield Case(several(6, 3), **sequences(rng, 2, 2, 4, 6), mask=some_seen(rng, 2, 1, 2, 4))
    yield Case(several(4, 2), **sequences(rng, 3, 4, 1, 4))
    yield Case(several(3, 1), **sequences(rng, 2, 4, 3, 3))
    yield Case(several(2, 2), **sequences(rng, 2, 3, 2, 2))
    yield Case(several(4, 2), **sequences(rng, 3, 2, 3, 4), mask=some_seen(rng, 3, 2, 2, 3))


# Few features and many short sequences: einsum without optimize takes 2.8 times as long as the reference, a loop over
# the sequences 11 times.
heads = LayerExercise(
    "MultiHeadAttention",
    cases=several_cases,
    has_parameters=True,
    depends=("ScaledDotProductAttention", "split_heads", "merge_heads"),
    wide=Case(several(16, 2), x=(1, 48, 16), memory=(1, 48, 16)),
    speed=Speed(Case(several(8, 2), x=(256, 8, 8), memory=(256, 8, 8)), at_most=6.0),
)


def drawn(case):
    """Parameters that depend on nothing but their shape."""
    size = case.arguments["features"]
    return {
        name: np.cos(np.arange(size * size) + n).reshape(size, size) for n, name in enumerate(("Wq", "Wk", "Wv", "Wo"))
    }


def made(subject, case):
    """The layer with these parameters."""
    layer = subject.make("MultiHeadAttention", **case.arguments)
    for name, value in drawn(case).items():
        layer.set(f"{name}.data", value)
    return layer


def gradients_of(layer, y, case):
    """All gradients for an upstream gradient that depends on nothing but the shape."""
    returned = layer.call("backward", np.cos(np.arange(np.size(y))).reshape(np.shape(y)))
    seen = by_name(("dx", "dmemory"), returned, "what backward returns")
    return {**seen, **{f"d{name}": layer.get(f"{name}.grad") for name in drawn(case)}}


@heads.check(
    WEIGHTS, cases=lambda rng: list(several_cases(rng))[-2:], part="forward", needs=("forward",), after=(FORWARD,)
)
def weights(subject, case):
    layer = made(subject, case)
    layer.call("forward", *case.inputs.values())
    return {"weights": layer.get("weights")}


def both_masks(rng):
    """Causal alone, padding alone, and both, as they broadcast."""
    inputs = sequences(rng, 3, 4, 4, 4)
    causal, padding = np.tri(4, dtype=bool), (np.arange(4) < np.array([4, 1, 3])[:, None])[:, None, None]
    for mask in (causal, padding, causal & padding):
        yield Case(several(4, 2), **inputs, mask=mask)


@heads.check(BROADCAST, cases=both_masks, part="forward", needs=("forward",), after=(FORWARD,))
def masks_together(subject, case):
    return {"y": made(subject, case).call("forward", *case.inputs.values())}


def itself_cases(rng):
    yield Case(several(4, 2), x=rng.normal(size=(2, 3, 4)))


@heads.check(ITSELF, cases=itself_cases, part="backward", after=(GRADIENTS,))
def itself(subject, case):
    """The same array twice: what asks is what is read"""
    layer, sent = made(subject, case), subject.put(case.inputs["x"])
    y = layer.call("forward", sent, sent)
    return {"y": y, **gradients_of(layer, y, case), "x": Instance(subject, sent.handle).fetch()}


def masked_cases(rng):
    """A mask for all heads, and one for each."""
    yield Case(several(4, 2), **sequences(rng, 1, 4, 4, 4), mask=np.tri(4, dtype=bool)[None, None])
    yield Case(several(4, 2), **sequences(rng, 2, 2, 3, 4), mask=some_seen(rng, 2, 2, 2, 3))


independence(heads, HIDDEN, cases=masked_cases, of=hidden_keys(("memory",), axes=(0, 1)))
independence(heads, QUERIES, cases=lambda rng: list(several_cases(rng))[:2], of=other_steps())
independence(heads, ROWS, cases=lambda rng: list(several_cases(rng))[-2:], of=other_rows())
