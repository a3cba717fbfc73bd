"""A layer whose weights are not shared between places."""

from autograder.checks import Case, LayerExercise, Rng, Speed


def local(channels, out_channels, length, kernel_size, stride=1):
    """Arguments of a locally connected layer."""
    arguments = {"in_channels": channels, "out_channels": out_channels, "length": length, "kernel_size": kernel_size}
    return {**arguments, "stride": stride, "rng": Rng(0)}


def local_cases(rng):
    """Windows that overlap, that leave steps over, and that leave steps out between them."""
    for (batch, length, channels), out_channels, kernel_size, stride in [
        ((1, 4, 1), 2, 2, 1),
        ((4, 8, 2), 3, 3, 2),
        ((3, 7, 3), 2, 2, 3),
        ((2, 6, 2), 2, 4, 1),
    ]:
        arguments = local(channels, out_channels, length, kernel_size, stride)
        yield Case(arguments, x=rng.normal(size=(batch, length, channels)))


# Few channels and many places: einsum without optimize takes 2.2 times as long as the reference, a loop over the
# places 15 to 27 times.  A matrix of all places by all inputs (21 times) grows with their square, and may fail.
locally_connected = LayerExercise(
    "LocallyConnected1d",
    cases=local_cases,
    has_parameters=True,
    wide=Case(local(8, 8, 128, 3), x=(1, 128, 8)),
    speed=Speed(Case(local(2, 2, 1024, 3), x=(4, 1024, 2)), at_most=6.0),
)
