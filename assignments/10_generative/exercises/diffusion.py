"""Diffusion: noise in one step, a batch to train on, a step of training, guidance, and a step back."""

import numpy as np

from autograder.checks import (
    MATCHES,
    Case,
    Claim,
    FunctionExercise,
    Mean,
    New,
    NormalMean,
    RandomFunctionExercise,
    Rng,
    Setting,
    TrainingStepExercise,
    Variance,
    each_with_probability,
    equal_signs,
    even_draw,
    in_pairs,
    judge_float32,
    judge_words,
    mutated_function,
    normal_within,
)

MIXED = "images and noise are mixed as their steps say"
DRAWN = "steps are drawn evenly, and noise is normal"
CERTAIN = "the step to the image adds no noise, and what does not depend on the draw is correct"
SCATTERED = "noise of variance β is added to the mean"


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
    """Rows of numbers, images, single numbers; every step occurs, the first and the last among them; one row; one step."""
    for shape, steps in [((5, 3), 4), ((3, 2, 4, 3), 6), ((1, 2), 3), ((7,), 3), ((2, 3, 2), 1), ((4, 4), 4)]:
        t = rng.permutation(np.arange(shape[0]) % steps if shape[0] > 1 else [steps - 1])
        yield Case(x=rng.normal(size=shape), t=t, noise=rng.normal(size=shape), beta=levels(rng, steps))


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


