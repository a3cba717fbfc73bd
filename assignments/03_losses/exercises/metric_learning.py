"""Losses of metric learning and ranking: Angular, RankNet and Triplet."""

import numpy as np

from autograder.checks import FORWARD, GRADIENTS, Case, LossExercise, Mismatch, Speed

from .inputs import clear_of

ZEROS = "vectors of zeros stay finite"
SHORT = "10⁻¹² is added to both squared lengths"


def angle_cases(rng):
    for (batch, features), margin in zip([(1, 3), (6, 2), (9, 5)], (0.0, 0.3, -0.2), strict=True):
        a, b = clear_of(
            lambda a, b, margin=margin: (
                (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1)) - margin
            ),
            lambda shape=(batch, features): (rng.normal(0, 1.5, size=shape), rng.normal(size=shape)),
        )
        cosine = (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
        # unlike pairs on both sides of the margin, and alike pairs on both sides
        target = np.empty(batch, dtype=int)
        for side in (cosine > margin, cosine < margin):
            target[side] = np.where(np.arange(side.sum()) % 2, 1, -1)
        yield Case({"margin": margin}, a=a, b=b, target=target)


angular = LossExercise(
    "Angular",
    cases=angle_cases,
    gradient_of=("a", "b"),
    wide=Case({}, a=(2, 8192), b=(2, 8192), target=lambda rng: rng.permutation([1, -1])),
)


def zero_cases(rng):
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    a[1] = b[2] = 0
    yield Case({"margin": 0.1}, a=a, b=b, target=np.array([1, 1, -1, -1]))


def judge_finite(observed, expected, case):
    """Require any finite numbers: a vector of zeros has no direction."""
    del expected, case
    for name, value in observed.items():
        if not np.isfinite(value).all():
            return Mismatch("nan", name, f"{name} is not finite where a vector is all zeros")
    return None


@angular.check(ZEROS, cases=zero_cases, judge=judge_finite, after=(GRADIENTS,))
def with_zeros(subject, case):
    loss = subject.make("Angular", **case.arguments)
    y = loss.call("forward", *case.inputs.values())
    return {"the loss": y, "what backward returns": loss.call("backward")}


def short_cases(rng):
    """Vectors of a length of about 10⁻⁶: a is short, then b, then both; and one of zeros. Every pair has a loss."""
    a, b = rng.normal(size=(7, 3)), rng.normal(size=(7, 3))
    a[[0, 1, 4, 5]] *= 1e-6
    b[2:6] *= 1e-6
    a[6] = 0
    yield Case({"margin": -1.0}, a=a, b=b, target=np.array([1, -1, 1, -1, 1, -1, 1]))


# Only forward: numerical differences, and what rounds off in them, mean nothing for vectors that are so short.
@angular.check(SHORT, cases=short_cases, part="forward", needs=("forward",), after=(FORWARD,))
def of_short_vectors(subject, case):
    return {"the loss": subject.make("Angular", **case.arguments).call("forward", *case.inputs.values())}


def ranking_cases(rng):
    for batch in (1, 4, 60):  # among 60, some pair is in the wrong order by an extreme difference
        yield Case(better=rng.normal(0, 2, size=batch), worse=rng.normal(size=batch))


rank_net = LossExercise(
    "RankNet",
    cases=ranking_cases,
    gradient_of=("better", "worse"),
    extreme=1000.0,
)


def triplet_cases(rng):
    """Negatives near and far, so that the hinge is active for some rows and zero for others.

    In the second case all vectors are so close together that the 10⁻⁶ in the distance matters.
    """
    for (batch, features), margin, size in [((1, 4), 1.0, 1.0), ((6, 3), 0.03, 0.02), ((7, 5), 0.6, 1.0)]:
        anchor = rng.normal(size=(batch, features))
        near = size * rng.uniform(0.2, 1, size=(batch, features))
        far = near * (rng.permutation(np.arange(batch)) % 2 * 6 + 0.5)[:, None]
        yield Case({"margin": margin}, anchor=anchor, positive=anchor - near, negative=anchor + far[:, ::-1])


triplet = LossExercise(
    "Triplet",
    cases=triplet_cases,
    gradient_of=("anchor", "positive", "negative"),
    wide=Case({"margin": 20.0}, anchor=(2, 6000), positive=(2, 6000), negative=(2, 6000)),
    # The margin keeps every triplet active: at a kink, rounding in float32 would decide.  Powers and add.at take 2.4
    # times the reference, a loop over the rows 39 times.
    speed=Speed(Case({"margin": 20.0}, anchor=(2048, 16), positive=(2048, 16), negative=(2048, 16)), at_most=7.0),
)
