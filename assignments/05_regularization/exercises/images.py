"""Random changes of images: what every image becomes, and the exercise of one such change."""

import numpy as np

from autograder.checks import RandomFunctionExercise, in_pairs

BECOMES = "what becomes of every image"
OWN_DRAW = "every image has a draw of its own, evenly from all that there are"
IMAGE = "what becomes of an image"


def augmentation(name, *, cases, draws, claims, ways, sentences):
    """The exercise of one change of images, drawn anew for each.

    cases: few images, of every kind; draws: many small ones; ways(case): word → function of x that gives the batches
    from which an image's result may come, the correct one first; claims, sentences: as in ``RandomFunctionExercise``.
    """

    def became(y, case):
        x = case.inputs["x"]
        shape = (*x.shape[:2], *case.arguments.get("size", x.shape[2:]))
        return {IMAGE: what_became(y, x, ways(case), shape)}

    return RandomFunctionExercise(
        name,
        cases=cases,
        invariant=became,
        expect=lambda case: {IMAGE: next(iter(ways(case)))},
        sentences=sentences,
        draws=draws,
        claims=claims,
        names=(BECOMES, OWN_DRAW),
    )


def what_became(y, x, ways, shape):
    """A word for the change of the images: the first of ``ways`` (word → batches to compare with) that explains all."""
    if not isinstance(y, np.ndarray):
        return "nothing: a return is missing" if y is None else f"not an array, but a {type(y).__name__}"
    if y.shape != shape:
        return f"an array of shape {y.shape} instead of {shape}"
    if y.dtype.kind != "f" or not np.isfinite(y).all():
        return "an array with values that are not finite floats"
    for word, batches in ways.items():
        left = np.ones(len(x), dtype=bool)
        for batch in batches(x):
            left &= ~same_images(y, batch)
            if not left.any():
                return word
    return "something else"


# --- images that can be recognized -----------------------------------------------------------


def distinct_images(rng, shape):
    """Images whose pixels are all different, and none 0, so that every change can be recognized."""
    numbers = rng.permutation(int(np.prod(shape))) + 1.0
    return (numbers * rng.choice([-1.0, 1.0], numbers.size)).reshape(shape)


def small_images(rng, count, channels, height, width):
    """Many images of this kind: the pixels of each are different and show its number."""
    pixels = channels * height * width
    return np.stack([rng.permutation(pixels) + 1.0 + n / (2 * count) for n in range(count)]).reshape(
        count, channels, height, width
    )


def same_images(left, right):
    """Which images of two batches are equal, pixel by pixel, up to the rounding of single precision."""
    close = np.abs(left - right) <= 1e-6 * np.abs(right)
    return close.reshape(len(left), -1).all(axis=1)


# --- windows ---------------------------------------------------------------------------------


def framed(x, border, mode="constant"):
    """Images with a border on all four sides."""
    return np.pad(x, ((0, 0), (0, 0), (border, border), (border, border)), mode=mode)


def cuts(x, height, width):
    """Every window of this size, place by place, row by row."""
    return (
        x[:, :, top : top + height, left : left + width]
        for top in range(x.shape[2] - height + 1)
        for left in range(x.shape[3] - width + 1)
    )


def places_of(y, x, height, width):
    """(top, left) of the window of x that every image of y is; raises where an image is not a window."""
    found = np.full((len(y), 2), -1)
    for place, window in enumerate(cuts(x, height, width)):
        found[same_images(y, window)] = divmod(place, x.shape[3] - width + 1)
    if (found < 0).any():
        message = "an image is not a window"
        raise ValueError(message)
    return found.T


def alike(places):
    """Whether neighbours in the batch have the same place."""
    one, other = (np.stack(half) for half in zip(*(in_pairs(place, 0) for place in places), strict=True))
    return (one == other).all(axis=0)
