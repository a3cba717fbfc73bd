"""The exercise rotation_pretext: which turn each image has, and that it is drawn for each."""

import numpy as np

from autograder.checks import Case, Claim, Mean, RandomFunctionExercise, in_pairs

TURNED, DRAWN = "each image is turned as its number says", "turns are drawn evenly, for each image"
FORM, IMAGES = "the turns", "the images"


def pictures(rng):
    """One image and several, with channels and without, several axes before the image, one pixel."""
    for shape in [(1, 3, 3), (9, 2, 2), (6, 1, 4, 4), (5, 2, 3, 5, 5), (3, 1, 1)]:
        yield Case({}, x=rng.normal(size=shape))
    yield Case({}, x=rng.normal(size=(4, 2, 2)).astype("float32"))
    yield Case({}, x=rng.integers(256, size=(5, 3, 3)).astype("uint8"))


def described(result, case):
    """In words: the form of the turns; and whether each image is the given one, turned."""
    x = np.asarray(case.inputs["x"])
    images, turns = (np.asarray(part) for part in result)
    if turns.shape != (len(x),) or turns.dtype.kind not in "iu":
        return {FORM: "not one integer for each image"}
    if turns.min() < 0 or turns.max() > 3:
        return {FORM: "integers that are not 0, 1, 2 or 3"}
    if images.shape != x.shape:
        return {FORM: "integers", IMAGES: f"of shape {images.shape}"}
    if images.dtype != x.dtype:
        return {FORM: "integers", IMAGES: f"{images.dtype} in place of {x.dtype}"}
    right = np.stack([np.rot90(image, k, axes=(-2, -1)) for image, k in zip(x, turns, strict=True)])
    other = np.stack([np.rot90(image, -k, axes=(-2, -1)) for image, k in zip(x, turns, strict=True)])
    if np.array_equal(images, right):
        return {FORM: "integers", IMAGES: "turned"}
    return {FORM: "integers", IMAGES: "clockwise" if np.array_equal(images, other) else "turned otherwise"}


def many_pictures(rng):
    yield Case({}, x=rng.normal(size=(4000, 2, 2)))


def turns_of(seen):
    return np.asarray(seen["y"][1])


pretext = RandomFunctionExercise(
    "rotation_pretext",
    cases=pictures,
    invariant=described,
    expect=lambda _: {FORM: "integers", IMAGES: "turned"},
    sentences={
        "not one integer for each image": "expected a pair (images, turns), turns one integer for each image",
        "integers that are not 0, 1, 2 or 3": "expected turns from 0 to 3, got other integers",
        "clockwise": "the images are turned clockwise: a turn of 1 is a quarter turn counterclockwise",
        "turned otherwise": "an image is not the given one, turned as often as its number says",
    },
    draws=many_pictures,
    claims=[
        *(
            Claim(
                f"the share of images with turn {k}",
                lambda seen, _, k=k: turns_of(seen) == k,
                lambda _: Mean(0.25),
                {"never": lambda _: Mean(0.0)},
            )
            for k in range(4)
        ),
        Claim(
            "the share of neighbours with equal turns",
            lambda seen, _: np.equal(*in_pairs(turns_of(seen), 0)),
            lambda _: Mean(0.25),
            {"one draw for all": lambda _: Mean(1.0), "turns in order": lambda _: Mean(0.0)},
        ),
    ],
    names=(TURNED, DRAWN),
    outputs=("the images", "the turns"),
    float32=False,
)
