"""The exercises LinearRegression and LogisticRegression: minima, gradients, predictions."""

import numpy as np

from autograder.checks import Case, Exercise, Mismatch, habits

from .fitted import add_fit

FITS = "finds the line, plane or hyperplane of least squares"
SLOPE, DESCENDS, ANSWERS = "gives both gradients of the mean square", "takes the steps of descent", "predicts x W + b"


def without_labels(cases):
    """The same cases, of which the rows alone are given."""

    def draw(rng):
        for case in cases(rng):
            yield case.with_changes(inputs={"x": case.inputs["x"]})

    return draw


def few_and_many_rows(rng):
    """More rows than features and fewer, one row, one feature, columns alike or constant, means far from zero."""
    for rows, features, shift in [(6, 2, 0.0), (1, 3, 1.0), (20, 4, 5.0), (3, 5, 2.0), (7, 1, -3.0), (2, 1, 0.0)]:
        yield Case(x=shift + rng.normal(size=(rows, features)), y=3 * shift + rng.normal(size=rows))
    a, b = rng.normal(size=(2, 9))
    yield Case(x=np.stack([a, 2 * a, b, np.full(9, 0.1)], axis=1), y=4 + rng.normal(size=9))
    yield Case(x=np.stack([np.full(8, 2.0), a[:8]], axis=1), y=rng.normal(size=8))
    yield Case(x=np.full((4, 2), 1.5), y=rng.normal(size=4))
    yield Case(x=(50 + rng.normal(size=(12, 2)) * [1, 30])[:, [0, 1, 0]], y=rng.normal(size=12))
    yield Case(x=rng.normal(size=(30, 3)), y=10 + rng.normal(size=30))


def places(rng):
    """Some W and b, and rows; one row; zeros."""
    for rows, features in [(6, 2), (1, 3), (20, 4), (3, 5)]:
        case = Case(x=1 + rng.normal(size=(rows, features)), y=2 + rng.normal(size=rows))
        yield case.with_changes(hidden={"W": rng.normal(size=features), "b": rng.normal(size=())})
    yield Case(x=rng.normal(size=(4, 2)), y=rng.normal(size=4)).with_changes(
        hidden={"W": np.zeros(2), "b": np.zeros(())}
    )


def descents(rng):
    """Many steps and few, one, none; rates large and small; one row."""
    for rows, features, lr, steps in [
        (6, 2, 0.1, 7),
        (9, 3, 0.02, 40),
        (1, 2, 0.05, 3),
        (5, 1, 0.3, 1),
        (4, 3, 0.1, 0),
    ]:
        yield Case({"lr": lr, "steps": steps}, x=1 + rng.normal(size=(rows, features)), y=2 + rng.normal(size=rows))


linear = Exercise("LinearRegression", "class", ("fit", "gradient", "descend", "predict"))
add_fit(linear, "fit", FITS, cases=few_and_many_rows, look=("W", "b"), alone=("W",))


def placed(exercise, subject, case):
    """An object whose parameters were set."""
    made = subject.make(exercise.name, **case.hidden.get("made with", {}))
    made.set("W", case.hidden["W"])
    made.set("b", case.hidden["b"])
    return made


def slopes(exercise):
    """What gradient gives, and that the parameters stay."""

    def run(subject, case):
        made = placed(exercise, subject, case)
        result = made.call("gradient", *case.inputs.values())
        if not isinstance(result, tuple | list) or len(result) != 2:
            return {"what gradient returns": result}
        return {"dW": result[0], "db": result[1], "W afterwards": made.get("W"), "b afterwards": made.get("b")}

    return run


linear.check(SLOPE, cases=places, part="gradient", needs=("gradient",), weight=4)(slopes(linear))
habits(linear, slopes(linear), cases=places, after=(SLOPE,), part="gradient", prefix="gradient: ", to_float64=(
    "dW, db = super().gradient(*args)", "return dW.astype('float64'), db"))  # fmt: skip
add_fit(linear, "descend", DESCENDS, cases=descents, look=("W", "b"), alone=("W",), needs=("gradient",))


def answers(subject, case):
    return {"y": placed(linear, subject, case).call("predict", case.inputs["x"])}


linear.check(ANSWERS, cases=without_labels(places), part="predict", needs=("predict",), weight=4)(answers)
habits(linear, answers, cases=without_labels(places), after=(ANSWERS,), part="predict", prefix="predict: ")

# --- classes ---------------------------------------------------------------------------------

CLOSE = 1e-4
LOSS, MINIMUM = "gives the cross-entropy with the penalty", "finds the minimum, also of separable rows"
BOTH, SURE = "gives both gradients of the loss", "gives the probabilities of class 1, of scores of any size"
logistic = Exercise("LogisticRegression", "class", ("probabilities", "loss", "gradient", "fit"))


