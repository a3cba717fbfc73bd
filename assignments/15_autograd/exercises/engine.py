"""value_and_grad: small functions, random expressions, networks beside their hand-written layers."""

import numpy as np

from autograder.checks import (
    MATCHES,
    RANDOM,
    Case,
    FunctionExercise,
    New,
    Ref,
    Rng,
    Speed,
    beside,
    habits,
    mutated_function,
    random_expressions,
)


def small(rng):
    """Inputs that are not used, that are broadcast, results of one number with axes, an input that is the result."""
    yield Case(f=New("support.Small", "product"), a=rng.normal(size=(3, 2)), b=rng.normal(size=2))
    yield Case(
        f=New("support.Small", "first alone"), a=rng.normal(size=3), b=rng.normal(size=(2, 2)), c=rng.normal(size=())
    )
    yield Case(f=New("support.Small", "one number"), a=rng.normal(size=(2, 3)), b=rng.normal(size=(2, 1)))
    yield Case(f=New("support.Small", "the input itself"), a=rng.normal(size=()))
    yield Case(f=New("support.Small", "product of matrices"), a=rng.normal(size=(2, 3)), b=rng.normal(size=(3, 2)))
    yield Case(f=New("support.Small", "product"), a=rng.normal(size=(3, 2)), b=rng.normal(size=(3, 2)))
    yield Case(f=New("support.Small", "reused"), a=rng.normal(size=(2, 3)), b=rng.normal(size=(1, 3)))


BATCH = 128
SIZES = {"x": (BATCH, 784), "W": (784, 128), "b": (128,), "V": (128, 10), "c": (10,)}


def labelled(rng):
    return New("support.TwoLayers", rng.integers(10, size=BATCH))


# Forward and backward of 784-128-10 at batch 128 in float32. An engine with one pass takes about as long as the
# reference; one whose products go row by row far longer.
engine = FunctionExercise(
    "value_and_grad",
    cases=small,
    outputs=("value", "grads"),
    speed=Speed(Case(f=labelled, **SIZES), at_most=2.5),
    depends=(
        "Tensor", "Recording", "Node", "Arithmetic", "Elementwise", "Reductions", "Reshaping", "concatenate",
        "Products",
    ),
    support_files=("graphs", "expressions", "nodes"),
)  # fmt: skip


def called(subject, case):
    found = subject.run("value_and_grad", *case.inputs.values())
    return {"value, grads": found}


habits(
    engine,
    called,
    cases=small,
    after=(MATCHES,),
    among=("float32",),
    to_float64=("return y[0].astype('float64'), [g.astype('float64') for g in y[1]]",),
)


def the_same_twice(rng):
    yield Case(f=New("support.Small", "product"), a=rng.normal(size=(3, 2)))


@engine.check(
    "an array that is given twice has a gradient in each place",
    cases=the_same_twice,
    after=(MATCHES,),
    mutation=mutated_function("return y[0], [sum(y[1])] * 2 if len(args) > 2 and args[1] is args[-1] else y[1]"),
)
def twice(subject, case):
    array = subject.put(case.inputs["a"])
    return {"value, grads": subject.run("value_and_grad", case.inputs["f"], array, array)}


def in_a_block(rng):
    yield from list(small(rng))[:3]


@engine.check(
    "it works within no_grad, and leaves the switch as it was",
    cases=in_a_block,
    after=(MATCHES,),
    mutation=mutated_function("return y if Recording.on else (y[0], [g * 0 for g in y[1]])"),
)
def within(subject, case):
    switch = subject.make("Recording")
    subject.run("support.switched", Ref(switch.handle), on=False)
    try:
        found = subject.run("value_and_grad", *case.inputs.values())
        seen = {"value, grads": found, "recording is on": switch.get("on")}
    finally:
        subject.run("support.switched", Ref(switch.handle), on=True)
    return seen


