"""anomaly_score: how badly every row was reconstructed."""

from autograder.checks import Case, FunctionExercise

SHAPES = [(1, 5), (6, 3), (4, 2, 3, 5), (3, 4, 2), (7, 1)]


def reconstructions(rng):
    """Rows that are reconstructed well and badly, with the mean of the differences far from 0; large numbers."""
    for shape, level in [((3, 5), 1e6), *((shape, 0.0) for shape in SHAPES)]:
        x = level + rng.random(size=shape)
        yield Case(x=x, y=x + rng.normal(0.3, rng.uniform(0.1, 2), size=shape))


anomaly_score = FunctionExercise("anomaly_score", cases=reconstructions, float32=True)
