"""The checks of habits for a method with a run function of its own."""

import numpy as np
import pytest

from autograder.checks import Case, Exercise, Rng, habits, in_float32
from autograder.subject import LocalSubject, SubjectRaisedError

FITS = "fits the rows"


class Model:
    def __init__(self, *, rng):
        self.weights = rng.normal(size=2)

    def fit(self, x, y):
        self.weights = self.weights - x.T @ (x @ self.weights - y)


def cases(rng):
    for rows in (1, 4, 5):
        case = Case({"rng": Rng(0)}, x=rng.normal(size=(rows, 2)), y=rng.normal(size=rows))
        yield case.with_changes(hidden={"state": {"weights": rng.normal(size=2), "steps": [np.ones(1)]}})


def fitted(subject, case):
    model = subject.make("Model", **case.arguments)
    model.set("weights", case.hidden["state"]["weights"])
    model.call("fit", *case.inputs.values())
    return {"weights": model.get("weights")}


exercise = Exercise("Model", "network", ("fit",))
exercise.check(FITS, cases=cases)(fitted)
habits(
    exercise,
    fitted,
    cases=cases,
    after=(FITS,),
    prefix="fit: ",
    to_float64=("super().fit(*args, **kwargs)", "self.weights = self.weights.astype('float64')"),
)
HABITS = ["fit: inputs are not modified", "fit: float32 stays float32", "fit: stays on the device"]


class Writes(Model):
    def fit(self, x, y):
        super().fit(x, y)
        x[...] = 0


class Doubles(Model):
    def fit(self, x, y):
        super().fit(x, y)
        self.weights = self.weights.astype("float64")


class Fetches(Model):
    def fit(self, x, y):
        np.asarray(x)
        super().fit(x, y)


def failed(kind):
    """The checks that a class fails: by a mismatch, or by an error where transfers raise one."""
    reference = LocalSubject.live({"Model": Model}, "")
    names = []
    for check in exercise.checks:
        for case in check.cases(np.random.default_rng(0), reference):
            subject = LocalSubject.live({"Model": kind}, "").on(check.backend or "numpy")
            expected = check.expect(reference, case, None) if check.expect else check.observe(reference, case)
            try:
                mismatch = check.judge(check.observe(subject, case), expected, case)
            except SubjectRaisedError as error:
                mismatch = error
            if mismatch and check.name not in names:
                names.append(check.name)
    return names


def test_the_checks_are_named_after_the_method():
    assert [check.name for check in exercise.checks] == [FITS, *HABITS]


@pytest.mark.parametrize(("kind", "names"), [(Model, []), *zip((Writes, Doubles, Fetches), HABITS, strict=True)])
def test_each_habit_that_is_broken_is_caught_by_its_own_check(kind, names):
    assert failed(kind) == ([names] if names else [])


@pytest.mark.parametrize("check", exercise.checks[1:], ids=HABITS)
def test_the_mutation_of_a_habit_breaks_that_habit_alone(check):
    names = {"Model": Model}
    exec(check.mutation.replace("{name}", "Model"), names)  # noqa: S102 - as the audit appends it to a solution
    assert failed(names["Model"]) == [check.name]


def test_in_float32_converts_the_last_two_cases_with_all_that_is_hidden_in_them():
    converted = in_float32(cases)(np.random.default_rng(0))
    assert [len(case.inputs["x"]) for case in converted] == [4, 5]
    for case in converted:
        state = case.hidden["state"]
        arrays = [*case.inputs.values(), state["weights"], *state["steps"]]
        assert {array.dtype for array in arrays} == {np.dtype("float32")}


class Squares:
    def forward(self, x):
        return x * x


def squared(subject, case):
    return {"y": subject.make("Squares").call("forward", case.inputs["x"])}


def squares_exercise():
    made = Exercise("Squares", "class", ("forward",))
    drawn = lambda rng: [Case(x=rng.normal(size=(rows, 2))) for rows in (2, 3)]
    made.check("squares", cases=drawn)(squared)
    habits(made, squared, cases=drawn, after=("squares",))
    return made


@pytest.mark.parametrize("check", squares_exercise().checks[1:], ids=lambda check: check.name)
def test_the_mutation_of_a_habit_of_forward_breaks_that_habit_alone(check):
    names = {"Squares": Squares}
    exec(check.mutation.replace("{name}", "Squares"), names)  # noqa: S102 - as the audit appends it to a solution
    broken = []
    for other in squares_exercise().checks:
        for case in other.cases(np.random.default_rng(0), None):
            subjects = [LocalSubject.live({"Squares": kind}, "") for kind in (Squares, names["Squares"])]
            expected = other.expect(None, case, None) if other.expect else other.observe(subjects[0], case)
            try:
                mismatch = other.judge(other.observe(subjects[1].on(other.backend or "numpy"), case), expected, case)
            except SubjectRaisedError as error:
                mismatch = error
            broken += [other.name] if mismatch and other.name not in broken else []
    assert broken == [check.name]
