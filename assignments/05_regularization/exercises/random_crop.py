"""The exercise random_crop: every image becomes a window of itself."""

import numpy as np

from autograder.checks import AllAlike, Case, Claim, Mean, even_draw

from .images import alike, augmentation, cuts, distinct_images, framed, places_of, small_images


def crop_cases(rng):
    for shape, size, padding in [
        ((30, 1, 6, 5), (3, 4), 0),
        ((25, 3, 5, 6), (5, 6), 2),
        ((3, 2, 4, 5), (5, 3), 1),
        ((2, 1, 4, 4), (4, 4), 0),
    ]:
        yield Case({"size": size, "padding": padding}, x=distinct_images(rng, shape))


def many_crops(rng):
    yield Case({"size": (2, 2), "padding": 1}, x=small_images(rng, 6000, 1, 3, 4))
    yield Case({"size": (2, 3), "padding": 0}, x=small_images(rng, 6000, 1, 4, 5))


def crops_seen(seen, case):
    return places_of(seen["y"], framed(case.inputs["x"], case.arguments["padding"]), *case.arguments["size"])


def crop_count(case, axis):
    return case.inputs["x"].shape[2 + axis] + 2 * case.arguments["padding"] - case.arguments["size"][axis] + 1


def crop_ways(case):
    size, padding = case.arguments["size"], case.arguments["padding"]
    return {
        "it is a window of itself, with 0 around": lambda x: cuts(framed(x, padding), *size),
        "it is a window with the border repeated": lambda x: cuts(framed(x, padding, "edge"), *size),
        "it is a window with the image mirrored around": lambda x: cuts(framed(x, padding, "reflect"), *size),
        "it is a window of another image of the batch": lambda x: (
            window for offset in range(len(x)) for window in cuts(framed(np.roll(x, offset, axis=0), padding), *size)
        ),
    }


def crop_laws(axis):
    def without_border(case):
        return even_draw(case.inputs["x"].shape[2 + axis] - case.arguments["size"][axis] + 1, case.arguments["padding"])

    return {
        "never the last place": lambda case: even_draw(crop_count(case, axis) - 1),
        "never in the border": without_border,
        "all alike": lambda _: AllAlike(),
    }


random_crop = augmentation(
    "random_crop",
    cases=crop_cases,
    draws=many_crops,
    ways=crop_ways,
    sentences={"something else": "an image is not a window of itself with a border of 0"},
    claims=[
        Claim(
            "the share of neighbours that are cut at the same place",
            lambda s, c: alike(crops_seen(s, c)),
            lambda case: Mean(1 / (crop_count(case, 0) * crop_count(case, 1))),
            {"one place for the whole batch": lambda _: Mean(1.0)},
        ),
        Claim(
            "the distance of the windows' first rows",
            lambda s, c: crops_seen(s, c)[0],
            lambda case: even_draw(crop_count(case, 0)),
            crop_laws(0),
        ),
        Claim(
            "the distance of the windows' first columns",
            lambda s, c: crops_seen(s, c)[1],
            lambda case: even_draw(crop_count(case, 1)),
            crop_laws(1),
        ),
        Claim(
            "the share of windows that begin in the first row and column",
            lambda s, c: (crops_seen(s, c) == 0).all(axis=0),
            lambda case: Mean(1 / (crop_count(case, 0) * crop_count(case, 1))),
        ),
    ],
)
