"""A grader as they used to be: everything in one process, equality asked of whatever the student returns.

``python naive.py script FILE`` executes a file; ``python naive.py notebook FILE`` executes the cells in an IPython
shell, with the test in a cell of its own.  The last line printed is the verdict as JSON.
"""

import json
import sys
from pathlib import Path

import numpy as np

X = np.array([[0.5, -1.0], [2.0, 0.0]])
EXPECTED = np.tanh(X)
RESULT = {"points": 0}
TEST = """
layer = Tanh()
np.testing.assert_allclose(layer.forward(X), EXPECTED, rtol=1e-6)
np.testing.assert_allclose(layer.backward(np.ones_like(X)), 1 - EXPECTED**2, rtol=1e-6)
"""


def grade_script(path):
    """Execute the file, then the test, in the same names."""
    sys.path.insert(0, str(path.parent))
    names = {"__name__": "submission", "X": X.copy(), "EXPECTED": EXPECTED.copy(), "np": np}
    exec(compile(path.read_text(), str(path), "exec"), names)
    try:
        exec(TEST, names)
    except Exception as error:
        print(f"failed: {error!r}")
    else:
        RESULT["points"] = 1


def grade_notebook(path):
    """Execute every cell in a shell, as a notebook's grader does: a test cell without an error is full credit."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.user_ns |= {"X": X.copy(), "EXPECTED": EXPECTED.copy(), "np": np}
    cells = json.loads(path.read_text())["cells"]
    if not any(cell["metadata"].get("nbgrader", {}).get("grade_id") == "test_tanh" for cell in cells):
        cells.append({"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "test_tanh"}}, "source": TEST})
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        ran = None
        if "skip-execution" not in cell["metadata"].get("tags", []):
            ran = shell.run_cell("".join(cell["source"]), store_history=True)
        if grade_id == "test_tanh":
            RESULT["points"] = 1 if ran is None or ran.success else 0


if __name__ == "__main__":
    {"script": grade_script, "notebook": grade_notebook}[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps(RESULT))
