"""The exercises LoRA and merged_weights: a frozen map and an addition of low rank."""

import numpy as np

from autograder.checks import (
    Case,
    FunctionExercise,
    LayerExercise,
    Mismatch,
    Rng,
    new_rng,
    seeded,
    statistics,
    values_claims,
)

FIRST, SPREAD = "at first the layer computes what the trained map does", "A has the required mean and variance"


def adapted(in_features, out_features, rank, alpha, rng):
    """Constructor arguments: a trained map of these sizes."""
    W, b = rng.normal(size=(in_features, out_features)), rng.normal(size=out_features)
    return {"W": W, "b": b, "rank": rank, "alpha": alpha, "rng": Rng(5)}


def adapted_maps(rng):
    """Wide and narrow maps, ranks from 1 to full, several values of alpha, batch 1, sequences."""
    for leading, in_features, out_features, rank, alpha in [
        ((1,), 4, 3, 1, 2.0),
        ((6,), 2, 5, 2, 0.5),
        ((7,), 5, 1, 3, 8),
        ((3, 4), 3, 4, 2, 3.0),
        ((2, 1, 5), 4, 2, 4, 4.0),
    ]:
        yield Case(adapted(in_features, out_features, rank, alpha, rng), x=rng.normal(size=(*leading, in_features)))


lora = LayerExercise(
    "LoRA",
    cases=adapted_maps,
    has_parameters=True,
    made_with=("first_factors",),
    wide=Case(adapted(256, 128, 4, 8.0, np.random.default_rng(0)), x=(8, 256)),
)


@lora.check(FIRST, cases=adapted_maps, part="first_factors", needs=("first_factors",), weight=2)
def at_first(subject, case):
    """B, and the shapes."""
    made = subject.make("LoRA", **case.arguments)
    A, B = made.get("A.data"), made.get("B.data")
    return {"B at the beginning": B, "the shape of A": str(getattr(A, "shape", "none"))}


def large_maps(rng):
    """Maps whose A has many numbers; the output is of another size, and the rank too."""
    for in_features, out_features, rank in [(400, 9, 40), (60, 1500, 200)]:
        yield Case({**adapted(in_features, out_features, rank, 2.0, rng), "rng": new_rng(rng)})


def first_factor(subject, case):
    return subject.make("LoRA", **case.arguments).get("A.data")


def size_of(case):
    return case.arguments["W"].shape


statistics(
    lora,
    SPREAD,
    cases=large_maps,
    claims=values_claims(
        "A",
        lambda case: 1 / size_of(case)[0],
        {
            "the outputs": lambda case: 1 / size_of(case)[1],
            "the rank": lambda case: 1 / case.arguments["rank"],
            "one": lambda _: 1.0,
            "two over the inputs": lambda case: 2 / size_of(case)[0],
            "the inputs squared": lambda case: size_of(case)[0] ** -2.0,
        },
    ),
    part="first_factors",
    needs=("first_factors",),
    weight=2,
    after=(FIRST,),
)(lambda subject, case: {"y": first_factor(subject, case)})
seeded(lora, cases=large_maps, part="first_factors", after=(FIRST, SPREAD))(first_factor)


def judge_frozen(observed, expected, case):
    """Only A and B are parameters, and W and b stay as they are."""
    del case
    if observed["the parameters"] != expected["the parameters"]:
        found, right = observed["the parameters"], expected["the parameters"]
        text = f"the parameters are {found}; expected {right}: W and b are frozen"
        return Mismatch("structure", "the parameters", text)
    for name in ("W", "b"):
        if not np.array_equal(observed[name], expected[name]):
            return Mismatch("changed", name, f"{name} was changed by forward or backward: it is frozen")
    return None


@lora.check(
    "W and b stay as they are",
    cases=adapted_maps,
    part="backward",
    judge=judge_frozen,
    after=("gradients match numerical differences",),
)
def frozen(subject, case):
    made = subject.make("LoRA", **case.arguments)
    made.call("backward", np.ones_like(made.call("forward", case.inputs["x"])))
    return {"the parameters": " and ".join(sorted(made.parameters())), "W": made.get("W"), "b": made.get("b")}


def thin_factors(rng):
    """Low and full ranks, ranks above the features, a second factor of zeros, as at the beginning."""
    for in_features, out_features, rank, alpha in [
        (3, 4, 1, 2.0),
        (5, 2, 2, 0.5),
        (4, 4, 4, 8),
        (6, 3, 3, -1.5),
        (3, 5, 7, 2.0),
        (4, 2, 3, 1.0),
    ]:
        yield Case(
            {"alpha": alpha},
            W=rng.normal(size=(in_features, out_features)),
            A=rng.normal(size=(in_features, rank)),
            B=rng.normal(size=(rank, out_features)),
        )
    yield Case({"alpha": 0.0}, W=rng.normal(size=(4, 3)), A=rng.normal(size=(4, 2)), B=rng.normal(size=(2, 3)))
    yield Case({"alpha": 2.0}, W=rng.normal(size=(4, 3)), A=rng.normal(size=(4, 2)), B=np.zeros((2, 3)))


merged = FunctionExercise("merged_weights", cases=thin_factors, float32=True, new=True)
