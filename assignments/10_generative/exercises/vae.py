"""The four pieces of a variational autoencoder: the draw, the divergence, the likelihood, the network."""

import math

import numpy as np

from autograder.checks import (
    FORWARD,
    Case,
    Claim,
    LayerExercise,
    LossExercise,
    Mean,
    New,
    NormalMean,
    Rng,
    Speed,
    Variance,
    equal_signs,
    new_rng,
    normal_shape,
    rows_apart,
    seeded,
    statistics,
)

NORMAL = "every number has a draw of its own, normal with the given mean and variance"


def distributions(rng):
    """Means of every size; deviations near 0, below 1 and above."""
    for shape, level in [((1, 3), -90.0), ((4, 2, 3), -90.0), ((6, 5), 0.5), ((5, 4, 3), -0.5)]:
        log_variance = level + rng.normal(0, 0.7, size=shape)
        yield Case({"rng": new_rng(rng)}, mean=rng.normal(0, 2, size=shape), log_variance=log_variance)


FAR = 0.1
"""Of a draw in standard deviations: nearer to the mean, rounding in float32 would be seen in a ratio."""


def apart_from_draw(seen, case):
    """Where there is no variance, z; otherwise the derivative of z by log_variance over z − mean, which is ½."""
    mean, log_variance = case.inputs["mean"], case.inputs["log_variance"]
    sigma = np.exp(log_variance / 2)
    if sigma.max() < 1e-9:
        return seen
    moved = seen["z"] - mean
    visible = abs(moved) > FAR * sigma
    found = {"what moves z from the mean": "a draw" if visible.any() else "nothing"}
    if "dmean" in seen:
        dz = case.upstream
        ratio = (seen["dlog_variance"][visible] / (dz * moved)[visible]) if visible.any() else np.zeros(1)
        found["dmean less dz"] = seen["dmean"] - dz
        found["the smallest dlog_variance / (dz (z − mean))"] = ratio.min()
        found["the largest dlog_variance / (dz (z − mean))"] = ratio.max()
    return found


gaussian_sample = LayerExercise("GaussianSample", cases=distributions, outputs=("z",), invariant=apart_from_draw)


def many_draws(rng):
    """All variances alike, far from 1, so that an incorrect power of them is visible."""
    for shape, log_variance, mean in [((120, 250), math.log(4), 3.0), ((40, 30, 25), math.log(0.09), -2.0)]:
        inputs = {"mean": np.full(shape, mean), "log_variance": np.full(shape, log_variance)}
        yield Case({"rng": new_rng(rng)}, **inputs)


def drawn(name):
    """One row per row: the draws in multiples of the standard deviation"""

    def look(seen, case):
        z, mean = seen[name], case.inputs["mean"]
        if z.shape != mean.shape:
            message = "the shape of z differs from that of the mean"
            raise ValueError(message)
        return ((z - mean) / np.exp(case.inputs["log_variance"] / 2)).reshape(len(z), -1)

    return look


def variance(power):
    """The law of the draws if the deviation were another function of log_variance"""
    return lambda case: Variance(float(power(case.inputs["log_variance"].flat[0])))


first = drawn("z")


def in_both(seen, case):
    """Draws whose signs are equal in both calls"""
    return (first(seen, case) > 0) == (drawn("again")(seen, case) > 0)


