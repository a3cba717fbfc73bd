"""Labels, some of which are dropped."""

import numpy as np

from autograder.checks import Case, RandomFunctionExercise, each_with_probability, new_rng, statistics

DISTRIBUTED = "each label is dropped by itself, with probability p"


def labels_to_keep_or_drop(rng):
    """Nothing is dropped, everything is, and something; the label that says nothing is 10, 3 or 0."""
    for p, nothing in [(0.0, 10), (1.0, 10), (0.5, 3), (0.3, -1)]:
        yield Case({"p": p, "nothing": nothing}, labels=rng.integers(4, 10, size=60))


def word_of_labels(result, case):
    """In words: what has become of the labels."""
    labels, nothing = case.inputs["labels"], case.arguments["nothing"]
    if not isinstance(result, np.ndarray) or result.shape != labels.shape or result.dtype.kind not in "iu":
        return {"labels": "another form"}
    p = case.arguments["p"]
    kept_rows, dropped = result == labels, result == nothing
    if not (kept_rows | dropped).all():
        return {"labels": "others"}
    if (p == 0 and dropped.any()) or (p == 1 and kept_rows.any()):
        return {"labels": "certain ones are wrong"}
    return {"labels": "kept or dropped"}


def many_labels(rng):
    for p in (0.1, 0.4, 0.005):
        yield Case({"p": p, "nothing": 10}, labels=rng.integers(10, size=30_000))


drop_labels = RandomFunctionExercise(
    "drop_labels",
    cases=labels_to_keep_or_drop,
    invariant=word_of_labels,
    expect=lambda _: {"labels": "kept or dropped"},
    sentences={
        "another form": "expected whole numbers in the shape of the labels",
        "others": "a label is neither what it was nor the one that says nothing",
        "certain ones are wrong": "with p = 0 every label is kept, with p = 1 every one is dropped",
    },
    draws=many_labels,
    rows=lambda rng: [Case({"p": 0.4, "nothing": 10}, labels=rng.integers(10, size=4))],
    claims=each_with_probability(
        "labels",
        "dropped",
        lambda seen, case: np.asarray(seen["y"]) == case.arguments["nothing"],
        lambda case: case.arguments["p"],
    ),
    names=("labels are kept or dropped", DISTRIBUTED),
    float32=False,
)


SMALL = "each label is dropped by itself in small batches too"
CALLS = 300


def small_batches(rng):
    """Two labels, so that neighbours are of the same call; and one label alone."""
    for batch, p in [(2, 0.5), (1, 0.2)]:
        yield Case({"p": p, "nothing": 10, "rng": new_rng(rng)}, labels=rng.integers(10, size=batch))


@statistics(
    drop_labels,
    SMALL,
    cases=small_batches,
    after=(DISTRIBUTED,),
    claims=each_with_probability(
        "labels in small batches",
        "dropped",
        lambda seen, case: np.concatenate(seen["calls"]) == case.arguments["nothing"],
        lambda case: case.arguments["p"],
    ),
)
def many_calls(subject, case):
    arguments = {**case.arguments, "rng": subject.put(case.arguments["rng"])}
    return {"calls": [subject.run("drop_labels", case.inputs["labels"], **arguments) for _ in range(CALLS)]}
