"""Checks of 07_recurrent: truncation."""

from autograder.checks import Case, FunctionExercise, Ref, Setting


def long_sequences(rng):
    """Pieces that divide evenly and that do not, of one step, one longer than the sequence; targets and labels."""
    for batch, time, steps, labels in [
        (3, 6, 2, False),
        (2, 7, 3, True),
        (1, 3, 1, False),
        (2, 3, 5, True),
        (2, 11, 4, False),
    ]:
        x, state = rng.normal(size=(batch, time, 3)), rng.normal(size=(batch, 4))
        y = rng.integers(5, size=(batch, time)) if labels else rng.normal(size=(batch, time, 5))
        yield Case({"steps": steps}, x=x, y=y, state=state)
    x, y = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 5))
    yield Case({"steps": 2}, x=x, y=y)


def training_setting(subject, case):
    x = case.inputs["x"]
    model = subject.make("support.Model", x.shape[2], 4, 5, dtype=str(x.dtype))
    optimizer = subject.make("support.Recorder", Ref(model.handle))
    return {"model": model, "loss": subject.make("support.RowLoss"), "optimizer": optimizer}


def recorded(objects):
    model, optimizer = objects["model"], objects["optimizer"]
    paths = {"V": "V", "P": "recurrent.P"}
    order = list(model.parameters())
    gradients = {
        f"the gradient of {name}, piece by piece,": optimizer.call("gradients", order.index(path))
        for name, path in paths.items()
    }
    return {**gradients, **{f"{name} at the end": model.get(f"{path}.data") for name, path in paths.items()}}


truncated = FunctionExercise(
    "truncated_bptt",
    cases=long_sequences,
    setting=Setting(training_setting, recorded),
    support_files=(
        "running",
        "training",
    ),
)
