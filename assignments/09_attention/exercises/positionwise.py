"""Layers that treat every position alone: a normalization and two small networks."""

from autograder.checks import Case, LayerExercise, Rng, Speed, other_rows, other_steps

ALONE = "every position is computed by itself"
ROWS = "sequences of a batch know nothing of each other"
INDEPENDENT = {ALONE: other_steps(), ROWS: other_rows()}

SHAPES = [(1, 3, 4), (2, 1, 3), (3, 4, 2), (2, 3, 5)]


def norm_cases(rng):
    """Rows of different size and mean; an epsilon that shows, and one feature."""
    for shape, more in [((5, 1), {"eps": 0.4}), ((4, 6), {"eps": 0.2}), ((3, 2, 5), {}), ((2, 4, 3), {"eps": 0.5})]:
        x = rng.normal(size=shape) * rng.uniform(0.3, 2.5, (*shape[:-1], 1)) + rng.normal(size=(*shape[:-1], 1))
        yield Case({"features": shape[-1], **more}, x=x)


# Rows are many and short: powers and means computed again take 1.2 times as long as the reference, a loop over the rows
# 17 to 20 times.
rms_norm = LayerExercise(
    "RMSNorm",
    cases=norm_cases,
    has_parameters=True,
    extreme=1000,
    wide=Case({"features": 256}, x=(64, 256)),
    speed=Speed(Case({"features": 64}, x=(4096, 64)), at_most=6.0),
    independent={ROWS: other_rows()},
)


def sizes_cases(rng):
    """Fewer hidden units than features, as many, and more."""
    for shape, hidden in zip(SHAPES, (3, 5, 2, 4), strict=True):
        yield Case({"features": shape[-1], "hidden": hidden, "rng": Rng(0)}, x=rng.normal(size=shape))


swiglu = LayerExercise(
    "SwiGLU",
    cases=sizes_cases,
    has_parameters=True,
    extreme=1000,
    wide=Case({"features": 64, "hidden": 64, "rng": Rng(0)}, x=(1, 4, 64)),
    independent=INDEPENDENT,
)

# Few features: einsum takes 1.4 times as long as the reference, a loop over the positions 30 times.
feed_forward = LayerExercise(
    "PositionwiseFeedForward",
    cases=sizes_cases,
    has_parameters=True,
    wide=Case({"features": 64, "hidden": 64, "rng": Rng(0)}, x=(1, 4, 64)),
    speed=Speed(Case({"features": 8, "hidden": 16, "rng": Rng(0)}, x=(16, 128, 8)), at_most=6.0),
    independent=INDEPENDENT,
)
