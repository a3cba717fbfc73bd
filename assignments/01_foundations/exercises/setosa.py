"""The capstone of 01_foundations: a network that recognizes setosas, tested on flowers that it has not seen."""

import numpy as np

from autograder.checks import Case, Exercise, Mismatch, Rng, Task, disguise
from dlkit.datasets import iris

ACCURACY = 0.97
DEALS = 3


def deals(rng):
    """Iris, its first two columns, split into three parts; each is classified by a network trained on the other two.

    For every part the plane is rotated, stretched and shifted anew, and the class numbers may be swapped: nothing that
    is remembered from one training run helps the next.
    """
    x, species = iris()
    x, y = x[:, :2], (species == 0).astype(np.int64)
    for _ in range(DEALS):
        trainings = []
        for part in np.array_split(rng.permutation(len(x)), 3):
            seen = rng.permutation(np.setdiff1d(np.arange(len(x)), part))
            task = disguise(Task(x[seen], y[seen], x[part], y[part]), "rotation", rng)
            stretch, shift = rng.uniform(0.2, 5), rng.normal(0, 3, 2)
            rows, unseen = (stretch * plane + shift for plane in (task.x, task.x_test))
            trainings.append([rows, task.y, unseen, task.y_test, int(rng.integers(1 << 31))])
        yield Case(x=trainings[0][0], y=trainings[0][1]).with_changes(hidden={"trainings": trainings})


def labels_of_parts(case):
    return {"labels": [labels for _, _, _, labels, _ in case.hidden["trainings"]]}


def judge_probabilities(observed, expected, case):
    """Require probabilities for every part, and the correct class for enough flowers of all three together."""
    del case
    right = 0
    for found, labels in zip(observed["probabilities"], expected["labels"], strict=True):
        if not isinstance(found, np.ndarray) or found.shape != labels.shape or found.dtype.kind != "f":
            what = f"an array of shape {found.shape}" if isinstance(found, np.ndarray) else f"a {type(found).__name__}"
            sentence = f"the function returns {what}; expected probabilities of shape {labels.shape}"
            return Mismatch("shape", "probabilities", sentence)
        if not ((found >= 0) & (found <= 1)).all():
            return Mismatch("value", "probabilities", "the function returns numbers that are not probabilities")
        right += int(((found > 0.5) == labels).sum())
    count = sum(len(labels) for labels in expected["labels"])
    if right < ACCURACY * count:
        text = f"{right} of {count} unseen flowers are classified correctly; expected {100 * ACCURACY:.3g} % or more"
        return Mismatch("accuracy", "probabilities", text, error=ACCURACY - right / count)
    return None


capstone = Exercise(
    "train_setosa",
    "model",
    ("train_setosa",),
    depends=("standardize", "minibatches", "TwoLayerNet"),
)


# Over 300 splits (100 seeds) the reference has 1.01 of 150 flowers wrong on average and 2 at worst, accuracy 0.9933 and
# 0.9867; 4 may be wrong, so the worst split has a margin of 2 flowers. The one that is always wrong is a setosa with a
# sepal of 4.5 by 2.3 cm. One training run takes 0.015 s of the allowed 5.
@capstone.check(
    f"reaches {100 * ACCURACY:.3g} % on flowers that it has not seen, in each of {DEALS} deals",
    cases=deals,
    expect=labels_of_parts,
    judge=judge_probabilities,
    cpu_s=5.0,
)
def judged_by_others(subject, case):
    """For each part, the probabilities from a network that was trained on the other two."""
    found = []
    for x, y, unseen, _, seed in case.hidden["trainings"]:
        trained = subject.keep("train_setosa", x, y, rng=Rng(seed))
        found.append(trained.call("__call__", unseen))
    return {"probabilities": found}