@engine.check(
    "f is called once, and there is one backward pass",
    cases=lambda rng: [Case(a=rng.normal(size=3), b=rng.normal(size=3))],
    expect=lambda _: {"calls of f, passes": (1, 1)},
    after=(MATCHES,),
    mutation=mutated_function("_right(*args)", "return y"),
)
def counted(subject, case):
    f = subject.make("support.Counting")
    subject.run("value_and_grad", Ref(f.handle), *case.inputs.values())
    return {"calls of f, passes": f.call("counted")}


random_expressions(
    engine,
    mutation=mutated_function("return y[0], [g * (1.001 if len(args) == 3 else 1) for g in y[1]]"),
)

# --- beside layers ---------------------------------------------------------------------------


def evaluated(subject, case):
    f, *names = case.hidden["graph"]
    found = subject.run("value_and_grad", f, *(case.inputs[name] for name in names))
    value, grads = found if isinstance(found, tuple) and len(found) == 2 else (found, [])
    grads = grads if isinstance(grads, list | tuple) else []
    return {"value": value, **{f"d{name}": each for name, each in zip(names, grads, strict=False)}}


def two_layers(rng):
    for batch, n, hidden, classes, activation in [(7, 5, 6, 3, "relu"), (1, 3, 4, 2, "tanh")]:
        labels = rng.integers(classes, size=batch)
        sizes = {"x": (batch, n), "W": (n, hidden), "b": (hidden,), "V": (hidden, classes), "c": (classes,)}
        case = Case(**{name: rng.normal(size=size) for name, size in sizes.items()}, labels=labels)
        yield case.with_changes(
            hidden={"graph": (New("support.TwoLayers", labels, activation), *sizes), "activation": activation}
        )


def linear(reference, W, b):
    layer = reference.make("layers.Linear", *W.shape, rng=Rng(0))
    layer.set("W.data", W)
    layer.set("b.data", b)
    return layer


def layers_by_hand(reference, case):
    x, W, b, V, c, labels = case.inputs.values()
    first, last = linear(reference, W, b), linear(reference, V, c)
    middle = reference.make("layers.ReLU" if case.hidden["activation"] == "relu" else "layers.Tanh")
    loss = reference.make("losses.SoftmaxCrossEntropy")
    scores = last.call("forward", middle.call("forward", first.call("forward", x)))
    value = loss.call("forward", scores, labels)
    dx = first.call("backward", middle.call("backward", last.call("backward", loss.call("backward"))))
    return {
        "value": value,
        "dx": dx,
        "dW": first.get("W.grad"),
        "db": first.get("b.grad"),
        "dV": last.get("W.grad"),
        "dc": last.get("b.grad"),
    }


beside(
    engine,
    "two layers have the gradients of 02 and 03",
    cases=lambda rng: list(two_layers(rng)),
    engine=evaluated,
    by_hand=layers_by_hand,
    after=(MATCHES, RANDOM),
    mutation=mutated_function("return y[0], [g * (1.01 if len(args) == 6 else 1) for g in y[1]]"),
)


def sequences(rng):
    for batch, steps, n, hidden in [(3, 5, 2, 4), (1, 12, 3, 2)]:
        sizes = {"x": (batch, steps, n), "W": (n, hidden), "U": (hidden, hidden), "b": (hidden,)}
        target = rng.normal(size=(batch, steps, hidden))
        case = Case(**{name: 0.7 * rng.normal(size=size) for name, size in sizes.items()}, target=target)
        yield case.with_changes(hidden={"graph": (New("support.Recurrent", target), *sizes)})


def recurrent_by_hand(reference, case):
    x, W, U, b, target = case.inputs.values()
    layer = reference.make("recurrent.RNN", *W.shape, rng=Rng(0))
    for name, value in (("W", W), ("U", U), ("b", b)):
        layer.set(f"{name}.data", value)
    loss = reference.make("losses.MeanSquaredError")
    value = loss.call("forward", layer.call("forward", x)[0], target)
    dx, _ = layer.call("backward", loss.call("backward"))
    return {"value": value, "dx": dx, **{f"d{name}": layer.get(f"{name}.grad") for name in "WUb"}}


