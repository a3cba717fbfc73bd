"""Checks of 05_regularization: initial values."""

import math

import numpy as np

from autograder.checks import (
    Case,
    Claim,
    Exercise,
    Mean,
    NormalMean,
    Points,
    Ref,
    Variance,
    in_pairs,
    seeded,
    statistics,
)
from autograder.spec import Check
from autograder.spec.comparison import Mismatch

from .shared import judge_words, matrix_of, new_rng

SHAPED = "gives numbers of the shape that is asked for"


MADE_THERE = "puts the numbers where the context computes"


SPREAD = "mean and variance are right, and every number is drawn by itself"


DEEP = "twenty layers keep the size of a signal"


def fans(shape):
    """(fan in, fan out) of a Linear's (in, out) or a Conv2d's (out, in, kh, kw)"""
    cells = math.prod(shape[2:])
    return (shape[1] * cells, shape[0] * cells) if len(shape) > 2 else shape


def same_sign(axis):
    return lambda seen, _: np.equal(*in_pairs(matrix_of(seen["W"]) > 0, axis))


def initial(name, *, cases, variance, others, more=(), layer=None):
    """The exercise of one way to draw initial values.

    cases: arguments; variance(case): what is right; others: variances that mistakes lead to, by what was done;
    more: further claims; layer: what a layer does to W's product, where twenty of them should keep a signal's size.
    """
    exercise = Exercise(name, "function", (name,), Points(), [], support_files=("placing",))

    def draw(rng):
        return [Case({**arguments, "rng": new_rng(rng)}) for arguments in cases]

    def shape_and_dtype(subject, case):
        W = subject.run(name, **case.arguments)
        known = isinstance(W, np.ndarray)
        return {
            "the shape": str(np.shape(W)) if known else f"a {type(W).__name__}",
            "the dtype": str(getattr(W, "dtype", "")),
        }

    exercise.check(SHAPED, cases=draw, judge=judge_words({}))(shape_and_dtype)

    claims = [
        Claim(
            "the variance of W",
            lambda seen, _: seen["W"],
            lambda case: Variance(variance(case)),
            {done: (lambda case, of=of: Variance(of(case))) for done, of in others.items()},
        ),
        Claim("the mean of W", lambda seen, _: seen["W"], lambda case: NormalMean(0, math.sqrt(variance(case)))),
        Claim(
            "the share of equal signs in two rows",
            same_sign(0),
            lambda _: Mean(0.5),
            {"all rows alike": lambda _: Mean(1.0)},
        ),
        Claim(
            "the share of equal signs in two columns",
            same_sign(1),
            lambda _: Mean(0.5),
            {"all columns alike": lambda _: Mean(1.0)},
        ),
        *more,
    ]

    @statistics(exercise, SPREAD, cases=draw, claims=claims, weight=4, after=(SHAPED,))
    def drawn(subject, case):
        return {"W": subject.run(name, **case.arguments)}

    @seeded(exercise, cases=draw, after=(SHAPED,))
    def again(subject, case):
        return subject.run(name, **case.arguments)

    if layer:
        twenty_layers(exercise, layer)

    def where(subject, case):
        W = subject.keep(name, **case.arguments)
        return {"the place of the numbers": subject.run("support.place", Ref(W.handle))}

    exercise.checks.append(
        Check(
            MADE_THERE,
            name,
            1.0,
            lambda rng, _: draw(rng),
            where,
            judge_words({"elsewhere": "the numbers are still on the host: hand them to asarray"}),
            needs=(name,),
            after=(SHAPED,),
            backend="stand-in",
        )
    )
    return exercise


WIDTH, LAYERS, SLACK = 256, 20, 100


