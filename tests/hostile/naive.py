"""Graders as they used to be: the student's code and what is expected share one process.

``python naive.py KIND FILE``; the last line printed is the verdict as JSON.

script     executes the file, draws inputs from a seed, subtracts and looks at the difference
unittest   a test case with known numbers, as gradescope-utils has it: what is skipped does not count
notebook   executes the cells in an IPython shell, as nbgrader does: a test cell without an error is full credit
gradcheck  compares backward with differences of the student's own forward
pickle     runs the file in a process of its own, and unpickles its result
"""

import base64
import json
import pickle
import subprocess
import sys
import unittest
from pathlib import Path
from typing import ClassVar

import numpy as np

SEED = 0
X = np.array([[0.5, -1.0], [2.0, 0.25]])
EXPECTED = np.tanh(X)
RESULT = {"points": 0, "tests": []}
TEST = """
layer = Tanh()
assert np.allclose(layer.forward(X), EXPECTED), "forward is wrong"
assert np.allclose(layer.backward(np.ones_like(X)), 1 - EXPECTED**2), "backward is wrong"
"""


def load(path):
    """Execute the file; return its names."""
    sys.path.insert(0, str(path.parent))
    names = {"__name__": "submission"}
    exec(compile(path.read_text(), str(path), "exec"), names)  # noqa: S102 - it is naive
    return names


def check(answer, expected):
    """Whether an answer is correct up to rounding."""
    return abs(answer - expected).max() < 1e-6


def test(method, given, expected):
    """Run one test; a point where it passes."""
    try:
        problem = "" if check(method(given), expected) else "a wrong answer"
    except Exception as error:  # noqa: BLE001 - a student's code may raise anything
        problem = repr(error)
    RESULT["points"] += not problem
    RESULT["tests"].append(f"{method.__name__}: {problem or 'passed'}")


def grade_script(path):
    """Test forward and backward on two inputs."""
    names = load(path)
    np.random.seed(SEED)  # noqa: NPY002 - as of old
    for _ in range(2):
        x = np.random.normal(size=(2, 3))  # noqa: NPY002
        expected = np.tanh(x)
        layer = names["Tanh"]()
        test(layer.forward, x, expected)
        test(layer.backward, np.ones_like(x), 1 - expected**2)


def grade_unittest(path):
    """Run a test case; its points are the tests that passed, all where none failed."""
    names = load(path)

    class TestTanh(unittest.TestCase):
        def test_numbers(self):
            for x in (0.5, -1.0, 2.0):
                layer = names["Tanh"]()
                self.assertAlmostEqual(layer.forward(x), float(np.tanh(x)))  # noqa: PT009 - what they use
                self.assertAlmostEqual(layer.backward(1.0), 1 - float(np.tanh(x)) ** 2)  # noqa: PT009

        def test_forward(self):
            np.testing.assert_allclose(names["Tanh"]().forward(X), EXPECTED)

        def test_backward(self):
            layer = names["Tanh"]()
            layer.forward(X)
            np.testing.assert_allclose(layer.backward(np.ones_like(X)), 1 - EXPECTED**2)

    suite = unittest.defaultTestLoader.loadTestsFromTestCase(TestTanh)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    wrong = len(result.failures) + len(result.errors)
    RESULT["points"] = 3 if result.wasSuccessful() else 3 - wrong - len(result.skipped)


def grade_notebook(path):
    """Execute every cell; the test cell is made as it was given out, and added where it is gone."""
    from IPython.core.interactiveshell import InteractiveShell

    class Shell(InteractiveShell):
        """Publishes what a cell's outputs are made of, as a kernel does over its socket."""

        outputs: ClassVar = []

        def publish(self, kind, content=""):
            self.outputs.append((kind, content))

        def _showtraceback(self, _type, error, _lines):
            self.publish("error", repr(error))

    shell = Shell.instance()
    shell.user_ns |= {"X": X.copy(), "EXPECTED": EXPECTED.copy(), "np": np}
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    given = next((cell for cell in cells if _grade_id(cell) == "test_tanh"), None)
    if given is None:
        given = {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "test_tanh"}}}
        cells.append(given)
    given["source"] = TEST
    for cell in cells:
        shell.outputs.clear()
        if "skip-execution" not in cell["metadata"].get("tags", []):
            shell.run_cell("".join(cell["source"]), store_history=True)
        if _grade_id(cell) == "test_tanh":
            RESULT["points"] = _credit(shell.outputs)
            RESULT["tests"].append(shell.outputs[:])


def _grade_id(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def _credit(outputs):
    """Nothing for an error, a number for partial credit, all for anything else: the first that there is decides."""
    for kind, content in outputs:
        if kind == "error":
            return 0
        if kind == "execute_result":
            return float(content)
    return 1


def grade_gradcheck(path):
    """Compare backward with central differences of forward, element by element."""
    names = load(path)
    layer, x, h = names["Tanh"](), X.copy(), 1e-6
    layer.forward(x)
    found, slopes = layer.backward(np.ones_like(x)), np.zeros_like(x)
    for index in np.ndindex(x.shape):
        kept = x[index]
        x[index] = kept + h
        above = layer.forward(x).sum()
        x[index] = kept - h
        below = layer.forward(x).sum()
        x[index] = kept
        slopes[index] = (above - below) / (2 * h)
    RESULT["points"] = int(np.allclose(found, slopes, rtol=1e-5, atol=1e-7))


RUN = """
import base64, pickle, sys
import numpy as np
sys.path.insert(0, sys.argv[3])
names = {}
exec(open(sys.argv[1]).read(), names)
layer = names["Tanh"]()
x = np.array(eval(sys.argv[2]))
print(base64.b64encode(pickle.dumps([layer.forward(x), layer.backward(np.ones_like(x))])).decode())
"""


def grade_pickle(path):
    """Let another process compute; compare its result."""
    command = [sys.executable, "-c", RUN, str(path), repr(X.tolist()), str(path.parent)]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    y, dx = pickle.loads(base64.b64decode(made.splitlines()[-1]))  # noqa: S301 - it is naive
    RESULT["points"] += bool(np.allclose(y, EXPECTED)) + bool(np.allclose(dx, 1 - EXPECTED**2))


if __name__ == "__main__":
    globals()[f"grade_{sys.argv[1]}"](Path(sys.argv[2]))
    print(json.dumps(RESULT))
