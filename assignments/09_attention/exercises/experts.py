"""Many feed-forward layers, of which every position uses a few."""

from autograder.checks import Case, LayerExercise, Rng, mutated


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


def equal_cases(rng):
    """Several experts of which some are chosen."""
    for experts, top_k in [(4, 2), (5, 1), (3, 3)]:
        yield Case(mixture(3, 2, experts, top_k), x=rng.normal(size=(6, 3)))


@experts.check(
    "of equal probabilities, top_k are chosen",
    cases=equal_cases,
    part="forward",
    needs=("forward",),
    after=("forward matches the reference",),
    mutation=mutated("y, balance = super().forward(*xs)", "return y, balance * (1 + (abs(self.Wr.data).max() == 0))"),
)
def among_equals(subject, case):
    """All experts compute the same and are equally probable, so that it does not matter which are chosen."""
    layer = subject.make("MixtureOfExperts", **case.arguments)
    for path, value in layer.parameters().items():
        owner, _, name = path.rpartition(".")
        layer.write(f"{path}.data", layer.get(f"experts.0.{name}.data") if owner else 0 * value)
    y, balance = layer.call("forward", case.inputs["x"])
    return {"y": y, "balance": balance}
