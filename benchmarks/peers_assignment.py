"""Eight parts that every course has: Linear, ReLU, softmax cross-entropy and a small convolution, forward and backward.

The same exercises for this project, for nbgrader and for otter-grader, and a class of twenty: some correct, some not
begun, most with a mistake that people make.
"""

from __future__ import annotations

from textwrap import dedent

from benchmarks.peer_notebooks import NUMERIC, Course, Part
from benchmarks.tricks_assignment import HEADS, LINEAR_BACKWARD, LINEAR_FORWARD, RELU_BACKWARD, RELU_FORWARD, RIGHT

ASSIGNMENT, MODULE = "90_peers", "peers"
IMPORTS = "import numpy as np\n\nfrom dlkit import Layer, Loss, Parameter, array_module, zeros"

CONV_HEAD = """\
    class Conv2d(Layer):
        def __init__(self, in_channels, out_channels, kernel_size, *, rng):
            shape = (out_channels, in_channels, kernel_size, kernel_size)
            self.W = Parameter(rng.normal(0, 0.1, shape))
            self.b = Parameter(zeros(out_channels))
    """
CONV_FORWARD = """\
k = self.W.data.shape[2]
self.x = x
h, w = x.shape[2] - k + 1, x.shape[3] - k + 1
y = array_module(x).zeros((len(x), len(self.W.data), h, w), x.dtype)
for i in range(k):
    for j in range(k):
        y += array_module(x).einsum("nchw,oc->nohw", x[:, :, i : i + h, j : j + w], self.W.data[:, :, i, j])
return y + self.b.data[:, None, None]"""
CONV_BACKWARD = """\
k = self.W.data.shape[2]
h, w = dy.shape[2:]
xp = array_module(dy)
dx = xp.zeros_like(self.x)
for i in range(k):
    for j in range(k):
        window = self.x[:, :, i : i + h, j : j + w]
        self.W.grad[:, :, i, j] += xp.einsum("nohw,nchw->oc", dy, window)
        dx[:, :, i : i + h, j : j + w] += xp.einsum("nohw,oc->nchw", dy, self.W.data[:, :, i, j])
self.b.grad += dy.sum(axis=(0, 2, 3))
return dx"""
LOSS_FORWARD = """\
xp = array_module(scores)
shifted = scores - scores.max(axis=1, keepdims=True)
log_p = shifted - xp.log(xp.exp(shifted).sum(axis=1, keepdims=True))
self.p, self.labels = xp.exp(log_p), labels
return -log_p[xp.arange(len(labels)), labels].mean()"""
LOSS_BACKWARD = """\
d = self.p.copy()
d[array_module(d).arange(len(d)), self.labels] -= 1
return d / len(d)"""

RIGHT_HERE = {
    "Linear": RIGHT["Linear"],
    "ReLU": RIGHT["ReLU"],
    "SoftmaxCrossEntropy": (LOSS_FORWARD, LOSS_BACKWARD),
    "Conv2d": (CONV_FORWARD, CONV_BACKWARD),
}

