"""one_hot and standardize: labels and columns in the form that a network can use."""

import numpy as np

from autograder.checks import MATCHES, Case, FunctionExercise, judge_dtype

FLOAT64 = "the result is float64"


def one_hot_cases(rng):
    for shape, classes in [((1,), 4), ((7,), 5), ((2, 3), 6), ((4, 1, 2), 3)]:
        yield Case({"classes": classes}, labels=rng.integers(classes - 1, size=shape))
    yield Case({"classes": 9}, labels=rng.integers(9, size=40, dtype=np.uint8))  # 360 entries, and 8 bits count to 255


one_hot = FunctionExercise("one_hot", cases=one_hot_cases)


@one_hot.check(FLOAT64, cases=one_hot_cases, judge=judge_dtype("value"), after=(MATCHES,))
def rows_in_float64(subject, case):
    """The dtype of the rows."""
    rows = subject.run("one_hot", *case.inputs.values(), **case.arguments)
    return {"the result": str(getattr(rows, "dtype", "no array"))}


def standardize_cases(rng):
    for rows, others, columns in [(5, 3, 2), (7, 1, 4), (4, 9, 3)]:
        train = rng.normal(size=(rows, columns)) * rng.uniform(0.1, 50, columns) + rng.normal(0, 20, columns)
        test = rng.normal(3, 2, size=(others, columns))
        yield Case(train=train, test=test)
        train, test = train.copy(), test.copy()
        train[:, 1] = (
            np.round(4 * test[0, 1]) / 4
        )  # of which the mean is exact, so that the deviation is 0 and not 1e-17
        yield Case(train=train, test=test)
        test[:, 0] = 1.5  # constant in the test rows only
        yield Case(train=train, test=test)


def spread_cases(rng):
    """Columns of size 10⁻⁷: small, but not constant; and such that vary little about a large mean."""
    yield Case(train=1e-7 * rng.normal(size=(6, 2)), test=1e-7 * rng.normal(size=(4, 2)))
    yield Case(train=1e4 + 1e-3 * rng.normal(size=(8, 2)), test=1e4 + 1e-3 * rng.normal(size=(3, 2)))


standardize = FunctionExercise(
    "standardize",
    cases=lambda rng: [*standardize_cases(rng), *spread_cases(rng)],
    outputs=("the standardized train", "the standardized test"),
    float32=standardize_cases,
)
