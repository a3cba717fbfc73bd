"""What counts in the notebook counts when graded: random notebooks, run in IPython from top to bottom, and graded."""

import json
import sys

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.learner.notebook_check import run_checks
from autograder.report import Status
from autograder.submission import read_submission
from tests.sampling import examples

IMPORTS = "import numpy as np\nfrom dlkit import Layer, Parameter, array_module, zeros"
SETTING = {
    "UNIT": [
        "UNIT = 1.0",
        "UNIT = 2.0",
        "%time UNIT = 1.0",
        "UNIT = 0.5\nUNIT *= 2",
        "UNIT *= 1",
        "UNIT = float('1')",
        "UNIT: float = 1.0",
        "if UNIT:\n    UNIT = 1.0",
        "for UNIT in (3.0, 1.0):\n    pass",
        "with np.errstate(all='ignore'):\n    UNIT = 1.0",
        "UNIT = POWERS[0]",
        "UNIT = (lambda: one())()",
        "try:\n    UNIT = nothing\nexcept NameError:\n    print('nothing')\n    UNIT = 1.0",
        "%%time\nUNIT = 1.0",
        "%%capture\nUNIT = 1.0\nprint(UNIT)",
        "!echo UNIT \\\n    is set\nUNIT = 1.0",
        "del UNIT",
        "(UNIT := 1.0)",
    ],
    "POWERS": [
        "POWERS = {}\nfor k in range(3):\n    POWERS[k] = 10.0**k",
        "POWERS = {0: 1.0}",
        "POWERS = {}\nPOWERS.update({0: 1.0})",
        "POWERS[0] = 1.0",
        "POWERS[0] += 1.0",
        "POWERS.clear()\nPOWERS[0] = UNIT",
        "OTHER = POWERS\nOTHER[0] = 1.0",
        "POWERS = [1.0]\nPOWERS.append(2.0)",
        "def fill(table):\n    table[0] = 1.0\nfill(POWERS)",
    ],
    "one": [
        "def one():\n    return 1.0",
        "def one():\n    return UNIT",
        "one = lambda: POWERS[0]",
        "def one():\n    return two() / 2\n\ndef two():\n    return 2.0",
        "def one():\n    return 0.0",
    ],
    "SETTINGS": [
        "class Settings:\n    unit = 1.0\n\nSETTINGS = Settings()",
        "SETTINGS.unit = 1.0",
        "SETTINGS.unit = UNIT",
        "setattr(SETTINGS, 'unit', 2.0)",
        "SETTINGS = type('Settings', (), {'unit': 1.0})",
        "from types import SimpleNamespace\nSETTINGS = SimpleNamespace(unit=1.0)",
    ],
    "UNSET": ["UNSET = object()", "UNSET = None", "UNSET = type(None)"],
    "steps": [
        "try:\n    from nothing import steps\nexcept ImportError:\n    print()\n    def steps(n): return range(n)",
        "steps = range",
        "def steps(n):\n    return [0] * n",
    ],
}
NOISE = [
    "x = np.linspace(0, 1, 5)\nx",
    "print('here')",
    "zeros = 0",
    "x = 3",
    "self = dy = k = None",
    "history = [k for k in range(3)]",
    "ReLU().forward(np.ones((2, 3)))",
    "relu = ReLU()\nprint(relu.forward(-np.ones(3)))",
    "class Other(Layer):\n    def forward(self, x):\n        return x * UNIT",
    "np.random.seed(0)",
    "np.zeros?",
    "from math import *",
]
FORWARD = {
    "UNIT": "x = x * UNIT",
    "POWERS": "x = x * POWERS[0]",
    "one": "x = x * one()",
    "SETTINGS": "x = x * SETTINGS.unit",
    "UNSET": "assert x is not UNSET",
    "steps": "for _ in steps(1):\n            x = x + 0",
}
CLASS = """class ReLU(Layer):
    def forward(self, x):
        {uses}
        self.mask = x > 0
        return np.maximum(x, 0)
        raise NotImplementedError()

    def backward(self, dy):
        return dy * self.mask
"""
STUB = """class ReLU(Layer):
    def forward(self, x):
        raise NotImplementedError()

    def backward(self, dy):
        raise NotImplementedError()
"""


@st.composite
def notebooks(draw):
    """Cells in a random order: what the class uses, set once or more, the class and its check among them."""
    used = draw(st.lists(st.sampled_from(list(FORWARD)), unique=True, min_size=1, max_size=3))
    written = CLASS.format(uses="\n        ".join(FORWARD[name] for name in used))
    sound = [SETTING[name][0] for name in FORWARD if name != "one"] + [SETTING["one"][0]]
    any_of = st.sampled_from([text for texts in SETTING.values() for text in texts] + NOISE)
    above, between, below = (draw(st.lists(any_of, max_size=4)) for _ in range(3))
    again = draw(st.sampled_from([[], [], [], [STUB], [written, "check(ReLU)"]]))
    check = draw(
        st.sampled_from(
            ["check(ReLU)", "points = check(ReLU)", "for each in [ReLU]:\n    check(each)", "check('ReLU')"]
        )
    )
    return [IMPORTS, *sound, *above, written, *between, check, *below, *again]


@pytest.fixture(scope="module")
def shell():
    main = sys.modules["__main__"]
    yield InteractiveShell.instance(colors="nocolor")
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main  # which the shell has replaced by its own


@pytest.fixture(scope="module")
def in_the_notebook(shell):
    """Run cells from top to bottom; return the last check's verdict of each part, None where an earlier cell fails.

    None as well where a cell fails above the last definition: nobody has seen that one pass or fail.
    """

    def run(cells):
        said = {}

        def check(thing):
            thing = shell.user_ns[thing] if isinstance(thing, str) else thing
            said.update({verdict.check: verdict.status for verdict in run_checks(thing).verdicts})
            return 1.0

        shell.reset()
        shell.push({"check": check})
        for number, cell in enumerate(cells):
            result = shell.run_cell(cell, store_history=False, silent=False)
            if not result.success:
                return None if any("class ReLU" in later for later in cells[number + 1 :]) else said or None
        return said

    return run


@pytest.fixture(scope="module")
def when_graded(layers, zygote, tmp_path_factory):
    """Hand in cells as a notebook; return the grader's verdict of each part."""
    grader = Grader(layers, zygote, Options(seed=3, only=frozenset({"ReLU"})))
    path = tmp_path_factory.mktemp("notebook") / "layers.ipynb"

    def grade(cells):
        made = [{"cell_type": "code", "metadata": {}, "source": cell, "outputs": []} for cell in cells]
        path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
        (result,) = grader.grade(read_submission(path, layers)).exercises
        return {verdict.check: verdict.status for verdict in result.verdicts}

    return grade


@pytest.mark.slow
@settings(
    deadline=None,
    max_examples=examples(10, 500),
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(notebooks())
def test_what_passes_in_the_notebook_passes_when_graded(in_the_notebook, when_graded, capsys, cells):
    there = in_the_notebook(cells)
    capsys.readouterr()
    assume(there is not None)
    here = when_graded(cells)
    passed = {check for check, status in there.items() if status is Status.PASSED}
    failed = {check for check, status in there.items() if status is Status.FAILED}
    assert passed <= {check for check, status in here.items() if status is Status.PASSED}
    assert failed <= {check for check, status in here.items() if status is Status.FAILED}
