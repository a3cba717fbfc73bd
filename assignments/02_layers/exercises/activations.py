"""Sigmoid, Tanh, ReLU, LeakyReLU, ELU, GELU and Softmax: inputs on both sides of zero, and very large ones."""

from autograder.checks import Case, LayerExercise, Memory, Speed

# Different sizes: a mean over 7 rows differs from the sum, over 1 row it does not, and no two axes have the same
# length.
SHAPES = [(1, 4), (7, 3), (2, 3, 5)]


def elementwise_cases(rng):
    """Inputs of two and three axes, on both sides of zero."""
    for shape in SHAPES:
        yield Case(x=rng.normal(0, 1.5, size=shape))


sigmoid = LayerExercise(
    "Sigmoid",
    cases=elementwise_cases,
    extreme=1000.0,
)


tanh = LayerExercise(
    "Tanh",
    cases=elementwise_cases,
    extreme=1000.0,
)


# Few columns, so that a loop over the rows is slow: it takes 23 times the reference, one over elements 120 times; two
# calls of select take 4.5 times, assignments at the indices of what is positive 3.4 times.
relu = LayerExercise(
    "ReLU",
    cases=elementwise_cases,
    wide=Case(x=(1, 65_536)),
    speed=Speed(Case(x=(8192, 16)), at_most=10.0),
)


leaky_relu = LayerExercise(
    "LeakyReLU",
    cases=lambda rng: [
        Case({"slope": slope}, **case.inputs)
        for slope, case in zip((0.01, 0.2, 0.1), elementwise_cases(rng), strict=True)
    ],
    wide=Case({"slope": 0.1}, x=(1, 65_536)),
)


elu = LayerExercise(
    "ELU",
    cases=lambda rng: [
        Case({"alpha": alpha}, **case.inputs)
        for alpha, case in zip((1.0, 0.5, 1.7), elementwise_cases(rng), strict=True)
    ],
    extreme=1000.0,
)


gelu = LayerExercise(
    "GELU",
    cases=elementwise_cases,
)


def softmax_cases(rng):
    for shape, axis in [((1, 4), -1), ((3, 5), 0), ((4, 2, 3), 1), ((6, 5), -1)]:
        yield Case({"axis": axis}, x=rng.normal(0, 2, size=shape))


# A stack of Jacobians by einsum takes 2.9 times the reference here (but fails for memory), a loop over rows 18 to 27
# times.
softmax = LayerExercise(
    "Softmax",
    cases=softmax_cases,
    extreme=1000.0,
    wide=Case({"axis": -1}, x=(64, 256)),  # an explicit Jacobian has to fit in memory
    speed=Speed(Case({"axis": -1}, x=(2048, 10)), at_most=7.0),
    memory=Memory(Case({"axis": -1}, x=(1024, 128)), at_most=5.0),
)
