"""AdamInPlace: steps that take no memory."""

from autograder.checks import Case, Memory, OptimizerExercise, Quadratic, Seeded, Speed


def settings(rng):
    del rng
    yield Case({"lr": 0.001})
    yield Case({"lr": 0.1, "betas": (0.7, 0.9), "eps": 0.2})
    yield Case({"lr": 0.05, "betas": (0.8, 0.99), "eps": 0.02})


# A rate at which even one step shows in float32: a step that is left out is not fast, but wrong.
TALL = (8192, 128)
LARGE = Seeded((9000, 1000))

# The quadratic: as Adam of 04.  Time, against the plain version: in place 0.3 to 0.55, with temporary arrays in blocks
# 0.23 to 0.57, row by row 5.
optimizer = OptimizerExercise(
    "AdamInPlace",
    cases=settings,
    quadratic=Quadratic({"lr": 0.1}, 200, 1e-5),
    zeros=("betas",),
    states=("m", "v"),
    speed=Speed(Case({"lr": 0.1}, parameter=TALL, gradient=TALL), at_most=0.8, against="frozen"),
    memory=Memory(Case({"lr": 0.1}, parameter=LARGE, gradient=LARGE), at_most=1 / 8, of="parameter"),
)
