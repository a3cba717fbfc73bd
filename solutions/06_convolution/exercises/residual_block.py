"""Blocks: a shortcut with and without a projection, and branches side by side."""

from autograder.checks import Case, LayerExercise, Rng


def residual_cases(rng):
    for shape, out_channels, stride in [
        ((1, 2, 3, 4), 2, 1),
        ((3, 2, 4, 3), 3, 1),
        ((2, 3, 5, 4), 2, 2),
        ((2, 2, 4, 6), 2, 2),
    ]:
        arguments = {"in_channels": shape[1], "out_channels": out_channels, "stride": stride, "rng": Rng(0)}
        yield Case(arguments, x=rng.normal(size=shape))


residual = LayerExercise(
    "ResidualBlock",
    cases=residual_cases,
    has_parameters=True,
    depends=("im2col", "col2im", "Conv2d"),
    wide=Case({"in_channels": 2, "out_channels": 2, "stride": 1, "rng": Rng(0)}, x=(1, 2, 112, 112)),
)


def inception_cases(rng):
    """Every branch with a number of channels of its own, so that a wrong order or cut is seen."""
    for shape, channels in [
        ((1, 1, 1, 1), (1, 1, 1, 1, 1, 1)),
        ((2, 3, 4, 3), (1, 2, 4, 4, 2, 3)),
        ((3, 2, 3, 5), (4, 1, 2, 3, 3, 1)),
    ]:
        names = ("one", "narrow3", "three", "narrow5", "five", "pooled")
        arguments = {"in_channels": shape[1], **dict(zip(names, channels, strict=True)), "rng": Rng(0)}
        yield Case(arguments, x=rng.normal(size=shape))


NARROW = {"one": 1, "narrow3": 1, "three": 1, "narrow5": 1, "five": 1, "pooled": 1}

inception = LayerExercise(
    "InceptionBlock",
    cases=inception_cases,
    has_parameters=True,
    depends=("im2col", "col2im", "Conv2d", "MaxPool2d"),
    wide=Case({"in_channels": 2, **NARROW, "rng": Rng(0)}, x=(1, 2, 112, 112)),
)
