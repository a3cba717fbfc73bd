"""Many feed-forward layers, of which every position uses a few."""

from autograder.checks import Case, LayerExercise, Rng


def mixture(features, hidden, experts, top_k):
    """Arguments of the layer."""
    return {"features": features, "hidden": hidden, "experts": experts, "top_k": top_k, "rng": Rng(0)}


def mixture_cases(rng):
    """One expert of several, several, all; rows and sequences; more experts than positions, so that some do nothing."""
    for shape, hidden, experts, top_k in [
        ((1, 3), 2, 2, 1),
        ((2, 3, 2), 2, 2, 2),
        ((2, 1, 3), 2, 6, 2),
        ((2, 4, 3), 2, 4, 3),
        ((2, 5, 2), 3, 3, 1),
        ((7, 3), 2, 4, 2),
    ]:
        yield Case(mixture(shape[-1], hidden, experts, top_k), x=rng.normal(size=shape))


experts = LayerExercise(
    "MixtureOfExperts",
    cases=mixture_cases,
    has_parameters=True,
    outputs=("y", "balance"),
    depends=("PositionwiseFeedForward", "masked_softmax", "softmax_backward"),
    wide=Case(mixture(8, 16, 4, 2), x=(1, 64, 8)),
)
