"""Conv2dFast: windows of a few images at a time."""

import numpy as np

from autograder.checks import FORWARD, GRADIENTS, Case, LayerExercise, Memory, Rng, Speed, compare, judge_words


def convolution(channels, out_channels, kernel_size, padding=0):
    return {
        "in_channels": channels,
        "out_channels": out_channels,
        "kernel_size": kernel_size,
        "padding": padding,
        "rng": Rng(0),
    }


def images(rng):
    """One image and several, not square; kernels of one pixel and of the whole image; with padding, more than k − 1."""
    for shape, *window in [
        ((1, 1, 3, 4), 2, 2),
        ((5, 2, 4, 3), 3, 3, 1),
        ((2, 3, 3, 2), 1, 1),
        ((3, 2, 2, 3), 2, 2, 3),
        ((4, 2, 5, 4), 3, 3),
    ]:
        yield Case(convolution(shape[1], *window), x=rng.normal(size=shape))


# Memory, against the plain version: blocks of images of any size 0.2 to 0.3, all windows kept for backward 1.0.
# Time: blocks 0.7 to 1.1, shifted products without windows 0.4 to 0.6 here, more elsewhere: no limit below 1 separates
# them from the plain version.  A loop over the places of the output takes 5 times as long.
convolution_in_blocks = LayerExercise(
    "Conv2dFast",
    cases=images,
    has_parameters=True,
    wide=Case(convolution(2, 2, 2), x=(3, 2, 96, 96)),
    speed=Speed(Case(convolution(8, 8, 3, 1), x=(8, 8, 32, 32)), at_most=2.0, against="frozen"),
    memory=Memory(Case(convolution(16, 16, 3, 1), x=(16, 16, 28, 28)), at_most=0.5, against="frozen"),
)


# --- large batches ---------------------------------------------------------------------------

SAME = "as alone"


def many_images(rng):
    """Batches that no block holds as a whole, of numbers that blocks do not divide; the numbers come from the seed."""
    for shape, *window in [((37, 2, 21, 20), 2, 3, 1), ((11, 3, 34, 31), 4, 4)]:
        case = Case(convolution(shape[1], *window))
        yield case.with_changes(hidden={"shape": shape, "seed": int(rng.integers(1 << 30))})


def drawn(case):
    """The images of a case, and the layer's arguments."""
    return np.random.default_rng(case.hidden["seed"]).normal(size=case.hidden["shape"])


def alone(subject, case, x):
    """A layer of the same parameters, and its output for these images."""
    layer = subject.make("Conv2dFast", **case.arguments)
    return layer, layer.call("forward", x)


def verdict(whole, parts, name):
    """Whether a result of the batch is that of its images, one after the other, in words."""
    if not all(isinstance(each, np.ndarray) for each in parts):
        return "no arrays"
    return "another" if compare(whole, np.concatenate(parts), name) else SAME


def upstream(y):
    return np.cos(np.arange(np.size(y))).reshape(np.shape(y))


SENTENCES = {
    "another": "the result for an image in a large batch is not the one for the same image alone: is the last block "
    "complete, and is every buffer filled anew?"
}
LARGE_BATCH = "each image of a large batch is treated as if it were alone"


@convolution_in_blocks.check(
    LARGE_BATCH, cases=many_images, expect=lambda _: {"y": SAME}, judge=judge_words(SENTENCES), part="forward",
    needs=("forward",), after=(FORWARD,), weight=2,
)  # fmt: skip
def batch(subject, case):
    x = drawn(case)
    _, whole = alone(subject, case, x)
    return {"y": verdict(whole, [alone(subject, case, x[n : n + 1])[1] for n in range(len(x))], "y")}


@convolution_in_blocks.check(
    "gradients of a large batch are those of its images", cases=many_images, expect=lambda _: {"dx": SAME, "dW": SAME},
    judge=judge_words(SENTENCES), part="backward", after=(LARGE_BATCH, GRADIENTS), weight=2,
)  # fmt: skip
def batch_back(subject, case):
    x = drawn(case)
    layer, y = alone(subject, case, x)
    dy = upstream(y)
    whole, parts, dW = layer.call("backward", dy), [], 0
    for number in range(len(x)):
        one, _ = alone(subject, case, x[number : number + 1])
        parts.append(one.call("backward", dy[number : number + 1]))
        dW = dW + one.get("W.grad")
    return {"dx": verdict(whole, parts, "dx"), "dW": verdict(layer.get("W.grad"), [dW], "dW")}
