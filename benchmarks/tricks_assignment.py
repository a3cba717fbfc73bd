"""Linear, ReLU and Softmax of 02_layers as an ordinary instructor would set them in nbgrader and in otter-grader.

Every part has a visible test with numbers worked out by hand and a hidden one with drawn inputs.  Hidden tests hold the
instructor's own formula, and differentiate that one, never the student's forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent, indent
from typing import Any

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


def layer(name: str, forward: str, backward: str, begin: str = "", end: str = "") -> str:
    """Write one class; ``begin`` and ``end`` are lines around each body."""
    text = dedent(HEADS[name])
    for head, body in (("def forward(self, x):", forward), ("def backward(self, dy):", backward)):
        text += "\n    " + head + "\n" + indent(f"{begin}{body}\n{end}", " " * 8)
    return text


@dataclass(frozen=True)
class Part:
    """A forward or a backward: its points, the test that students see, and the one that they do not."""

    name: str
    points: int
    visible: str
    hidden: str


NUMERIC = """\
def numeric_gradient(f, x, dy, h=1e-5):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        gradient[index] = np.sum((f(x + step) - f(x - step)) * dy) / (2 * h)
    return gradient

def rel_error(a, b):
    return np.max(np.abs(a - b) / np.maximum(1e-6, np.abs(a) + np.abs(b)))
"""
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


def notebook(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Make a notebook of cells; each has ``source`` and may have ``cell_type`` and ``metadata``."""
    made = []
    for number, cell in enumerate(cells):
        kind = cell.get("cell_type", "code")
        more = {"outputs": [], "execution_count": None} if kind == "code" else {}
        made.append({"cell_type": kind, "id": f"cell{number}", "metadata": {}, **more, **cell})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": made}


def solution(name: str, begin: str, end: str) -> str:
    """Write an exercise with the marks of a solution around each body."""
    forward, backward = RIGHT[name]
    return layer(name, forward, backward, begin, end)


def for_nbgrader() -> dict[str, Any]:
    """Make ``source/02_layers/layers.ipynb``: solution cells, and locked test cells with a hidden end."""
    cells: list[dict[str, Any]] = [{"source": IMPORTS}]
    for name, parts in PARTS.items():
        cells.append({"source": solution(name, "### BEGIN SOLUTION\n", "### END SOLUTION\n"), **_nbgrader(name)})
        for part in parts:
            source = f"{part.visible}### BEGIN HIDDEN TESTS\n{part.hidden}### END HIDDEN TESTS"
            cells.append({"source": source, **_nbgrader(f"{name}_{part.name}", part.points)})
    return notebook(cells)


def _nbgrader(name: str, points: int | None = None) -> dict[str, Any]:
    kind = {"grade": points is not None, "solution": points is None, "locked": points is not None, "task": False}
    worth = {} if points is None else {"points": points}
    return {"metadata": {"nbgrader": {"schema_version": 3, "grade_id": name, **kind, **worth}}}


def for_otter() -> dict[str, Any]:
    """Make the master notebook of ``otter assign``: a question for each part, all of its settings the default ones."""
    cells = [_raw("# ASSIGNMENT CONFIG\ninit_cell: true\nexport_cell: false"), {"source": IMPORTS}]
    for name, parts in PARTS.items():
        for number, part in enumerate(parts):
            question = f"{name}_{part.name}"
            cells.append(_raw(f"# BEGIN QUESTION\nname: {question}\npoints: {part.points}"))
            if number == 0:  # the class is written once; the second question is of the same class
                marked = {"source": solution(name, "# BEGIN SOLUTION\n", "# END SOLUTION\n")}
                cells += [_raw("# BEGIN SOLUTION"), marked, _raw("# END SOLUTION")]
            cells += [_raw("# BEGIN TESTS"), {"source": part.visible}, {"source": "# HIDDEN\n" + part.hidden}]
            cells += [_raw("# END TESTS"), _raw("# END QUESTION")]
    return notebook(cells)


def _raw(text: str) -> dict[str, Any]:
    return {"cell_type": "raw", "source": text}
