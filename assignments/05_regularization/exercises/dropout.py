"""The exercise Dropout."""

import numpy as np

from autograder.checks import (
    FORWARD,
    Case,
    Claim,
    LayerExercise,
    Mean,
    Memory,
    Modes,
    Ref,
    Rng,
    Speed,
    in_pairs,
    new_rng,
    seeded,
    statistics,
)

BY_ITSELF = "each number is dropped by itself, with probability p"


# Where p > 0, at least 180 numbers are not 0: the probability that none of them is dropped, or all, is below 1e-27.
def dropout_cases(rng):
    for p, shape in [(0.0, (3, 5)), (0.3, (4, 3, 5, 4)), (0.4, (24, 26))]:
        x = rng.normal(size=shape)
        x.flat[::4] = 0  # as after a ReLU: these are 0 in y whatever the mask is
        yield Case({"p": p, "rng": new_rng(rng)}, x=x)


def factors(seen, case):
    """The factors of kept and of dropped numbers, and whether anything is dropped.

    That all of the sixty zeros of x, or none of them, are kept is rarer than 1e-9.
    """
    x, y = case.inputs["x"], seen["y"]
    live = x != 0
    kept, dropped = live & (y != 0), live & (y == 0)
    found = ends("y / x where y is not 0", y[kept] / x[kept])
    if "dx" in seen:
        ratio = seen["dx"] / case.upstream
        found |= ends("dx / dy where y is not 0", ratio[kept])
        found |= ends("dx / dy where x is not 0 and y is", ratio[dropped])
        found |= ends("dx / dy where x is 0", ratio[~live])
    return {**found, "the dropped part of y": "something" if dropped.any() else "nothing"}


def ends(name, numbers):
    return {
        f"the {word} {name}": (end(numbers) if numbers.size else numbers.dtype.type(0))
        for word, end in (("smallest", np.min), ("largest", np.max))
    }


# A mask of float64 (twice the bytes, and the same again while it is made) takes 1.5 to 2 times the reference's
# memory. Time: masks drawn as binomial numbers and zeros written into copies take 4.1 times the reference, a loop
# over the rows, which are many and short, 20 times.
dropout = LayerExercise(
    "Dropout",
    cases=dropout_cases,
    support_files=("single_values",),
    modes=Modes(steps=2),
    invariant=factors,
    speed=Speed(Case({"p": 0.4, "rng": Rng(0)}, x=(8192, 32)), at_most=8.0),
    memory=Memory(Case({"p": 0.4, "rng": Rng(0)}, x=(512, 1024)), at_most=4.0),
)


def given(case):
    return Mean(case.arguments["p"])


def one_value(rng):
    for p, shape in [(0.2, (150, 200)), (0.7, (20, 8, 12, 16))]:
        yield Case({"p": p, "rng": new_rng(rng)}, x=np.ones(shape))


def neighbours(axis):
    """Whether a number is dropped, for those whose neighbour along the axis is dropped"""

    def look(seen, _case):
        one, other = in_pairs(seen["y"] == 0, axis)
        return other[one]

    return look


ONCE = {"drawn once for both": lambda _case: Mean(1.0)}


@statistics(
    dropout,
    BY_ITSELF,
    cases=one_value,
    part="forward",
    weight=3,
    after=(FORWARD,),
    claims=[
        Claim(
            "the share of zeros in y",
            lambda seen, _: seen["y"] == 0,
            given,
            {"1 − p": lambda case: Mean(1 - case.arguments["p"])},
        ),
        Claim("the share of zeros where x is a single number", lambda seen, _: np.equal(seen["alone"], 0), given),
        Claim("the share of zeros beside zeros in another row", neighbours(0), given, ONCE),
        Claim("the share of zeros beside zeros in another column", neighbours(-1), given, ONCE),
        Claim("the share of zeros beside zeros in another channel", neighbours(1), given, ONCE),
        Claim(
            "the share of zeros in a second call where there were zeros in the first",
            lambda seen, _: seen["again"][seen["y"] == 0] == 0,
            given,
            ONCE,
        ),
    ],
)
def two_calls(subject, case):
    layer = subject.make("Dropout", **case.arguments)
    seen = {name: layer.call("forward", case.inputs["x"]) for name in ("y", "again")}
    return {**seen, "alone": subject.run("support.one_by_one", Ref(layer.handle), 1000)}


@seeded(dropout, cases=one_value, part="forward", after=(FORWARD,))
def masked(subject, case):
    return subject.make("Dropout", **case.arguments).call("forward", case.inputs["x"])
