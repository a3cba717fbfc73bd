"""The exercise random_flip: some of the images are mirrored, left to right."""

import numpy as np

from autograder.checks import Case, Claim, Mean, each_with_probability, new_rng, statistics

from .images import OWN_DRAW, augmentation, distinct_images, same_images, small_images

GENERATOR = "draws from the generator that it is given"
LONE = "an image that comes alone has a draw of its own"
ALONE = 500


def flip_cases(rng):
    for shape, p in [((30, 1, 4, 5), 0.5), ((25, 3, 3, 4), 0.7), ((40, 2, 4, 4), 1.0), ((41, 1, 5, 3), 0.0)]:
        yield Case({"p": p}, x=distinct_images(rng, shape))


def many_flips(rng):
    for p in (0.5, 0.2):
        yield Case({"p": p, "rng": new_rng(rng)}, x=small_images(rng, 8000, 1, 2, 3))


def mirrored(y, x):
    """Which images are mirrored; raises where an image is neither mirrored nor unchanged."""
    flipped, itself = same_images(y, x[..., ::-1]), same_images(y, x)
    if not (flipped | itself).all():
        message = "an image is neither itself nor its mirror image"
        raise ValueError(message)
    return flipped


def flip_ways(case):
    """At p = 0 and 1 only one result is possible."""
    p = case.arguments["p"]

    def mirrored_or_not(x, mirror):
        return [batch for batch, possible in ((mirror(x), p > 0), (x, p < 1)) if possible]

    return {
        "it is itself or its mirror image": lambda x: mirrored_or_not(x, lambda x: x[..., ::-1]),
        "it is upside down, or itself": lambda x: mirrored_or_not(x, lambda x: x[:, :, ::-1]),
        "it is rotated by 180°, or itself": lambda x: mirrored_or_not(x, lambda x: x[:, :, ::-1, ::-1]),
        "it is mirrored where it should not be, and not where it should": lambda x: [x if p > 0 else x[..., ::-1]],
        "it is mirrored or not, for any p": lambda x: [x, x[..., ::-1]],
        "it is another image of the batch": lambda x: (
            other
            for offset in range(len(x))
            for other in mirrored_or_not(np.roll(x, offset, axis=0), lambda x: x[..., ::-1])
        ),
    }


random_flip = augmentation(
    "random_flip",
    cases=flip_cases,
    draws=many_flips,
    ways=flip_ways,
    sentences={
        "it is upside down, or itself": "an image is upside down: exchange left and right",
        "something else": "an image is neither itself nor its mirror image",
    },
    claims=each_with_probability(
        "images",
        "mirrored",
        lambda seen, case: mirrored(seen["y"], case.inputs["x"]),
        lambda case: case.arguments["p"],
    ),
)


@statistics(
    random_flip,
    LONE,
    cases=many_flips,
    claims=[
        Claim(
            "the share of mirrored images that come alone",
            lambda seen, case: mirrored(np.concatenate(seen["y"]), case.inputs["x"][:ALONE]),
            lambda case: Mean(case.arguments["p"]),
        )
    ],
    after=(OWN_DRAW, GENERATOR),
)
def flipped_alone(subject, case):
    images, rng = case.inputs["x"][:ALONE], subject.put(case.arguments["rng"])
    return {"y": [subject.run("random_flip", x[None], p=case.arguments["p"], rng=rng) for x in images]}
