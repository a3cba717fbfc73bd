"""Attention by dot products, and its two steps: a softmax with a mask, and the gradient through it."""

import numpy as np

from autograder.checks import (
    FORWARD,
    GRADIENTS,
    MATCHES,
    Case,
    FunctionExercise,
    Instance,
    LayerExercise,
    Memory,
    Speed,
    by_name,
    hidden_keys,
    independence,
    other_rows,
)

from .masks import hiding, some_seen, with_nonsense

LARGE = "large scores stay finite"
NOTHING_SEEN = "a row that sees nothing is 0"
NOT_EVEN_NAN = "masked scores do not count, not even NaN or infinity"
OUT = "the result is written into out"


def scores_cases(rng):
    """Without a mask, with one of the same shape, and with one that broadcasts; rows of one score among them."""
    yield Case(scores=rng.normal(size=(1, 4)))
    yield Case(scores=rng.normal(0, 2, size=(3, 1)), mask=np.ones((3, 1), bool))
    yield Case(
        scores=rng.normal(0, 2, size=(2, 2, 3, 4)), mask=np.array([[1, 1, 0, 1], [0, 1, 1, 0]], bool)[:, None, None]
    )
    yield Case(scores=rng.normal(0, 2, size=(2, 3, 5)), mask=some_seen(rng, 2, 3, 5))


softmax = FunctionExercise("masked_softmax", cases=scores_cases, float32=True)


def large_cases(rng):
    """Large differences, and rows that are far from zero as a whole, in both directions."""
    for size in (1e3, 1e5):
        yield Case(scores=rng.normal(0, size, (3, 4)))
        yield Case(scores=rng.normal(0, size, (3, 4)), mask=some_seen(rng, 3, 4))
    yield Case(scores=rng.normal(0, 1e300, (3, 4)))
    mask = some_seen(rng, 3, 4)
    mask[:, 0], mask[:, 1] = True, False
    yield Case(scores=np.where(mask, rng.normal(size=(3, 4)), 1e4), mask=mask)
    for shift in (-1e5, 1e5):
        yield Case(scores=rng.normal(size=(3, 4)) + shift)
        yield Case(scores=rng.normal(size=(3, 4)) + shift, mask=some_seen(rng, 3, 4))


@softmax.check(LARGE, cases=large_cases, after=(MATCHES,))
def large(subject, case):
    return {"p": subject.run("masked_softmax", *case.inputs.values())}


def empty_cases(rng):
    """One row that sees nothing, and all of them; far from zero too."""
    scores = rng.normal(size=(2, 3, 4))
    yield Case(scores=scores, mask=hiding(rng, 2, 3, 4))
    yield Case(scores=scores + 1e4, mask=hiding(rng, 2, 3, 4))
    yield Case(scores=scores, mask=np.zeros((2, 1, 4), bool))


@softmax.check(NOTHING_SEEN, cases=empty_cases, weight=2, after=(MATCHES,))
def nothing_seen(subject, case):
    return {"p": subject.run("masked_softmax", *case.inputs.values())}


def nonsense_cases(rng):
    """Every row sees something; where it must not look there is something that is no number."""
    for value in (np.nan, np.inf, -np.inf, 1e12):
        mask = some_seen(rng, 3, 5)
        mask[:, 0], mask[:, 3] = True, False
        yield Case(scores=np.where(mask, rng.normal(size=(3, 5)), value), mask=mask)


@softmax.check(NOT_EVEN_NAN, cases=nonsense_cases, weight=2, after=(MATCHES,))
def not_even_nan(subject, case):
    return {"p": subject.run("masked_softmax", *case.inputs.values())}


def written(subject, name, case):
    """What a function returns and what is in its out, which is a new array, and then its first argument."""
    first, *others = case.inputs.values()
    seen = {}
    for where, kind in ((np.full_like(first, 7.0), "another array"), (first, "the first argument")):
        out = subject.put(where)
        given = out if where is first else first
        returned = subject.run(name, given, *others, out=out)
        seen |= {
            f"what is returned with {kind} as out": returned,
            f"out, {kind}": Instance(subject, out.handle).fetch(),
        }
    return seen


