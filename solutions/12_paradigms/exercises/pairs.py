"""The exercise CLIPLoss: both directions, a learned scale, and its limit."""

import numpy as np

from autograder.checks import Case, LossExercise

from .views import of_lengths


def images_and_texts(rng):
    """One pair, more pairs than features, fewer; scales below and above the limit; rows of several lengths."""
    for batch, features, scale in [(1, 3, 5.0), (6, 2, 2.0), (4, 4, 250.0), (3, 7, 100.5), (5, 3, 0.3)]:
        images = rng.normal(size=(batch, features))
        order = -1 if scale > 100 else 1  # where a scale above the limit would matter
        texts = images[::order] + rng.normal(size=images.shape)
        yield Case(
            images=of_lengths(rng, images, 1, 1.4),
            texts=of_lengths(rng, texts, -0.2, 0.2),
            parameters={"log_scale": np.log(np.array([scale]))},
        )
    yield far_pair(rng)


def far_pair(rng):
    """All pairs alike but one, whose image is opposite to all texts: with a large scale, in single precision too."""
    texts = np.array([2.0, 0.5, -1.0]) + rng.normal(0, 0.05, (4, 3))
    images = texts * np.array([1.0, -1.0, 1.0, 1.0])[:, None]
    return Case(images=images, texts=texts, parameters={"log_scale": np.log(np.array([99.5]))})


clip = LossExercise(
    "CLIPLoss",
    cases=images_and_texts,
    gradient_of=("images", "texts"),
    wide=Case(images=(3, 6000), texts=(3, 6000)),
    extreme=1000.0,
    batch_mean=False,
    has_parameters=True,
    depends=("UnitLength",),
)


@clip.check(
    "the scale begins with 1 / 0.07",
    cases=lambda _: [Case({})],
    part="forward",
    after=("forward matches the reference",),
)
def first_scale(subject, case):
    del case
    return {"log_scale at the beginning": subject.make("CLIPLoss").get("log_scale.data")}
