"""Checks of 01_foundations: preprocessing."""

import numpy as np

from autograder.checks import Case, Exercise, FunctionExercise, Points, Rng, Scaling, Speed
from autograder.checks.judges import judge_float32, judge_unchanged
from autograder.spec import Check
from autograder.spec.comparison import Mismatch, compare_all

from .shared import FLOAT32, MATCHES, UNTOUCHED, in_float32, judge_dtype

FLOAT64 = "the result is float64"


def spoiled_result(name, change):
    """Source of a function that is right but for what is done to its result."""
    return f"_right = {name}\ndef {name}(*args, **kwargs):\n    return {change('_right(*args, **kwargs)')}\n"


def keeps_float32(exercise, observe, cases, mutation):
    """Add the check that a function's result has the dtype of its inputs."""
    exercise.checks.append(
        Check(
            FLOAT32,
            exercise.name,
            1.0,
            cases=lambda rng, _: in_float32(cases)(rng),
            observe=observe,
            judge=judge_float32,
            needs=exercise.parts,
            after=(MATCHES,),
            mutation=mutation,
        )
    )


def one_hot_cases(rng):
    for shape, classes in [((1,), 4), ((7,), 5), ((2, 3), 6), ((4, 1, 2), 3)]:
        yield Case({"classes": classes}, labels=rng.integers(classes - 1, size=shape))


one_hot = FunctionExercise(
    "one_hot",
    cases=one_hot_cases,
)


@one_hot.check(FLOAT64, cases=one_hot_cases, judge=judge_dtype("value"), after=(MATCHES,))
def rows_in_float64(subject, case):
    """The dtype of what is to be computed with."""
    rows = subject.run("one_hot", *case.inputs.values(), **case.arguments)
    return {"the result": str(getattr(rows, "dtype", "no array"))}


def standardize_cases(rng):
    for rows, others, columns in [(5, 3, 2), (7, 1, 4), (4, 9, 3)]:
        train = rng.normal(size=(rows, columns)) * rng.uniform(0.1, 50, columns) + rng.normal(0, 20, columns)
        test = rng.normal(3, 2, size=(others, columns))
        yield Case(train=train, test=test)
        train, test = train.copy(), test.copy()
        train[:, 1] = np.round(test[0, 1], 1)
        yield Case(train=train, test=test)
        test[:, 0] = 1.5  # constant in the test rows alone
        yield Case(train=train, test=test)


standardize = FunctionExercise(
    "standardize",
    cases=lambda rng: [*standardize_cases(rng), *spread_cases(rng)],
)


def spread_cases(rng):
    """Columns of 10⁻⁷: small, and not constant."""
    yield Case(train=1e-7 * rng.normal(size=(6, 2)), test=1e-7 * rng.normal(size=(4, 2)))


def both_parts(subject, case):
    """The two parts apart, so that each is asked for its dtype."""
    found = standardize.find(MATCHES).observe(subject, case)["the result"]
    two = isinstance(found, tuple) and len(found) == 2
    return dict(zip(("the training rows", "the test rows"), found, strict=True)) if two else {"the result": found}


keeps_float32(
    standardize,
    both_parts,
    standardize_cases,
    spoiled_result("standardize", lambda call: f"tuple(part.astype('float64') for part in {call})"),
)


EVERY = "every row comes once, in batches of the size"


TOGETHER = "x and y stay together"


ANOTHER = "another order every epoch"


REPEATED = "the same generator gives the same order"


def minibatch_cases(rng):
    """Row i begins with i and has the label 10 i, so that a batch tells what was done."""
    for rows, size, shape in [(23, 5, (2,)), (24, 8, (3, 2)), (20, 32, (1,)), (17, 4, ())]:
        x = rng.normal(size=(rows, *shape))
        x.reshape(rows, -1)[:, 0] = np.arange(rows)
        yield Case({"size": size, "rng": Rng(int(rng.integers(1 << 31)))}, x=x, y=10.0 * np.arange(rows))


def epochs_of(subject, case, generators):
    """What ``minibatches`` yields with each of these generators: lists of (numbers of the rows, labels)."""
    x, y = case.inputs.values()
    found = [subject.run("minibatches", x, y, case.arguments["size"], generator) for generator in generators]
    return [told(batches) for batches in found]


def told(batches):
    """The batches as (numbers of the rows, labels), or a word for what they are instead."""
    if not isinstance(batches, tuple | list):
        return f"a {type(batches).__name__}"
    if not batches:
        return "no batch"
    rows = []
    for batch in batches:
        if not isinstance(batch, tuple | list) or [type(part) for part in batch] != [np.ndarray] * 2:
            return "batches that are no pairs (x, y) of arrays"
        if not all(part.ndim and part.size and part.dtype.kind in "fiu" for part in batch):
            return "batches without rows"
        rows.append((batch[0].reshape(len(batch[0]), -1)[:, 0], batch[1]))
    return rows


def minibatch_check(name, generators, seen):
    """One property: runs with these generators, and what is told of the epochs that come of them."""

    def observe(subject, case):
        epochs = epochs_of(subject, case, generators(subject, case.arguments["rng"]))
        wrong = next((epoch for epoch in epochs if isinstance(epoch, str)), None)
        return {"what comes": wrong} if wrong else seen(*epochs)

    return Check(
        name,
        "minibatches",
        1.0 if name != EVERY else 3.0,
        cases=lambda rng, _: list(minibatch_cases(rng)),
        observe=observe,
        judge=compare_all,
        needs=("minibatches",),
        after=() if name == EVERY else (EVERY,),
    )


