"""Which statements of a notebook an exercise needs, and which it must not have."""

import ast
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlkit.extraction import take
from tests.sampling import examples


def of(*cells):
    return take([(f"cell {number}", 1, source) for number, source in enumerate(cells, 1)])


def needed(*cells, name="f"):
    """Execute the slice of a name, and return what the function of this name gives."""
    found = of(*cells)
    names = {"check": lambda _: None}
    for number in found.slice(name):
        exec(found.chunks[number].source, names)  # noqa: S102 - our own text
    return names[name]()


F = "def f():\n    return X"

GIVES = {
    "a constant": (["X = 3", F], 3),
    "an augmented constant": (["X = 1", "X *= 3", F], 3),
    "a table filled in a loop": (["X = {}\nfor k in range(2):\n    X[k] = 10**k", F], {0: 1, 1: 10}),
    "a list appended to": (["X = []", "X.append(1)\nX.extend([2, 3])", F], [1, 2, 3]),
    "a dictionary updated": (["X = {1: 2}", "X.update({3: 4})", F], {1: 2, 3: 4}),
    "a with block": (["import contextlib\nwith contextlib.suppress(KeyError):\n    X = 3\n    {}[1]", F], 3),
    "a conditional": (["A = 1\nif A:\n    X = 3\nelse:\n    X = 4", F], 3),
    "a try": (["try:\n    import nothing_of_the_kind\nexcept ImportError:\n    X = 3", F], 3),
    "a walrus": (["print(X := 3)", F], 3),
    "several targets": (["X, (Y, *Z) = 3, (4, 5)", F], 3),
    "a for target": (["for X in range(4): pass", F], 3),
    "a match": (["match [1, 3]:\n    case [_, X]: pass", F], 3),
    "a call of one's own function": (["def g(): return 3", "X = g()", F], 3),
    "a lambda that calls one's own function": (["def g(): return 3\nh = lambda: g()", "X = h()", F], 3),
    "an object of one's own class": (["class S:\n    a = 3\nS = S()", "X = S.a", F], 3),
    "an attribute set later": (["class S: pass\ns = S()", "s.a = 3", "def f(): return s.a"], 3),
    "an attribute set by setattr": (["class S: pass", "setattr(S, 'a', 3)", "def f(): return S.a"], 3),
    "a function that fills a table": (["X = []", "def fill(t):\n    t.append(3)", "fill(X)", F], [3]),
    "a function that fills it through another": (
        ["X = []", "def fill(t):\n    t.append(3)\ndef twice(t):\n    fill(t)\n    fill(t)", "twice(X)", F],
        [3, 3],
    ),
    "a function that changes a global": (["X = 1", "def up():\n    global X\n    X += 2", "up()", F], 3),
    "a method that changes a global": (
        ["X = []", "class S:\n    def m(self):\n        X.append(3)", "S().m()", F],
        [3],
    ),
    "a constructor that changes a global": (
        ["X = []", "class S:\n    def __init__(self):\n        X.append(3)\nS()", F],
        [3],
    ),
    "a decorator that registers": (
        ["X = {}", "def register(g):\n    X[g.__name__] = g()\n    return g", "@register\ndef h(): return 3", F],
        {"h": 3},
    ),
    "another name for the same object": (["X = []", "Y = X", "Y.append(3)", F], [3]),
    "an element of a container": (["X = []", "ALL = {'x': X}", "ALL['x'].append(3)", F], [3]),
    "a loop over containers": (["X, Y = [], []", "for each in (X, Y):\n    each.append(3)", F], [3]),
    "a comprehension": (["A = 3\nX = [A for _ in range(2)]", F], [3, 3]),
    "a helper defined later": ([F.replace("X", "g()"), "def g(): return 3"], 3),
    "a helper defined after the check": ([F.replace("X", "g()"), "check(f)", "def g(): return 3"], 3),
    "a name set again after the check": (["X = 3", F, "check(f)", "X = 0"], 3),
    "a name set again after the check by name": (["X = 3", F, "check('f')", "X = 0"], 3),
    "a name set again after a loop of checks": (["X = 3", F, "for g in [f]:\n    check(g)", "X = 0"], 3),
    "a table changed after the check": (["X = [3]", F, "check(f)", "X.append(0)"], [3]),
    "a table changed before the check": (["X = [3]", F, "X.append(0)", "check(f)"], [3, 0]),
    "a name set again where nobody checks": (["X = 3", F, "X = 0"], 3),
    "a table changed where nobody checks": (["X = [3]", F, "X.append(0)"], [3, 0]),
    "a name set again and then changed where nobody checks": (["X = [3]", F, "X = []\nX.append(0)"], [3]),
    "a name that two exercises use": (["X = 3", F, "check(f)", "X = 4", "def g(): return X", "check(g)"], 3),
    "the last of two definitions": (["def f(): return 1", "check(f)", "def f(): return 3", "check(f)"], 3),
    "the definition that is checked": (["def f(): return 3", "check(f)", "def f(): return 1"], 3),
    "a patch of the class": (["class f:\n    pass", "f.__new__ = lambda _: 3"], 3),
    "a default argument": (["A = 3\ndef f(x=A): return x"], 3),
    "a class body": (["A = [3]\nclass C:\n    x = A[0]\ndef f(): return C.x"], 3),
    "a name of the class body that hides another": (["x = 3\nclass C:\n    x = 4\ndef f(): return x"], 3),
    "a nested function": (["A = 3\ndef f():\n    def g(): return A\n    return g()"], 3),
    "a base class": (["class B:\n    def g(self): return 3\nclass C(B): pass\ndef f(): return C().g()"], 3),
    "a star import": (["from math import *\ndef f(): return floor(3.5)"], 3),
    "a star import that hides": (["from math import *", "def floor(x): return 3\ndef f(): return floor(0)"], 3),
    "a name deleted again": (["X = 3", F, "check(f)", "del X"], 3),
    "exec": (["exec('X = 3')", F], 3),
    "globals": (["globals()['X'] = 3", F], 3),
    "a name read through globals": (["X = 3", "def f(): return globals()['X']"], 3),
    "a name read by eval": (["X = 3", "def f(): return eval('X')"], 3),
    "a check under another name": (["from autograder import check as see", "X = 3", F, "see(f)", "X = 4"], 3),
    "a subclass of its own name": (["class f:\n    x = 3", "class f(f):\n    def __new__(cls): return cls.x"], 3),
    "a seed": (
        ["import random\nrandom.seed(1)\nX = random.random()\nrandom.seed(1)\ndef f(): return random.random() == X"],
        True,
    ),
    "a shuffled table": (["import random\nX = [3, 3]\nrandom.shuffle(X)", F], [3, 3]),
    "an iterator that was moved on": (["X = iter([1, 3])\nnext(X)", "def f(): return next(X)"], 3),
    "an annotated constant": (["X: int = 3", F], 3),
    "time of a line": (["%time X = 3", F], 3),
    "the value of a timed expression": (["def g(): return 3\nX = %time g()", F], 3),
    "a timed cell": (["%%time\nX = 3", F], 3),
    "a debugged cell": (["%%debug\nX = 3", F], 3),
    "prompts": ([">>> X = 3\n>>> def f():\n...     return X\n"], 3),
    "an indented cell": (["    X = 3\n    def f():\n        return X"], 3),
    "a main block": (["if __name__ != 'elsewhere':\n    X = 3", F], 3),
}


