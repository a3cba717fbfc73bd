"""Optimizers that adapt the size of the step to each parameter."""

from autograder.checks import Case, OptimizerExercise, Quadratic, Speed

from .descent import LARGE


def adagrad_cases(rng):
    del rng
    yield Case({"lr": 0.1})
    yield Case({"lr": 0.3, "eps": 0.2, "weight_decay": 0.3})
    yield Case({"lr": 0.05, "eps": 0.02, "weight_decay": 0.1})


# The quadratic: 2.4e-10 of its initial value is left in the mean and 2.9e-9 at worst over 50 draws.
adagrad = OptimizerExercise(
    "Adagrad",
    cases=adagrad_cases,
    quadratic=Quadratic({"lr": 0.8}, 200, 1e-5),
)


def rmsprop_cases(rng):
    del rng
    yield Case({"lr": 0.01})
    yield Case({"lr": 0.1, "alpha": 0.7, "eps": 0.2, "weight_decay": 0.3})
    yield Case({"lr": 0.05, "alpha": 0.9, "eps": 0.02, "weight_decay": 0.1})


# The quadratic: 2.7e-7 of its initial value is left in the mean and 5.1e-6 at worst over 50 draws: it oscillates at
# the end.
rmsprop = OptimizerExercise(
    "RMSprop",
    cases=rmsprop_cases,
    quadratic=Quadratic({"lr": 0.02}, 300, 1e-3),
    zeros=("alpha",),
)


def adadelta_cases(rng):
    del rng
    yield Case({"lr": 1.0})
    yield Case({"lr": 2.0, "rho": 0.7, "eps": 0.05, "weight_decay": 0.3})
    yield Case({"lr": 0.5, "rho": 0.95, "eps": 0.01, "weight_decay": 0.1})


# The quadratic: 0.010 of its initial value is left in the mean and 0.014 at worst over 20 draws: it is slow to start.
adadelta = OptimizerExercise(
    "Adadelta",
    cases=adadelta_cases,
    quadratic=Quadratic({"lr": 10.0}, 300, 0.1),
    zeros=("rho",),
    states=("squares", "steps"),
)


def adam_cases(rng):
    del rng
    yield Case({"lr": 0.001})
    yield Case({"lr": 0.1, "betas": (0.7, 0.9), "eps": 0.2, "weight_decay": 0.3})
    yield Case({"lr": 0.05, "betas": (0.8, 0.99), "eps": 0.02, "weight_decay": 0.1})


# The quadratic: 8e-10 of its initial value is left in the mean and 7e-9 at worst over 50 draws. Whole arrays instead
# of blocks take 3 to 5 times the reference, in float64 6.4 times, a loop over rows 100 times.
adam = OptimizerExercise(
    "Adam",
    cases=adam_cases,
    quadratic=Quadratic({"lr": 0.1}, 200, 1e-5),
    zeros=("betas",),
    states=("m", "v"),
    speed=Speed(Case({"lr": 0.1}, parameter=LARGE, gradient=LARGE), at_most=16.0),
)


# The quadratic: 6e-10 of its initial value is left in the mean and 5e-9 at worst over 50 draws.
adamw = OptimizerExercise(
    "AdamW",
    cases=adam_cases,
    quadratic=Quadratic({"lr": 0.1}, 200, 1e-5),
    zeros=("betas", "weight_decay"),
    states=("m", "v"),
)
