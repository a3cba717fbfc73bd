"""IPython's own syntax: our translation of a cell compared with that of IPython's transformer."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from dlkit import magics
from tests.sampling import examples


class _Plain(ast.NodeTransformer):
    """Calls of magics become ``pass``, but for what ``%time`` runs."""

    def _read(self, node):
        value = node.value
        call = value if isinstance(value, ast.Call) and "get_ipython" in ast.dump(value.func) else None
        if call is None:
            return node
        if call.args and getattr(call.args[0], "value", "") == "time":
            target = f"{ast.unparse(node.targets[0])} = " if isinstance(node, ast.Assign) else ""
            return ast.parse(target + call.args[1].value).body
        return ast.Pass()

    visit_Expr = visit_Assign = _read  # noqa: N815 - names that ast looks for


def dumped(text):
    body = _Plain().visit(ast.parse(text)).body
    return [ast.dump(statement) for statement in body if not isinstance(statement, ast.Pass)]


def ours(cell):
    """The statements of a cell as we read it; as it stands where that is Python already."""
    text = magics.clean(cell)
    try:
        return dumped(text)
    except SyntaxError:
        return dumped(magics.translate(text).text)


def theirs(cell):
    """The statements of a cell as IPython reads it."""
    text = TransformerManager().transform_cell(cell)
    (first, *_) = ast.parse(text).body or [ast.Pass()]
    if isinstance(first, ast.Expr) and "run_cell_magic" in ast.dump(first):
        return theirs(first.value.args[2].value)
    return dumped(text)


CELLS = [
    "!pip install -q numpy \\\n    matplotlib\nimport numpy as np",
    "!echo 'it''s' \\\n\\\n\nA = 1",
    "%pip install numpy\nA = 1",
    "files = !ls \\\n -l\nA = 1",
    "A = 'a' \\\nnp?\nB = 2",
    "A = 'a' \\\n'b'\nB = 2",
    "files = \\\n!ls\nA = 1",
    "d['x'] = !ls\nA = 1",
    "a, b = %time 1, 2",
    "%time A = 1",
    "%time A = [1, \\\n2]",
    "x = %time f(3)\ny = 2",
    "value = %timeit -o f()\nA = 1",
    "if A:\n    %matplotlib inline\n    B = 1\nelse:\n    !ls\nC = 2",
    "x = (1\n% 2)\ny = 3",
    "x = '''\n%time\n!ls\n'''\n%matplotlib inline\ny = 2",
    "x = [\n    '!ls', # it's\n]\n!ls\ny = 2",
    "np?\nA = 1",
    "A = 1\nnp.zeros??",
    "?np\nA = 1",
    "a = 'b?'\n!ls",
    "a = 3 # b?\n!ls",
    "a == 3\nb != 4\n!ls",
    "f(a=1, b=2)\n!ls",
    "/f 1 2\nA = 1",
    ",f a b\nA = 1",
    ";f a b\nA = 1",
    ">>> A = 1\n>>> def f():\n...     return 2\n",
    "In [3]: A = 1\n   ...: B = 2",
    "    A = 1\n    B = 2",
    "\n\n%%time\nA = 1",
    "%%capture out\n%%time\nA = 1",
    "%%timeit -n 1\nA = 1",
    "A = 1 \\\n  + 2\n!ls",
    "print('a\\'b')\n!ls",
    "x = {'a': 1}\nx['a'] = 2\n%time x['a'] = 3",
    "@d\ndef f(x=1):\n    %time x\n    return x\n!ls",
    "A = 1; B = 2\n!ls; C = 3",
]


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_means_what_it_means_to_ipython(cell):
    assert ours(cell) == theirs(cell)


@pytest.mark.parametrize("cell", CELLS)
def test_lines_keep_their_numbers(cell):
    assert magics.translate(magics.clean(cell)).text.count("\n") == cell.count("\n")


lines = st.sampled_from(
    [
        "A = 1", "B = [1,", "2]", "!ls", "!echo it's", "%time C = 3", "x = !ls", "y = %time 4", "if A:",
        "    D = 5", "    !ls", "    %time E = 6", "'''", 'F = """', '"""', "np?", "?np", "# it's a comment (",
        "G = 'a' \\", "    'b'", "!ls \\", "    -l", "%matplotlib inline", "H = {'a': 1,", "}", "", "(I,",
        "J) = 1, 2", "K = a % b", "L = not A", "print('(')", "M = 'it\\'s'",
    ]
)  # fmt: skip


@settings(deadline=None, max_examples=examples(100, 400))
@given(st.lists(lines, max_size=8))
def test_any_cell_that_ipython_understands_means_the_same(pieces):
    cell = "\n".join(pieces)
    if "?" in cell and any(bracket in cell for bracket in "([{"):
        return  # for IPython an unclosed bracket extends to the next line that requests help
    try:
        expected = theirs(cell)
    except (SyntaxError, RuntimeError, AssertionError, IndexError):  # a cell that fails in the notebook
        return
    assert ours(cell) == expected


@pytest.mark.parametrize(
    "name", ["bash", "html", "writefile work.py", "javascript", "script false", "python3", "latex"]
)
def test_a_cell_of_another_language_is_named(name):
    assert magics.not_python(f"\n%%{name}\nA = 1") == f"%%{name.split()[0]}"


def test_names_that_a_magic_sets_are_kept():
    assert magics.translate("files, n = !ls\nvalue = %timeit -o 1").set_by_magic == ["files", "n", "value"]


def test_a_cell_of_many_magics_costs_no_more_than_their_number():
    cell = "!ls\n" * 20_000 + "A = 1"
    assert ours(cell) == [ast.dump(ast.parse("A = 1").body[0])]


@pytest.mark.parametrize("cell", ["pip install numpy", "ls", "cd ..", "\nmatplotlib inline\n"])
def test_a_lone_line_needs_no_percent_sign(cell):
    assert [statement for statement in ours(cell) if "Name(id='ls'" not in statement] == []
