"""Linear, ReLU and Softmax of 02_layers as an ordinary instructor would set them in nbgrader and in otter-grader.

Every part has a visible test with numbers computed by hand and a hidden one with drawn inputs.  Hidden tests use the
instructor's own formula, and differentiate that one, never the student's forward.
"""

from __future__ import annotations

from benchmarks.peer_notebooks import NUMERIC, Course, Part

ASSIGNMENT, MODULE = "02_layers", "layers"
IMPORTS = "import numpy as np\n\nfrom dlkit import Layer, Parameter, array_module, zeros"

HEADS = {
    "Linear": """\
        class Linear(Layer):
            def __init__(self, in_features, out_features, *, rng):
                self.W = Parameter(rng.normal(0, in_features**-0.5, (in_features, out_features)))
                self.b = Parameter(zeros(out_features))
        """,
    "ReLU": "class ReLU(Layer):\n",
    "Softmax": """\
        class Softmax(Layer):
            def __init__(self, axis=-1):
                self.axis = axis
        """,
}
SOFTMAX_FORWARD_BODY = """\
e = array_module(x).exp(x - x.max(axis=self.axis, keepdims=True))
self.y = e / e.sum(axis=self.axis, keepdims=True)
return self.y"""
RIGHT = {
    "Linear": (
        "self.x = x\nreturn x @ self.W.data + self.b.data",
        "self.W.grad += self.x.T @ dy\nself.b.grad += dy.sum(axis=0)\nreturn dy @ self.W.data.T",
    ),
    "ReLU": ("self.positive = x > 0\nreturn array_module(x).maximum(x, 0)", "return dy * self.positive"),
    "Softmax": (SOFTMAX_FORWARD_BODY, "return self.y * (dy - (dy * self.y).sum(axis=self.axis, keepdims=True))"),
}
"""Forward and backward of every exercise."""


