"""Whole hand-ins for tests of similarity: by independent authors, and copies of them that hide where they come from.

Each author's hand-in is the released file with one independent correct solution of each exercise in the stubs' place.
"""

import ast
import builtins
import random
import textwrap

from autograder.course import catalogue
from autograder.course.mistake_files import REPLACE_ALL
from tests.solutions.alternatives import ALTERNATIVES
from tests.solutions.implementations import ROOT
from tests.solutions.strangers import RIGHT

FEWEST = 3
"""Exercises that an author has solved; hand-ins of fewer are left out."""


def solutions(assignment):
    """Independent correct sources of each exercise, the reference first."""
    loaded = catalogue.load(assignment, ROOT)
    found = {}
    for exercise in loaded.assignment.exercises:
        reference = loaded.source_of(exercise)
        sources = [reference]
        others = [(right.exercise, right.whole, right.source) for right in RIGHT.get(assignment, ())]
        others += [
            (name, entry.replaces == REPLACE_ALL, entry.source) for name, entry in ALTERNATIVES.get(assignment, ())
        ]
        sources += [
            source if whole else with_methods(reference, source)
            for name, whole, source in others
            if name == exercise.name
        ]
        found[exercise.name] = list(dict.fromkeys(sources))
    return found


def with_methods(reference, methods):
    """A class with these methods in place of its own of the same names."""
    lines, tree = reference.split("\n"), ast.parse(reference).body[-1]
    new = {node.name: node for node in ast.parse(methods).body if isinstance(node, ast.FunctionDef)}
    texts = {name: ast.get_source_segment(methods, node) for name, node in new.items()}
    for node in reversed(tree.body):
        if isinstance(node, ast.FunctionDef) and node.name in texts:
            lines[node.lineno - 1 : node.end_lineno] = textwrap.indent(texts.pop(node.name), "    ").split("\n")
    rest = [textwrap.indent(text, "    ") for text in texts.values()]
    return "\n".join([*lines, *rest])


def hand_ins(assignment, most=6):
    """Each independent author's whole hand-in, as the text of a Python file."""
    written = solutions(assignment)
    stub = (ROOT / "assignments" / assignment / f"{module_of(assignment)}.py").read_text(encoding="utf-8")
    found = []
    for author in range(most):
        mine = {name: sources[author] for name, sources in written.items() if author < len(sources)}
        if len(mine) >= FEWEST:
            found.append(filled_in(stub, mine))
    return found


def module_of(assignment):
    return catalogue.load(assignment, ROOT).assignment.module


def filled_in(text, sources):
    """A released file with these definitions in place of its own."""
    lines = text.split("\n")
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in sources:
            kept = [line for line in sources[node.name].split("\n") if "### " not in line]
            lines[node.lineno - 1 : node.end_lineno] = kept
    return "\n".join(lines)


def copied(text, names, seed):
    """A copy of the definitions ``names`` in a hand-in: renamed, reordered, reformatted, with other comments."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    lines = text.split("\n")
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in names:
            source = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            lines[node.lineno - 1 : node.end_lineno] = disguised(source, rng).split("\n")
    return "\n".join(lines)


def disguised(source, rng):
    """One definition: other names, other order of methods and of statements, other layout."""
    tree = ast.parse(source)
    renamed = _Renamed(tree, rng)
    renamed.visit(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            _reorder_methods(node, rng)
        if isinstance(node, ast.FunctionDef):
            node.body = _reordered(node.body, rng)
            node.body.insert(0, ast.Expr(ast.Constant(f"Computes it, version {rng.randrange(100)}.")))
    text = ast.unparse(ast.fix_missing_locations(tree))
    return "\n".join(_laid_out(text.split("\n"), rng))


class _Renamed(ast.NodeTransformer):
    """Other names for local variables, arguments by position, and what a class keeps for itself."""

    def __init__(self, tree, rng):
        kept = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        local = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        local |= {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and node.attr not in ("W", "b", "grad")
        }
        local |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} - {"self"}
        self.new = {name: f"{name[0]}_{rng.randrange(1000)}" for name in sorted(local - kept - set(dir(builtins)))}

    def visit_Name(self, node):
        node.id = self.new.get(node.id, node.id)
        return node

    def visit_arg(self, node):
        node.arg = self.new.get(node.arg, node.arg)
        return node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            node.attr = self.new.get(node.attr, node.attr)
        return node

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        if not isinstance(node.target, ast.Name):
            return node
        value = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
        return ast.copy_location(ast.Assign([node.target], value), node)


def _reorder_methods(node, rng):
    methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
    rest = [one for one in node.body if not isinstance(one, ast.FunctionDef)]
    rng.shuffle(methods)
    node.body = rest + methods


def _reordered(body, rng):
    """Exchange neighbouring assignments of which neither uses what the other sets."""
    body, at = list(body), 0
    while at + 1 < len(body):
        one, other = body[at : at + 2]
        if _independent(one, other) and rng.random() < 0.8:
            body[at : at + 2] = [other, one]
            at += 1
        at += 1
    return body


def _independent(one, other):
    if not all(isinstance(statement, ast.Assign) for statement in (one, other)):
        return False
    names = [{getattr(n, "id", "") or getattr(n, "attr", "") for n in ast.walk(s)} - {"", "self"} for s in (one, other)]
    stored = [
        {
            getattr(n, "id", "") or getattr(n, "attr", "")
            for n in ast.walk(s)
            if isinstance(getattr(n, "ctx", None), ast.Store)
        }
        for s in (one, other)
    ]
    return not names[0] & stored[1] and not names[1] & stored[0]


def _laid_out(lines, rng):
    for line in lines:
        margin = line[: len(line) - len(line.lstrip())]
        if rng.random() < 0.3 and '"""' not in line:
            yield f"{margin}# step {rng.randrange(1000)}"
        yield line.replace(", ", ",") if '"' not in line else line
        if rng.random() < 0.2:
            yield ""
