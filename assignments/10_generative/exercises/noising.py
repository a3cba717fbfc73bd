"""The way from images to noise: q_sample, and a batch to train on."""

import numpy as np

from autograder.checks import (
    MATCHES,
    Case,
    Claim,
    FunctionExercise,
    Mean,
    NormalMean,
    RandomFunctionExercise,
    Rng,
    Variance,
    equal_signs,
    even_draw,
    in_pairs,
    judge_float32,
    judge_words,
    mutated_function,
    normal_shape,
)

MIXED = "images and noise are mixed as their steps say"
DRAWN = "steps are drawn evenly, and noise is normal"


def levels(rng, steps):
    """Noise levels that rise, and are neither small nor alike."""
    return np.sort(rng.uniform(0.02, 0.6, size=steps))


def beside_float64(cases):
    """The cases with images and noise in float32, and levels in float64, as they usually are."""

    def draw(rng):
        for case in cases(rng):
            single = {name: x.astype("float32") for name, x in case.inputs.items() if name in ("x", "noise")}
            yield case.with_changes(inputs={**case.inputs, **single})

    return draw


def dtype_of(value):
    return str(getattr(value, "dtype", type(value).__name__))


BESIDE = "float32 images stay float32 beside levels in float64"


def kept(beta):
    """How much of the variance of the image is left after each step."""
    return np.cumprod(1 - beta)


