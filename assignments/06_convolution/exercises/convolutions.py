"""Conv2d, ConvTranspose2d and LocallyConnected2d: shapes of windows, and time and memory of a convolution."""

from autograder.checks import Case, LayerExercise, Memory, Rng, Speed


def convolution(shape, out_channels, kernel_size, **window):
    """Arguments and the shape of x for one convolution."""
    return {"in_channels": shape[1], "out_channels": out_channels, "kernel_size": kernel_size, **window, "rng": Rng(0)}


def conv2d_cases(rng):
    for shape, out_channels, kernel_size, window in [
        ((1, 1, 4, 3), 2, 2, {}),
        ((3, 2, 6, 5), 3, (3, 2), {"stride": 2, "padding": 1}),
        ((2, 3, 7, 6), 4, (2, 3), {"stride": (1, 2), "padding": 2, "dilation": 2}),
    ]:
        yield Case(convolution(shape, out_channels, kernel_size, **window), x=rng.normal(size=shape))


# Few channels and many places: an einsum without optimize over windows, in all three products, takes 2.4 times the
# reference here, a loop over the places of the output 50 to 58 times.  With 8 channels of 32 × 32 they took 6.2 and 9
# times, which no limit separates.  Columns of the whole batch, stored for backward, take 0.6 to 0.8 times.
conv2d = LayerExercise(
    "Conv2d",
    cases=conv2d_cases,
    has_parameters=True,
    depends=("im2col", "col2im"),
    wide=Case(convolution((3, 2, 112, 112), 2, 2), x=(3, 2, 112, 112)),
    speed=Speed(Case(convolution((2, 3, 64, 64), 4, 3, padding=1), x=(2, 3, 64, 64)), at_most=9.0),
    memory=Memory(Case(convolution((8, 8, 32, 32), 32, 3, padding=1), x=(8, 8, 32, 32)), at_most=8.0),
)


def transpose_cases(rng):
    for shape, out_channels, kernel_size, window in [
        ((1, 1, 2, 3), 2, 2, {}),
        ((3, 2, 3, 4), 3, (3, 2), {"stride": 2, "padding": 1, "output_padding": 1}),
        ((2, 3, 4, 3), 1, (2, 4), {"stride": (1, 3)}),
    ]:
        yield Case(convolution(shape, out_channels, kernel_size, **window), x=rng.normal(size=shape))


conv_transpose = LayerExercise(
    "ConvTranspose2d",
    cases=transpose_cases,
    has_parameters=True,
    depends=("im2col", "col2im"),
    wide=Case(convolution((4, 2, 96, 96), 2, 2), x=(4, 2, 96, 96)),
)


def local_cases(rng):
    for shape, out_channels, kernel_size, stride in [
        ((1, 1, 3, 2), 2, 2, 1),
        ((4, 2, 4, 5), 3, (3, 2), 1),
        ((3, 2, 5, 6), 2, (2, 3), 2),
    ]:
        arguments = convolution(shape, out_channels, kernel_size, stride=stride)
        yield Case({**arguments, "size": shape[2:]}, x=rng.normal(size=shape))


locally_connected = LayerExercise(
    "LocallyConnected2d",
    cases=local_cases,
    has_parameters=True,
    depends=("im2col", "col2im"),
    wide=Case({**convolution((1, 2, 32, 32), 2, 3), "size": (32, 32)}, x=(1, 2, 32, 32)),
)
