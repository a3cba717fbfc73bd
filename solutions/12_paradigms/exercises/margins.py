"""The exercises pegasos_step and LinearSVM: margins, the rows that are drawn, a score of zero."""

import numpy as np

from autograder.checks import Case, Exercise, FunctionExercise, habits, new_rng

from .fitted import add_fit


def steps(rng):
    """The first step and late ones, one row, no row that violates, all of them, margins of exactly 1; float labels."""
    for rows, features, t, l2, size in [
        (6, 3, 4, 0.5, 1.0),
        (1, 2, 2, 0.1, 0.1),
        (9, 2, 1, 0.01, 1.0),
        (5, 4, 70, 0.02, 0.5),
    ]:
        W, x = size * rng.normal(size=features), rng.normal(size=(rows, features))
        yield Case({"t": t, "l2": l2}, W=W, x=x, y=rng.choice([-1, 1], size=rows))
    W = rng.normal(size=3)
    x = rng.normal(size=(8, 3))
    y = np.where(x @ W > 0, 1, -1)
    x = x / abs(x @ W)[:, None]
    yield Case({"t": 3, "l2": 0.2}, W=W, x=3 * x, y=y)
    yield Case({"t": 5, "l2": 0.3}, W=W, x=0.5 * x, y=y.astype(float))
    W = np.array([1.0, 0.5, -2.0])
    x = np.array([[1.0, 0, 0], [0, 2, 0], [1, 4, 1], [0, 0, 1], [-1, 0, 0], [1.0, 2, 1], [1.5, 0, 0]])
    yield Case({"t": 2, "l2": 0.25}, W=W, x=x, y=np.array([1, 1, 1, -1, -1, 1, 1]))


step = FunctionExercise("pegasos_step", cases=steps, float32=True)

WALKS = "its weights are those of all steps, with rows as they are drawn"
SIGNS = "predicts the sign of the score, and 1 for a score of 0"
svm = Exercise("LinearSVM", "class", ("fit", "predict"), depends=("pegasos_step",))


def labelled(rng):
    """Many steps and one, one row in a step and one in all, more in a step than there are; classes apart and mixed."""
    for rows, features, l2, count, size in [
        (20, 3, 0.1, 30, 4),
        (7, 2, 0.5, 12, 1),
        (5, 4, 0.02, 1, 3),
        (3, 2, 0.05, 9, 10),
        (1, 2, 1.0, 6, 1),
        (12, 2, 0.3, 17, 5),
    ]:
        y = rng.choice([-1, 1], size=rows)
        x = rng.normal(size=(rows, features)) + y[:, None] * rng.normal(size=features)
        hidden = {"made with": {"l2": l2, "steps": count, "size": size}}
        yield Case({"rng": new_rng(rng)}, x=x, y=y).with_changes(hidden=hidden)


add_fit(svm, "fit", WALKS, cases=labelled, look=("W",))


def scores(rng):
    """Scores on both sides, and of exactly zero; one row."""
    for rows, features in [(9, 3), (1, 2), (6, 1)]:
        yield Case(x=rng.normal(size=(rows, features))).with_changes(hidden={"W": rng.normal(size=features)})
    x = np.array([[1.0, 2], [2, -1], [0, 0], [-2, 1], [-1, -1], [4, -2]])
    yield Case(x=x).with_changes(hidden={"W": np.array([1.0, 2.0])})


def predicted(subject, case):
    made = subject.make("LinearSVM")
    made.set("W", case.hidden["W"])
    return {"the classes": made.call("predict", case.inputs["x"])}


svm.check(SIGNS, cases=scores, part="predict", needs=("predict",), weight=4)(predicted)
habits(svm, predicted, cases=scores, after=(SIGNS,), among=("inputs", "device"), prefix="predict: ")
