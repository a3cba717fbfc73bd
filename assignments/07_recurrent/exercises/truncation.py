"""Backpropagation through time in pieces."""

from autograder.checks import Case, New, Rng, TrainingStepExercise


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


def predictor(case):
    """Running sums, and a prediction of five numbers from every one of them."""
    return {"model": New("support.Predictor", case.inputs["x"].shape[2], 4, 5, rng=Rng(5))}


truncated = TrainingStepExercise(
    "truncated_bptt",
    cases=long_sequences,
    networks=predictor,
    drawing=("model",),
    support_files=("running", "predictor"),
)
