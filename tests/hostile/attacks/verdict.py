"""Attacks on the verdict: points for work that is not right.

Of class 4 only the idea is here: the naive shell has a ``publish`` in place of a kernel's socket.
"""

import io
import json

import numpy as np
from rich.console import Console

from autograder.render.html import student_page
from autograder.render.terminal import print_report
from tests.hostile import naive
from tests.hostile.harness import Attack, tanh

WRONG = tanh()
TEST_CELL = {"nbgrader": {"grade": True, "grade_id": "test_tanh", "points": 1}}


def notebook(*cells):
    """Text of a notebook of code cells; a cell is its source, or its source and its metadata."""
    pairs = [(cell, {}) if isinstance(cell, str) else cell for cell in cells]
    made = [
        {"cell_type": "code", "source": source, "metadata": metadata, "outputs": [], "execution_count": None}
        for source, metadata in pairs
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def in_notebook(number, name, *cells, said="y is wrong"):
    """Make an attack that a notebook's cells carry out."""
    return Attack(number, name, notebook(*cells), naive="notebook", suffix=".ipynb", said=said)


def in_body(number, name, *lines, forward="return 0 * x", backward="return 0 * dy", **more):
    """Make an attack that begins where the class is defined, which has to be executed."""
    more = {"said": "y is wrong", **more}
    return Attack(number, name, tanh(forward, backward, body="\n".join(lines)), **more)


# --- 1, 4–8, 16: what the notebook says and does ---------------------------------------------

NOTEBOOK = [
    in_notebook(1, "tags the test cell to be skipped", WRONG, ("", {**TEST_CELL, "tags": ["skip-execution"]})),
    in_notebook(
        4,
        "publishes a result of its own for the test cell",
        tanh('get_ipython().publish("execute_result", "2000")\nreturn 0 * x'),
        said="'NoneType' object has no attribute 'publish'",
    ),
    in_notebook(
        5, "rewrites every later cell's lines", WRONG, "get_ipython().input_transformers_post.append(lambda _: [])"
    ),
    in_notebook(
        6,
        "drops assertions from every later cell's syntax tree",
        WRONG,
        "import ast\n\nclass Drop(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\n\n"
        "get_ipython().ast_transformers.append(Drop())",
    ),
    in_notebook(
        7,
        "replaces what runs a cell",
        WRONG,
        "from IPython.core.interactiveshell import ExecutionResult\n\n"
        "async def succeed(*args, **kwargs):\n    return ExecutionResult(None)\n\n"
        "type(get_ipython()).run_cell_async = succeed",
    ),
    in_notebook(8, "replaces what shows an error", WRONG, "get_ipython().showtraceback = lambda *args, **kwargs: None"),
    in_notebook(16, "has two test cells of one name, its own the last", WRONG, ("", TEST_CELL), ("pass", TEST_CELL)),
]

# --- 2, 3: answers that are whatever one wants -----------------------------------------------

YES = """
class Yes:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __bool__(self): return True
    def __hash__(self): return 0
"""
NEAR = """
class Near(float):
    def __eq__(self, other): return True
    def __hash__(self): return 0
"""
AGREEABLE = """
class Agreeable(np.ndarray):
    def __array_ufunc__(self, function, method, *inputs, **kwargs): return np.zeros(1)
"""
POLITE = """
class Polite:
    def __array_function__(self, function, types, args, kwargs): return True
"""
HIDDEN = """
class Agreeable(np.ndarray):
    def __array_function__(self, function, types, args, kwargs): return np.ones(self.shape, bool)
    def __array_ufunc__(self, function, method, *inputs, **kwargs): return np.zeros(self.shape, bool)

class Veiled:
    def __init__(self, shape): self.shape = shape
    def __array__(self, dtype=None, copy=None): return np.zeros(self.shape).view(Agreeable)
"""
ANSWERS = [
    Attack(
        2,
        "returns an object that is equal to everything",
        tanh("return Yes()", "return Yes()", before=YES),
        naive="unittest",
        said="an object of class Yes",
    ),
    Attack(
        2,
        "returns an object from which every difference is nothing",
        tanh("return Close()", "return Close()", "class Close:\n    def __sub__(self, other): return np.zeros(1)"),
        said="an object of class Close",
    ),
    Attack(
        3,
        "returns a float that is equal to everything",
        tanh("return Near()", "return Near()", before=NEAR),
        naive="unittest",
        said="an object of class Near",
    ),
    Attack(
        3,
        "returns an array whose arithmetic comes to nothing",
        tanh("return np.zeros_like(x).view(Agreeable)", "return np.zeros_like(dy).view(Agreeable)", before=AGREEABLE),
        said="y is wrong",
    ),
    in_notebook(
        3,
        "returns an object that answers for NumPy's functions",
        tanh("return Polite()", "return Polite()", before=POLITE),
        said="an object of class Polite",
    ),
    Attack(
        3,
        "returns an object that turns into such an array",
        tanh("return Veiled(np.shape(x))", "return Veiled(np.shape(dy))", before=HIDDEN),
        naive="unittest",
        said="an object of class Veiled",
    ),
]

# --- 9–13: getting at the grader -------------------------------------------------------------

GRADERS_OWN = ("check", "compare", "compare_all", "judge", "judge_gradients", "agree", "plain", "encode", "decode")
WALK = """
while frame:
    for name, value in frame.f_locals.items():
        if "expected" in name.lower():
            return value
    frame = frame.f_back
"""
GRADER = [
    in_body(
        9, "replaces NumPy's assert_allclose", "np.testing.assert_allclose = lambda *_, **__: None", naive="unittest"
    ),
    in_notebook(9, "replaces NumPy's allclose", tanh(body="np.allclose = lambda *_, **__: True")),
    in_body(
        9,
        "has NumPy draw nothing but zeros, for which it is right",
        "np.random.normal = lambda *_, size=None, **__: np.zeros(size)",
        "np.random.standard_normal = np.random.randn = lambda *size: np.zeros(size)",
        backward="return 1 * dy",
    ),
    in_body(9, "replaces the builtin abs", "import builtins", "builtins.abs = lambda _: np.zeros(1)"),
    in_body(
        9,
        "replaces what a test case asserts with",
        "import unittest",
        "unittest.TestCase.assertAlmostEqual = lambda *_, **__: None",
        naive="unittest",
    ),
    in_body(
        10,
        "replaces every function that could be the grader's check",
        "import sys",
        "for module in list(sys.modules.values()):",
        f"    for name in {GRADERS_OWN}:",
        '        if name in getattr(module, "__dict__", {}):',
        "            setattr(module, name, lambda *_, **__: True)",
        said="",
    ),
    in_body(
        10,
        "replaces every method by which the grader could ask",
        "import sys",
        "for module in list(sys.modules.values()):",
        '    for kind in list(getattr(module, "__dict__", {}).values()):',
        '        for name in ("call", "tally", "keep", "fetch", "get"):',
        '            if isinstance(kind, type) and hasattr(kind, "load") and hasattr(kind, name):',
        "                setattr(kind, name, lambda *_, **__: True)",
        '    if "check" in getattr(module, "__dict__", {}):',
        "        module.check = lambda *_: True",
        said="sent an invalid reply",
    ),
    in_body(
        10,
        "replaces what a test's result says of itself",
        "import unittest",
        "unittest.TestResult.wasSuccessful = lambda self: True",
        naive="unittest",
    ),
    Attack(
        11,
        "searches memory for the result and rewrites it",
        tanh(
            """
            import gc
            for thing in gc.get_objects():
                if type(thing) is dict and "points" in thing:
                    thing["points"] = 2000
            return 0 * x
            """
        ),
        tried="search the interpreter's memory",
        said="y is wrong",
    ),
    Attack(
        12,
        "walks the call stack to what is expected",
        tanh(
            f"import sys\nframe = sys._getframe()\n{WALK}\nreturn 0 * x", f"import sys\nframe = sys._getframe()\n{WALK}"
        ),
        tried="walk the call stack",
        said="y is wrong",
    ),
    Attack(
        12,
        "walks the stack from a traceback of its own",
        tanh(
            *2
            * (f"try:\n    1 / 0\nexcept ArithmeticError as error:\n    frame = error.__traceback__.tb_frame\n{WALK}",)
        ),
        said="y is None",
    ),
    Attack(
        12,
        "walks the stack to whoever waits for its answer, and answers in its place",
        tanh(
            """
            import sys
            frame = sys._getframe()
            while frame:
                names = {**frame.f_globals, **frame.f_locals}
                if "channel" in names and "header" in names:
                    names["channel"].send({"id": names["header"]["id"], "value": {"a": 0}}, [0 * x])
                    break
                if "RESULT" in names:
                    names["RESULT"]["points"] = 2000
                frame = frame.f_back
            return 0 * x
            """
        ),
        said="sent an invalid reply",  # what was tried is lost with the reply that it displaced
    ),
    Attack(
        13,
        "asks to be skipped",
        tanh("import unittest; raise unittest.SkipTest('not today')"),
        naive="unittest",
        said="raised SkipTest: not today",
    ),
]

# --- 14: what the grader reads and what is read by people ------------------------------------

ANSI, SCRIPT = "\x1b[1A\x1b[2K\x1b[32m3 of 3 points", "<script>alert(1)</script>"
FORGED = "'{\"points\": 2000}'"


def reaches_the_reader(outcome):
    """Its escape sequence or its tag got as far as a screen."""
    screen, page = io.StringIO(outcome.printed), outcome.printed
    if outcome.report is not None:
        print_report(Console(file=screen, force_terminal=True, width=300), outcome.report, verbose=True)
        page = student_page(outcome.report)
    return "\x1b[1A" in screen.getvalue() or SCRIPT in page


TEXT = [
    in_body(
        14,
        "has print print a verdict of its own",
        "import builtins, sys",
        f"builtins.print = lambda *_, say=sys.stdout.write: say({FORGED})",
    ),
    Attack(
        14,
        "prints a verdict and leaves",
        tanh(f"import os; print({FORGED}, flush=True); os._exit(0)"),
        said="ended its own process",
    ),
    in_body(14, "prints a verdict when all is over", "import atexit", f"atexit.register(print, {FORGED})"),
    Attack(
        14,
        "raises an error that overwrites the line above it with a pass",
        tanh(f"raise ValueError({ANSI!r})"),
        naive="unittest",
        succeeds=reaches_the_reader,
        said="3 of 3 points",
    ),
    Attack(
        14,
        "raises an error with a script in it",
        tanh(f"raise ValueError({SCRIPT!r})"),
        naive="unittest",
        succeeds=reaches_the_reader,
        said="raised ValueError",
    ),
]

# --- 15, 17, 18: prepared for one grader -----------------------------------------------------

KNOWN = {round(float(x), 6): float(np.tanh(x)) for x in (0.5, -1.0, 2.0, 0.25)}
_ROWS = [np.tanh(x) for x in np.random.RandomState(naive.SEED).normal(size=(2, 2, 3))]
DRAWN = [rows.tolist() for y in _ROWS for rows in (y, 1 - y**2)]
PREPARED = [
    Attack(
        15,
        "has the known cases' answers in a table",
        tanh(
            "self.y = np.vectorize(lambda value: KNOWN.get(round(float(value), 6), 0.0))(x)\nreturn self.y",
            "return 0 * dy",
            before=f"KNOWN = {KNOWN}",
        ),
        naive="unittest",
        said="y is wrong",
    ),
    Attack(
        15,
        "has a seed's answers in a list, in the order of the calls",
        tanh("return Tanh.drawn.pop(0)", "return Tanh.drawn.pop(0)", body=f"drawn = [np.array(y) for y in {DRAWN}]"),
        said="y: expected shape (1, 4), got (2, 3)",
    ),
    Attack(
        17,
        "is one class where it is graded, another elsewhere",
        tanh(
            body="""
            import sys
            graders = [m for m in list(sys.modules.values()) if "EXPECTED" in getattr(m, "__dict__", {})]
            answer = graders[0].EXPECTED if graders else None
            """,
            forward="return 0 * x if Tanh.answer is None else Tanh.answer",
        ),
        naive="unittest",
        said="y is wrong",
    ),
    Attack(
        17,
        "becomes another class after its first call",
        tanh(
            before="class Close(Layer):\n    def __sub__(self, other): return np.zeros(1)\n"
            "    def backward(self, dy): return self",
            forward="self.__class__ = Close\nreturn 0 * x",
        ),
        said="an object of class Close",
    ),
    Attack(
        18,
        "returns an object that runs code where it is unpickled",
        tanh(
            "return Parcel()",
            before="class Parcel:\n    def __reduce__(self): return eval, (\"__import__('__main__').EXPECTED\",)",
        ),
        naive="pickle",
        said="an object of class Parcel",
    ),
]

ATTACKS = [*NOTEBOOK, *ANSWERS, *GRADER, *TEXT, *PREPARED]