beside(
    engine,
    "a recurrent layer has the gradients of 07",
    cases=lambda rng: list(sequences(rng)),
    engine=evaluated,
    by_hand=recurrent_by_hand,
    after=(MATCHES, RANDOM),
    mutation=mutated_function(
        "shapes = [g.shape for g in y[1]]",
        "return y[0], [g * (1.01 if len(shapes) == 4 and len(shapes[0]) == 3 else 1) for g in y[1]]",
    ),
)


def heads(rng):
    for batch, steps, features, count in [(2, 4, 6, 2), (1, 3, 4, 4)]:
        names = ("Wq", "Wk", "Wv", "Wo")
        x, target = (rng.normal(size=(batch, steps, features)) for _ in range(2))
        case = Case(x=x, **{name: rng.normal(size=(features, features)) for name in names}, target=target)
        yield case.with_changes(
            hidden={"graph": (New("support.Attending", count, target), "x", *names), "heads": count}
        )


def attention_by_hand(reference, case):
    x, Wq, Wk, Wv, Wo, target = case.inputs.values()
    layer = reference.make("attention.MultiHeadAttention", x.shape[-1], case.hidden["heads"], rng=Rng(0))
    for name, value in (("Wq", Wq), ("Wk", Wk), ("Wv", Wv), ("Wo", Wo)):
        layer.set(f"{name}.data", value)
    norm, loss = reference.make("attention.RMSNorm", x.shape[-1]), reference.make("losses.MeanSquaredError")
    normal = norm.call("forward", x)
    y = layer.call("forward", normal, normal, np.tri(x.shape[1], dtype=bool))
    value = loss.call("forward", y + x, target)
    dy = loss.call("backward")
    dx, dmemory = layer.call("backward", dy)
    found = {"value": value, "dx": dy + norm.call("backward", dx + dmemory)}
    return {**found, **{f"d{name}": layer.get(f"{name}.grad") for name in ("Wq", "Wk", "Wv", "Wo")}}


beside(
    engine,
    "normalized attention with a skip connection has the gradients of 09",
    cases=lambda rng: list(heads(rng)),
    engine=evaluated,
    by_hand=attention_by_hand,
    after=(MATCHES, RANDOM),
    mutation=mutated_function(
        "shapes = {g.shape for g in y[1][1:]}",
        "return y[0], [g * (1.01 if len(args) == 6 and len(shapes) == 1 else 1) for g in y[1]]",
    ),
)


def tables(rng):
    for symbols, features, shape in [(5, 4, (3, 6)), (3, 2, (9,))]:
        ids, target = rng.integers(symbols, size=shape), rng.normal(size=(*shape, features))
        case = Case(
            W=rng.normal(size=(symbols, features)), gamma=rng.normal(size=features), beta=rng.normal(size=features),
            ids=ids, target=target,
        )  # fmt: skip
        yield case.with_changes(hidden={"graph": (New("support.Embedded", ids, target), "W", "gamma", "beta")})


def table_by_hand(reference, case):
    W, gamma, beta, ids, target = case.inputs.values()
    table = reference.make("embeddings.Embedding", *W.shape, rng=Rng(0))
    table.set("W.data", W)
    norm = reference.make("regularization.LayerNorm", W.shape[1])
    norm.set("gamma.data", gamma)
    norm.set("beta.data", beta)
    loss = reference.make("losses.MeanSquaredError")
    value = loss.call("forward", norm.call("forward", table.call("forward", ids)), target)
    table.call("backward", norm.call("backward", loss.call("backward")))
    grads = {"dW": table.get("W.grad"), "dgamma": norm.get("gamma.grad"), "dbeta": norm.get("beta.grad")}
    return {"value": value, **grads}


beside(
    engine,
    "a table of vectors, normalized, has the gradients of 05 and 08",
    cases=lambda rng: list(tables(rng)),
    engine=evaluated,
    by_hand=table_by_hand,
    after=(MATCHES, RANDOM),
    mutation=mutated_function(
        "shapes = [g.shape for g in y[1]]",
        "return y[0], [g * (1.01 if len(args) == 4 and shapes[1] == shapes[2] else 1) for g in y[1]]",
    ),
)
