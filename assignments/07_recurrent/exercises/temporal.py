"""Convolutions along time."""

from autograder.checks import Case, LayerExercise, Rng, Speed, independence, later_steps


def causal(channels, out_channels, kernel_size, **window):
    """Arguments of a causal convolution or of a block of them."""
    return {"in_channels": channels, "out_channels": out_channels, "kernel_size": kernel_size, **window, "rng": Rng(0)}


def causal_cases(rng):
    """Uneven in every axis; a dilation; a kernel that reaches further back than the sequence is long."""
    for (batch, time, channels), out_channels, kernel_size, dilation in [
        ((1, 4, 1), 2, 2, 1),
        ((3, 7, 2), 3, 3, 2),
        ((2, 5, 3), 2, 4, 2),
    ]:
        arguments = causal(channels, out_channels, kernel_size, dilation=dilation)
        yield Case(arguments, x=rng.normal(size=(batch, time, channels)))


# Few channels and many steps: a gather of all cells and one matrix product takes 2.6 times as long as the reference,
# a loop over output channels and cells 5.7 times, over the steps 22 to 58 times.
causal_conv = LayerExercise(
    "CausalConv1d",
    cases=causal_cases,
    has_parameters=True,
    wide=Case(causal(4, 4, 2, dilation=2), x=(1, 4096, 4)),
    speed=Speed(Case(causal(4, 4, 3, dilation=4), x=(4, 2048, 4)), at_most=10.0),
)


def reached(case, step):
    """Steps of the output that see a change at one step: that step, and those the kernel's cells later."""
    return [step + case.arguments["dilation"] * cell for cell in range(case.arguments["kernel_size"])]


independence(
    causal_conv,
    "an output sees the past and the present, never the future",
    cases=causal_cases,
    of=later_steps(seen_by=reached),
    weight=2,
)


def tcn_cases(rng):
    for (batch, time, channels), out_channels, kernel_size, dilation in [
        ((1, 4, 2), 2, 2, 1),
        ((3, 7, 2), 3, 3, 2),
        ((2, 6, 3), 2, 2, 3),
        ((2, 5, 3), 3, 3, 1),
    ]:
        arguments = causal(channels, out_channels, kernel_size, dilation=dilation)
        yield Case(arguments, x=rng.normal(size=(batch, time, channels)))


tcn = LayerExercise(
    "TCNBlock",
    cases=tcn_cases,
    has_parameters=True,
    depends=("CausalConv1d",),
    wide=Case(causal(2, 2, 2, dilation=2), x=(1, 8192, 2)),
)
