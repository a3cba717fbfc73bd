"""im2col and col2im: windows as columns, and columns added back to the image."""

import numpy as np

from autograder.checks import Case, FunctionExercise, Mismatch, mutated_function

# Different sizes on every axis: batch, channels, height, width, kernel; a stride that does not divide, padding,
# dilation. In the second case the padding is larger than every other size: an array that is padded by one of these
# is too small.
WINDOWS = [
    ((1, 1, 3, 4), {"kernel_size": 2}),
    ((1, 1, 2, 2), {"kernel_size": 2, "padding": 3}),
    ((2, 3, 6, 5), {"kernel_size": (3, 2), "stride": 2, "padding": 1}),
    ((3, 2, 7, 6), {"kernel_size": (2, 3), "stride": (1, 2), "padding": 2, "dilation": 2}),
]


def im2col_cases(rng):
    for shape, window in WINDOWS:
        yield Case(window, x=rng.normal(size=shape))


im2col = FunctionExercise("im2col", cases=im2col_cases, float32=True)


def col2im_cases(rng):
    for (batch, channels, height, width), window in WINDOWS:
        kh, kw = np.broadcast_to(window["kernel_size"], 2)
        steps, padding, dilation = (
            np.broadcast_to(window.get("stride", 1), 2),
            window.get("padding", 0),
            window.get("dilation", 1),
        )
        sides = zip((height, width), (kh, kw), steps, strict=True)
        places = int(np.prod([(n + 2 * padding - dilation * (k - 1) - 1) // s + 1 for n, k, s in sides]))
        columns = rng.normal(size=(batch, channels * int(kh * kw), places))
        yield Case({"shape": (batch, channels, height, width), **window}, columns=columns)


col2im = FunctionExercise(
    "col2im",
    depends=("im2col",),  # which is its adjoint
    cases=col2im_cases,
    float32=True,
)


def pairs(rng):
    """An image and columns of one window each."""
    for images, columns in zip(im2col_cases(rng), col2im_cases(rng), strict=True):
        yield images.with_changes(inputs={**images.inputs, **columns.inputs})


def judge_adjoint(observed, _expected, case):
    """⟨im2col x, u⟩ = ⟨x, col2im u⟩: the two functions are checked against each other, not against the reference."""
    x, columns = case.inputs.values()
    there, back = observed["im2col x"], observed["col2im u"]
    if np.shape(there) != columns.shape or np.shape(back) != x.shape:
        text = f"im2col gives the shape {np.shape(there)} and col2im {np.shape(back)}: they do not match"
        return Mismatch("shape", "col2im u", text)
    left, right = float((there * columns).sum()), float((x * back).sum())
    size = float(np.linalg.norm(there) * np.linalg.norm(columns))
    if abs(left - right) <= 1e-10 * size:
        return None
    text = "⟨im2col x, u⟩ and ⟨x, col2im u⟩ differ: col2im is not the adjoint of im2col"
    return Mismatch("value", "col2im u", text, error=abs(left - right))


# Both functions are the submission's own, so no expected values are needed, and the check comes after none.
@col2im.check(
    "im2col and col2im are adjoint to each other",
    cases=pairs,
    weight=2,
    judge=judge_adjoint,
    mutation=mutated_function("return 2 * y"),
)
def both_products(subject, case):
    x, columns = case.inputs.values()
    there = subject.run("im2col", x, **case.arguments)
    back = subject.run("col2im", columns, tuple(x.shape), **case.arguments)
    return {"im2col x": there, "col2im u": back}
