import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.checks.standard import judge_float32, judge_gradients, judge_unchanged
from autograder.isolation.tree import Opaque
from autograder.spec import Case, SpecError
from autograder.spec.comparison import FLOAT32, FLOAT64, Tolerance, agree, compare, compare_all

RIGHT = np.array([[1.25, -7.5, 0.0], [3.0, 2.0, 4.0]])


def changed(index, value, array=RIGHT):
    copy = array.copy()
    copy[index] = value
    return copy


nan, inf = float("nan"), float("inf")

MISMATCHES = [
    (None, RIGHT, "missing", "dW is None: is a return missing?"),
    ([1.0, 2.0], RIGHT, "type", "dW: expected an array, got a list"),
    ((1.0,), RIGHT, "type", "dW: expected an array, got a tuple"),
    ("text", RIGHT, "type", "dW: expected an array, got a str"),
    (3, RIGHT, "type", "dW: expected an array, got the number 3"),
    (Opaque("Tensor"), RIGHT, "type", "dW: expected an array, got an object of class Tensor"),
    (Opaque("array of dtype object"), RIGHT, "type", "dW: expected an array, got an array of dtype object"),
    (RIGHT.T, RIGHT, "shape", "dW: expected shape (2, 3), got (3, 2)"),
    (np.ones(()), RIGHT, "shape", "dW: expected shape (2, 3), got ()"),
    (changed((1, 2), nan), RIGHT, "nan", "dW is nan (not a number) in 1 of 6 entries, first at index (1, 2)"),
    (changed((0, 1), -inf), RIGHT, "nan", "dW is infinite in 1 of 6 entries, first at index (0, 1)"),
    (np.full(3, nan), np.ones(3), "nan", "dW is nan (not a number) in every entry, first at index 0"),
    (np.full((1, 1), nan), np.ones((1, 1)), "nan", "dW is nan (not a number) in its only entry, first at index (0, 0)"),
    (
        changed((0, 1), 7.5),
        RIGHT,
        "value",
        "dW is wrong in 1 of 6 entries: largest error 15 (200 % of the largest expected value) at index (0, 1)",
    ),
    (np.ones(3), np.zeros(3), "value", "dW is wrong in every entry: largest error 1 at index 0"),
    (2.0, np.float64(1), "value", "dW is off by 1 (100 % of the largest expected value)"),
    (nan, 1.0, "nan", "dW is nan (not a number)"),
    ([1.0], np.float64(1), "type", "dW: expected a number, got a list"),
    (True, 1.0, "type", None),
    (1.0, True, "value", "dW is the number 1, which is incorrect"),
    ("b", "a", "value", "dW is 'b', which is incorrect"),
    (0, None, "value", "dW is the number 0, which is incorrect"),
    (RIGHT, (RIGHT, RIGHT), "structure", "dW: expected 2 values, got an array of shape (2, 3)"),
    ((RIGHT,), (RIGHT, RIGHT), "structure", "dW: expected 2 values, got 1"),
    ((RIGHT, None), (RIGHT, RIGHT), "missing", "dW[1] is None: is a return missing?"),
    ({"a": 1.0}, {"a": 1.0, "b": 2.0}, "structure", "dW: expected a dict with the keys a, b"),
    (RIGHT, {"a": 1.0}, "structure", "dW: expected a dict with the keys a"),
    ({"a": 2.0}, {"a": 1.0}, "value", "dW['a'] is off by 1 (100 % of the largest expected value)"),
    (np.ones(2), np.array([1.0, inf]), "value", None),
    (np.array([1.0, -inf]), np.array([1.0, inf]), "value", None),
]


@pytest.mark.parametrize(("seen", "expected", "kind", "sentence"), MISMATCHES)
def test_every_difference_has_its_sentence(seen, expected, kind, sentence):
    found = compare(seen, expected, "dW")
    assert (found.kind, found.name.startswith("dW")) == (kind, True)
    assert sentence is None or found.sentence == sentence


SAME = [
    (RIGHT, RIGHT),
    (RIGHT.astype("f4"), RIGHT),
    (RIGHT.astype(">f8"), RIGHT),
    (1, np.float64(1)),
    (np.ones(()), 1.0),
    (np.zeros((0, 3)), np.zeros((0, 3))),
    ([RIGHT, 1.0], (RIGHT, 1.0)),
    ({"a": (1.0, None)}, {"a": (1.0, None)}),
    ("x", "x"),
    (True, True),
    (np.array([inf, -inf, 1.0]), np.array([inf, -inf, 1.0])),
    (np.float64(inf), np.float64(inf)),
    (np.array([nan, 1.0]), np.array([nan, 1.0])),
    (np.array([1 + 2j]), np.array([1 + 2j])),
    (np.array([True, False]), np.array([True, False])),
]


@pytest.mark.parametrize(("seen", "expected"), SAME)
def test_what_is_the_same_agrees(seen, expected):
    assert compare(seen, expected, "y") is None


def test_where_it_differs_most_is_the_index_and_the_error():
    found = compare(changed((1, 0), 3.5, changed((0, 2), 0.25)), RIGHT, "y")
    assert (found.index, found.error) == ((1, 0), 0.5)
    assert compare(np.float64(3), np.float64(1), "the loss").index == ()


