"""What a FunctionExercise says about functions that are incorrect in one way."""

from dataclasses import replace

import numpy as np
import pytest

from autograder.checks import MATCHES, NEW, RETURNED, Case, FunctionExercise, Rng, Setting, judge_unchanged
from autograder.subject import LocalSubject

FLOAT32, UNTOUCHED = "float32 stays float32", "inputs are not modified"


def cases(rng):
    for rows in (3, 5):
        yield Case({"factor": 2.0}, x=rng.normal(size=(rows, 2)))


def split(x, *, factor):
    """The sum and the scaled input."""
    return x.sum(axis=0), factor * x


exercise = FunctionExercise("split", cases=cases, outputs=("the sum", "the product"), float32=True)


def found(function, check, *, of=exercise, correct=split):
    """The mismatch of the first case that a function fails at one check; None where it passes."""
    reference, subject = (LocalSubject.live({of.name: each}, of.support) for each in (correct, function))
    check = of.find(check)
    for case in check.cases(np.random.default_rng(0), reference):
        expected = check.expect(reference, case, None) if check.expect else check.observe(reference, case)
        mismatch = check.judge(check.observe(subject.on(check.backend or "numpy"), case), expected, case)
        if mismatch:
            return mismatch
    return None


@pytest.mark.parametrize("check", [check.name for check in exercise.checks])
def test_a_correct_function_passes_every_check(check):
    assert found(split, check) is None


def test_the_one_of_several_results_that_differs_is_named():
    mismatch = found(lambda x, **_: (x.sum(axis=0), x), MATCHES)
    assert mismatch.name == "the product"
    assert mismatch.sentence.startswith("the product is wrong in")


@pytest.mark.parametrize(
    ("returned", "seen"),
    [
        (lambda x, **_: x.sum(axis=0), "the result: expected 2 values, got an array of shape (2,)"),
        (lambda x, **_: (x.sum(axis=0), x, x), "the result: expected 2 values, got 3"),
        (lambda _x, **_: None, "the result: expected 2 values, got None"),
    ],
)
@pytest.mark.parametrize("check", [MATCHES, FLOAT32])
def test_a_function_that_returns_no_tuple_of_results_fails_with_their_expected_number(returned, seen, check):
    mismatch = found(returned, check)
    assert (mismatch.kind, mismatch.name) == ("structure", "the result")
    assert mismatch.sentence.startswith(seen)


def test_one_of_several_results_in_float64_is_named():
    mismatch = found(lambda x, *, factor: (x.sum(axis=0), factor * x.astype("float64")), FLOAT32)
    assert (mismatch.kind, mismatch.name) == ("dtype", "the product")


def test_nothing_is_asked_of_the_dtype_by_default_and_cases_for_it_may_be_given():
    assert FLOAT32 not in [check.name for check in FunctionExercise("split", cases=cases).checks]
    of_its_own = FunctionExercise("split", cases=cases, float32=lambda _rng: [Case({"factor": 1.0}, x=np.ones((7, 2)))])
    (case,) = of_its_own.find(FLOAT32).cases(np.random.default_rng(0), None)
    assert case.inputs["x"].shape == (7, 2)
    assert case.inputs["x"].dtype == np.float32


def test_a_function_that_is_to_write_into_its_arguments_is_not_asked_to_leave_them_alone():
    assert UNTOUCHED in [check.name for check in exercise.checks]
    writing = FunctionExercise("split", cases=cases, writes=True)
    assert UNTOUCHED not in [check.name for check in writing.checks]


def test_a_function_that_is_cpu_only_is_not_run_on_a_device():
    device = "stays on the device"
    assert device in [check.name for check in exercise.checks]
    assert device not in [check.name for check in FunctionExercise("split", cases=cases, cpu_only="text").checks]


def test_whole_numbers_beside_floats_have_no_dtype_to_keep():
    def ranked(x):
        return x.argsort(axis=0), x * 1

    def doubled(x):
        return x.argsort(axis=0), x.astype("float64")

    ids = FunctionExercise(
        "ranked", cases=lambda rng: [Case(x=rng.normal(size=(4, 2)))], outputs=("ids", "values"), float32=True
    )
    assert found(ranked, FLOAT32, of=ids, correct=ranked) is None
    assert found(doubled, FLOAT32, of=ids, correct=ranked).name == "values"


def test_inputs_that_are_booleans_are_changed_by_the_mutation_as_well():
    chosen = FunctionExercise("chosen", cases=lambda _: [Case(mask=np.array([True, False, True]))])
    names = {"chosen": lambda mask: mask.sum()}
    exec(chosen.find(UNTOUCHED).mutation.replace("{name}", "chosen"), names)  # noqa: S102 - source from the checks
    assert found(names["chosen"], MATCHES, of=chosen, correct=lambda mask: mask.sum()) is None
    assert found(names["chosen"], UNTOUCHED, of=chosen, correct=lambda mask: mask.sum()).kind == "changed"


