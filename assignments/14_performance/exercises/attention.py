"""merge_attention and AttentionChunked: a softmax in pieces, and its gradient from one number per query."""

import numpy as np

from autograder.checks import FORWARD, MATCHES, Case, FunctionExercise, LayerExercise, Scaling, Speed

# --- merging ---------------------------------------------------------------------------------


def two_parts(rng):
    """One query, leading axes and none; logarithms near each other and far apart, of either sign."""
    for shape, dim, size in [((1,), 1, 1.0), ((4,), 3, 2.0), ((2, 3), 2, 30.0), ((2, 1, 5), 4, 5.0)]:
        lse1, lse2 = rng.normal(0, size, (2, *shape))
        lse1.flat[-1], lse2.flat[-1] = 0, -1  # one key with the score 0
        yield Case(y1=rng.normal(size=(*shape, dim)), lse1=lse1, y2=rng.normal(size=(*shape, dim)), lse2=lse2)


merging = FunctionExercise("merge_attention", cases=two_parts, outputs=("y", "lse"), float32=True)


def nothing_seen(rng):
    """Queries that see no key of the first part, of the second, of either."""
    for case in list(two_parts(rng))[1:]:
        inputs = {name: x.copy() for name, x in case.inputs.items()}
        inputs["lse1"].flat[0] = inputs["lse2"].flat[1] = -np.inf
        inputs["lse1"].flat[2] = inputs["lse2"].flat[2] = -np.inf
        yield case.with_changes(inputs=inputs)


def huge(rng):
    """Logarithms whose exponentials overflow, and vanish, in both dtypes."""
    for case, shift in zip(two_parts(rng), (1000.0, -1000.0, 1e5, -1e5), strict=True):
        inputs = {**case.inputs, "lse1": case.inputs["lse1"] + shift, "lse2": case.inputs["lse2"] + shift}
        yield case.with_changes(inputs=inputs)
    case = list(two_parts(rng))[-1]
    yield case.with_changes(inputs={**case.inputs, "lse2": case.inputs["lse2"] - 2000})
    yield case.with_changes(inputs={**case.inputs, "lse1": case.inputs["lse1"] - 2000})
    for case in nothing_seen(rng):
        inputs = {**case.inputs, **{name: case.inputs[name] + 1000 for name in ("lse1", "lse2")}}
        yield case.with_changes(inputs=inputs)
    for case in two_parts(rng):  # what is read is as large as single precision holds
        yield case.with_changes(inputs={name: x * (2e37 if x.ndim == 3 else 1) for name, x in case.inputs.items()})
    far = 1000 * np.arange(case.inputs["lse1"].size).reshape(case.inputs["lse1"].shape)  # one query from another
    yield case.with_changes(inputs={**case.inputs, **{name: case.inputs[name] + far for name in ("lse1", "lse2")}})


def merged(subject, case):
    found = subject.run("merge_attention", *case.inputs.values())
    several = isinstance(found, tuple | list) and len(found) == 2
    return dict(zip(("y", "lse"), found, strict=True)) if several else {"y": found}


merging.check("a part of which a query sees nothing has no effect", cases=nothing_seen, after=(MATCHES,))(merged)
merging.check("logarithms of any size stay finite", cases=huge, after=(MATCHES,))(merged)


# --- the layer -------------------------------------------------------------------------------


def sequences(leading, queries, keys, head_dim, value_dim):
    """Shapes of queries, keys and values."""
    return {"q": (*leading, queries, head_dim), "k": (*leading, keys, head_dim), "v": (*leading, keys, value_dim)}


def some_sequences(rng):
    """No axis in front and two; more keys than queries and fewer; one key; values of another size."""
    for shapes in [
        sequences((1,), 2, 3, 2, 2),
        sequences((2, 1), 3, 1, 1, 3),
        sequences((3,), 4, 2, 3, 1),
        sequences((2, 2), 3, 4, 2, 3),
    ]:
        yield Case(**{name: rng.normal(0, 1.5, shape) for name, shape in shapes.items()})


def long_ones(rng):
    """Longer than one block, of a length that blocks do not divide; with two heads."""
    for shapes in (sequences((), 301, 57, 1, 1), sequences((1, 2), 130, 515, 1, 1)):
        yield Case(**{name: rng.normal(size=shape) for name, shape in shapes.items()})


# Growth of memory: blocks of a fixed number of scores 0.2, of a fixed number of queries up to 1, weights that are kept
# 1.8.  Time, against the plain version: blocks of 64 queries 0.8, of constant size 0.6, one query at a time 14.
chunked = LayerExercise(
    "AttentionChunked",
    cases=some_sequences,
    extreme=100.0,  # scores of ten thousands; far larger ones lose their digits when the weights are made again
    wide=Case(**sequences((1,), 64, 64, 16, 16)),
    speed=Speed(Case(**sequences((4,), 512, 512, 16, 16)), at_most=1.5, against="frozen"),
    scaling=Scaling(
        lambda n: Case(**sequences((2,), n, n, 16, 16)), sizes=(512, 1024, 2048, 4096), at_most=1.3, of="memory"
    ),
)


def forward_of(subject, case):
    layer = subject.make("AttentionChunked")
    return layer, layer.call("forward", *case.inputs.values())


@chunked.check(
    "the log-sum-exp of the call is kept", cases=some_sequences, part="forward", needs=("forward",), after=(FORWARD,)
)
def logarithms(subject, case):
    layer, _ = forward_of(subject, case)
    return {"lse": layer.get("lse")}


@chunked.check("long sequences are complete", cases=long_ones, part="forward", needs=("forward",), after=(FORWARD,))
def complete(subject, case):
    return {"y": forward_of(subject, case)[1]}


@chunked.check("gradients of long sequences are complete", cases=long_ones, part="backward", after=(FORWARD,))
def complete_back(subject, case):
    layer, y = forward_of(subject, case)
    found = layer.call("backward", np.cos(np.arange(np.size(y))).reshape(np.shape(y)))
    several = isinstance(found, tuple | list) and len(found) == 3
    return dict(zip(("dq", "dk", "dv"), found, strict=True)) if several else {"dq": found}