noisy_batch = RandomFunctionExercise(
    "noisy_batch",
    cases=rows_to_spoil,
    invariant=word_of_batch,
    expect=lambda _: {"the result": "mixed"},
    sentences={
        "not three": "expected a tuple of three: (xt, t, noise)",
        "not like x": "xt and noise must be arrays of floats with the shape of x",
        "steps of another form": "t must be an array of whole numbers, one for each row",
        "steps that do not exist": "a step is negative, or as large as the number of noise levels: the last is steps − 1",
        "without noise": "xt is x: no noise was added",
        "mixed, and the noise scaled": "noise is returned as it was added, multiplied by √(1 − ᾱ): return what was drawn",
        "mixed otherwise": "xt is not q_sample(x, t, noise, beta) of the t and the noise that are returned with it",
    },
    draws=many_rows,
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
        normal_within("the share of noise between −1 and 1", noise_drawn),
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


# --- drop_labels -----------------------------------------------------------------------------


def labels_to_keep_or_drop(rng):
    """Nothing is dropped, everything is, and something; the label that says nothing is 10, 3 or 0."""
    for p, nothing in [(0.0, 10), (1.0, 10), (0.5, 3), (0.3, -1)]:
        yield Case({"p": p, "nothing": nothing}, labels=rng.integers(4, 10, size=60))


def word_of_labels(result, case):
    """In words: what has become of the labels."""
    labels, nothing = case.inputs["labels"], case.arguments["nothing"]
    if not isinstance(result, np.ndarray) or result.shape != labels.shape or result.dtype.kind not in "iu":
        return {"labels": "another form"}
    p = case.arguments["p"]
    kept_rows, dropped = result == labels, result == nothing
    if not (kept_rows | dropped).all():
        return {"labels": "others"}
    if (p == 0 and dropped.any()) or (p == 1 and kept_rows.any()):
        return {"labels": "certain ones are wrong"}
    return {"labels": "kept or dropped"}


def many_labels(rng):
    for p in (0.1, 0.4):
        yield Case({"p": p, "nothing": 10}, labels=rng.integers(10, size=30_000))


drop_labels = RandomFunctionExercise(
    "drop_labels",
    cases=labels_to_keep_or_drop,
    invariant=word_of_labels,
    expect=lambda _: {"labels": "kept or dropped"},
    sentences={
        "another form": "expected whole numbers in the shape of the labels",
        "others": "a label is neither what it was nor the one that says nothing",
        "certain ones are wrong": "with p = 0 every label is kept, with p = 1 every one is dropped",
    },
    draws=many_labels,
    claims=each_with_probability(
        "labels",
        "dropped",
        lambda seen, case: np.asarray(seen["y"]) == case.arguments["nothing"],
        lambda case: case.arguments["p"],
    ),
    names=("labels are kept or dropped", "each label is dropped by itself, with probability p"),
    float32=False,
)


# --- denoising_step, guided_noise ------------------------------------------------------------


def spoiled_batches(rng):
    """Each step of the noise occurs; batches of several sizes, of one row; also a single level."""
    for batch, steps in [(4, 4), (7, 3), (1, 2), (3, 1)]:
        x, noise = rng.normal(1, 1, size=(batch, 3)), rng.normal(size=(batch, 3))
        t = rng.permutation(np.arange(batch) % steps) if batch > 1 else np.array([steps - 1])
        labels = rng.integers(5, size=batch)
        # levels are no input: what has the batch as its first axis is
        yield Case({"beta": levels(rng, steps)}, x=x, t=t, noise=noise, labels=labels)


def guesser(_case):
    return {"model": New("support.Guesser", 3, 4, 6, rng=Rng(3))}


denoising_step = TrainingStepExercise(
    "denoising_step",
    cases=spoiled_batches,
    networks=guesser,
    stale=True,
    outputs=("the loss",),
    float32=lambda rng: list(spoiled_batches(rng))[:2],
    depends=("q_sample",),
    support_files=("guesser",),
)


def guided_cases(rng):
    for batch, w, nothing in [(4, 0.0, 5), (5, 2.0, 5), (1, 0.5, 0), (3, 7.0, 3)]:
        yield Case(
            x=rng.normal(size=(batch, 3)),
            t=rng.integers(4, size=batch),
            labels=rng.integers(5, size=batch),
        ).with_changes(arguments={"w": w, "nothing": nothing})


def with_model(subject, case):
    model = subject.make("support.Guesser", 3, 4, 6, rng=Rng(3))
    dtype = case.inputs["x"].dtype
    model.call("astype", str(dtype))
    return {"model": model}


guided_noise = FunctionExercise(
    "guided_noise",
    cases=guided_cases,
    setting=Setting(with_model, lambda _objects: {}),
    float32=True,
    support_files=("guesser",),
)


# --- p_sample --------------------------------------------------------------------------------


def last_steps(rng):
    """The step to the image, of rows, images and single numbers; from one level or several."""
    for shape, steps in [((3, 2), 4), ((2, 1, 3, 4), 2), ((5,), 3), ((1, 3), 1)]:
        yield Case({"t": 0}, x=rng.normal(size=shape), noise=rng.normal(size=shape), beta=levels(rng, steps))
    for shape, t in [((3, 2), 3), ((2, 1, 3, 4), 1)]:
        yield Case({"t": t}, x=rng.normal(size=shape), noise=rng.normal(size=shape), beta=levels(rng, 4))


def step_by_position(subject, case):
    x, noise, beta = case.inputs.values()
    return subject.run("p_sample", x, case.arguments["t"], noise, beta, rng=case.arguments["rng"])


def apart_from_noise(y, case):
    """In the step to the image all of the result; else its shape."""
    if case.arguments["t"] == 0:
        return {"the result": y}
    return {"the shape of the result": str(np.shape(y)), "the kind of the result": str(getattr(y, "dtype", ""))[:5]}


def many_steps_back(rng):
    """The last step that adds noise, and earlier ones, of numbers that are all alike."""
    for t in (1, 2, 4):
        shape = (2500, 8)
        # in no order, and so that neither another level nor the posterior's variance can be taken for β[t]
        beta = np.array([0.05, 0.3, 0.25, 0.2, 0.6, 0.4]) * rng.uniform(0.95, 1.05)
        yield Case({"t": t}, x=np.full(shape, 1.5), noise=np.full(shape, 0.7), beta=beta)


def mean_and_root(case):
    """What the result is without noise, and the standard deviation of the noise."""
    x, noise, beta = (case.inputs[name] for name in ("x", "noise", "beta"))
    t = case.arguments["t"]
    mean = (x - beta[t] / np.sqrt(1 - kept(beta)[t]) * noise) / np.sqrt(1 - beta[t])
    return mean, np.sqrt(beta[t])


def added(seen, case):
    """The noise that was added, in multiples of its standard deviation."""
    mean, root = mean_and_root(case)
    y = np.asarray(seen["y"], float)
    if y.shape != mean.shape:
        message = "the shape of the result differs from that of x"
        raise ValueError(message)
    return (y - mean) / root


def posterior(case):
    """The other variance of the paper, as a multiple of β."""
    t, left = case.arguments["t"], kept(case.inputs["beta"])
    return Variance((1 - left[t - 1]) / (1 - left[t]))


def multiple(formula):
    return lambda case: Variance(formula(case.inputs["beta"][case.arguments["t"]], case))


p_sample = RandomFunctionExercise(
    "p_sample",
    cases=last_steps,
    invariant=apart_from_noise,
    draws=many_steps_back,
    claims=[
        Claim("the mean of the noise that is added, over its standard deviation", added, lambda _: NormalMean(0, 1)),
        Claim(
            "the variance of the noise that is added, over β",
            added,
            variance_of(1.0),
            {
                "the posterior's variance": posterior,
                "β as the standard deviation": multiple(lambda beta, _: beta),
                "1 − ᾱ as the variance": multiple(
                    lambda beta, case: (1 - kept(case.inputs["beta"])[case.arguments["t"]]) / beta
                ),
                "variance 1": multiple(lambda beta, _: 1 / beta),
            },
        ),
        normal_within("the share of noise within one standard deviation", added),
        equal_signs(added, 0, "rows", " of the noise"),
        equal_signs(added, 1, "numbers of a row", " of the noise"),
    ],
    names=(CERTAIN, SCATTERED),
    weights=(4.0, 4.0),
    run=step_by_position,
)


@p_sample.check(
    BESIDE,
    cases=beside_float64(last_steps),
    judge=judge_words({}, "dtype"),
    after=(CERTAIN,),
    mutation=mutated_function("return y * (1 + 0 * args[3][:1].sum())"),
)
def p_sample_beside(subject, case):
    made = step_by_position(subject, case.with_changes(arguments={**case.arguments, "rng": Rng(1)}))
    return {"the dtype of the result": dtype_of(made)}
