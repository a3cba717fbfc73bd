"""The exercise cosine_neighbours: lengths of every size, zero vectors, equal directions, not the query itself."""

import numpy as np

from autograder.checks import Case, FunctionExercise, Speed

ZEROS = "vectors of zeros have a cosine of 0 with all others"
TIES = "equal directions are neighbours too"
MANY = "many neighbours are in order"
APART = 1e-4
"""By which the cosines of a row differ at least, so that rounding decides nothing."""


def cosines_of(vectors, queries):
    lengths = np.sqrt((vectors.astype(float) ** 2).sum(axis=1, keepdims=True))
    directions = vectors / np.where(lengths > 0, lengths, 1)
    return directions[queries] @ directions.T


def drawn(rng, size, features, queries, longest=2):
    """Vectors of lengths from 10⁻⁵ to 10^longest, whose cosines with each query are far enough apart."""
    while True:
        vectors = rng.normal(size=(size, features)) * 10 ** rng.uniform(-5, longest, size=(size, 1))
        if np.diff(np.sort(cosines_of(vectors, queries), axis=1), axis=1).min() > APART:
            return vectors


def word_vectors(rng):
    """One query, several with one of them twice, all words, as many neighbours as there are; all vectors short."""
    for size, features, queries, k in [
        (2, 3, [1], 1),
        (9, 4, [4], 3),
        (12, 3, [0, 11, 5, 5], 5),
        (7, 5, range(7), 6),
        (20, 3, [3, 19], 1),
    ]:
        queries = np.array(queries)
        yield Case({"k": k}, vectors=drawn(rng, size, features, queries), queries=queries)
    few = np.array([2, 5])
    yield Case({"k": 4}, vectors=drawn(rng, 6, 3, few, longest=-4), queries=few)


neighbours = FunctionExercise(
    "cosine_neighbours",
    cases=word_vectors,
    outputs=("ids", "similarities"),
    float32=True,
    # Sorting all rows takes 1.2 times the reference, a loop over the queries 7 times.
    speed=Speed(
        Case({"k": 8}, vectors=(3000, 16), queries=lambda rng: rng.integers(3000, size=256)),
        at_most=4.0,
        dtype="float64",
    ),
)


def all_around(rng):
    """Of many words many and few neighbours, in an order that no partition gives: angles evenly spaced, shuffled."""
    angles = np.concatenate([[0.0], rng.permutation(np.linspace(0.1, 3.0, 600))])
    lengths = rng.uniform(0.5, 2, size=(len(angles), 1))
    vectors = lengths * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for k in (300, 3):
        yield Case({"k": k}, vectors=vectors, queries=np.array([0]))


@neighbours.check(MANY, cases=all_around, after=("the result matches the reference",))
def of_many(subject, case):
    ids, similarities = subject.run("cosine_neighbours", *case.inputs.values(), **case.arguments)
    return {"ids": ids, "similarities": similarities}


def seen_of(result, case):
    """What is the same for every correct choice among equally similar words."""
    ids, similarities = result
    queries = case.inputs["queries"]
    known = cosines_of(case.inputs["vectors"], queries)
    return {
        "similarities": similarities,
        "cosines of the ids": np.take_along_axis(known, np.asarray(ids, int), axis=1),
        "different words per row": np.array([len(set(row)) for row in np.asarray(ids).tolist()]),
        "the query among its neighbours": (ids == queries[:, None]).sum(axis=1),
    }


def with_ties(rng):
    """Words with exactly the query's direction, before it and behind it, and its exact copies."""
    vectors = rng.normal(size=(10, 4))
    vectors[[1, 8]] = vectors[5]
    vectors[7] = 4 * vectors[5]
    vectors[2] = 0.5 * vectors[3]
    queries = np.array([5, 1, 8, 7, 2, 3])
    for k in (1, 2, 4):
        yield Case({"k": k}, vectors=vectors, queries=queries)


@neighbours.check(TIES, cases=with_ties, after=("the result matches the reference",), weight=2)
def of_ties(subject, case):
    return seen_of(subject.run("cosine_neighbours", *case.inputs.values(), **case.arguments), case)


def with_zeros(rng):
    """Some words without a direction, one of them a query, and words that are opposite to a query."""
    vectors = rng.normal(size=(8, 3))
    vectors[[2, 5]] = 0
    vectors[6] = -2 * vectors[0]
    queries = np.array([0, 2, 6])
    yield Case({"k": 7}, vectors=vectors, queries=queries)
    yield Case(
        {"k": 3}, vectors=np.abs(vectors) * np.array([[1], [-1], [1], [-1], [-1], [1], [-1], [-1]]), queries=queries
    )


@neighbours.check(ZEROS, cases=with_zeros, after=("the result matches the reference",), weight=2)
def of_zeros(subject, case):
    return seen_of(subject.run("cosine_neighbours", *case.inputs.values(), **case.arguments), case)
