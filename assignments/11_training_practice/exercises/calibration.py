"""The bonus exercises calibration_error and TemperatureScaling: how sure predictions are, and should be."""

import numpy as np

from autograder.checks import Case, Exercise, FunctionExercise, Mismatch, habits, in_float32, judge_words, mutated


def softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def predictions(rng):
    """Few and many rows, empty bins, one bin, many bins, two classes and more, sure predictions, one row."""
    for rows, classes, size, bins in [
        (1, 3, 1.0, 15),
        (40, 2, 1.5, 5),
        (200, 4, 3.0, 10),
        (60, 6, 2.0, 1),
        (30, 3, 4, 50),
    ]:
        p = softmax(size * rng.normal(size=(rows, classes)))
        labels = np.where(rng.random(rows) < 0.6, p.argmax(axis=1), rng.integers(classes, size=rows))
        yield Case({"bins": bins}, probabilities=p, labels=labels)
    sure = np.eye(3)[rng.integers(3, size=20)]
    yield Case({"bins": 8}, probabilities=sure, labels=rng.integers(3, size=20))
    p = softmax(2 * rng.normal(size=(90, 5)))
    yield Case(probabilities=p, labels=rng.integers(5, size=90))
    yield from on_boundaries(rng)


def on_boundaries(rng):
    """Confidences on the boundary of two bins, which are all correct, among others, which are not."""
    for bins in (2, 4, 8):
        confidence = np.concatenate([np.full(6, 0.5), np.full(5, 0.75), rng.uniform(0.4, 0.95, 20)])
        rest = (1 - confidence) / 3
        p = np.stack([confidence, rest, rest, rest], axis=1)
        labels = np.where(np.arange(len(p)) < 11, 0, rng.integers(1, 4, size=len(p)))
        order = rng.permutation(len(p))
        yield Case({"bins": bins}, probabilities=p[order], labels=labels[order])


error = FunctionExercise("calibration_error", cases=predictions, float32=True, integers=("labels",))


# --- temperatures ----------------------------------------------------------------------------

FOUND, GIVEN = "finds the temperature with the smallest cross-entropy", "divides scores by the temperature"
CLOSE = 1e-3

scaling = Exercise("TemperatureScaling", "class", ("fit", "forward"))


def scored_rows(rng):
    """Scores that are too large and too small, far from zero, two classes and more; labels drawn by other scores."""
    for rows, classes, factor, shift in [
        (60, 2, 3.0, 0.0),
        (200, 4, 0.2, 0.0),
        (300, 3, 8.0, 50.0),
        (150, 5, 1.0, -900.0),
        (400, 3, 10.0, 0.0),  # so many rows that the best temperature is sure to lie between 0.05 and 20
        (400, 3, 0.1, 0.0),
    ]:
        true = 1.5 * rng.normal(size=(rows, classes))
        labels = (true + rng.gumbel(size=true.shape)).argmax(axis=1)
        yield Case(scores=factor * true + shift, labels=labels)


def judge_temperature(observed, expected, case):
    del case
    seen, right = observed["the temperature"], expected["the temperature"]
    if isinstance(seen, int | float | np.number) and abs(seen - right) <= CLOSE * right:
        return None
    shown = f"{seen:.6g}" if isinstance(seen, int | float | np.number) else f"a {type(seen).__name__}"
    return Mismatch("value", "the temperature", f"the temperature: expected {right:.6g}, got {shown}")


def fitted(subject, case):
    made = subject.make("TemperatureScaling")
    made.call("fit", *case.inputs.values())
    return {"the temperature": made.get("temperature")}


scaling.check(FOUND, cases=scored_rows, part="fit", needs=("fit",), weight=4, judge=judge_temperature)(fitted)


def one_fit_after_another(subject, case):
    made = subject.make("TemperatureScaling")
    made.set("temperature", 7.0)
    made.call("fit", *case.inputs.values())
    return {"the temperature": made.get("temperature")}


scaling.check(
    "a second fit begins anew", cases=scored_rows, part="fit", needs=("fit",), after=(FOUND,), judge=judge_temperature
)(one_fit_after_another)
habits(scaling, fitted, cases=scored_rows, after=(FOUND,), part="fit", among=("inputs",), prefix="fit: ")


def scores_and_temperature(rng):
    for shape, temperature in [((1, 3), 0.5), ((6, 2), 4.0), ((4, 5), 1.0), ((3, 4), 0.06)]:
        case = Case(scores=rng.normal(0, 3, shape))
        yield case.with_changes(hidden={"temperature": temperature})
    far = np.array([[900.0], [0.0], [-900.0], [5000.0]])
    yield Case(scores=far + rng.normal(0, 3, (4, 3))).with_changes(hidden={"temperature": 0.8})


def probabilities(subject, case):
    made = subject.make("TemperatureScaling")
    made.set("temperature", case.hidden["temperature"])
    return {"the probabilities": made.call("forward", case.inputs["scores"])}


scaling.check(GIVEN, cases=scores_and_temperature, part="forward", needs=("forward",), weight=3)(probabilities)
habits(scaling, probabilities, cases=scores_and_temperature, after=(GIVEN,), part="forward")


@scaling.check(
    "float32 stays float32 after a fit",
    cases=in_float32(scored_rows),
    part="forward",
    needs=("fit", "forward"),
    after=(FOUND, "float32 stays float32"),
    judge=judge_words({}, "dtype"),
    mutation=mutated("super().fit(*args)", "self.temperature = np.float64(self.temperature)", method="fit"),
)
def after_a_fit(subject, case):
    made = subject.make("TemperatureScaling")
    made.call("fit", *case.inputs.values())
    found = made.call("forward", case.inputs["scores"])
    return {"the dtype of the probabilities after a fit": str(getattr(found, "dtype", type(found).__name__))}
