"""A step of training, and guidance."""

import numpy as np

from autograder.checks import Case, FunctionExercise, New, Rng, Setting, TrainingStepExercise

from .noising import levels


def spoiled_batches(rng):
    """Each step of the noise occurs; batches of several sizes, of one row; also a single level."""
    for batch, steps in [(4, 4), (7, 3), (1, 2), (3, 1)]:
        x, noise = rng.normal(1, 1, size=(batch, 3)), rng.normal(size=(batch, 3))
        t = rng.permutation(np.arange(batch) % steps) if batch > 1 else np.array([steps - 1])
        labels = rng.integers(5, size=batch)
        # levels are no input: what has the batch as its first axis is
        yield Case({"beta": levels(rng, steps)}, x=x, t=t, noise=noise, labels=labels)


def guesser(_case):
    return {"model": New("support.Guesser", 3, 4, 6, rng=Rng(3))}


denoising_step = TrainingStepExercise(
    "denoising_step",
    cases=spoiled_batches,
    networks=guesser,
    stale=True,
    drawing=("model",),
    outputs=("the loss",),
    float32=lambda rng: list(spoiled_batches(rng))[:2],
    depends=("q_sample",),
    support_files=("guesser",),
)


def guided_cases(rng):
    for batch, w, nothing in [(4, 0.0, 5), (5, 2.0, 5), (1, 0.5, 0), (3, 7.0, 3)]:
        yield Case(
            x=rng.normal(size=(batch, 3)),
            t=rng.integers(4, size=batch),
            labels=rng.integers(5, size=batch),
        ).with_changes(arguments={"w": w, "nothing": nothing})


def with_model(subject, case):
    model = subject.make("support.Guesser", 3, 4, 6, rng=Rng(3))
    dtype = case.inputs["x"].dtype
    model.call("astype", str(dtype))
    return {"model": model}


guided_noise = FunctionExercise(
    "guided_noise",
    cases=guided_cases,
    setting=Setting(with_model, lambda _objects: {}),
    models=("model",),
    float32=True,
    support_files=("guesser",),
)
