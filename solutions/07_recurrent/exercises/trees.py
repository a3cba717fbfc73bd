"""A network along a tree."""

import numpy as np

from autograder.checks import Case, LayerExercise, Rng


def random_tree(leaves, forks, rng):
    """A tree of any form over ``forks + 1`` leaves drawn with repetition, as rows of children."""
    ends = [int(j) for j in rng.integers(leaves, size=forks + 1)]
    rows = []
    for n in range(forks):
        at = int(rng.integers(len(ends) - 1))
        rows.append([ends.pop(at), ends.pop(at)])
        ends.insert(at, leaves + n)
    return rows


def recursive_cases(rng):
    """Trees of several forms; more ends than leaves, so that leaves return; once both children are the same leaf."""
    for batch, leaves, forks, features in [(1, 2, 1, 2), (4, 3, 5, 2), (3, 4, 6, 3)]:
        tree = np.array([random_tree(leaves, forks, rng) for _ in range(batch)])
        tree[0, 0] = [0, 1] if forks == 1 else [1, 1]
        yield Case({"features": features, "rng": Rng(0)}, x=rng.normal(size=(batch, leaves, features)), tree=tree)


recursive = LayerExercise(
    "RecursiveNet",
    cases=recursive_cases,
    has_parameters=True,
    wide=Case({"features": 8, "rng": Rng(0)}, x=(1, 64, 8), tree=lambda rng: np.array([random_tree(64, 128, rng)])),
)
