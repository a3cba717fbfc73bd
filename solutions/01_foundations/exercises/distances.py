"""pairwise_distances: the table of distances, also of nearly equal rows, and its time and memory."""

import numpy as np

from autograder.checks import MATCHES, Case, FunctionExercise, Mismatch, Scaling, Speed

NEAR = "nearly equal rows have a distance"


def pairwise_cases(rng):
    # the last table is square: a and b are as many rows, and not the same
    for rows, others, columns in [(1, 4, 3), (5, 3, 2), (6, 7, 4), (3, 8, 5), (4, 4, 2)]:
        yield Case(a=rng.normal(size=(rows, columns)), b=rng.normal(1, 2, size=(others, columns)))


# Time: the formula written directly takes 1.5 to 2.7 times the reference, with einsum in place of matrix products 3.8
# times (4.5 beside a neighbour), a loop over the rows of a 15 times.  A table of all rows for every column (60 times)
# and an array of all differences (40 times) do without BLAS or grow with the columns, and may fail.  Memory: the
# formula does not grow with the columns (to the power 0.1); all differences at once grow with the power 1.
pairwise_distances = FunctionExercise(
    "pairwise_distances",
    cases=pairwise_cases,
    float32=True,
    speed=Speed(Case(a=(500, 64), b=(600, 64)), at_most=7.0),
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


def distances_one_by_one(case):
    a, b = case.inputs.values()
    return {"the result": np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))}


def judge_near(observed, expected, case):
    """Squares of 10⁴ are rounded by some 10⁻¹¹, so a distance may be wrong by its root: ten times that is allowed."""
    table = observed["the result"]
    if not isinstance(table, np.ndarray) or table.shape != expected["the result"].shape:
        return Mismatch("shape", "the result", "the result has a different shape for nearly equal rows")
    if not np.isfinite(table).all():
        count = int((~np.isfinite(table)).sum())
        text = f"the result is nan for {count} of {table.size} pairs of nearly equal rows"
        return Mismatch("nan", "the result", text)
    error = float(abs(table - expected["the result"]).max())
    allowed = 3e-7 * float(abs(case.inputs["a"]).max())
    if error > allowed:
        return Mismatch("value", "the result", f"a distance of nearly equal rows is wrong by {error:.1g}", error=error)
    return None


@pairwise_distances.check(
    NEAR, cases=near_cases, weight=3, expect=distances_one_by_one, judge=judge_near, after=(MATCHES,)
)
def near_distances(subject, case):
    return {"the result": subject.run("pairwise_distances", *case.inputs.values())}