def order_of(epoch):
    return np.concatenate([rows for rows, _ in epoch])


def untouched_by_batches(subject, case):
    x, y = case.inputs.values()
    _, after = subject.run_echo("minibatches", x, y, case.arguments["size"], case.arguments["rng"])
    return {"x": after[0], "y": after[1]}


minibatches = Exercise(
    "minibatches",
    "function",
    ("minibatches",),
    Points(minibatches=3),
    [
        minibatch_check(
            EVERY,
            lambda _, rng: [rng],
            lambda epoch: {
                "the sizes of the batches": np.array([len(rows) for rows, _ in epoch]),
                "the rows of all batches": np.sort(order_of(epoch)),
            },
        ),
        minibatch_check(
            TOGETHER,
            lambda _, rng: [rng],
            lambda epoch: {
                "the difference of every label from that of its row": np.concatenate(
                    [labels - 10 * rows if labels.shape == rows.shape else [-1.0] for rows, labels in epoch]
                )
            },
        ),
        minibatch_check(
            ANOTHER,
            lambda subject, rng: 2 * [subject.put(rng)],
            lambda first, second: {
                "the order is that of the rows": bool(np.array_equal(order_of(first), np.sort(order_of(first)))),
                "the second epoch is in the order of the first": bool(
                    np.array_equal(order_of(first), order_of(second))
                ),
            },
        ),
        minibatch_check(
            REPEATED,
            lambda _, rng: [rng, rng],
            lambda first, second: {
                "two generators of one seed give one order": bool(np.array_equal(order_of(first), order_of(second)))
            },
        ),
        Check(
            UNTOUCHED,
            "minibatches",
            1.0,
            cases=lambda rng, _: list(minibatch_cases(rng)),
            observe=untouched_by_batches,
            judge=judge_unchanged,
            expect=lambda _s, case, _r: dict(case.inputs),
            needs=("minibatches",),
            after=(EVERY,),
        ),
    ],
)


NEAR = "nearly equal rows have a distance"


def pairwise_cases(rng):
    for rows, others, columns in [(1, 4, 3), (5, 3, 2), (6, 7, 4), (3, 8, 5)]:
        yield Case(a=rng.normal(size=(rows, columns)), b=rng.normal(1, 2, size=(others, columns)))


# In time the formula written out takes 1.7 times the reference, a loop over the rows of a 14 times.  In memory neither grows
# with the columns (to the power 0.1); all differences at once grow with the power 1, and take 20 times the time besides.
pairwise_distances = FunctionExercise(
    "pairwise_distances",
    cases=pairwise_cases,
    speed=Speed(Case(a=(500, 64), b=(600, 64)), at_most=6.0),
    scaling=Scaling(
        lambda columns: Case(a=(400, columns), b=(400, columns)),
        sizes=(16, 32, 64, 128),
        at_most=0.6,
        of="memory",
        dtype="float64",
    ),
)


def near_cases(rng):
    """Rows of length about 100 that are equal, or 10⁻⁹ apart, or 0.0005: many squares come out below zero."""
    for rows, columns in [(40, 3), (30, 8)]:
        a = 100 * rng.normal(size=(rows, columns))
        b = np.concatenate([a, a + 1e-9 * rng.normal(size=a.shape), a + 2e-4 * rng.normal(size=a.shape)])
        yield Case(a=a, b=b)


def judge_near(observed, expected, case):
    """Rounding of squares of 10⁴ is some 10⁻¹¹, so a distance may be wrong by its root: ten times that is let pass."""
    table = observed["the result"]
    if not isinstance(table, np.ndarray) or table.shape != expected["the result"].shape:
        return Mismatch("shape", "the result", "the result has another shape where rows are nearly equal")
    if not np.isfinite(table).all():
        count = int((~np.isfinite(table)).sum())
        return Mismatch(
            "nan", "the result", f"the result is nan for {count} of {table.size} pairs of nearly equal rows"
        )
    error = float(abs(table - expected["the result"]).max())
    allowed = 3e-7 * float(abs(case.inputs["a"]).max())
    if error > allowed:
        return Mismatch("value", "the result", f"a distance of nearly equal rows is wrong by {error:.1g}", error=error)
    return None


def distances_one_by_one(_reference, case, _rng):
    a, b = case.inputs.values()
    return {"the result": np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))}


pairwise_distances.checks.insert(
    1,
    Check(
        NEAR,
        "pairwise_distances",
        3.0,
        cases=lambda rng, _: list(near_cases(rng)),
        observe=pairwise_distances.find(MATCHES).observe,
        judge=judge_near,
        expect=distances_one_by_one,
        needs=("pairwise_distances",),
        after=(MATCHES,),
    ),
)


keeps_float32(
    pairwise_distances,
    pairwise_distances.find(MATCHES).observe,
    pairwise_cases,
    spoiled_result("pairwise_distances", lambda call: f"{call}.astype('float64')"),
)
