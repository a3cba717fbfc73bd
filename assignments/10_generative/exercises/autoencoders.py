"""Autoencoders: a network whose target is its input, and a step of its training."""

import numpy as np

from autograder.checks import (
    FORWARD,
    GRADIENTS,
    Case,
    Claim,
    LayerExercise,
    Mean,
    Modes,
    New,
    Rng,
    TrainingStepExercise,
    by_name,
    in_pairs,
    judge_words,
    new_rng,
    seeded,
    statistics,
)

BY_ITSELF = "each number of the input is lost by itself, with probability noise"
KEPT = "what the encoder was given is kept as corrupted"
LEFT_OUT = "the gradient at the code may be left out"


def bending(features, code):
    """Networks without noise whose outputs depend on everything."""
    networks = {"encoder": New("support.Bend", features, code, rng=Rng(1))}
    return {**networks, "decoder": New("support.Bend", code, features, rng=Rng(2)), "noise": 0.0}


def passing_on(features, code):
    """The same with a decoder that returns the array it is given, in forward and in backward."""
    return {**bending(features, code), "decoder": New("support.Same")}


def scaling(features, noise, rng):
    """Networks that treat each number by itself, so that the code is 1 where the number was lost or is 0, only."""
    networks = {
        "encoder": New("support.Lift", features, rng=Rng(3)),
        "decoder": New("support.Scale", features, rng=Rng(4)),
    }
    return {**networks, "noise": noise, "rng": new_rng(rng)}


def far_from_zero(shape, rng):
    return rng.uniform(0.2, 2, size=shape) * rng.choice([-1, 1], shape)


def with_zeros(x):
    """Every fourth number is 0."""
    return x * (np.arange(x.size) % 4 > 0).reshape(x.shape)


# Where there is noise, at least 140 numbers are not 0, and 48 are: that all of these are lost is rarer than 1e-14.
def autoencoder_cases(rng):
    for batch, features, code in [(1, 4, 3), (5, 3, 2), (3, 2, 5)]:
        yield Case(bending(features, code), x=with_zeros(rng.normal(size=(batch, features))))
    for batch, features, noise in [(20, 11, 0.4), (16, 12, 0.5)]:
        parameters = {"encoder.w": far_from_zero(features, rng)}
        x = with_zeros(far_from_zero((batch, features), rng))
        yield Case(passing_on(3, 4), x=rng.normal(size=(4, 3)))
        yield Case(scaling(features, noise, rng), parameters=parameters, x=x)


MANY = 40
"""Zeros of which at least one is kept, whatever is drawn."""


def apart_from_noise(seen, case):
    """Without noise everything; with noise, each result less what the kept numbers give.

    A 0 in x is encoded alike whether it is lost or kept: its gradient says which.
    """
    if not case.arguments["noise"]:
        return seen
    x, y, code = case.inputs["x"], seen["y"], seen["code"]
    w, v = case.parameters["encoder.w"], case.parameters["decoder.w"]
    kept = (code != 1) | (x == 0)
    visible = np.broadcast_to(w != 0, x.shape)
    found = {
        "the code of kept numbers, less encoder(x),": np.where(kept, code - (w * x + 1), 0),
        "y, less decoder(code),": y - v * code,
        "what is lost of x": "something" if (visible & ~kept).any() else "nothing",
    }
    if "dx" in seen:
        dy, dcode = case.upstreams["dy"], case.upstreams["dcode"]
        total = v * dy + dcode
        zeros = visible & (x == 0)
        kept &= (x != 0) | (seen["dx"] != 0)
        found["what is kept of zeros in x"] = "something" if kept[zeros].any() or zeros.sum() < MANY else "nothing"
        found["dx, less the gradient through the kept numbers,"] = seen["dx"] - kept * w * total
        first = seen["the gradient of encoder.w"] - (total * x * kept).sum(axis=0)
        found["the gradient of encoder.w, less that of the kept numbers,"] = np.where(w != 0, first, 0)
        last = seen["the gradient of decoder.w"] - (dy * code).sum(axis=0)
        found["the gradient of decoder.w, less dy times the code,"] = last
    return found


