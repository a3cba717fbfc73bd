"""The way back, one step of it."""

import numpy as np

from autograder.checks import (
    Case,
    Claim,
    NormalMean,
    RandomFunctionExercise,
    Rng,
    Variance,
    equal_signs,
    judge_words,
    mutated_function,
    normal_shape,
)

from .noising import BESIDE, beside_float64, dtype_of, kept, levels, variance_of

CERTAIN = "the step to the image adds no noise, and what does not depend on the draw is correct"
SCATTERED = "noise of variance β is added to the mean"


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
    rows=lambda rng: [Case({"t": 1}, x=rng.normal(size=(4, 3)), noise=rng.normal(size=(4, 3)), beta=levels(rng, 3))],
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
        *normal_shape("noise", added),
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
