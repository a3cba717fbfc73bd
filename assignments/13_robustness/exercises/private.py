"""The exercises clipped_sum and dp_sgd_step: one row's share is limited, and drowns in noise."""

import math

import numpy as np

from autograder.checks import (
    MATCHES,
    Case,
    Claim,
    FunctionExercise,
    Mean,
    New,
    NormalMean,
    Ref,
    Rng,
    TrainingStepExercise,
    Variance,
    equal_signs,
    new_rng,
    normal_shape,
    seeded,
    statistics,
)

from .attacks import ATTACKED, SUPPORT

NOISY = "the noise is normal, independent, and of the right size"
LR = 0.5
SHARED = 270
"""Numbers of the smaller parameter."""


def rows(rng, **arguments):
    """Batch 1 and several; rows of other sizes, so that some are clipped; rows without a gradient; images."""
    for number, (shape, kind, clip) in enumerate(
        [
            ((1, 3), "rows", 0.5),
            ((6, 4), "labels", 1.0),
            ((5, 2, 3), "rows", 2.0),
            ((4, 3), "rows", 1e-3),
            ((4, 2), "labels", 50.0),
        ]
    ):
        x = rng.normal(size=shape) * np.exp(rng.normal(0, 1, (shape[0], *[1] * (len(shape) - 1))))
        y = 3 * rng.normal(size=(shape[0], 3)) if kind == "rows" else rng.integers(3, size=shape[0])
        case = Case({"clip": clip, **arguments}, x=x, y=y)
        yield case.with_changes(hidden={"training": number % 2 == 1})
    x = rng.normal(size=(3, 4))
    x[1] = 0
    yield Case({"clip": 0.7, **arguments}, x=x, y=rng.normal(size=(3, 3)))


clipped = FunctionExercise(
    "clipped_sum",
    cases=rows,
    setting=ATTACKED,
    float32=lambda rng: list(rows(rng))[1:4],
    support_files=SUPPORT,
)


def quiet(rng):
    """No noise: the trajectory is determined."""
    for case in rows(rng, sigma=0.0):
        yield case.with_changes(arguments={**case.arguments, "rng": new_rng(rng)}, hidden={})


private = TrainingStepExercise(
    "dp_sgd_step",
    cases=quiet,
    networks=lambda case: {"model": New("support.Victim", math.prod(case.inputs["x"].shape[1:]), 5, 3, rng=Rng(4))},
    stale=True,
    depends=("clipped_sum",),
    support_files=("victims",),
)


def noisy(rng):
    """Rows without a gradient: all that moves the parameters is noise."""
    for count, features, clip, sigma in [(4, 150, 0.2, 3.0), (25, 120, 3.0, 0.4)]:
        arguments = {"clip": clip, "sigma": sigma, "rng": new_rng(rng)}
        yield Case(arguments, x=np.zeros((count, features)), y=rng.normal(size=(count, 3)))


def drawn(subject, case):
    """How far V and w have moved, as multiples of what one step of the noise's size is."""
    features = case.inputs["x"].shape[1]
    model = subject.make("support.Victim", features, 90, 3, rng=Rng(4))
    optimizer = subject.keep("support.descent", Ref(model.handle), LR)
    before = {name: model.get(f"{name}.data") for name in "Vw"}
    subject.run(
        "dp_sgd_step", *case.inputs.values(), **case.arguments, model=Ref(model.handle),
        loss=Ref(subject.make("support.RowLoss").handle), optimizer=Ref(optimizer.handle),
    )  # fmt: skip
    size = LR * case.arguments["sigma"] * case.arguments["clip"] / len(case.inputs["x"])
    return {name: (start - model.get(f"{name}.data")) / size for name, start in before.items()}


def noise(seen, case):
    del case
    return seen["V"]


def last_noise(seen, case):
    del case
    return seen["w"]


def of(formula):
    """The variance that a mistake has, of the numbers of a case: rows, clip, sigma."""
    return lambda case: Variance(
        formula(float(len(case.inputs["x"])), float(case.arguments["clip"]), float(case.arguments["sigma"]))
    )


statistics(
    private,
    NOISY,
    cases=noisy,
    claims=[
        Claim("the mean of the noise over σ C / batch", noise, lambda _: NormalMean(0, 1)),
        Claim(
            "the variance of the noise over (σ C / batch)²",
            noise,
            lambda _: Variance(1.0),
            {
                "noise for every row": of(lambda n, _c, _s: n),
                "noise after the division": of(lambda n, _c, _s: n * n),
                "without the clipped length": of(lambda _n, c, _s: c**-2),
                "σ C as the variance": of(lambda _n, c, s: 1 / (s * c)),
                "σ² C as the standard deviation": of(lambda _n, _c, s: s * s),
                "divided by the root of the batch": of(lambda n, _c, _s: n),
            },
        ),
        equal_signs(noise, 0, "rows", " of the noise"),
        equal_signs(noise, 1, "columns", " of the noise"),
        *normal_shape("noise", noise),
        Claim("the variance of the second parameter's noise, too", last_noise, lambda _: Variance(1.0)),
        Claim(
            "the share of equal signs in the noise of two parameters",
            lambda seen, _: np.equal(*((seen[name].ravel()[:SHARED] > 0) for name in "Vw")),
            lambda _: Mean(0.5),
            {"the same noise in all parameters": lambda _: Mean(1.0)},
        ),
    ],
    weight=3,
    after=(MATCHES,),
)(drawn)
seeded(private, cases=lambda rng: list(noisy(rng))[:1], after=(MATCHES, NOISY))(
    lambda subject, case: drawn(subject, case)["V"]
)
