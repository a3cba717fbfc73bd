"""Losses of regression: MeanSquaredError and Huber."""

from autograder.checks import Case, LossExercise

from .inputs import SHAPES, clear_of


def pair_cases(rng):
    for shape in SHAPES:
        yield Case(prediction=rng.normal(0, 1.5, size=shape), target=rng.normal(size=shape))


mean_squared_error = LossExercise(
    "MeanSquaredError",
    cases=pair_cases,
    gradient_of=("prediction",),
)


def huber_cases(rng):
    for shape, delta in zip(SHAPES, (1.0, 0.5, 1.7), strict=True):
        prediction, target = clear_of(
            lambda p, t, delta=delta: abs(p - t) - delta,
            lambda shape=shape: (rng.normal(0, 1.5, size=shape), rng.normal(size=shape)),
        )
        yield Case({"delta": delta}, prediction=prediction, target=target)


huber = LossExercise(
    "Huber",
    cases=huber_cases,
    gradient_of=("prediction",),
)