def twenty_layers(exercise, layer):
    """A check that the mean square of a signal behind twenty layers is its mean square before, up to a factor of SLACK.

    The logarithm of the factor has a standard deviation of 0.51 over He's draws and of 0.09 over Xavier's (400 of each; the
    means are −0.13 and −0.01), and its distribution is close to normal: log 100 is 8.7 of these away.
    """

    def behind(subject, case):
        generator = subject.put(case.arguments["rng"])
        h = case.inputs["x"]
        before = np.square(h).mean()
        for _ in range(LAYERS):
            W = subject.run(exercise.name, (WIDTH, WIDTH), rng=generator)
            if not isinstance(W, np.ndarray) or W.shape != (WIDTH, WIDTH) or W.dtype.kind != "f":
                return {"the size behind twenty layers": "not to be told", "_factor": math.nan}
            h = layer(h @ W)
        factor = float(np.square(h).mean() / before)
        kept = "kept" if 1 / SLACK < factor < SLACK else f"times {factor:.1g}"
        return {"the size behind twenty layers": kept, "_factor": factor}

    def judge(observed, expected, case):
        del expected, case
        word, factor = observed["the size behind twenty layers"], observed["_factor"]
        if word == "kept":
            return None
        text = f"twenty layers of {WIDTH} units multiply the mean square of a signal by {factor:.2g}; it should stay about 1"
        return Mismatch("value", "the size behind twenty layers", text)

    exercise.check(
        DEEP,
        cases=lambda rng: [Case({"rng": new_rng(rng)}, x=rng.normal(size=(64, WIDTH)))],
        judge=judge,
        after=(SHAPED,),
    )(behind)
    check = exercise.checks.pop()
    mutation = (
        "_right = {name}\n_calls = []\ndef {name}(*args, **kwargs):\n    _calls.append(1)\n"
        "    return _right(*args, **kwargs) * (1 if len(_calls) < 9 else 0.5)\n"
    )
    exercise.checks.append(
        Check(
            check.name, check.part, 1.0, check.cases, check.observe, judge,
            needs=check.needs, after=check.after, mutation=mutation,
        )
    )  # fmt: skip


normal_init = initial(
    "normal_init",
    cases=[{"shape": (100, 120), "std": 0.05}, {"shape": (30, 20, 4, 5), "std": 2.0}],
    variance=lambda case: case.arguments["std"] ** 2,
    others={
        "std taken for the variance": lambda case: case.arguments["std"],
        "std forgotten": lambda _: 1.0,
        "uniform from −std to std": lambda case: case.arguments["std"] ** 2 / 3,
        "std squared": lambda case: case.arguments["std"] ** 4,
    },
    more=(
        Claim(
            "the share of numbers within one standard deviation",
            lambda seen, case: abs(seen["W"]) < case.arguments["std"],
            lambda _: Mean(math.erf(math.sqrt(0.5))),
            {
                "that of a uniform distribution": lambda _: Mean(1 / math.sqrt(3)),
                "of two values": lambda _: Mean(0.0),
            },
        ),
    ),
)


SHAPES = [{"shape": (100, 300)}, {"shape": (40, 24, 5, 3)}]


def of_fans(formula):
    return lambda case: formula(*fans(case.arguments["shape"]))


xavier_init = initial(
    "xavier_init",
    cases=SHAPES,
    variance=of_fans(lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    others={
        "1 / fan_in": of_fans(lambda fan_in, _: 1 / fan_in),
        "2 / fan_in": of_fans(lambda fan_in, _: 2 / fan_in),
        "1 / (fan_in + fan_out)": of_fans(lambda fan_in, fan_out: 1 / (fan_in + fan_out)),
        "a third of it": of_fans(lambda fan_in, fan_out: 2 / 3 / (fan_in + fan_out)),
        "three times of it": of_fans(lambda fan_in, fan_out: 6 / (fan_in + fan_out)),
        "twice of it": of_fans(lambda fan_in, fan_out: 4 / (fan_in + fan_out)),
        "its square": of_fans(lambda fan_in, fan_out: (2 / (fan_in + fan_out)) ** 2),
        "that of a single cell": lambda case: 2 / sum(case.arguments["shape"][:2]),
    },
    layer=lambda z: z,
)


he_init = initial(
    "he_init",
    cases=SHAPES,
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
    layer=lambda z: np.maximum(z, 0),
)