def noise_cases(rng):
    """Rows of numbers, images, single numbers; one row; one step; every step occurs where there are rows enough.

    As many steps as integers of eight bits can count, and the last of them.
    """
    for kind, steps in [("uint8", 256), ("int8", 128)]:
        t = np.array([steps - 1, 0, steps // 2], kind)
        yield Case(x=rng.normal(size=(3, 2)), t=t, noise=rng.normal(size=(3, 2)), beta=np.full(steps, 0.01))
    for shape, steps in [((5, 3), 4), ((3, 2, 4, 3), 6), ((1, 2), 3), ((7,), 3), ((2, 3, 2), 1), ((4, 4), 4)]:
        t = rng.permutation(np.arange(shape[0]) % steps if shape[0] > 1 else [steps - 1])
        case = Case(x=rng.normal(size=shape), t=t, noise=rng.normal(size=shape), beta=levels(rng, steps))
        yield case
    yield case.with_changes(inputs={**case.inputs, "t": case.inputs["t"].astype("uint8")})


q_sample = FunctionExercise("q_sample", cases=noise_cases, float32=True)


@q_sample.check(
    BESIDE,
    cases=beside_float64(noise_cases),
    judge=judge_float32,
    after=(MATCHES,),
    mutation=mutated_function("return y * (1 + 0 * args[3][:1].sum())"),
)
def q_sample_beside(subject, case):
    return {"the result": subject.run("q_sample", *case.inputs.values())}


# --- noisy_batch -----------------------------------------------------------------------------


def rows_to_spoil(rng):
    for shape, steps in [((40, 3), 4), ((9, 2, 4, 3), 6), ((1, 2), 3)]:
        yield Case(x=rng.normal(size=shape), beta=levels(rng, steps))


def word_of_batch(result, case):
    """In words: whether the rows are mixed of the images and of the noise that is returned, as the steps say."""
    x, beta = case.inputs["x"], case.inputs["beta"]
    if not (isinstance(result, tuple | list) and len(result) == 3):
        return {"the result": "not three"}
    mixed, t, noise = result
    for made in (mixed, noise):
        if not isinstance(made, np.ndarray) or made.shape != x.shape or made.dtype.kind != "f":
            return {"the result": "not like x"}
    if not isinstance(t, np.ndarray) or t.shape != x.shape[:1] or t.dtype.kind not in "iu":
        return {"the result": "steps of another form"}
    if t.min() < 0 or t.max() >= len(beta):
        return {"the result": "steps that do not exist"}
    share = kept(beta)[t].reshape(-1, *[1] * (x.ndim - 1))
    expected = np.sqrt(share) * x + np.sqrt(1 - share) * noise
    near = 1e-4 if min(mixed.dtype.itemsize, noise.dtype.itemsize) < 8 else 1e-8
    ways = {
        "mixed": expected,
        "without noise": x,
        "mixed, and the noise scaled": np.sqrt(share) * x + noise,
    }
    found = (word for word, made in ways.items() if np.abs(mixed - made).max() <= near)
    return {"the result": next(found, "mixed otherwise")}


def many_rows(rng):
    """Rows of six numbers that are all 2: noise in proportion to x, or x in it, would be seen."""
    for steps in (3, 10):
        yield Case(x=np.full((6000, 6), 2.0), beta=levels(rng, steps))


def steps_drawn(seen, case):
    t = np.asarray(seen["y"][1])
    if t.shape != (len(case.inputs["x"]),):
        message = "there is not one step for each row"
        raise ValueError(message)
    return t


def noise_drawn(seen, case):
    noise = np.asarray(seen["y"][2], float)
    if noise.shape != case.inputs["x"].shape:
        message = "the noise has not the shape of x"
        raise ValueError(message)
    return noise


def variance_of(number):
    return lambda _: Variance(number)


def few_rows(rng):
    """Four rows, of which any two may be compared; many steps and few."""
    for steps in (2, 7):
        yield Case(x=rng.normal(size=(4, 3)), beta=levels(rng, steps))


noisy_batch = RandomFunctionExercise(
    "noisy_batch",
    cases=rows_to_spoil,
    invariant=word_of_batch,
    expect=lambda _: {"the result": "mixed"},
    sentences={
        "not three": "expected a tuple of three: (xt, t, noise)",
        "not like x": "xt and noise must be arrays of floats with the shape of x",
        "steps of another form": "t must be an array of whole numbers, one for each row",
        "steps that do not exist": "a step is negative or too large: the last one is the number of levels minus 1",
        "without noise": "xt is x: no noise was added",
        "mixed, and the noise scaled": "the noise is returned multiplied by √(1 − ᾱ): return it as it was drawn",
        "mixed otherwise": "xt is not q_sample(x, t, noise, beta) of the t and the noise that are returned with it",
    },
    draws=many_rows,
    rows=few_rows,
    claims=[
        Claim(
            "the distance of the steps from an even draw",
            steps_drawn,
            lambda case: even_draw(len(case.inputs["beta"])),
            {"never the last step": lambda case: even_draw(len(case.inputs["beta"]) - 1)},
        ),
        Claim(
            "the share of neighbours with the same step",
            lambda seen, case: np.equal(*in_pairs(steps_drawn(seen, case), 0)),
            lambda case: Mean(1 / len(case.inputs["beta"])),
            {"one step for the batch": lambda _: Mean(1.0)},
        ),
        Claim("the mean of the noise", noise_drawn, lambda _: NormalMean(0, 1)),
        Claim(
            "the variance of the noise",
            noise_drawn,
            variance_of(1.0),
            {"uniform between −1 and 1": variance_of(1 / 3)},
        ),
        *normal_shape("noise", noise_drawn),
        equal_signs(noise_drawn, 0, "rows", " of the noise"),
        equal_signs(noise_drawn, 1, "numbers of a row", " of the noise"),
    ],
    names=(MIXED, DRAWN),
    weights=(2.0, 4.0),
    outputs=("xt", "t", "noise"),
    float32=False,
    depends=("q_sample",),
)


@noisy_batch.check(
    BESIDE,
    cases=beside_float64(rows_to_spoil),
    judge=judge_words({}, "dtype"),
    after=(MIXED,),
    mutation=mutated_function("return y[0], y[1], y[2].astype('float64')"),
)
def noisy_batch_beside(subject, case):
    mixed, _, noise = subject.run("noisy_batch", *case.inputs.values(), rng=Rng(1))
    return {"the dtype of xt": dtype_of(mixed), "the dtype of the noise": dtype_of(noise)}