def shares(counts):
    """Counts as shares of their row."""
    return counts / counts.sum(axis=1, keepdims=True)


of_counts = FunctionExercise("shares", cases=lambda rng: [Case(counts=rng.integers(1, 9, size=(3, 4)))])


@pytest.mark.parametrize(
    ("dtype", "sentence"), [("float64", ""), ("float32", "the result: expected float64, got float32")]
)
def test_what_is_computed_from_counts_is_in_float64(dtype, sentence):
    mismatch = found(lambda counts: shares(counts).astype(dtype), MATCHES, of=of_counts, correct=shares)
    assert (mismatch.sentence if mismatch else "") == sentence


def test_a_number_that_is_not_defined_is_unchanged_if_it_still_is_not():
    given = {"x": np.array([1.0, np.nan])}
    assert judge_unchanged({"x": np.array([1.0, np.nan])}, given, Case()) is None
    assert judge_unchanged({"x": np.array([1.0, 2.0])}, given, Case()) is not None
    assert judge_unchanged({"x": np.array([1, 2])}, {"x": np.array([1, 2])}, Case()) is None


# --- arrays that are used again ----------------------------------------------------------------


def test_a_function_that_knows_an_array_by_its_identity_is_found():
    seen = []

    def remembers(x, *, factor):
        for known, result in seen:
            if known is x:
                return result
        seen.append((x, split(x, factor=factor)))
        return seen[-1][1]

    assert found(remembers, MATCHES) is None
    mismatch = found(remembers, UNTOUCHED)
    assert mismatch.sentence.startswith("the sum where the same arrays hold other numbers is wrong")


def test_cases_that_cannot_hold_others_numbers_are_called_twice_only():
    def grown(rng):
        return [Case({"factor": 1.0}, x=rng.normal(size=(int(rng.integers(1, 10**6)) % 50 + 1, 2)))]

    uneven = FunctionExercise("split", cases=grown, outputs=("the sum", "the product"))
    (case,) = uneven.find(UNTOUCHED).cases(np.random.default_rng(0), None)
    assert not case.hidden
    assert found(split, UNTOUCHED, of=uneven) is None


def added(x, y):
    """A sum that is a new array."""
    return x + y


sums = FunctionExercise(
    "added", cases=lambda rng: [Case(x=rng.normal(size=3), y=y) for y in (rng.normal(size=3), np.zeros(3))], new=True
)


def test_an_input_in_place_of_a_new_array_is_found():
    assert found(added, NEW, of=sums, correct=added) is None
    found_one = found(lambda x, y: x + y if y.any() else x, NEW, of=sums, correct=added)
    assert found_one.sentence == "the result changes with an input: return a new array"
    assert found(lambda x, y: x + y if y.any() else x.copy(), NEW, of=sums, correct=added) is None


def test_the_mutation_of_a_new_array_returns_the_input():
    names = {"added": added}
    exec(sums.find(NEW).mutation.replace("{name}", "added"), names)  # noqa: S102 - source from the checks
    assert found(names["added"], MATCHES, of=sums, correct=added) is None
    assert found(names["added"], NEW, of=sums, correct=added) is not None


# --- models that a function is given -----------------------------------------------------------


def doubled(x, *, model):
    """Twice what the model says."""
    return 2 * model.forward(x)


MODELS = """
from dlkit import Layer, Parameter


class Scale(Layer):
    def __init__(self, *, rng):
        self.w = Parameter(rng.normal(size=2))

    def forward(self, x):
        return x * self.w.data
"""
asking = FunctionExercise(
    "doubled",
    cases=lambda rng: [Case(x=rng.normal(size=(3, 2)))],
    setting=Setting(lambda subject, _: {"model": subject.make("support.Scale", rng=Rng(1))}, lambda _: {}),
    models=("model",),
)
asking = replace(asking, support=MODELS + asking.support)


def in_place(x, *, model):
    y = model.forward(x)
    y *= 2
    return y


def test_what_a_model_returned_belongs_to_it():
    assert found(doubled, RETURNED, of=asking, correct=doubled) is None
    assert found(in_place, MATCHES, of=asking, correct=doubled) is None
    mismatch = found(in_place, RETURNED, of=asking, correct=doubled)
    assert mismatch.kind == "changed"
    assert mismatch.sentence.startswith("an array that a model's forward returned was changed")
    assert RETURNED not in [check.name for check in exercise.checks]


def test_the_mutation_of_what_a_model_returned_changes_nothing_else():
    names = {"doubled": doubled}
    exec(asking.find(RETURNED).mutation.replace("{name}", "doubled"), names)  # noqa: S102 - source from the checks
    assert found(names["doubled"], MATCHES, of=asking, correct=doubled) is None
    assert found(names["doubled"], RETURNED, of=asking, correct=doubled) is not None
