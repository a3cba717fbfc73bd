"""A step of two networks that are trained against each other."""

from autograder.checks import Case, New, Rng, TrainingStepExercise


def batches(rng):
    for real, noise in [(4, 4), (3, 5)]:
        yield Case(real=rng.normal(1, 1, (real, 3)), noise=rng.normal(size=(noise, 2)))


def two_networks(case):
    return {
        "generator": New("support.Perceptron", case.inputs["noise"].shape[1], 5, 3, rng=Rng(1)),
        "discriminator": New("support.Perceptron", 3, 4, rng=Rng(2)),
    }


gan_step = TrainingStepExercise(
    "gan_step",
    cases=batches,
    networks=two_networks,
    optimizers={"generator_optimizer": "generator", "discriminator_optimizer": "discriminator"},
    stale=True,
    detached=("generator",),
    cleared=("discriminator",),
    outputs=("the discriminator's loss", "the generator's loss"),
)
