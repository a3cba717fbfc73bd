"""Capstones whose model the grader copies: its architecture, its accuracy under attack, its size as it is stored."""

from dataclasses import replace

import numpy as np
import pytest

from autograder.checks import Attack, Copy, Dense, ModelExercise, SpecError, Stored, Task, UnpackError
from autograder.checks.copies import count_bytes
from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.report import Status
from autograder.spec import Assignment
from autograder.submission import Submission
from dlkit.extraction import Extraction, take

NETWORK = Dense((3, 4, 2))
ATTACK = Attack(NETWORK, eps=0.1, at_least=0.9)


def task(rng):
    """Two classes, distinguished by whether the first column lies below or above a half, and by how far."""
    x = rng.random((60, 3))
    x[:, 0] = np.where(x[:, 0] < 0.5, 0.3 * x[:, 0], 1 - 0.3 * (1 - x[:, 0]))
    x[:, 1] = 0.5 + 0.02 * np.where(x[:, 0] < 0.5, -1, 1)  # distinguishes them too, and not under attack
    labels = (x[:, 0] > 0.5).astype(int)
    return Task(x[:30], labels[:30], x[30:], labels[30:])


MODEL = """
import numpy as np
from dlkit import Layer, Parameter

class Net(Layer):
    def __init__(self, V, a, W, b):
        self.V, self.a, self.W, self.b = Parameter(V), Parameter(a), Parameter(W), Parameter(b)

    def forward(self, x):
        return np.maximum(x @ self.V.data + self.a.data, 0) @ self.W.data + self.b.data

    def backward(self, dy):
        return np.zeros((len(dy), 3))

COLUMN, SIZE = 0, 1.0

def train_net(x, y, *, rng):
    V = np.zeros((3, 4))
    V[COLUMN, :2] = SIZE, -SIZE
    a = np.array([-SIZE / 2, SIZE / 2, 0, 0])
    W = np.array([[-1.0, 1], [1, -1], [0, 0], [0, 0]])
    W = W if y[x[:, 0].argmax()] else -W
    EXTRA
    return Net(V, a, W, np.zeros(2))
"""


@pytest.fixture
def graded(root, zygote):
    """Grade a function that trains."""
    whole = catalogue.load("02_layers", root)

    def grade(source, **required):
        exercise = ModelExercise("train_net", task=task, accuracy=0.9, points=2, disguised="labels", **required)
        loaded = replace(whole, assignment=Assignment("02_layers", title="Layers", exercises=[exercise]))
        submission = Submission("layers.py", Extraction(take([("cell 1", 1, source)]).chunks), "ab12")
        (verdict,) = Grader(loaded, zygote, Options(seed=0)).grade(submission).exercises[0].verdicts
        return verdict

    return grade


def changed(*, column=0, size=1.0, extra="pass", code=MODEL):
    return code.replace("COLUMN, SIZE = 0, 1.0", f"COLUMN, SIZE = {column}, {size}").replace("EXTRA", extra)


def test_a_robust_network_passes(graded):
    assert graded(changed(), attacked=ATTACK).status is Status.PASSED


@pytest.mark.parametrize("size", [1.0, 1e4, 1e12])
def test_a_network_that_one_can_deceive_fails_however_sure_it_is(graded, size):
    """Scores of 10¹² leave a cross-entropy no gradient, and the model's own backward gives zeros."""
    verdict = graded(changed(column=1, size=size), attacked=ATTACK)
    assert verdict.status is Status.FAILED
    assert "under attack (ε = 0.1) the model classifies 0.0 %" in verdict.sentence


def test_without_an_attack_the_same_network_passes(graded):
    assert graded(changed(column=1)).status is Status.PASSED


def test_a_network_that_is_robust_but_wrong_fails(graded):
    verdict = graded(changed(extra="W *= 0"), attacked=ATTACK)
    assert verdict.status is Status.FAILED
    assert "of the unseen rows correctly; 90 % required" in verdict.sentence