OWN_LOSS = """\
def own_loss(scores, labels):
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].mean()

"""
OWN_CONV = """\
def own_conv(x, W, b):
    k = W.shape[2]
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, W) + b[:, None, None]

"""
CONV_SMALL = """\
layer = Conv2d(1, 1, 2, rng=np.random.default_rng(0))
layer.W.data[...] = [[[[1.0, 0.0], [0.0, 2.0]]]]
layer.b.data[...] = [0.5]
y = layer.forward(np.arange(9.0).reshape(1, 1, 3, 3))
"""
PARTS = {
    "Linear": (LINEAR_FORWARD, LINEAR_BACKWARD),
    "ReLU": (RELU_FORWARD, RELU_BACKWARD),
    "SoftmaxCrossEntropy": (
        Part(
            "forward",
            2,
            """\
loss = SoftmaxCrossEntropy()
np.testing.assert_allclose(loss.forward(np.log(np.array([[1.0, 3.0]])), np.array([1])), -np.log(0.75))
""",
            f"""\
{OWN_LOSS}rng = np.random.default_rng(311)
scores, labels = rng.normal(size=(7, 5)), rng.integers(5, size=7)
loss = SoftmaxCrossEntropy()
np.testing.assert_allclose(loss.forward(scores, labels), own_loss(scores, labels), rtol=1e-6)
assert np.isfinite(loss.forward(1000 * scores, labels))
""",
        ),
        Part(
            "backward",
            3,
            """\
loss = SoftmaxCrossEntropy()
value = loss.forward(np.log(np.array([[1.0, 3.0]])), np.array([1]))
np.testing.assert_allclose(loss.backward(), np.array([[0.25, -0.25]]))
""",
            f"""\
{NUMERIC}{OWN_LOSS}rng = np.random.default_rng(312)
scores, labels = rng.normal(size=(7, 5)), rng.integers(5, size=7)
loss = SoftmaxCrossEntropy()
expected = numeric_gradient(lambda scores: own_loss(scores, labels), scores, 1.0)
value = loss.forward(scores, labels)
d = loss.backward()
assert d.shape == scores.shape
assert rel_error(d, expected) < 1e-5
""",
        ),
    ),
    "Conv2d": (
        Part(
            "forward",
            3,
            f"{CONV_SMALL}np.testing.assert_allclose(y, [[[[8.5, 11.5], [17.5, 20.5]]]])\n",
            f"""\
{OWN_CONV}rng = np.random.default_rng(411)
x = rng.normal(size=(3, 2, 6, 5))
layer = Conv2d(2, 4, 3, rng=rng)
layer.b.data[...] = rng.normal(size=4)
y = layer.forward(x)
assert y.shape == (3, 4, 4, 3)
np.testing.assert_allclose(y, own_conv(x, layer.W.data, layer.b.data), rtol=1e-6)
""",
        ),
        Part(
            "backward",
            5,
            f"""\
{CONV_SMALL}dx = layer.backward(np.ones((1, 1, 2, 2)))
np.testing.assert_allclose(dx, [[[[1.0, 1.0, 0.0], [1.0, 3.0, 2.0], [0.0, 2.0, 2.0]]]])
np.testing.assert_allclose(layer.b.grad, [4.0])
""",
            f"""\
{NUMERIC}{OWN_CONV}rng = np.random.default_rng(412)
x, dy = rng.normal(size=(3, 2, 6, 5)), rng.normal(size=(3, 4, 4, 3))
layer = Conv2d(2, 4, 3, rng=rng)
W, b = layer.W.data.copy(), rng.normal(size=4)
layer.b.data[...] = b
expected_dx = numeric_gradient(lambda x: own_conv(x, W, b), x, dy)
expected_dW = numeric_gradient(lambda W: own_conv(x, W, b), W, dy)
expected_db = numeric_gradient(lambda b: own_conv(x, W, b), b, dy)
y = layer.forward(x)
dx = layer.backward(dy)
assert dx.shape == x.shape
assert rel_error(dx, expected_dx) < 1e-5
assert rel_error(layer.W.grad, expected_dW) < 1e-5
assert rel_error(layer.b.grad, expected_db) < 1e-5
""",
        ),
    ),
}
COURSE = Course(
    IMPORTS,
    {**HEADS, "SoftmaxCrossEntropy": "class SoftmaxCrossEntropy(Loss):\n", "Conv2d": dedent(CONV_HEAD)},
    RIGHT_HERE,
    PARTS,
    {"SoftmaxCrossEntropy": ("forward(self, scores, labels)", "backward(self)")},
)

OUTLINE = """
from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Eight parts",
    minutes=60,
    points={
        "Linear": Points(forward=2, backward=4),
        "ReLU": Points(forward=1, backward=2),
        "SoftmaxCrossEntropy": Points(forward=2, backward=3),
        "Conv2d": Points(forward=3, backward=5),
    },
    questions={},
)
"""

EXERCISES = """
from autograder.checks import Case, LayerExercise, LossExercise, Rng


def linear_cases(rng):
    for batch, n_in, n_out in [(1, 4, 3), (7, 4, 1), (5, 1, 6)]:
        yield Case({"in_features": n_in, "out_features": n_out, "rng": Rng(0)}, x=rng.normal(size=(batch, n_in)))


def relu_cases(rng):
    for shape in [(1, 4), (7, 3), (2, 3, 5)]:
        yield Case(x=rng.normal(size=shape))


def loss_cases(rng):
    for batch, classes in [(1, 4), (7, 3), (5, 6)]:
        yield Case(scores=rng.normal(size=(batch, classes)), labels=rng.integers(classes, size=batch))


def conv_cases(rng):
    for batch, n_in, n_out, k, h, w in [(1, 1, 2, 2, 3, 4), (3, 2, 4, 3, 6, 5), (2, 3, 1, 1, 3, 3)]:
        arguments = {"in_channels": n_in, "out_channels": n_out, "kernel_size": k, "rng": Rng(0)}
        yield Case(arguments, x=rng.normal(size=(batch, n_in, h, w)))


linear = LayerExercise("Linear", cases=linear_cases, has_parameters=True)
relu = LayerExercise("ReLU", cases=relu_cases)
loss = LossExercise(
    "SoftmaxCrossEntropy", cases=loss_cases, gradient_of=("scores",), extreme=1000.0, shift_invariant=True
)
conv = LayerExercise("Conv2d", cases=conv_cases, has_parameters=True)
"""


