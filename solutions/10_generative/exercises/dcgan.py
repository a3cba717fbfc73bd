"""DCGANGenerator and DCGANDiscriminator: layers of 02, 05 and 06 in the right order, in training and in evaluation."""

from autograder.checks import Case, LayerExercise, Modes, Rng


def alive(rng, **norms):
    """Parameters of norms by their names and channels, such that the activation after it is off nowhere for all rows.

    Where it is, the next norm divides by the root of its epsilon, and rounding errors are as large as anything else.
    """
    found = {}
    for name, channels in norms.items():
        found[f"{name}.gamma"] = rng.choice([-1, 1], channels) * rng.uniform(0.7, 1.5, channels)
        found[f"{name}.beta"] = rng.uniform(-0.5, 0.5, channels)
    return found


def codes(rng):
    for batch, latent, channels in [(1, 3, 2), (2, 1, 2), (3, 3, 4), (3, 5, 2)]:
        case = Case({"latent": latent, "channels": channels, "rng": Rng(0)}, z=rng.normal(size=(batch, latent)))
        yield case.with_changes(parameters=alive(rng, norm1=channels, norm2=channels // 2))


generator = LayerExercise(
    "DCGANGenerator",
    cases=codes,
    has_parameters=True,
    modes=Modes(steps=3, state=("norm1.running_mean", "norm1.running_var", "norm2.running_mean", "norm2.running_var")),
)


def pictures(rng):
    for batch, channels in [(1, 2), (2, 1), (3, 3), (3, 2)]:
        yield Case({"channels": channels, "rng": Rng(0)}, x=rng.normal(size=(batch, 1, 14, 14)))


discriminator = LayerExercise(
    "DCGANDiscriminator",
    cases=pictures,
    has_parameters=True,
    modes=Modes(steps=3, state=("norm.running_mean", "norm.running_var")),
)