@pytest.mark.parametrize(
    "forward",
    [
        "x = np.round(x)",  # no gradient passes, and no attack through the network's parameters would find it
        "x = np.where(abs(x[:, 1:2] - 0.5) > 0.06, 1 - x, x)",  # recognises what was attacked
    ],
)
def test_a_forward_that_does_something_else_fails(graded, forward):
    code = MODEL.replace("        return np.maximum", f"        {forward}\n        return np.maximum")
    verdict = graded(changed(column=1, code=code), attacked=ATTACK)
    assert verdict.status is Status.FAILED
    assert "not those of Linear(3, 4), ReLU, Linear(4, 2)" in verdict.sentence


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("V = V[:, :2]; a = a[:2]; W = W[:2]", "expected shapes (3, 4), (4,), (4, 2), (2,)"),
        ("V = V.astype(complex)", "finite real numbers"),
        ("V[2] = np.nan; Net.forward = lambda self, x: np.eye(2)[(x[:, 0] > 0.5).astype(int)]", "finite real numbers"),
    ],
)
def test_another_architecture_is_named(graded, extra, said):
    verdict = graded(changed(extra=extra), attacked=ATTACK)
    assert verdict.status is Status.FAILED
    assert said in verdict.sentence


def test_a_copy_computes_and_differentiates():
    rng = np.random.default_rng(0)
    shapes = NETWORK.shapes
    copy = NETWORK.copied({str(i): rng.normal(size=shape) for i, shape in enumerate(shapes)})
    assert isinstance(copy, Copy)
    x, dy = rng.random((5, 3)), rng.normal(size=(5, 2))
    found = copy.gradient(x, lambda _: dy)
    for i in range(3):
        step = 1e-6 * np.eye(3)[i]
        slope = ((copy.forward(x + step) - copy.forward(x - step)) * dy).sum(axis=1) / 2e-6
        np.testing.assert_allclose(found[:, i], slope, atol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_attacked_rows_stay_within_the_limits(dtype):
    rng = np.random.default_rng(2)
    copy = NETWORK.copied({str(i): rng.normal(size=shape) for i, shape in enumerate(NETWORK.shapes)})
    x = rng.random((200, 3)).astype(dtype)
    y = copy.forward(x).argmax(axis=1)
    assert 0.1 < y.mean() < 0.9
    worst, survived = ATTACK.attacked(copy, x, y)
    assert worst.dtype == dtype
    assert (worst >= np.maximum(x - 0.1, 0)).all()
    assert (worst <= np.minimum(x + 0.1, 1)).all()
    assert survived == (copy.forward(worst).argmax(axis=1) == y).mean() < 1


PACKED = """
import numpy as np

def train_net(x, y, *, rng):
    W = np.array([[-1.0, 1], [0, 0], [0, 0]], dtype="float32")
    b = np.array([0.5, -0.5], dtype="float32")
    sign = np.float32(1 if y[x[:, 0].argmax()] else -1)
    return {"W": sign * W, "b": sign * b}
"""


def unpack(stored):
    if set(stored) != {"W", "b"}:
        message = "expected W and b"
        raise UnpackError(message)
    return lambda x: x @ stored["W"] + stored["b"]


@pytest.mark.parametrize(
    ("at_most", "code", "said"),
    [
        (32, PACKED, ""),
        (31, PACKED, "takes 32 bytes; 31 or fewer are required"),
        (100, PACKED.replace('"b":', '"c":'), "cannot be unpacked: expected W and b"),
        (100, PACKED.replace("return {", "return 1 + 0 * x[0, 0] if True else {"), "does not have the form"),
        (100, PACKED.replace("sign * W", "sign * W.T"), "does not have the form"),
        (100, PACKED.replace("sign * W", "-sign * W").replace("sign * b", "-sign * b"), "90 % required"),
    ],
)
def test_what_is_stored_is_counted_and_unpacked_by_the_grader(graded, at_most, code, said):
    verdict = graded(code, stored=Stored(at_most, unpack))
    assert verdict.status is (Status.FAILED if said else Status.PASSED)
    assert said in verdict.sentence


def test_everything_that_is_stored_counts():
    stored = {"a": np.zeros((2, 3), "int8"), "b": [np.float32(1), 2, "é"], "c": None, "d": (np.zeros(3), True)}
    assert count_bytes(stored) == 6 + 4 + 8 + 2 + 24 + 8


def test_what_does_not_go_together_is_refused():
    with pytest.raises(SpecError, match="judged by its accuracy"):
        ModelExercise("f", task=task, attacked=ATTACK)
    with pytest.raises(SpecError, match="only one of"):
        ModelExercise("f", task=task, accuracy=0.9, attacked=ATTACK, stored=Stored(1, unpack))


def test_the_sentence_names_what_is_required():
    (check,) = ModelExercise("f", task=task, accuracy=0.9, attacked=ATTACK).checks
    assert check.name == "reaches 90 % on unseen data, 90 % of them under attack"
    (check,) = ModelExercise("f", task=task, accuracy=0.9, stored=Stored(27_000, unpack)).checks
    assert check.name == "reaches 90 % on unseen data in 27,000 bytes"