autoencoder = LayerExercise(
    "Autoencoder",
    cases=autoencoder_cases,
    outputs=("y", "code"),
    has_parameters=True,
    support_files=("autoencoders",),
    modes=Modes(steps=2),
    invariant=apart_from_noise,
)


def many_numbers(rng):
    for noise, shape in [(0.2, (150, 200)), (0.7, (200, 150))]:
        yield Case(scaling(shape[1], noise, rng), x=np.ones(shape))


def given(case):
    return Mean(case.arguments["noise"])


def neighbours(axis):
    """Whether a number is lost, for those whose neighbour along the axis is lost"""

    def look(seen, _case):
        one, other = in_pairs(seen["code"] == 1, axis)
        return other[one]

    return look


ONCE = {"drawn once for both": lambda _case: Mean(1.0)}


@statistics(
    autoencoder,
    BY_ITSELF,
    cases=many_numbers,
    part="forward",
    weight=3,
    after=(FORWARD,),
    claims=[
        Claim(
            "the share of lost numbers",
            lambda seen, _: seen["code"] == 1,
            given,
            {"1 − noise": lambda case: Mean(1 - case.arguments["noise"])},
        ),
        Claim("the share of lost numbers beside lost ones of another row", neighbours(0), given, ONCE),
        Claim("the share of lost numbers beside lost ones of another column", neighbours(1), given, ONCE),
        Claim(
            "the share of numbers lost in a second call where they were lost in the first",
            lambda seen, _: seen["again"][seen["code"] == 1] == 1,
            given,
            ONCE,
        ),
    ],
)
def two_calls(subject, case):
    model = subject.make("Autoencoder", **case.arguments)
    return {name: code_of(model.call("forward", case.inputs["x"])) for name in ("code", "again")}


def code_of(returned):
    return by_name(("y", "code"), returned).get("code")


@seeded(autoencoder, cases=many_numbers, part="forward", after=(FORWARD,))
def codes(subject, case):
    return code_of(subject.make("Autoencoder", **case.arguments).call("forward", case.inputs["x"]))


OTHER_INPUT = {"something else": "corrupted is not what the encoder was given in this call"}


@autoencoder.check(
    KEPT,
    cases=lambda rng: [*many_numbers(rng)][:1],
    part="forward",
    expect=lambda _: dict.fromkeys(("corrupted in training", "corrupted in evaluation"), "as it was"),
    judge=judge_words(OTHER_INPUT),
    after=(FORWARD,),
)
def what_was_seen(subject, case):
    """Compare what is kept with the code, which is the encoder's input times w, and 1."""
    model = subject.make("Autoencoder", **case.arguments)
    seen = {}
    for mode, name in (("train", "corrupted in training"), ("eval", "corrupted in evaluation")):
        model.call(mode)
        code = code_of(model.call("forward", case.inputs["x"]))
        kept, w = model.get("corrupted"), model.get("encoder.w.data")
        same = np.shape(kept) == np.shape(code) and np.allclose(np.multiply(kept, w) + 1, code)
        seen[name] = "as it was" if same else "something else"
    return seen


@autoencoder.check(
    LEFT_OUT,
    cases=lambda rng: [Case(bending(3, 2), x=rng.normal(size=(5, 3)), dy=rng.normal(size=(5, 3)))],
    part="backward",
    after=(GRADIENTS,),
)
def without_penalty(subject, case):
    model = subject.make("Autoencoder", **case.arguments)
    model.call("forward", case.inputs["x"])
    return {"dx": model.call("backward", case.inputs["dy"]), "dA": model.get("encoder.A.grad")}


def rows(rng):
    """One row, several, and rows of one number."""
    for batch, features, code in [(1, 4, 3), (6, 5, 2), (4, 1, 2)]:
        yield Case(x=rng.normal(size=(batch, features))).with_changes(hidden={"code": code})


reconstruction_step = TrainingStepExercise(
    "reconstruction_step",
    cases=rows,
    networks=lambda case: {
        "model": New("support.Blind", case.inputs["x"].shape[1], case.hidden["code"], rng=Rng(5)),
    },
    stale=True,
    drawing=("model",),
    float32=True,
    support_files=("autoencoders",),
)