FAR = np.array(
    [[-0.2, -0.3], [2.9, 0.4], [-0.8, 1.3], [-2.2, 0.7], [0, 0], [0.7, -9.2], [0.1, -3.2], [-143.1, -3.7], [1.7, 0.1],
     [71.9, -5.1]]
)  # fmt: skip
OF_FAR = np.array([0, 1, 1, 1, 1, 0, 0, 0, 1, 0])
"""Rows, two of them far away, and their classes, for which whole Newton steps from zero end nowhere at λ = 0.01."""


def two_classes(rng):
    """Classes that overlap and that do not, few rows of one class, weak and strong penalties, features of any size."""
    for rows, features, apart, l2, share in [
        (30, 2, 1.0, 0.01, 0.5),
        (12, 3, 30.0, 1e-3, 0.5),
        (40, 1, 0.5, 2.0, 0.2),
        (9, 4, 0.0, 0.1, 0.6),
        (2, 2, 5.0, 1e-4, 0.5),
        (50, 3, 2.0, 1e-5, 0.9),
        (50, 3, 1.0, 1e-5, 0.06),
    ]:
        y = (rng.permutation(rows) < share * rows).astype(int)
        x = 2 + rng.normal(size=(rows, features)) + apart * y[:, None] * rng.normal(size=features)
        yield Case(x=x, y=y).with_changes(hidden={"made with": {"l2": l2}})
    y = np.arange(20) % 2
    x = rng.normal(size=(20, 3)) * [200, 0.05, 1] + y[:, None] * [150, 0.1, 0]
    x[:, 2] = 3.0
    yield Case(x=x, y=y).with_changes(hidden={"made with": {"l2": 0.02}})
    order = rng.permutation(len(FAR))
    yield Case(x=FAR[order] * rng.choice([-1, 1], size=2), y=OF_FAR[order])
    yield Case(x=rng.normal(size=(25, 2)), y=(rng.random(25) < 0.5).astype(int) | (np.arange(25) == 0))


def at_places(rng):
    """Rows with labels, and W and b where the slope is not zero; scores of ±1,000; strong penalties."""
    for rows, features, l2, size in [(8, 2, 0.5, 1.0), (1, 3, 3.0, 1.0), (20, 4, 0.01, 3.0), (6, 2, 0.1, 900.0)]:
        case = Case(x=rng.normal(size=(rows, features)), y=rng.integers(2, size=rows))
        W, b = rng.normal(size=features), size * rng.normal(size=())
        if size > 100:
            W = size * np.sign(W)
            case.inputs["x"][:2] = np.sign(W), -np.sign(W)
            b = b / 2
        yield case.with_changes(hidden={"made with": {"l2": l2}, "W": W, "b": b})
    for l2 in (0.2, 1.5):
        case = Case(x=1 + rng.normal(size=(7, 3)), y=rng.permutation(np.arange(7) % 2))
        yield case.with_changes(hidden={"made with": {"l2": l2}, "W": 2 + rng.random(3), "b": np.array(3.0)})


def probabilities(subject, case):
    return {"p": placed(logistic, subject, case).call("probabilities", case.inputs["x"])}


logistic.check(SURE, cases=without_labels(at_places), part="probabilities", needs=("probabilities",), weight=4)(
    probabilities
)
habits(
    logistic,
    probabilities,
    cases=without_labels(at_places),
    after=(SURE,),
    part="probabilities",
    prefix="probabilities: ",
)


def losses(subject, case):
    return {"the loss": placed(logistic, subject, case).call("loss", *case.inputs.values())}


logistic.check(LOSS, cases=at_places, part="loss", needs=("loss",), weight=4)(losses)
habits(logistic, losses, cases=at_places, after=(LOSS,), part="loss", among=("inputs", "device"), prefix="loss: ")

NEEDED = ("gradient", "probabilities")
logistic.check(BOTH, cases=at_places, part="gradient", needs=NEEDED, weight=4)(slopes(logistic))
habits(logistic, slopes(logistic), cases=at_places, after=(BOTH,), part="gradient", prefix="gradient: ", to_float64=(
    "dW, db = super().gradient(*args)", "return dW.astype('float64'), db"))  # fmt: skip


def judge_minimum(observed, expected, case):
    """W and b up to four digits: they are where another method ended too."""
    del case
    for name, right in expected.items():
        seen, right = observed.get(name), np.asarray(right, float)
        if not isinstance(seen, int | float | np.number | np.ndarray) or np.shape(seen) != right.shape:
            return Mismatch("shape", name, f"{name}: expected shape {right.shape}, got {np.shape(seen)}")
        error = float(np.max(np.abs(np.asarray(seen) - right), initial=0)) / max(1.0, float(np.max(np.abs(right))))
        if not error <= CLOSE:
            return Mismatch("value", name, f"{name} is not where the loss is smallest", error=error)
    return None


add_fit(
    logistic,
    "fit",
    MINIMUM,
    cases=two_classes,
    look=("W", "b"),
    judge=judge_minimum,
    among=("inputs",),
    needs=("probabilities", "loss", "gradient"),
)