LINEAR_FORWARD = Part(
    "forward",
    2,
    """\
layer = Linear(2, 2, rng=np.random.default_rng(0))
layer.W.data[...] = [[3.0, 0.0], [1.0, -1.0]]
layer.b.data[...] = [0.0, 1.0]
x = np.array([[1.0, 2.0]])
expected = np.array([[5.0, -1.0]])
np.testing.assert_allclose(layer.forward(x), expected)
""",
    """\
rng = np.random.default_rng(211)
x = rng.normal(size=(7, 4))
layer = Linear(4, 3, rng=rng)
layer.b.data[...] = rng.normal(size=3)
expected = x @ layer.W.data + layer.b.data
y = layer.forward(x)
assert y.shape == (7, 3)
np.testing.assert_allclose(y, expected, rtol=1e-6)
""",
)
LINEAR_BACKWARD = Part(
    "backward",
    4,
    """\
layer = Linear(2, 2, rng=np.random.default_rng(0))
layer.W.data[...] = [[3.0, 0.0], [1.0, -1.0]]
layer.b.data[...] = [0.0, 1.0]
expected_dW = np.array([[1.0, 10.0], [2.0, 20.0]])
expected_db = np.array([1.0, 10.0])
expected_dx = np.array([[3.0, -9.0]])
y = layer.forward(np.array([[1.0, 2.0]]))
dx = layer.backward(np.array([[1.0, 10.0]]))
np.testing.assert_allclose(dx, expected_dx)
np.testing.assert_allclose(layer.W.grad, expected_dW)
np.testing.assert_allclose(layer.b.grad, expected_db)
""",
    f"""\
{NUMERIC}rng = np.random.default_rng(212)
x = rng.normal(size=(7, 4))
dy = rng.normal(size=(7, 3))
layer = Linear(4, 3, rng=rng)
layer.b.data[...] = rng.normal(size=3)
expected_dx = numeric_gradient(lambda x: x @ layer.W.data + layer.b.data, x, dy)
expected_dW = numeric_gradient(lambda W: x @ W + layer.b.data, layer.W.data, dy)
expected_db = numeric_gradient(lambda b: x @ layer.W.data + b, layer.b.data, dy)
y = layer.forward(x)
dx = layer.backward(dy)
assert dx.shape == x.shape
assert rel_error(dx, expected_dx) < 1e-5
assert rel_error(layer.W.grad, expected_dW) < 1e-5
assert rel_error(layer.b.grad, expected_db) < 1e-5
""",
)
RELU_FORWARD = Part(
    "forward",
    1,
    """\
layer = ReLU()
x = np.array([[-1.0, 0.5, 2.0]])
expected = np.array([[0.0, 0.5, 2.0]])
np.testing.assert_allclose(layer.forward(x), expected)
""",
    """\
rng = np.random.default_rng(221)
x = rng.normal(size=(2, 3, 5))
layer = ReLU()
expected = np.maximum(x, 0)
y = layer.forward(x)
assert y.shape == x.shape
np.testing.assert_allclose(y, expected, rtol=1e-6)
""",
)
RELU_BACKWARD = Part(
    "backward",
    2,
    """\
layer = ReLU()
expected_dx = np.array([[0.0, 3.0, 4.0]])
y = layer.forward(np.array([[-1.0, 0.5, 2.0]]))
np.testing.assert_allclose(layer.backward(np.array([[2.0, 3.0, 4.0]])), expected_dx)
""",
    f"""\
{NUMERIC}rng = np.random.default_rng(222)
x = rng.normal(size=(2, 3, 5))
dy = rng.normal(size=(2, 3, 5))
layer = ReLU()
expected_dx = numeric_gradient(lambda x: np.maximum(x, 0), x, dy)
y = layer.forward(x)
dx = layer.backward(dy)
assert dx.shape == x.shape
assert rel_error(dx, expected_dx) < 1e-5
""",
)
SOFTMAX_FORWARD = Part(
    "forward",
    2,
    """\
layer = Softmax()
x = np.log(np.array([[1.0, 3.0]]))
expected = np.array([[0.25, 0.75]])
np.testing.assert_allclose(layer.forward(x), expected)
""",
    """\
rng = np.random.default_rng(231)
x = rng.normal(size=(7, 5))
layer = Softmax()
e = np.exp(x - x.max(axis=-1, keepdims=True))
expected = e / e.sum(axis=-1, keepdims=True)
y = layer.forward(x)
assert y.shape == x.shape
np.testing.assert_allclose(y, expected, rtol=1e-6)
assert np.all(np.isfinite(layer.forward(1000 * x)))
""",
)
SOFTMAX_BACKWARD = Part(
    "backward",
    4,
    """\
layer = Softmax()
expected_dx = np.array([[-0.1875, 0.1875]])
y = layer.forward(np.log(np.array([[1.0, 3.0]])))
np.testing.assert_allclose(layer.backward(np.array([[1.0, 2.0]])), expected_dx)
""",
    f"""\
{NUMERIC}rng = np.random.default_rng(232)
x = rng.normal(size=(7, 5))
dy = rng.normal(size=(7, 5))
layer = Softmax()

def expected_softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

expected_dx = numeric_gradient(expected_softmax, x, dy)
y = layer.forward(x)
dx = layer.backward(dy)
assert dx.shape == x.shape
assert rel_error(dx, expected_dx) < 1e-5
""",
)
PARTS = {
    "Linear": (LINEAR_FORWARD, LINEAR_BACKWARD),
    "ReLU": (RELU_FORWARD, RELU_BACKWARD),
    "Softmax": (SOFTMAX_FORWARD, SOFTMAX_BACKWARD),
}
VISIBLE = {
    "Linear": ([[1.0, 2.0]], [[5.0, -1.0]], [[1.0, 10.0]], [[3.0, -9.0]]),
    "ReLU": ([[-1.0, 0.5, 2.0]], [[0.0, 0.5, 2.0]], [[2.0, 3.0, 4.0]], [[0.0, 3.0, 4.0]]),
    "Softmax": ([[0.0, 1.0986122886681098]], [[0.25, 0.75]], [[1.0, 2.0]], [[-0.1875, 0.1875]]),
}
"""The numbers of the visible tests: x, y, dy, dx."""

COURSE = Course(IMPORTS, HEADS, RIGHT, PARTS)
layer, for_nbgrader, for_otter = COURSE.layer, COURSE.for_nbgrader, COURSE.for_otter
