"""The exercise gaussian_noise: every number has its own noise."""

from autograder.checks import Case, Claim, NormalMean, RandomFunctionExercise, Variance, equal_signs, normal_shape

NOTHING = "with sigma 0 nothing changes"
NOISY = "every number has noise of its own, normal and of the right size"


def quiet_cases(rng):
    for shape in [(4, 1, 3, 5), (7,), (3, 2)]:
        yield Case({"sigma": 0.0}, x=2 * rng.normal(size=shape))


def noise_cases(rng):
    """All numbers have the size 2 or 3, so that noise in proportion to them is visible."""
    for shape, sigma, size in [((400, 1, 14, 14), 0.3, 2.0), ((240, 330), 2.0, 3.0)]:
        yield Case({"sigma": sigma}, x=size * rng.choice([-1.0, 1.0], shape))


def apart_from_noise(y, case):
    """Without noise the whole result; otherwise its shape."""
    return {"the result": y} if case.arguments["sigma"] == 0 else {"the shape of the result": str(y.shape)}


def noise(seen, case):
    """One row per image: the noise in multiples of sigma."""
    if seen["y"].shape != case.inputs["x"].shape:
        message = "the shape of the result differs from that of x"
        raise ValueError(message)
    return ((seen["y"] - case.inputs["x"]) / case.arguments["sigma"]).reshape(len(seen["y"]), -1)


def variance(formula):
    return lambda case: Variance(formula(case.arguments["sigma"], float(abs(case.inputs["x"].flat[0]))))


gaussian_noise = RandomFunctionExercise(
    "gaussian_noise",
    cases=quiet_cases,
    invariant=apart_from_noise,
    names=(NOTHING, NOISY),
    weights=(1, 3),
    draws=noise_cases,
    rows=lambda rng: [Case({"sigma": 0.5}, x=rng.normal(size=(4, 1, 3, 2)))],
    claims=[
        equal_signs(noise, 0, "images", " of the noise"),
        equal_signs(noise, 1, "pixels", " of the noise"),
        Claim("the mean of the noise over sigma", noise, lambda _: NormalMean(0, 1)),
        Claim(
            "the variance of the noise over sigma²",
            noise,
            lambda _: Variance(1.0),
            {
                "sigma used as the variance": variance(lambda sigma, _: 1 / sigma),
                "sigma squared": variance(lambda sigma, _: sigma**2),
                "in proportion to x": variance(lambda _, size: size**2),
                "a third of it": variance(lambda *_: 1 / 3),
            },
        ),
        *normal_shape("noise", noise),
    ],
    habit_cases=lambda rng: [*quiet_cases(rng), *noise_cases(rng)],
)