@given(hnp.arrays(float, st.integers(1, 6), elements=st.floats(-1e6, 1e6)), st.integers(0, 5), st.floats(1e-3, 10))
@settings(deadline=None)
def test_a_sentence_never_shows_the_expected_numbers(expected, index, factor):
    expected = np.round(expected, 3) + 0.123456789
    wrong = expected.copy()
    wrong[index % len(wrong)] += factor * max(1, abs(expected).max())
    sentence = compare(wrong, expected, "y").sentence
    shown = [float(number) for number in re.findall(r"-?\d+\.\d{4,}", sentence)]
    assert not any(np.isclose(number, expected, rtol=1e-6).any() for number in shown)


@pytest.mark.parametrize(("relative", "agrees"), [(0.9e-6, True), (1.1e-6, False)])
def test_float64_passes_with_six_digits(relative, agrees):
    assert (compare(RIGHT * (1 + relative), RIGHT, "y") is None) is agrees


@pytest.mark.parametrize(("relative", "agrees"), [(0.9e-3, True), (1.1e-3, False)])
def test_float32_passes_with_three_digits(relative, agrees):
    assert (compare(RIGHT * (1 + relative), RIGHT, "y", FLOAT32) is None) is agrees


def test_an_error_is_relative_to_the_largest_number_and_at_least_to_one():
    size = np.abs(RIGHT).max()
    assert compare(changed((0, 2), 0.9e-6 * size), RIGHT, "y") is None
    assert compare(changed((0, 2), 1.1e-6 * size), RIGHT, "y").index == (0, 2)
    assert compare(np.full(3, 0.9e-6), np.zeros(3), "y") is None
    assert compare(np.full(3, 1.1e-6), np.zeros(3), "y").error == 1.1e-6
    assert compare(np.full(3, 1e-3), np.zeros(3), "y", Tolerance(passes=1e-2)) is None


def test_numbers_that_overflow_when_subtracted_are_wrong():
    assert compare(np.array([-1.7e308]), np.array([1.7e308]), "y").kind == "value"


def test_the_first_difference_is_reported_and_hidden_names_are_not_compared():
    expected = {"y": RIGHT, "dx": RIGHT, "_slopes": [1]}
    assert compare_all({"y": RIGHT, "dx": RIGHT}, expected, Case()) is None
    assert compare_all({"dx": None}, expected, Case()).name == "y"
    assert compare_all({"y": RIGHT, "dx": None}, expected, Case()).name == "dx"


# --- judges ----------------------------------------------------------------------------------


def test_another_dtype_is_named():
    right = {"y": RIGHT.astype("f4")}
    assert judge_float32(right, right, Case()) is None
    found = judge_float32({"y": RIGHT}, right, Case())
    assert (found.kind, found.sentence) == ("dtype", "y: expected float32 like the inputs, got float64")
    assert judge_float32({"y": RIGHT + 1}, right, Case()).kind == "value"
    assert judge_float32({}, right, Case()).kind == "missing"


def test_a_changed_input_is_named():
    assert judge_unchanged({"x": RIGHT.copy()}, {"x": RIGHT}, Case()) is None
    for seen in (changed((0, 0), 9), RIGHT.T, None, [1.0]):
        assert judge_unchanged({"x": seen}, {"x": RIGHT}, Case()).kind == "changed"


def test_a_reference_whose_gradient_contradicts_its_slopes_is_the_courses_fault():
    expected = {"dx": np.ones(2), "_slopes": [["dx", np.array([1.0, 0.0]), 5.0]]}
    with pytest.raises(SpecError, match="do not match its own forward in the case x \\(2,\\)"):
        judge_gradients({"dx": np.ones(2)}, expected, Case(x=np.ones(2)))


# --- agree -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "agrees"),
    [
        (RIGHT, RIGHT * (1 + 1e-9), True),
        (RIGHT, RIGHT * (1 + 1e-4), False),
        (RIGHT, RIGHT.astype("f4"), False),
        (RIGHT.astype("f4"), (RIGHT * (1 + 1e-5)).astype("f4"), True),
        (RIGHT, RIGHT.T, False),
        (np.array([nan, inf]), np.array([nan, inf]), True),
        (np.array([nan, inf]), np.array([inf, nan]), False),
        (np.array([1, 2]), np.array([1, 2]), True),
        (np.array([1, 2]), np.array([1, 3]), False),
        ([RIGHT, 1], (RIGHT, 1), True),
        ([RIGHT], [RIGHT, RIGHT], False),
        ({"a": RIGHT}, {"a": RIGHT}, True),
        ({"a": RIGHT}, {"b": RIGHT}, False),
        (1.0, 1.0 + 1e-9, True),
        (nan, nan, True),
        (1, True, False),
        (1, 1.0, False),
        (None, None, True),
        (Opaque("A"), Opaque("A"), True),
        (Opaque("A"), Opaque("B"), False),
        (RIGHT, None, False),
        (np.zeros(0), np.zeros(0), True),
        (np.float64(1), np.float64(1), True),
    ],
)
def test_two_outcomes_agree_where_they_are_the_same_answer(left, right, agrees):
    assert agree(left, right) is agrees
    assert agree(right, left) is agrees


def test_the_default_is_double_precision():
    assert Tolerance() == FLOAT64
