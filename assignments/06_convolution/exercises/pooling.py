"""MaxPool2d, AvgPool2d and GlobalAveragePool: windows that overlap or leave pixels over, and ties."""

import numpy as np

from autograder.checks import FORWARD, GRADIENTS, Case, LayerExercise, Speed

TIES = "the first of equal numbers wins"
MANY, LARGEST = 12, 9.0
"""A kernel size whose square is larger than a signed byte; what makes the corner the largest pixel."""


def pooling_cases(rng):
    """Windows that overlap, that leave pixels over, and padding; mostly negative, so that a padded zero would win.

    In the second case the padding is larger than batch, channels and image: an array that is padded by one of these is
    too small. It is half of the kernel, the most that is allowed. The windows of the last have more cells than a byte
    can number, and the last of these cells is the largest.
    """
    for shape, window in [
        ((1, 1, 4, 4), {"kernel_size": 2}),
        ((1, 1, 2, 2), {"kernel_size": 6, "stride": 1, "padding": 3}),
        ((3, 2, 7, 5), {"kernel_size": (3, 2), "stride": 2, "padding": 1}),
        ((2, 2, 4, 5), {"kernel_size": 2, "padding": 1}),
        ((2, 3, 5, 7), {"kernel_size": (2, 3), "stride": (1, 2)}),
        ((2, 1, 5, 6), {"kernel_size": (2, 3)}),
        ((1, 1, 14, 13), {"kernel_size": MANY, "stride": 1}),
    ]:
        x = rng.normal(-1, 1, size=shape)
        x[..., -1, -1] += LARGEST * (window["kernel_size"] == MANY)
        yield Case(window, x=x)


def tied_cases(rng):
    """Few different values, so that nearly every window contains equal ones, as after a ReLU."""
    for shape, window in [
        ((2, 3, 6, 8), {"kernel_size": 2}),
        ((2, 2, 7, 7), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ]:
        yield Case(window, x=rng.integers(-1, 2, size=shape) * 1.0)


# argmax over the windows of a strided view and add.at take 3 times the reference, a loop over the places, which are
# many on few images, 38 times.
max_pool = LayerExercise(
    "MaxPool2d",
    cases=pooling_cases,
    wide=Case({"kernel_size": 2}, x=(1, 1, 160, 160)),
    speed=Speed(Case({"kernel_size": 2}, x=(2, 2, 128, 128)), at_most=9.0),
)


@max_pool.check(TIES, cases=tied_cases, part="backward", after=(FORWARD, GRADIENTS))
def ties(subject, case):
    """Whole numbers as dy, so that sums are exact in any order."""
    layer = subject.make("MaxPool2d", **case.arguments)
    y = layer.call("forward", case.inputs["x"])
    return {"dx": layer.call("backward", 1.0 + np.arange(y.size).reshape(y.shape))}


avg_pool = LayerExercise("AvgPool2d", cases=pooling_cases, wide=Case({"kernel_size": 2}, x=(1, 1, 180, 180)))


global_average = LayerExercise(
    "GlobalAveragePool",
    cases=lambda rng: [Case(x=rng.normal(size=shape)) for shape in [(1, 2, 3, 4), (3, 1, 2, 2), (4, 3, 5, 2)]],
    wide=Case(x=(1, 1, 256, 256)),
)