def out_cases(rng):
    """Without a mask, with one that broadcasts, and with one of the same shape."""
    unmasked, _, *masked = scores_cases(rng)
    return [unmasked, *masked]


@softmax.check(OUT, cases=out_cases, after=(MATCHES,))
def softmax_into_out(subject, case):
    return written(subject, "masked_softmax", case)


def weights_cases(rng):
    """Weights of a softmax, some of them 0, and a row of zeros, which saw nothing."""
    for shape in [(1, 4), (3, 1), (2, 2, 3, 4), (2, 3, 5)]:
        p = np.exp(rng.normal(0, 1.5, shape))
        if shape[-1] > 1:
            p *= some_seen(rng, *shape)
        p /= p.sum(axis=-1, keepdims=True)
        if len(shape) > 2:
            p[0, ..., 1, :] = 0
        yield Case(dp=rng.normal(size=shape), p=p)


backward_of_softmax = FunctionExercise("softmax_backward", cases=weights_cases, float32=True)


@backward_of_softmax.check(OUT, cases=lambda rng: list(weights_cases(rng))[-2:], after=(MATCHES,))
def gradient_into_out(subject, case):
    return written(subject, "softmax_backward", case)


# --- the layer -------------------------------------------------------------------------------


def product_inputs(rng, leading, queries, keys, head_dim, value_dim):
    """Queries, keys and values."""
    shapes = {"q": (queries, head_dim), "k": (keys, head_dim), "v": (keys, value_dim)}
    return {name: rng.normal(size=(*leading, *shape)) for name, shape in shapes.items()}


def product_cases(rng):
    """More keys than queries, many more, and fewer; values of another size; heads and none; with masks and without."""
    yield Case(**product_inputs(rng, (1, 2), 1, 1, 2, 3))
    yield Case(**product_inputs(rng, (2, 1), 3, 3, 2, 2))
    yield Case(**product_inputs(rng, (2, 2), 3, 2, 3, 1), mask=some_seen(rng, 2, 2, 3, 2))
    yield Case(**product_inputs(rng, (3,), 2, 4, 1, 2))
    yield Case(**product_inputs(rng, (1,), 2, 90, 1, 1))
    yield Case(**product_inputs(rng, (3, 2), 2, 3, 2, 3), mask=some_seen(rng, 3, 2, 2, 3))


def masked_cases(rng):
    """Cases of four axes with masks, as the checks of independence need them."""
    mask = np.broadcast_to(np.tri(3, 4, 1, dtype=bool), (1, 2, 3, 4))
    yield Case(**product_inputs(rng, (1, 2), 3, 4, 2, 1), mask=mask.copy())
    yield Case(**product_inputs(rng, (2, 2), 2, 3, 2, 3), mask=hiding(rng, 2, 2, 2, 3))


WEIGHTS = "the weights of the call are kept"
BROADCAST = "masks broadcast"
NOTHING = "a query that sees nothing reads 0"
NOTHING_BACK = "a query that sees nothing has no gradient"
HIDDEN = "what the mask hides from a query does not count"
NONSENSE = "what no query sees does not count, not even NaN"
NONSENSE_BACK = "what no query sees has no gradient, not even NaN"
ROWS = "sequences of a batch know nothing of each other"

# Few features and few sequences of 64 steps: einsum without optimize takes 4 times as long as the reference (4 to 9
# times with longer ones), a loop over the queries 11 times.  Memory: all products before they are summed take 5.4 times
# as much as the reference, a matrix of derivatives for every query 20 times; copies of the weights 1.5 times.
attention = LayerExercise(
    "ScaledDotProductAttention",
    cases=product_cases,
    extreme=1000,
    depends=("masked_softmax", "softmax_backward"),
    wide=Case(q=(1, 1, 64, 16), k=(1, 1, 64, 16), v=(1, 1, 64, 16)),
    speed=Speed(Case(q=(2, 4, 64, 4), k=(2, 4, 64, 4), v=(2, 4, 64, 4)), at_most=7.5),
    memory=Memory(Case(q=(4, 2, 128, 32), k=(4, 2, 128, 32), v=(4, 2, 128, 32)), at_most=3.5),
)


