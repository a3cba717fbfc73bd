"""Checks of 07_recurrent: temporal."""

import numpy as np

from autograder.checks import Case, LayerExercise, Rng, Speed
from autograder.checks.mutation import mutated
from autograder.spec import Check
from autograder.spec.comparison import Mismatch


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


# Measured under load: a gather of all cells and one matrix product takes 1.6 times as long as the reference, a loop over the
# steps 12 to 14 times.
causal_conv = LayerExercise(
    "CausalConv1d",
    cases=causal_cases,
    has_parameters=True,
    speed=Speed(Case(causal(8, 8, 3, dilation=4), x=(4, 512, 8)), at_most=4.0),
)


def changed_at_one_step(rng, reference):
    """Sequences, and the same with other numbers at one step alone."""
    for case in causal_cases(rng):
        changed = case.inputs["x"].copy()
        step = int(rng.integers(1, changed.shape[1]))
        changed[:, step] += rng.normal(size=changed[:, step].shape)
        parameters = reference.make("CausalConv1d", **case.arguments).parameters()
        drawn = {path: rng.normal(size=value.shape) for path, value in parameters.items()}
        yield case.with_changes(parameters=drawn, hidden={"changed": changed, "step": step})


def before_and_after(subject, case):
    layer = subject.make("CausalConv1d", **case.arguments)
    for path, value in case.parameters.items():
        layer.set(f"{path}.data", value)
    return {"y": layer.call("forward", case.inputs["x"]), "y, changed": layer.call("forward", case.hidden["changed"])}


def judge_causal(observed, _expected, case):
    """The steps that answer to a change at one step: that step and those the kernel's cells later, no others.

    No right answer is needed, so that a wrong forward can be causal.  A change that is passed on is seen by its size: both it and
    the weights that it goes through are normal, so that all outputs of a step stay under 1e-9 with a chance of less than 1e-7.
    """
    y, changed = observed["y"], observed["y, changed"]
    time, step = case.inputs["x"].shape[1], case.hidden["step"]
    if np.shape(y) != np.shape(changed) or np.ndim(y) != 3 or np.shape(y)[1] != time:
        return Mismatch(
            "shape", "y", f"y has the shape {np.shape(y)}: an output for each of the {time} steps is wanted"
        )
    difference = np.abs(changed - y).max(axis=(0, 2))
    answering = {int(t) for t in np.flatnonzero(~(difference <= 1e-9))}
    cells = [step + case.arguments["dilation"] * k for k in range(case.arguments["kernel_size"])]
    wanted = {t for t in cells if t < time}
    if answering == wanted:
        return None
    early = sorted(t for t in answering if t < step)
    if early:
        text = f"y[{early[-1]}] changes with x[{step}]: it looks into the future"
    else:
        seen = "no step at all" if not answering else f"the steps {sorted(answering)}"
        text = f"a change of x[{step}] is seen by {seen} of y, and should be by {sorted(wanted)}"
    return Mismatch("value", "y", text)


causal_conv.checks.append(
    Check(
        "an output sees the past and the present, never the future",
        "forward",
        2.0,
        lambda rng, reference: list(changed_at_one_step(rng, reference)),
        before_and_after,
        judge_causal,
        needs=("forward",),
        mutation=mutated("y = super().forward(*xs) * 1", "y[:, :-1] += 1e-3 * xs[0][:, 1:].sum()", "return y"),
    )
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
)
