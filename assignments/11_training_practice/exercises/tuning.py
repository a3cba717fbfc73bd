"""The exercise fine_tune: which network moves, in which mode each is, and what is computed once."""

from autograder.checks import Case, New, Rng, Speed, TrainingStepExercise


def few_rows(rng):
    """Batches that divide evenly and that do not, one larger than the data, of one row; one epoch; images; labels."""
    for shape, outputs, size, epochs in [
        ((6, 3), (6, 4), 2, 3),
        ((7, 3), (), 3, 2),
        ((5, 2, 2), (5, 2), 9, 3),
        ((3, 4), (3, 3), 1, 2),
        ((8, 2), (), 5, 1),
    ]:
        y = rng.normal(size=outputs) if outputs else rng.integers(4, size=shape[0])
        yield Case(
            {"size": size, "epochs": epochs, "rng": Rng(int(rng.integers(1 << 30)))}, x=rng.normal(size=shape), y=y
        )


def body_and_head(case):
    x, y = case.inputs.values()
    in_features = x.shape[1] * (x.shape[2] if x.ndim > 2 else 1)
    features = case.hidden.get("features", 5)
    return {
        "body": New("support.Body", in_features, features, rng=Rng(5)),
        "head": New("support.Head", features, y.shape[1] if y.ndim > 1 else 4, rng=Rng(6)),
    }


# Computing the features anew for every batch takes 5 times the reference, one network of both parts that is sent back
# through as well 9 times.
tune = TrainingStepExercise(
    "fine_tune",
    cases=few_rows,
    networks=body_and_head,
    optimizers={"optimizer": "head"},
    stale=True,
    detached=("body",),
    drawing=("head",),
    speed=Speed(
        Case({"size": 128, "epochs": 8, "rng": Rng(3)}, x=(512, 2048), y=(512, 3)).with_changes(
            hidden={"features": 192}
        ),
        at_most=2.5,
        half_at=3.5,
    ),
    support_files=("bodies",),
)