def forward_of(subject, case):
    """The layer after its forward, and what that returned."""
    layer = subject.make("ScaledDotProductAttention")
    return layer, layer.call("forward", *case.inputs.values())


def gradients_of(subject, case):
    """Gradients for an upstream gradient that depends on nothing but the shape."""
    layer, y = forward_of(subject, case)
    dy = np.cos(np.arange(np.size(y))).reshape(np.shape(y))
    return by_name(("dq", "dk", "dv"), layer.call("backward", dy), "what backward returns")


@attention.check(
    WEIGHTS, cases=lambda rng: list(product_cases(rng))[-2:], part="forward", needs=("forward",), after=(FORWARD,)
)
def weights(subject, case):
    layer, _ = forward_of(subject, case)
    return {"weights": layer.get("weights")}


def broadcast_cases(rng):
    """A mask for all sequences and heads, for all queries, and for all heads."""
    inputs = product_inputs(rng, (3, 2), 4, 5, 2, 1)
    yield Case(**inputs, mask=np.tri(4, 5, 1, dtype=bool))
    yield Case(**inputs, mask=np.arange(5) < np.array([5, 2, 3])[:, None, None, None])
    yield Case(**inputs, mask=some_seen(rng, 3, 1, 4, 5))


@attention.check(BROADCAST, cases=broadcast_cases, part="forward", needs=("forward",), after=(FORWARD,))
def broadcast(subject, case):
    return {"y": forward_of(subject, case)[1]}


def hiding_cases(rng):
    for leading in [(2, 2), (3, 1)]:
        yield Case(**product_inputs(rng, leading, 3, 4, 2, 3), mask=hiding(rng, *leading, 3, 4))
    yield Case(**product_inputs(rng, (2, 1), 3, 2, 3, 2), mask=np.array([True, False])[:, None, None, None])


@attention.check(NOTHING, cases=hiding_cases, part="forward", needs=("forward",), after=(FORWARD,))
def nothing(subject, case):
    return {"y": forward_of(subject, case)[1]}


def nonsense_inputs(rng):
    """NaN and infinity where the mask makes that possible; scores that are no numbers, of pairs that are masked."""
    for case in list(hiding_cases(rng))[:2]:
        changed = {"q": with_nonsense(case.inputs["q"], 0)}
        changed |= {name: with_nonsense(case.inputs[name], -1) for name in ("k", "v")}
        yield case.with_changes(inputs={**case.inputs, **changed})
    case = Case(
        **product_inputs(rng, (2, 1), 3, 4, 3, 2),
        mask=np.tri(3, 4, dtype=bool)[None, None] | np.zeros((2, 1, 1, 1), bool),
    )
    q, k = case.inputs["q"].copy(), case.inputs["k"].copy()
    q[..., 0, 0], q[..., 1:, 0], k[..., 2, 0], k[..., [0, 1, 3], 0] = 1e200, 1e-200, -1e200, 1e-200
    yield case.with_changes(inputs={**case.inputs, "q": q, "k": k})


@attention.check(NONSENSE, cases=nonsense_inputs, part="forward", needs=("forward",), after=(FORWARD,))
def nonsense(subject, case):
    return {"y": forward_of(subject, case)[1]}


@attention.check(NOTHING_BACK, cases=hiding_cases, part="backward", after=(NOTHING, GRADIENTS))
def nothing_back(subject, case):
    return gradients_of(subject, case)


@attention.check(
    NONSENSE_BACK, cases=lambda rng: list(nonsense_inputs(rng))[:2], part="backward", after=(NONSENSE, GRADIENTS)
)
def nonsense_back(subject, case):
    return gradients_of(subject, case)


independence(attention, HIDDEN, cases=masked_cases, of=hidden_keys())
independence(attention, ROWS, cases=lambda rng: list(product_cases(rng))[-2:], of=other_rows())
