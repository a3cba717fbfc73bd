"""Capstones that are judged by a score of their own: what passes, what fails, and the sentences."""

import numpy as np
import pytest

from autograder.checks import CHARACTERS, ModelExercise, Score, SpecError, Task, disguise
from autograder.subject import LocalSubject

ERROR = Score(
    "a mean error of {:.3g}",
    0.5,
    lambda truth: (len(truth), 1),
    lambda outputs, truth: float(abs(outputs - truth).mean()),
)
TRUTH = np.array([[1.0], [2.0], [3.0]])


def judged(outputs, truth=TRUTH, score=ERROR):
    return score.judge(outputs, truth)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_a_number_up_to_the_bound_passes(shift):
    assert judged(TRUTH + shift) is None


def test_a_number_beyond_the_limit_fails_and_is_reported():
    found = judged(TRUTH + 0.75)
    assert (
        found.sentence == "the model has a mean error of 0.75 on unseen data; a mean error of 0.5 or less is required"
    )
    assert found.error == pytest.approx(0.25)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_finite_number_passes_nothing(value):
    outputs = TRUTH.copy()
    outputs[1] = value
    assert "or less is required" in judged(outputs).sentence


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (TRUTH[:2], r"expected shape (3, 1), got an array of shape (2, 1)"),
        (TRUTH[:, 0], r"expected shape (3, 1), got an array of shape (3,)"),
        ([[1.0], [2.0], [3.0]], "expected shape (3, 1), got a list"),
        (None, "expected shape (3, 1), got a NoneType"),
        (TRUTH.astype(complex), "expected shape (3, 1)"),
    ],
    ids=["rows", "axes", "list", "nothing", "complex"],
)
def test_outputs_of_another_kind_fail_with_the_expected_kind(outputs, said):
    found = judged(outputs)
    assert found.kind == "shape"
    assert said in found.sentence


def test_an_axis_of_any_length_may_not_be_empty():
    free = Score("{} things", 0.0, lambda truth: (len(truth), -1), lambda outputs, truth: 0 * len(outputs) * len(truth))
    assert judged(np.zeros((3, 7)), score=free) is None
    assert judged(np.zeros((3, 0)), score=free).sentence.startswith("the model's forward: expected shape (3, any)")


def task(rng):
    x = rng.normal(size=(6, 2))
    return Task(x, x.sum(axis=1, keepdims=True), x, x.sum(axis=1, keepdims=True))


MODEL = """
class Model:
    def eval(self):
        pass

    def forward(self, x):
        return OUTPUTS

def train(x, y, *, rng):
    return Model()
"""


@pytest.mark.parametrize(
    ("outputs", "passes"),
    [("x.sum(axis=1, keepdims=True)", True), ("(x.sum(axis=1, keepdims=True), x)", True), ("x[:, :1] * 0 + 9", False),
     ("()", False)],
)  # fmt: skip
def test_a_capstone_is_judged_by_the_first_that_its_model_returns(outputs, passes):
    exercise = ModelExercise("train", task=task, score=ERROR, points=1, disguised="none", seeds=2)
    [check] = exercise.checks
    assert check.name == "reaches a mean error of 0.5 or less on unseen data"
    subject = LocalSubject.from_chunks("anything", [["cell", 1, MODEL.replace("OUTPUTS", outputs)]])
    cases = check.cases(np.random.default_rng(0), subject)
    assert len(cases) == 2
    for case in cases:
        expected = check.expect(subject, case, np.random.default_rng(0))
        assert (check.judge(check.observe(subject, case), expected, case) is None) is passes


@pytest.mark.parametrize("given", [{}, {"accuracy": 0.9, "score": ERROR}])
def test_a_capstone_has_one_measure(given):
    with pytest.raises(
        SpecError, match="train: a capstone is judged by its accuracy or by a score: give one of the two"
    ):
        ModelExercise("train", task=task, points=1, **given)


def test_characters_are_numbered_anew_wherever_they_stand():
    text = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9])
    original = Task(text[:-1], text[1:], text[:12].reshape(3, 4), text[4:7])
    numberings = set()
    for seed in range(10):
        other = disguise(original, CHARACTERS, np.random.default_rng(seed))
        numbering = dict(zip(original.x.tolist(), other.x.tolist(), strict=True))
        assert sorted(numbering.values()) == sorted(numbering)
        for name in ("y", "x_test", "y_test"):
            before, after = getattr(original, name), getattr(other, name)
            np.testing.assert_array_equal(after, np.vectorize(numbering.get)(before))
            assert after.dtype == before.dtype
        numberings.add(tuple(numbering[code] for code in sorted(numbering)))
    assert len(numberings) == 10
    np.testing.assert_array_equal(original.x, text[:-1])
