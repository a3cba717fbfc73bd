"""Limits on source text: what no person writes is refused without parsing it, and what people write is not."""

import json
from pathlib import Path

import pytest

from dlkit.source_limits import MAX_CHAIN, MAX_DEPTH, MAX_STATEMENTS, count_statements, problem

ROOT = Path(__file__).resolve().parents[2]
HEX = "0x" + "f" * 5000
TOO_MUCH = {
    "a number of 5,000 hexadecimal digits": (f"x = 1; y = {HEX}", "a number of 5,002 characters; at most 3,500 are"),
    "a decimal number without end": ("x = " + "1" * 500_000, "a number of 500,000 characters"),
    "a sum of 2,500 terms": ("x = 1" + " + 1" * 2500, "an expression of more than 400 operators"),
    "a chain of attributes": ("x" + ".a" * 1500, "an expression of more than 400 operators"),
    "a chain of calls": ("f" + "()" * 1500, "an expression of more than 400 operators"),
    "a chain of subscripts": ("f" + "[0]" * 1500, "an expression of more than 400 operators"),
    "signs": ("x = " + "-" * 1500 + "1", "an expression of more than 400 operators"),
    "negations": ("x = " + "not " * 1500 + "1", "an expression of more than 400 operators"),
    "functions in functions": ("x = " + "lambda: " * 1500 + "1", "an expression of more than 400 operators"),
    "conditions in conditions": ("x = " + "1 if a else " * 1500 + "1", "an expression of more than 400 operators"),
    "brackets in brackets": ("x = " + "(" * 90 + "1" + ")" * 90, "brackets nested more than 60 deep"),
    "brackets that are never closed": ("[" * 100_000, "brackets nested more than 60 deep"),
    "blocks in blocks": ("\n".join(" " * i + "if 1:" for i in range(99)), "blocks nested more than 60 deep"),
    "a chain of elif": ("if 1:\n    x = 1\n" + "elif 1:\n    x = 1\n" * 600, "a chain of more than 400 elif"),
    "110,000 statements": ("x = 1\n" * 110_000, "more than 10,000 statements"),
    "110,000 statements on one line": ("x=1;" * 110_000, "more than 10,000 statements"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_nobody_writes_is_refused_with_a_clause(name):
    source, said = TOO_MUCH[name]
    assert said in problem(source)


HONEST = {
    "a table of 5,000 numbers": "TABLE = [\n" + "    -1.5e-3, 2,\n" * 2500 + "]\n",
    "a table of rows": "TABLE = [\n" + "    [1, -2, 3.5 * 4],\n" * 2000 + "]\n",
    "an elif chain of 50": "if 1:\n    x = 1\n" + "elif 1:\n    x = 1\n" * 50 + "else:\n    x = 2\n",
    "many short elif chains": ("if 1:\n    x = 1\n" + "elif 1:\n    x = 1\n" * 9) * 200,
    "chains in the branches of a chain": "if 1:\n    if 2:\n        x = 1\n"
    + ("elif 1:\n    if 1:\n        x = 1\n" + "    elif 2:\n        x = 2\n" * 9) * 50,
    "an expression of 100 terms": "x = 1" + " + a[0] * b.c" * 60,
    "digits in a text": "PICTURE = '" + "0123456789" * 10_000 + "'\n",
    "brackets in a text": 'x = """' + "((([[[" * 1000 + '"""\n',
    "brackets in comments": "# " + "(" * 1000 + "\nx = 1\n",
    "one block after another": "def f():\n    if 1:\n        return 1\n\n\n" * 1000,
    "long docstrings": 'def f():\n    """Says - what + it * does / and . why."""\n    return 1\n' * 1000,
    "magics": "%matplotlib inline\n!pip install numpy\n%time x = 1\n?np\n",
    "a backslash at the end": "x = 1 + \\\n    2\n",
    "Python 2": "print 'x'\n",
    "an empty text": "",
}


@pytest.mark.parametrize("name", HONEST)
def test_what_people_write_is_not_refused(name):
    assert problem(HONEST[name]) == ""


def test_every_notebook_and_file_of_the_course_is_far_within_the_limits():
    sources = [path.read_text() for path in ROOT.glob("solutions/*/*.py")]
    for path in ROOT.glob("assignments/*/*.ipynb"):
        cells = json.loads(path.read_text())["cells"]
        sources += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(sources) > 50
    assert not [found for source in sources if (found := problem(source))]


def test_the_line_is_that_of_the_file():
    assert problem(f"x = 1\n\ny = {HEX}\n", 40).startswith("line 42 has a number")


def test_statements_are_counted_wherever_they_stand():
    source = "import os; import sys\n\ndef f(x):\n    # no statement\n    y = [x,\n         x]\n    return y\n"
    assert count_statements(source) == 5


def test_the_limits_leave_room_below_what_python_itself_takes():
    sum_of_terms = "x = 1" + " + 1" * (MAX_CHAIN - 2)
    brackets = "x = " + "(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH
    for source in (sum_of_terms, brackets, "x = 1\n" * MAX_STATEMENTS):
        assert problem(source) == ""
        compile(source, "cell", "exec")
