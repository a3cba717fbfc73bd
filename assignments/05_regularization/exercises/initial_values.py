"""The exercises normal_init, xavier_init and he_init: the initial values of weights."""

import math

import numpy as np

from autograder.checks import (
    SHAPED,
    Case,
    InitialValuesExercise,
    Mismatch,
    mutated_function,
    new_rng,
    normal_shape,
)

DEEP = "twenty layers keep the size of a signal"
WIDTH, LAYERS, SLACK = 256, 20, 100


def fans(shape):
    """(fan in, fan out) of a Linear's (in, out) or a Conv2d's (out, in, kh, kw)."""
    cells = math.prod(shape[2:])
    return (shape[1] * cells, shape[0] * cells) if len(shape) > 2 else shape


def of_fans(formula):
    return lambda case: formula(*fans(case.arguments["shape"]))


# With eighty thousand numbers a variance 6 % off is noticed; that of normal numbers cut at two deviations is 8 % off.
def normal_cases(_rng):
    yield Case({"shape": (250, 320), "std": 0.05})
    yield Case({"shape": (40, 30, 8, 8), "std": 2.0})


def of_std(formula):
    return lambda case: formula(case.arguments["std"])


normal_init = InitialValuesExercise(
    "normal_init",
    cases=normal_cases,
    variance=of_std(lambda std: std**2),
    others={
        "std used as the variance": of_std(lambda std: std),
        "std forgotten": lambda _: 1.0,
        "uniform from −std to std": of_std(lambda std: std**2 / 3),
        "std squared": of_std(lambda std: std**4),
    },
    claims=[*normal_shape("numbers", lambda seen, case: seen["y"] / case.arguments["std"])],
)


def shapes(_rng):
    yield Case({"shape": (250, 320)})
    yield Case({"shape": (60, 40, 6, 5)})


xavier_init = InitialValuesExercise(
    "xavier_init",
    cases=shapes,
    variance=of_fans(lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    others={
        "1 / fan_in": of_fans(lambda fan_in, _: 1 / fan_in),
        "2 / fan_in": of_fans(lambda fan_in, _: 2 / fan_in),
        "1 / (fan_in + fan_out)": of_fans(lambda fan_in, fan_out: 1 / (fan_in + fan_out)),
        "a third of it": of_fans(lambda fan_in, fan_out: 2 / 3 / (fan_in + fan_out)),
        "three times as large": of_fans(lambda fan_in, fan_out: 6 / (fan_in + fan_out)),
        "twice of it": of_fans(lambda fan_in, fan_out: 4 / (fan_in + fan_out)),
        "its square": of_fans(lambda fan_in, fan_out: (2 / (fan_in + fan_out)) ** 2),
        "that of a single cell": lambda case: 2 / sum(case.arguments["shape"][:2]),
    },
)


he_init = InitialValuesExercise(
    "he_init",
    cases=shapes,
    variance=of_fans(lambda fan_in, _: 2 / fan_in),
    others={
        "1 / fan_in": of_fans(lambda fan_in, _: 1 / fan_in),
        "2 / fan_out": of_fans(lambda _, fan_out: 2 / fan_out),
        "2 / (fan_in + fan_out)": of_fans(lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        "a third of it": of_fans(lambda fan_in, _: 2 / 3 / fan_in),
        "its square": of_fans(lambda fan_in, _: (2 / fan_in) ** 2),
        "2 over the first length": lambda case: 2 / case.arguments["shape"][0],
        "that of a single cell": lambda case: 2 / case.arguments["shape"][1 if len(case.arguments["shape"]) > 2 else 0],
        "2 over the second length": lambda case: 2 / case.arguments["shape"][1],
    },
)


def twenty_layers(exercise, layer):
    """Add the check that twenty layers keep the mean square of a signal, up to a factor of SLACK.

    layer: what a layer makes of the product with its weights.  The logarithm of the factor has a standard deviation of
    0.51 over He's draws and of 0.09 over Xavier's (400 of each; the means are −0.13 and −0.01), and its distribution is
    close to normal: log 100 is 8.7 of these away.
    """
    later_draws_too_small = mutated_function(
        "_right.calls = getattr(_right, 'calls', 0) + 1", "return y if _right.calls < 9 else 0.5 * y"
    )

    def judge(observed, expected, case):
        del expected, case
        word, factor = observed["the size after twenty layers"], observed["_factor"]
        if word == "kept":
            return None
        text = f"twenty layers of {WIDTH} units multiply the mean square of a signal by {factor:.2g}; expected about 1"
        return Mismatch("value", "the size after twenty layers", text)

    @exercise.check(
        DEEP,
        cases=lambda rng: [Case({"rng": new_rng(rng)}, x=rng.normal(size=(64, WIDTH)))],
        expect=lambda _case: {"the size behind twenty layers": "kept"},
        judge=judge,
        after=(SHAPED,),
        mutation=later_draws_too_small,
    )
    def behind(subject, case):
        generator = subject.put(case.arguments["rng"])
        h = case.inputs["x"]
        before = np.square(h).mean()
        for _ in range(LAYERS):
            W = subject.run(exercise.name, (WIDTH, WIDTH), rng=generator)
            if not isinstance(W, np.ndarray) or W.shape != (WIDTH, WIDTH) or W.dtype.kind != "f":
                return {"the size after twenty layers": "unknown", "_factor": math.nan}
            h = layer(h @ W)
        factor = float(np.square(h).mean() / before)
        kept = "kept" if 1 / SLACK < factor < SLACK else f"times {factor:.1g}"
        return {"the size after twenty layers": kept, "_factor": factor}


twenty_layers(xavier_init, lambda z: z)
twenty_layers(he_init, lambda z: np.maximum(z, 0))
