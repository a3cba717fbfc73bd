"""Penalties on a code: units that are rarely active, codes that hardly change."""

from autograder.checks import Case, LayerExercise, LossExercise, New, Rng


def codes(rng):
    """Activities on both sides of rho, one row alone, one unit alone."""
    for (batch, units), rho, weight in [
        ((1, 3), 0.4, 1.0),
        ((6, 1), 0.05, 0.3),
        ((4, 5), 0.2, 2.5),
        ((7, 2), 0.7, 0.8),
    ]:
        yield Case({"rho": rho, "weight": weight}, code=rng.uniform(0.03, 0.97, size=(batch, units)))


sparse_penalty = LossExercise("SparsePenalty", cases=codes, gradient_of=("code",))


def activities(rng):
    """One row alone, one unit alone, more inputs than units and fewer."""
    for batch, in_features, units in [(1, 3, 2), (5, 2, 4), (6, 4, 1), (4, 5, 3)]:
        matrix = New("support.weights", in_features, units, rng=Rng(0))
        yield Case({"W": matrix}, h=rng.uniform(0.03, 0.97, size=(batch, units)))


contractive_penalty = LayerExercise(
    "ContractivePenalty", cases=activities, has_parameters=True, support_files=("autoencoders",)
)