@statistics(
    gaussian_sample,
    NORMAL,
    cases=many_draws,
    part="forward",
    weight=3,
    needs=("forward",),
    after=(FORWARD,),
    claims=[
        equal_signs(first, 0, "rows", " of the draws"),
        equal_signs(first, 1, "columns", " of the draws"),
        Claim("the mean of (z − mean) / σ", first, lambda _: NormalMean(0, 1)),
        Claim(
            "the variance of (z − mean) / σ",
            first,
            lambda _: Variance(1.0),
            {
                "the variance used as the deviation": variance(math.exp),
                "the log-variance used as the deviation": variance(lambda level: level**2 / math.exp(level)),
                "the root of the deviation": variance(lambda level: math.exp(-level / 2)),
                "a third of it": lambda _: Variance(1 / 3),
            },
        ),
        *normal_shape("draws", first),
        Claim(
            "the share of equal signs in two calls",
            in_both,
            lambda _: Mean(0.5),
            {"the draws of the first call again": lambda _: Mean(1.0)},
        ),
    ],
)
def two_draws(subject, case):
    layer = subject.make("GaussianSample", **case.arguments)
    return {name: layer.call("forward", *case.inputs.values()) for name in ("z", "again")}


@seeded(gaussian_sample, cases=many_draws, part="forward", after=(FORWARD,))
def one_draw(subject, case):
    return subject.make("GaussianSample", **case.arguments).call("forward", *case.inputs.values())


@rows_apart(
    gaussian_sample,
    cases=lambda rng: [Case(mean=rng.normal(size=(4, 3)), log_variance=rng.normal(size=(4, 3)))],
    part="forward",
    after=(FORWARD, NORMAL),
)
def draw_of_few(subject, case):
    return one_draw(subject, case)


def codes(rng):
    """One row alone, one dimension alone; deviations on both sides of 1, far below it, and far above."""
    for level, deviation in [(-35.0, 1.5), (13.0, 700.0)]:
        log_variance = level + rng.normal(0, 0.5, size=(3, 4))
        yield Case(mean=rng.normal(0, deviation, size=(3, 4)), log_variance=log_variance)
    for batch, latent in [(1, 3), (5, 2), (4, 6), (7, 1)]:
        yield Case(mean=rng.normal(0, 1.5, size=(batch, latent)), log_variance=rng.normal(size=(batch, latent)))


gaussian_kl = LossExercise("GaussianKL", cases=codes, gradient_of=("mean", "log_variance"))


def images(rng):
    """Grey values, some exactly 0 or 1, as rows and as images; and pixels of which the network is sure, rightly."""
    logits = rng.choice([-1, 1], size=(3, 8)) * rng.uniform(5, 12, size=(3, 8))
    yield Case(logits=logits, target=(logits > 0).astype(float))
    for shape in [(1, 4), (5, 3), (3, 2, 4, 3), (6, 1)]:
        target = np.clip(rng.uniform(-0.3, 1.3, size=shape), 0, 1)
        yield Case(logits=rng.normal(0, 2, size=shape), target=target)


bernoulli = LossExercise(
    "BernoulliLikelihood",
    cases=images,
    gradient_of=("logits",),
    extreme=1000.0,
    wide=Case(logits=(1, 16_000), target=lambda rng: rng.random((1, 16_000))),
    speed=Speed(Case(logits=(4096, 8), target=lambda rng: rng.random((4096, 8))), at_most=10.0),
)


def networks(in_features, latent, out_features):
    return {
        "encoder": New("support.Bend", in_features, 2 * latent, rng=Rng(1)),
        "sampler": New("support.Draw"),
        "decoder": New("support.Bend", latent, out_features, rng=Rng(2)),
    }


def network_cases(rng):
    """One row alone, one latent number alone, logits of another size than x, a decoder that returns dy itself."""
    returned = {"decoder": New("support.Same")}
    for batch, sizes, changed in [
        (1, (3, 2, 3), {}),
        (5, (4, 1, 4), {}),
        (3, (2, 3, 5), {}),
        (6, (3, 2, 2), returned),
        (4, (5, 4, 2), {}),
    ]:
        yield Case({**networks(*sizes), **changed}, x=rng.normal(size=(batch, sizes[0])))


vae = LayerExercise(
    "VAE",
    cases=network_cases,
    outputs=("logits", "mean", "log_variance"),
    has_parameters=True,
    support_files=("autoencoders",),
    wide=Case(networks(200, 40, 200), x=(1, 200)),
)