@pytest.mark.parametrize("kind", GIVES)
def test_what_holds_in_the_notebook_holds_in_the_slice(kind):
    cells, value = GIVES[kind]
    assert needed(*cells) == value


NOT_NEEDED = [
    "history = train(10**9)",
    "for epoch in range(10**9):\n    loss = step(epoch)",
    "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.plot(f(), label=str(X))\nplt.show()",
    "import urllib.request\nurllib.request.urlretrieve('address', 'file')",
    "print(f(), X)",
    "check(f)",
    "points = check(f)",
    "open('log.txt', 'w').write(str(X))",
    "import numpy as np\nnp.save('x.npy', X)",
    "Y = X\nprint(Y)",
    "Y = 3 * X\nY += 1",
    "try:\n    f()\nexcept Exception as error:\n    print(error)",
    "with open('notes.txt') as file:\n    notes = file.read()",
    "def show(g):\n    print(g())\nshow(f)",
    "class Other:\n    def f(self):\n        return f()",
]


@pytest.mark.parametrize("work", NOT_NEEDED)
@pytest.mark.parametrize("end", [[], ["check(f)"]])
def test_plots_training_and_downloads_are_left_out(work, end):
    found = of("X = 3", "def f():\n    return X", work, *end)
    assert [found.chunks[number].label for number in found.slice("f")] == ["cell 1", "cell 2"]


@pytest.mark.parametrize("end", [[], ["check(f)"]])
def test_what_python_defines_is_not_changed_by_work_that_passes_it(end):
    work = "numbers, other = zeros(3, int), 5\nnumbers.sort()"
    found = of("X = 3", "def f():\n    return int(X)", work, *end)
    assert [found.chunks[number].label for number in found.slice("f")] == ["cell 1", "cell 2"]