def for_this_project() -> dict[str, str]:
    """The files of ``solutions/90_peers`` by their path there."""
    cells = [IMPORTS + "\nfrom autograder import check"]
    for name in PARTS:
        cells += [COURSE.solution(name, "### BEGIN SOLUTION\n", "\n### END SOLUTION\n"), f"check({name})"]
    notebook = "".join(f"# %%\n{cell}\n\n" for cell in cells)
    return {"assignment.py": OUTLINE, "exercises/parts.py": EXERCISES, f"{MODULE}.py": notebook}


def changed(name: str, old: str, new: str) -> tuple[str, str]:
    """Forward and backward of one exercise with some text replaced, which must be there."""
    forward, backward = RIGHT_HERE[name]
    assert old in forward + backward, old
    return forward.replace(old, new), backward.replace(old, new)


MISTAKES = {
    "averages-dW": ("Linear", "self.x.T @ dy", "self.x.T @ dy / len(dy)"),
    "overwrites-dW": ("Linear", "self.W.grad +=", "self.W.grad[...] ="),
    "forgets-bias": ("Linear", " + self.b.data", ""),
    "doubles-dx": ("Linear", "dy @ self.W.data.T", "dy @ (self.W.data.T * 2)"),
    "forgets-dy": ("ReLU", "dy * self.positive", "self.positive * 1.0"),
    "absolute": ("ReLU", "maximum(x, 0)", "abs(x)"),
    "sums": ("SoftmaxCrossEntropy", ".mean()", ".sum()"),
    "forgets-batch": ("SoftmaxCrossEntropy", "d / len(d)", "d"),
    "overflows": ("SoftmaxCrossEntropy", "scores - scores.max(axis=1, keepdims=True)", "scores * 1"),
    "sign": ("SoftmaxCrossEntropy", "return -log_p", "return log_p"),
    "flips": ("Conv2d", "self.W.data[:, :, i, j])\nreturn", "self.W.data[:, :, k - 1 - i, k - 1 - j])\nreturn"),
    "db-mean": ("Conv2d", "dy.sum(axis=(0, 2, 3))", "dy.mean(axis=(0, 2, 3))"),
    "dx-overwrites": ("Conv2d", "j : j + w] += xp", "j : j + w] = xp"),
    "no-bias": ("Conv2d", " + self.b.data[:, None, None]", ""),
}
"""By student: the exercise, the correct text, and what they wrote instead."""
RIGHT_STUDENTS = ("ada", "emmy", "sofya")
UNTOUCHED = ("nobody", "later", "away")


CLASS = 3 + len(UNTOUCHED) + len(MISTAKES)
"""Students of one class; a larger one hands in the same work several times."""


def written_as(student: str) -> str:
    """The student of the first class whose work this one hands in: ``ada`` for ``ada-3``."""
    name, _, number = student.rpartition("-")
    return name if number.isdigit() else student


def students(many: int = CLASS) -> dict[str, dict[str, tuple[str, str]] | None]:
    """Forward and backward of every exercise by student, of a class of so many; None where nothing was written."""
    found: dict[str, dict[str, tuple[str, str]] | None] = {name: dict(RIGHT_HERE) for name in RIGHT_STUDENTS}
    found |= dict.fromkeys(UNTOUCHED)
    found |= {name: {**RIGHT_HERE, what: changed(what, old, new)} for name, (what, old, new) in MISTAKES.items()}
    first = dict(sorted(found.items()))
    names = [f"{name}-{1 + again}" if again else name for again in range(-(-many // CLASS)) for name in first]
    return {name: first[written_as(name)] for name in names[:many]}
