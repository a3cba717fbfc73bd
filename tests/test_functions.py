"""Rules for the functions of both packages."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 60
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def lengths(text):
    """The name and the number of lines of every function of a source."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, FUNCTIONS):
            yield node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("package", ["autograder", "dlkit"])
def test_no_function_is_too_long(package):
    found = [
        f"{path.relative_to(ROOT)}: {name} has {lines} lines; give each of its parts a name"
        for path in sorted((ROOT / package).rglob("*.py"))
        for name, lines in lengths(path.read_text(encoding="utf-8"))
        if lines > LONGEST
    ]
    assert found == []


def test_the_lines_of_methods_and_of_functions_within_functions_are_counted():
    text = "class A:\n    def f(self):\n        def g():\n            pass\n\n        return g\n"
    assert list(lengths(text)) == [("f", 5), ("g", 2)]