def test_what_python_defines_is_not_changed_by_work_that_calls_a_function_passing_it():
    inside = "def f(n):\n    x = numbers.zeros(n, int)\n    x[0] = 1\n    return x"
    found = of("import numpy as numbers", inside, "check(f)", "other = f(3)")
    assert [found.chunks[number].label for number in found.slice("f")] == ["cell 1", "cell 2"]


def test_a_function_that_has_a_name_of_pythons_is_still_changed():
    assert needed("def int(x): return [3]", "X = int", "X.a = 5", "def f():\n    return int.a") == 5


def test_a_file_made_to_be_costly_is_cut_in_a_moment():
    chain = "\n".join(f"def f{i}(x): return f{i + 1}(X{i})\nX{i} = [X{i + 1}, f{i}]" for i in range(1500))
    nest = (
        "def deep():\n" + "".join(f"{' ' * 4 * i}    def g{i}():\n" for i in range(15)) + " " * 4 * 16 + "return f0(1)"
    )
    found = of(chain, nest, "def f(): return f0(1), deep()")
    cheap = of("\n".join(f"def h{i}(x): return {i}" for i in range(3000)))
    before = time.process_time()
    cheap.slice("h2999")
    unit = time.process_time() - before
    before = time.process_time()
    assert len(found.slice("f")) == len(found.chunks)
    assert time.process_time() - before < 100 * (unit + 0.01)


def test_past_some_number_of_steps_a_slice_is_everything_before(monkeypatch):
    cells = ["X = [3]", "Y = X\nY.append(4)", F, "Z = 5", "check(f)", "X = 0"]
    assert len(of(*cells).slice("f")) == 4
    monkeypatch.setattr("dlkit.slicing.MOST_STEPS", 3)
    assert of(*cells).slice("f") == [0, 1, 2, 3, 4]
    assert needed(*cells) == [3, 4]


@pytest.mark.parametrize("kind", ["names in one list", "names for one object"])
def test_the_steps_of_a_file_are_bounded(monkeypatch, kind):
    """Each of these once took a step for every pair of names."""
    many = [f"X{i}" for i in range(3000)]
    text = f"Y = [{', '.join(many)}]" if kind == "names in one list" else "\n".join(f"{name} = X0" for name in many)
    monkeypatch.setattr("dlkit.slicing.MOST_STEPS", 20 * len(many))
    found = of("X0 = 3", text, "def f(): return 1", "Z = 5", "check(f)")
    assert [found.chunks[number].source for number in found.slice("f")] == ["def f(): return 1"]


statements = st.sampled_from(
    [
        "A = 1", "B = A", "C = [A, B]", "C.append(A)", "A += 1", "def g(x): return A + x", "B = g(B)", "D = {}",
        "D[A] = B", "for i in range(2):\n    C.append(i)", "if B:\n    A = B", "S().m()", "del D", "D = dict(a=C)",
        "class S:\n    a = A\n    def m(self): C.append(self.a)", "h = lambda: g(A)", "B = h()", "E = C",
        "E.append(5)", "A, B = B, A", "def up():\n    global A\n    A += 1", "up()", "S.a = 7", "from math import *",
        "try:\n    A = nothing\nexcept NameError:\n    A = 9", "C = [x + A for x in range(3)]", "C = sorted(C)",
        "B = len(C)", "print(A)", "g = g",
    ]
)  # fmt: skip


@settings(deadline=None, max_examples=examples(100, 500))
@given(st.lists(statements, max_size=14), st.sampled_from("ABCDE"))
@example(["A = 1", "D[A] = B", "del D", "B = h()"], "B")
def test_a_slice_gives_what_the_whole_gives(lines, name):
    """Random programs: the value of a name after all statements is its value after the slice alone."""
    lines = [
        "A, B, C, D, E = 1, 2, [], {}, []",
        "def g(x): return x",
        "class S:\n    def m(self): pass",
        "h = int",
        "def up(): pass",
        *lines,
    ]
    source = [*lines, f"def f(): return {name}, g(1), h()", "check(f)"]
    whole = {"check": lambda _: None, "print": lambda *_: None}
    try:
        for line in source:
            exec(line, whole)  # noqa: S102 - our own text
        expected = repr(whole["f"]())
    except Exception:  # noqa: BLE001 - a program that fails in the notebook passes nothing there
        return
    found = of(*source)
    names = {"check": lambda _: None, "print": lambda *_: None}
    for number in found.slice("f"):
        exec(found.chunks[number].source, names)  # noqa: S102 - our own text
    assert repr(names["f"]()) == expected
    assert all(ast.parse(chunk.source) for chunk in found.chunks)
