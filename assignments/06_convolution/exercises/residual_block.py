"""ResidualBlock: shapes with and without a projection in the shortcut."""

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
