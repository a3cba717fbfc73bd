"""cosine_topk_blocked: the best of each row, without all rows at once."""

import numpy as np

from autograder.checks import MATCHES, Case, FunctionExercise, Memory, Scaling


def table(vectors, queries, features):
    """Shapes of one case."""
    return {"vectors": (vectors, features), "queries": (queries, features)}


def searches(rng):
    """One vector, one query, all of the vectors, lengths from tiny to large, a vector of zeros and a query of zeros."""
    for (vectors, queries, features), k in [((1, 1, 2), 1), ((5, 3, 3), 2), ((4, 6, 2), 4), ((9, 1, 4), 3)]:
        case = Case({"k": k}, **{n: rng.normal(size=each) for n, each in table(vectors, queries, features).items()})
        lengths = np.exp(rng.normal(0, 3, (vectors, 1)))
        yield case.with_changes(inputs={**case.inputs, "vectors": case.inputs["vectors"] * lengths})
    vectors, queries = rng.normal(size=(7, 3)), rng.normal(size=(4, 3))
    vectors[2], queries[1] = 0, 0
    yield Case({"k": 5}, vectors=vectors, queries=queries)
    vectors = np.concatenate([vectors, vectors[:3]])  # ties
    yield Case({"k": 6}, vectors=vectors, queries=5 * rng.normal(size=(3, 3)))


def exact_cosines(case):
    """All cosines, in float64."""
    vectors, queries = (case.inputs[name].astype(float) for name in ("vectors", "queries"))
    a, b = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-300) for x in (queries, vectors))
    return a @ b.T


def what_was_found(seen, case):
    """Similarities, the cosines that belong to the ids, and whether an id occurs twice in a row."""
    ids, similarities = seen.get("ids"), seen.get("similarities")
    if not (
        isinstance(ids, np.ndarray)
        and ids.ndim == 2
        and ids.dtype.kind in "iu"
        and len(ids) == len(case.inputs["queries"])
    ):
        return {"ids": "no integers of shape (Q, k)"}
    if ids.size and not 0 <= ids.min() <= ids.max() < len(case.inputs["vectors"]):
        return {"ids": "ids that no vector has"}
    twice = any(len(set(row)) < len(row) for row in ids.tolist())
    cosines = np.take_along_axis(exact_cosines(case), ids, axis=1)
    return {
        "ids": "an id twice in a row" if twice else "ids",
        "similarities": similarities,
        "the cosines of these ids": cosines.astype(getattr(similarities, "dtype", float)),
    }


# Memory, against the plain version: blocks of 16 to 64 queries 0.06 to 0.12, of 512 queries 0.5.  Growth: blocks of a
# fixed size 0.1, of a fixed number of queries up to 1, all cosines at once 1.8.
search = FunctionExercise(
    "cosine_topk_blocked",
    cases=searches,
    outputs=("ids", "similarities"),
    invariant=what_was_found,
    float32=True,
    memory=Memory(Case({"k": 10}, **table(4096, 1024, 32)), at_most=0.2, against="frozen"),
    scaling=Scaling(
        lambda n: Case({"k": 10}, **table(n, n, 32)), sizes=(768, 1536, 3072, 6144), at_most=1.3, of="memory"
    ),
)


def many_queries(rng):
    """More queries than a block holds, of a number that blocks do not divide."""
    yield Case({"k": 1}, **{n: rng.normal(size=each) for n, each in table(301, 263, 2).items()})


@search.check("many queries are all answered", cases=many_queries, after=(MATCHES,))
def answered(subject, case):
    found = subject.run("cosine_topk_blocked", *case.inputs.values(), **case.arguments)
    several = isinstance(found, tuple | list) and len(found) == 2
    return what_was_found(dict(zip(("ids", "similarities"), found, strict=True)) if several else {"ids": found}, case)
