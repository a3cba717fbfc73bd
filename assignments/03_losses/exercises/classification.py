"""Losses of classification: binary and softmax cross-entropy, KLDivergence, Focal, MultiMargin."""

import numpy as np

from autograder.checks import Case, LossExercise, Speed

from .inputs import SHAPES, clear_of

TABLES = [(1, 4), (5, 2), (7, 6)]


def logit_cases(rng):
    """Logits that are sure, and right; then targets anywhere between no and yes."""
    logits = rng.choice([-1, 1], size=(3, 4)) * rng.uniform(5, 12, size=(3, 4))
    yield Case(logits=logits, target=(logits > 0).astype(float))
    for shape in SHAPES:
        yield Case(logits=rng.normal(0, 2, size=shape), target=rng.random(size=shape))


binary_cross_entropy = LossExercise(
    "BinaryCrossEntropy",
    cases=logit_cases,
    gradient_of=("logits",),
    extreme=1000.0,
    wide=Case(logits=(1, 16_000), target=lambda rng: rng.random((1, 16_000))),
)


def label_cases(rng):
    """Scores that are sure, and right; then any, with smoothed labels and without."""
    labels = rng.integers(0, 3, size=4)
    sure = rng.normal(size=(4, 3)) + rng.uniform(9, 13, size=(4, 1)) * np.eye(3)[labels]
    yield Case({"label_smoothing": 0.0}, scores=sure, labels=labels)
    for (batch, classes), smoothing in zip(TABLES, (0.1, 0.0, 0.3), strict=True):
        scores = rng.normal(0, 2, size=(batch, classes))
        yield Case({"label_smoothing": smoothing}, scores=scores, labels=rng.integers(0, classes, size=batch))


# Few classes, so that a loop over the rows is slow: it takes 56 to 78 times the reference, a stack of Jacobians 4.6
# times, logaddexp along the axis 2.6 times.
softmax_cross_entropy = LossExercise(
    "SoftmaxCrossEntropy",
    cases=label_cases,
    gradient_of=("scores",),
    extreme=1000.0,
    shift_invariant=True,
    wide=Case({}, scores=(64, 256), labels=lambda rng: rng.integers(0, 256, size=64)),
    speed=Speed(Case({}, scores=(4096, 10), labels=lambda rng: rng.integers(0, 10, size=4096)), at_most=12.0),
)


def distribution_cases(rng):
    """Targets in which some classes are impossible."""
    for shape in [(1, 4), (3, 2, 5), (7, 3)]:
        logits = rng.normal(size=shape)
        prediction = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        target = rng.random(size=shape) + 0.1
        target[..., 0] *= rng.random(size=shape[:-1]) < 0.5
        target[0, ..., 0] = 0
        yield Case(prediction=prediction, target=target / target.sum(axis=-1, keepdims=True))


kl_divergence = LossExercise(
    "KLDivergence",
    cases=distribution_cases,
    gradient_of=("prediction",),
)


def yes_no_cases(rng):
    """Targets that are yes or no, both also in the first row, which a check makes extreme."""
    for shape, gamma, alpha in zip(SHAPES, (2.0, 0.5, 3.0), (0.25, 0.4, 0.7), strict=True):
        target = (np.arange(np.prod(shape)) % 3 == 0).reshape(shape).astype(float)
        yield Case({"gamma": gamma, "alpha": alpha}, logits=rng.normal(0, 2, size=shape), target=target)


focal = LossExercise(
    "Focal",
    cases=yes_no_cases,
    gradient_of=("logits",),
    extreme=1000.0,
    wide=Case({}, logits=(1, 10_000), target=lambda rng: 1.0 * (rng.random((1, 10_000)) < 0.5)),
)


def margin_cases(rng):
    """In the last row of each another class has exactly the score of the correct one."""
    for (batch, classes), margin in zip(TABLES, (1.0, 0.5, 1.6), strict=True):
        labels = rng.integers(0, classes, size=batch)

        def slack(scores, labels=labels, margin=margin):
            rows = np.arange(len(labels))
            left = np.ones(scores.shape, dtype=bool)
            left[rows, labels] = False
            return (margin - scores[rows, labels][:, None] + scores)[left]

        def draw(shape=(batch, classes), label=labels[-1]):
            scores = rng.normal(0, 1.5, size=shape)
            scores[-1, label - 1] = scores[-1, label]
            return (scores,)

        (scores,) = clear_of(slack, draw)
        yield Case({"margin": margin}, scores=scores, labels=labels)


# On this grid every difference is exact in float32 and none is zero: the order of the operations does not matter.
margin_speed = Case(
    {"margin": 1 + 1 / 32},
    scores=lambda rng: rng.integers(-64, 65, size=(4096, 10)) / 16,
    labels=lambda rng: rng.integers(0, 10, size=4096),
)


# Rows of the identity and where take 2.3 times the reference, a loop over the classes 1.6 times, over the rows 46
# times.
multi_margin = LossExercise(
    "MultiMargin",
    cases=margin_cases,
    gradient_of=("scores",),
    shift_invariant=True,
    wide=Case({}, scores=(64, 256), labels=lambda rng: rng.integers(0, 256, size=64)),
    speed=Speed(margin_speed, at_most=9.0),
)
