"""The exercise random_shift: every image is moved, and 0 comes in."""

import numpy as np

from autograder.checks import AllAlike, Case, Claim, Mean, even_draw

from .images import alike, augmentation, cuts, distinct_images, framed, places_of, small_images


def shift_cases(rng):
    """Many images, so that what is seen does not depend on the draw; one that stays where it is."""
    for shape, most in [((30, 1, 6, 5), 2), ((25, 3, 5, 7), 1), ((40, 2, 4, 4), 3), ((1, 1, 3, 4), 0)]:
        yield Case({"most": most}, x=distinct_images(rng, shape))


def many_shifts(rng):
    yield Case({"most": 1}, x=small_images(rng, 6000, 1, 3, 3))
    yield Case({"most": 2}, x=small_images(rng, 6000, 1, 3, 4))


def shifts_seen(seen, case):
    most = case.arguments["most"]
    height, width = case.inputs["x"].shape[2:]
    top, left = places_of(seen["y"], framed(case.inputs["x"], most), height, width)
    return most - top, most - left


def shift_ways(case):
    most = case.arguments["most"]

    def moved(x, reach):
        return cuts(framed(x, reach), *x.shape[2:])

    def rolled(x):
        return (
            np.roll(x, (down, right), axis=(2, 3))
            for down in range(-most, most + 1)
            for right in range(-most, most + 1)
        )

    return {
        "it is moved, and 0 comes in": lambda x: moved(x, most),
        "nothing of it is left": lambda x: (*moved(x, most), np.zeros_like(x)),
        "it is moved farther than most": lambda x: moved(x, max(x.shape[2:])),
        "what goes out comes in on the other side": rolled,
        "the border is repeated": lambda x: cuts(framed(x, most, "edge"), *x.shape[2:]),
        "it is another image of the batch, moved": lambda x: (
            moved_other for offset in range(len(x)) for moved_other in moved(np.roll(x, offset, axis=0), most)
        ),
    }


def even_shift(case):
    return even_draw(2 * case.arguments["most"] + 1, -case.arguments["most"])


SHIFTS_OF_MISTAKES = {
    "never by most": lambda case: even_draw(2 * case.arguments["most"], -case.arguments["most"]),
    "never back": lambda case: even_draw(case.arguments["most"] + 1),
    "never forward": lambda case: even_draw(case.arguments["most"] + 1, -case.arguments["most"]),
    "all alike": lambda _: AllAlike(),
}


random_shift = augmentation(
    "random_shift",
    cases=shift_cases,
    draws=many_shifts,
    ways=shift_ways,
    sentences={
        "what goes out comes in on the other side": "pixels that leave on one side come in on the other; expected 0",
        "nothing of it is left": "an image is erased: all of its pixels are 0",
        "it is moved farther than most": "an image is moved by more than most pixels",
        "something else": "an image is not itself, moved by at most `most` pixels with 0 coming in",
    },
    claims=[
        Claim(
            "the share of neighbours that are moved alike",
            lambda s, c: alike(shifts_seen(s, c)),
            lambda case: Mean((2 * case.arguments["most"] + 1) ** -2),
            {"one draw for the whole batch": lambda _: Mean(1.0)},
        ),
        Claim("the distance of the shifts down", lambda s, c: shifts_seen(s, c)[0], even_shift, SHIFTS_OF_MISTAKES),
        Claim(
            "the distance of the shifts to the right", lambda s, c: shifts_seen(s, c)[1], even_shift, SHIFTS_OF_MISTAKES
        ),
        Claim(
            "the share of images moved by as much down as to the right",
            lambda s, c: np.equal(*shifts_seen(s, c)),
            lambda case: Mean(1 / (2 * case.arguments["most"] + 1)),
        ),
    ],
)
