"""Checks of 05_regularization: noise."""

import math

import numpy as np

from autograder.checks import Case, Claim, Exercise, Mean, NormalMean, Points, Variance, in_pairs, seeded, statistics
from autograder.spec import Check
from autograder.spec.comparison import compare_all

from .shared import (
    DEVICE,
    FLOAT32,
    UNTOUCHED,
    all_as_they_were,
    judge_untouched,
    judge_words,
    matrix_of,
    new_rng,
    untouched_words,
)

NOTHING = "with sigma 0 nothing changes"


NOISY = "every number has noise of its own, normal and of the right size"


def quiet_cases(rng):
    for shape in [(4, 1, 3, 5), (7,), (3, 2)]:
        yield Case({"sigma": 0.0, "rng": new_rng(rng)}, x=2 * rng.normal(size=shape))


def noise_cases(rng):
    """All numbers 2 or 3 in size, so that noise in proportion to them shows."""
    for shape, sigma, size in [((200, 1, 10, 12), 0.3, 2.0), ((150, 200), 2.0, 3.0)]:
        yield Case({"sigma": sigma, "rng": new_rng(rng)}, x=size * rng.choice([-1.0, 1.0], shape))


def noise_seen(seen, case):
    if seen["y"].shape != seen["x"].shape:
        message = "the shape is another one"
        raise ValueError(message)
    return matrix_of((seen["y"] - seen["x"]) / case.arguments["sigma"])


def noise_variance(formula):
    return lambda case: Variance(formula(case.arguments["sigma"], float(abs(case.inputs["x"].flat[0]))))


def noised(subject, case):
    return {"the result": subject.run("gaussian_noise", case.inputs["x"], **case.arguments)}


def noised_dtype(subject, case):
    y = subject.run("gaussian_noise", case.inputs["x"], **case.arguments)
    return {"the dtype of the result": str(getattr(y, "dtype", type(y).__name__))}


def unnoised(subject, case):
    return untouched_words(case.inputs, subject.run_echo("gaussian_noise", case.inputs["x"], **case.arguments)[1])


def noise_check(name, cases, observe, judge, **more):
    return Check(
        name, "gaussian_noise", 1.0, lambda rng, _: list(cases(rng)), observe, judge, needs=("gaussian_noise",), **more
    )


def single_noise(rng):
    return [case.with_changes(inputs={"x": case.inputs["x"].astype("float32")}) for case in noise_cases(rng)]


def unchanged_by_silence(_subject, case, _rng):
    return {"the result": case.inputs["x"]}


gaussian_noise = Exercise(
    "gaussian_noise",
    "function",
    ("gaussian_noise",),
    Points(gaussian_noise=2),
    [noise_check(NOTHING, quiet_cases, noised, compare_all, expect=unchanged_by_silence)],
)


@statistics(
    gaussian_noise,
    NOISY,
    cases=noise_cases,
    claims=[
        Claim(
            "the share of equal signs of the noise in two images",
            lambda s, c: np.equal(*in_pairs(noise_seen(s, c) > 0, 0)),
            lambda _: Mean(0.5),
            {"all images alike": lambda _: Mean(1.0)},
        ),
        Claim(
            "the share of equal signs of the noise in two pixels",
            lambda s, c: np.equal(*in_pairs(noise_seen(s, c) > 0, 1)),
            lambda _: Mean(0.5),
            {"all pixels alike": lambda _: Mean(1.0)},
        ),
        Claim("the mean of the noise over sigma", noise_seen, lambda _: NormalMean(0, 1)),
        Claim(
            "the variance of the noise over sigma²",
            noise_seen,
            lambda _: Variance(1.0),
            {
                "sigma taken for the variance": noise_variance(lambda sigma, _: 1 / sigma),
                "sigma squared": noise_variance(lambda sigma, _: sigma**2),
                "in proportion to x": noise_variance(lambda _, size: size**2),
                "a third of it": noise_variance(lambda *_: 1 / 3),
            },
        ),
        Claim(
            "the share of noise within one sigma",
            lambda s, c: abs(noise_seen(s, c)) < 1,
            lambda _: Mean(math.erf(math.sqrt(0.5))),
            {"that of a uniform distribution": lambda _: Mean(1 / math.sqrt(3))},
        ),
    ],
    weight=3,
    after=(NOTHING,),
)
def noise_drawn(subject, case):
    return {"x": case.inputs["x"], "y": subject.run("gaussian_noise", case.inputs["x"], **case.arguments)}


@seeded(gaussian_noise, cases=noise_cases, after=(NOTHING,))
def noise_again(subject, case):
    return subject.run("gaussian_noise", case.inputs["x"], **case.arguments)


gaussian_noise.checks.extend(
    [
        noise_check(
            UNTOUCHED,
            noise_cases,
            unnoised,
            judge_untouched,
            expect=all_as_they_were,
            after=(NOTHING,),
        ),
        noise_check(
            FLOAT32,
            single_noise,
            noised_dtype,
            judge_words({"float64": "the result is float64 where x is float32: dtype in is dtype out"}),
            expect=lambda _s, _c, _r: {"the dtype of the result": "float32"},
            after=(NOTHING,),
        ),
        noise_check(
            DEVICE, quiet_cases, noised, compare_all, expect=unchanged_by_silence, after=(NOTHING,), backend="stand-in"
        ),
    ]
)
