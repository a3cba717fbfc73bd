"""AdamInPlace: steps that take no memory."""

from autograder.checks import Case, Memory, OptimizerExercise, Quadratic, Speed


def settings(rng):
    del rng
    yield Case({"lr": 0.001})
    yield Case({"lr": 0.1, "betas": (0.7, 0.9), "eps": 0.2})
    yield Case({"lr": 0.05, "betas": (0.8, 0.99), "eps": 0.02})


SQUARE = (1024, 1024)
LARGE = Case({"lr": 0.001}, parameter=SQUARE, gradient=SQUARE)

# The quadratic: as Adam of 04.  Time, against the plain version: in place 0.3, with temporary arrays in blocks 0.3, with
# some temporary arrays 0.4.  Memory: in place and in blocks 0.02, one temporary array 0.3.
optimizer = OptimizerExercise(
    "AdamInPlace",
    cases=settings,
    quadratic=Quadratic({"lr": 0.1}, 200, 1e-5),
    zeros=("betas",),
    states=("m", "v"),
    speed=Speed(LARGE, at_most=0.75, against="frozen"),
    budgets=(Memory(LARGE, at_most=0.2, against="frozen"),),
)
