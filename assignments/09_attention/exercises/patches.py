"""Images as sequences."""

from autograder.checks import Case, LayerExercise, Rng


def embedding(channels, size, patch, features):
    """Arguments of the layer."""
    return {"channels": channels, "size": size, "patch": patch, "features": features, "rng": Rng(0)}


def image_cases(rng):
    """One patch and several; images that are not square; patches of one pixel."""
    for batch, channels, size, patch, features in [
        (1, 1, (2, 2), 2, 3),
        (3, 2, (4, 2), 2, 3),
        (2, 3, (2, 3), 1, 2),
        (2, 2, (6, 3), 3, 2),
        (2, 1, (4, 6), 2, 3),
    ]:
        yield Case(embedding(channels, size, patch, features), x=rng.normal(size=(batch, channels, *size)))


# Rows of the batch do not meet: a few large images.
patches = LayerExercise(
    "PatchEmbedding",
    cases=image_cases,
    has_parameters=True,
    wide=Case(embedding(4, (32, 32), 4, 16), x=(1, 4, 32, 32)),
)
