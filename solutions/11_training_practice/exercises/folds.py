"""The exercise k_fold: every row once, classes and sizes even, rows dealt at random."""

import numpy as np

from autograder.checks import Case, Claim, Mean, RandomFunctionExercise, new_rng

DEALT = "every row is tested once, and classes and sizes are even"
DRAWN = "which rows of a class come together is drawn"
FORM, ROWS, TRAINING, CLASSES, SIZES = (
    "the form of the result",
    "the rows of all tests",
    "the training rows",
    "the classes",
    "the sizes",
)


def labelled_rows(rng):
    """Sorted labels and mixed ones, one row too many in every class, rare classes, odd names of classes; few bits."""
    yield Case({"k": 2}, labels=np.array([3, 3]))
    yield Case({"k": 3}, labels=np.repeat(np.arange(10), 4))
    yield Case({"k": 5}, labels=rng.integers(3, size=47))
    yield Case({"k": 4}, labels=np.repeat([7, -2, 500], [1, 30, 2]))
    yield Case({"k": 10}, labels=rng.permutation(np.repeat([0, 1], [25, 8])))
    yield Case({"k": 3}, labels=rng.permutation(np.repeat([0, 5], [310, 290])).astype(np.uint8))
    yield Case({"k": 9}, labels=rng.integers(4, size=9))


def indices(part, rows):
    """One part of a pair as an array, or why it is none."""
    part = np.asarray(part)
    if part.ndim != 1 or (part.size and part.dtype.kind not in "iu"):
        return None, "not arrays of row indices with one axis"
    if part.size and not (part.min() >= 0 and part.max() < rows):
        return None, "row numbers that do not exist"
    return part, ""


def described(result, case):
    """In words: the form, and what is even."""
    labels, k = case.inputs["labels"], case.arguments["k"]
    if not isinstance(result, tuple | list) or len(result) != k:
        return {FORM: f"not a list of {k} folds"}
    tests, training = [], "all others"
    for pair in result:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            return {FORM: "folds that are no pairs (train, test)"}
        (train, no_train), (test, no_test) = (indices(part, len(labels)) for part in pair)
        if no_train or no_test:
            return {FORM: no_train or no_test}
        if not np.array_equal(np.sort(train), np.setdiff1d(np.arange(len(labels)), test)):
            training = "tested rows too" if np.isin(train, test).any() else "not all others"
        tests.append(test)
    every = np.sort(np.concatenate(tests))
    counts = np.array([[(labels[test] == c).sum() for c in np.unique(labels)] for test in tests])
    uneven = "differ by more than 1"
    return {
        FORM: "folds",
        ROWS: "each once" if np.array_equal(every, np.arange(len(labels))) else "some never or more than once",
        TRAINING: training,
        CLASSES: "even" if np.ptp(counts, axis=0).max() <= 1 else uneven,
        SIZES: "even" if np.ptp(counts.sum(axis=1)) <= 1 else uneven,
    }


RIGHT = {FORM: "folds", ROWS: "each once", TRAINING: "all others", CLASSES: "even", SIZES: "even"}
MANY, FOLDS = 12_000, 4


def many_rows(rng):
    """Two classes in turns, so that neighbours of one class are two rows apart."""
    yield Case({"k": FOLDS, "rng": new_rng(rng)}, labels=np.arange(MANY) % 2)


def fold_of(seen):
    found = np.full(MANY, -1)
    for i, (_, test) in enumerate(seen["y"]):
        found[np.asarray(test)] = i
    return found


def in_one_fold(apart):
    """Whether two rows of a class, so many rows of that class apart, are in one fold; each row in one pair."""

    def same(seen, _case):
        found = []
        for label in (0, 1):
            fold = fold_of(seen)[label::2]
            first = np.arange(len(fold)).reshape(-1, 2, apart)[:, 0].ravel()
            found.append(fold[first] == fold[first + apart])
        return np.concatenate(found)

    return same


def same_by_chance(_case):
    size = MANY / 2 / FOLDS
    return Mean((size - 1) / (MANY / 2 - 1))


folds = RandomFunctionExercise(
    "k_fold",
    cases=labelled_rows,
    invariant=described,
    expect=lambda _: RIGHT,
    sentences={
        "some never or more than once": "a row is in the tests of several folds, or of none: every row is tested once",
        "tested rows too": "some rows are in train and in test of the same fold: leave the tested rows out",
        "not all others": "the training rows of a fold are not all rows that it does not test",
        "differ by more than 1": "classes or sizes differ by more than one row between folds",
    },
    draws=many_rows,
    claims=[
        Claim(
            f"the share of pairs of rows of a class, {apart} apart, that are in one fold",
            in_one_fold(apart),
            same_by_chance,
            {"dealt in the given order": lambda _: Mean(0.0), "cut from the given order": lambda _: Mean(1.0)},
        )
        for apart in (1, FOLDS, 3)
    ],
    names=(DEALT, DRAWN),
    float32=False,
    cpu_only="It makes indices, with which rows are chosen where the data are, in CPU memory.",
)
