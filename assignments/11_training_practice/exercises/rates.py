"""The exercise learning_rate_finder: rates, smoothed losses, when it ends, and what it leaves as it was."""

import numpy as np

from autograder.checks import MATCHES, Case, New, Ref, Rng, TrainingStepExercise

GRADUAL = {"lowest": 1e-3, "highest": 0.5}
SMALL = {"lowest": 1e-6, "highest": 1e-5}


def growing(rng):
    """Many batches and one, sizes that divide evenly and that do not, an end by an explosion of the loss; labels."""
    for rows, size, outputs, arguments in [
        (12, 3, 2, GRADUAL),
        (11, 2, 0, {"lowest": 1e-4, "highest": 0.1, "beta": 0.5}),
        (5, 8, 1, GRADUAL),
        (30, 2, 2, {"lowest": 1e-2, "highest": 300.0, "beta": 0.3}),
        (30, 3, 1, {"lowest": 0.1, "highest": 1e4, "beta": 0.8, "stop": 1.5}),
        (14, 2, 1, {}),
    ]:
        y = rng.normal(size=(rows, outputs)) if outputs else rng.integers(3, size=rows)
        yield Case({"size": size, **arguments}, x=rng.normal(size=(rows, 3)), y=y)
    yield from by_targets(rng)


def by_targets(rng):
    """Losses that follow the size of the targets: a slow rise, a fall and a rise; NaN, infinity at once."""
    slow, valley = [1.2**k for k in range(14)], [9, 6, 4, 2, 1, 1, 1, 2, 3, 4, 5]
    for sizes, arguments in [
        (slow, {"beta": 0.1, "stop": 3.0}),
        (valley, {"beta": 0.2, "stop": 5.0}),
        ([1, 1, np.nan, 1], {"beta": 0.5}),
        ([np.nan, 1, 1], {}),
        ([np.inf, 1, 1], {}),
        ([1, 2], {}),
    ]:
        y = 3 * np.repeat(sizes, 2)[:, None] * np.sign(rng.normal(size=(2 * len(sizes), 2)))
        yield Case({"size": 2, **SMALL, **arguments}, x=rng.normal(size=(len(y), 3)), y=y)


def perceptron(case):
    y = case.inputs["y"]
    return {"model": New("support.Perceptron", 3, 4, y.shape[1] if y.ndim > 1 else 3, rng=Rng(5))}


finder = TrainingStepExercise(
    "learning_rate_finder",
    cases=growing,
    networks=perceptron,
    stale=True,
    drawing=("model",),
    outputs=("the rates", "the smoothed losses"),
    cpu_only="After every batch it decides in CPU memory whether to go on.",
)


@finder.check("the optimizer's learning rate is as before", cases=growing, after=(MATCHES,))
def rate_after(subject, case):
    new = perceptron(case)["model"]
    model = subject.make(new.name, *new.args, **new.kwargs)
    log = subject.make("support.Log", {"model": Ref(model.handle)}, [])
    optimizer = log.keep("optimizer", "optimizer", [Ref(model.handle)], 0.125)
    loss = subject.make("support.RowLoss")
    objects = {"model": model, "optimizer": optimizer, "loss": loss}
    subject.run(
        "learning_rate_finder",
        *case.inputs.values(),
        **case.arguments,
        **{name: Ref(each.handle) for name, each in objects.items()},
    )
    return {"the learning rate afterwards": optimizer.get("lr")}
