"""Plain gradient descent, and descent with momentum."""

from autograder.checks import Case, OptimizerExercise, Quadratic, Speed

LARGE = (16384, 16)
"""Shape of the timed parameter: a few milliseconds for whole arrays, and many short rows, over which a loop is slow."""


def sgd_cases(rng):
    del rng
    yield Case({"lr": 0.1})
    yield Case({"lr": 0.02, "weight_decay": 0.7})
    yield Case({"lr": 0.3, "weight_decay": 0.05})


# The quadratic: 200 steps leave 3e-11 of its initial value in every draw; the path depends on the curvatures alone.
sgd = OptimizerExercise(
    "SGD",
    cases=sgd_cases,
    quadratic=Quadratic({"lr": 0.05}, 200, 1e-6),
)


def momentum_cases(rng):
    del rng
    yield Case({"lr": 0.1})
    yield Case({"lr": 0.03, "momentum": 0.5, "weight_decay": 0.7})
    yield Case({"lr": 0.05, "momentum": 0.8, "weight_decay": 0.1})


# The quadratic: 6e-10 of its initial value is left in every draw.  Whole arrays instead of blocks take 2 to 3 times
# the reference, in float64 8 times, a loop over the rows 77 times.
momentum = OptimizerExercise(
    "Momentum",
    cases=momentum_cases,
    quadratic=Quadratic({"lr": 0.02}, 200, 1e-6),
    zeros=("momentum",),
    speed=Speed(Case({"lr": 0.01}, parameter=LARGE, gradient=LARGE), at_most=18.0),
)


# The quadratic: 9e-14 of its initial value is left in every draw.
nesterov = OptimizerExercise(
    "Nesterov",
    cases=momentum_cases,
    quadratic=Quadratic({"lr": 0.02}, 200, 1e-6),
    zeros=("momentum",),
)
