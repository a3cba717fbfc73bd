"""Losses of two networks that train against each other, and a step of both."""

from autograder.checks import Case, LossExercise, New, Rng, TrainingStepExercise


def answers(rng, shape):
    """Logits of either sign, from unsure to sure."""
    return rng.normal(0, 3, size=shape)


def pairs_of_answers(rng):
    """As many real rows as generated ones, more, and fewer; answers of one number, of none, and of a map of places.

    First answers that are sure, and right.
    """
    yield Case(real=rng.uniform(5, 12, size=(3, 1)), fake=-rng.uniform(5, 12, size=(4, 1)))
    for real, fake in [((1, 1), (1, 1)), ((5, 1), (3, 1)), ((4,), (6,)), ((2, 3, 2), (4, 3, 2))]:
        yield Case(real=answers(rng, real), fake=answers(rng, fake))


# No two batches of the same size in the last case: a mean over both would be the mean over each.
discriminator_loss = LossExercise(
    "DiscriminatorLoss",
    cases=pairs_of_answers,
    gradient_of=("real", "fake"),
    extreme=1000.0,
)


def answers_to_generated(rng):
    """For both losses answers that are sure, on either side, and then any."""
    for arguments in ({}, {"minimax": True}):
        yield Case(arguments, fake=rng.choice([-1, 1], size=(3, 1)) * rng.uniform(5, 12, size=(3, 1)))
        for shape in [(1, 1), (5, 1), (4,), (3, 2, 2)]:
            yield Case(arguments, fake=answers(rng, shape))


generator_loss = LossExercise(
    "GeneratorLoss",
    cases=answers_to_generated,
    gradient_of=("fake",),
    extreme=1000.0,
)


def batches(rng):
    """All batches of the same size, which hides most; then each of a size of its own; then single rows."""
    for n, m, k in [(4, 4, 4), (3, 5, 2), (6, 2, 3), (1, 1, 1)]:
        yield Case(real=rng.normal(1, 1, size=(n, 3)), noise=rng.normal(size=(m, 2)), fresh=rng.normal(size=(k, 2)))


def single_precision(rng):
    return [
        Case(real=rng.normal(1, 1, (n, 3)), noise=rng.normal(size=(4, 2)), fresh=rng.normal(size=(n, 2)))
        for n in (3, 5)
    ]


def two_networks(_case):
    return {
        "generator": New("support.Perceptron", 2, 5, 3, rng=Rng(1)),
        "discriminator": New("support.Perceptron", 3, 4, rng=Rng(2)),
    }


gan_step = TrainingStepExercise(
    "gan_step",
    cases=batches,
    networks=two_networks,
    optimizers={"discriminator_optimizer": "discriminator", "generator_optimizer": "generator"},
    losses={"discriminator_loss": New("support.PairOfAnswers"), "generator_loss": New("support.OneAnswer")},
    stale=True,
    detached=("generator",),
    cleared=("discriminator",),
    outputs=("the discriminator's loss", "the generator's loss"),
    float32=single_precision,
    support_files=("answers",),
)
