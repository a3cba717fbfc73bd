"""One assignment's folder: what each file contains, combined into an ``Assignment``.

===================  ==============================================================  ========
``assignment.py``    title, exercises in order with their points, questions          released
``exercises/*.py``   cases, limits, checks of the exercises                          released
``support/*.py``     code that checks run together with a student's                  released
``published/*.py``   the published code of a repair, with its errors                 released
``hints.json``       hints; the author writes them into the notebook's source        released
``answers.json``     model answers of written questions, from the notebook's source  if told
``solutions.json``   solutions of exercises, from the notebook's source              if told
``mistakes/*.md``    planted mistakes                                                secret
``variants/*.py``    correct, and slow, plain, bulky, steep or frozen                secret
``equivalent/*.md``  mutants that compute the same, with the reason                  secret
===================  ==============================================================  ========

A file in ``mistakes``, ``variants``, ``published`` or ``equivalent`` is named exactly as its exercise.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import io
import sys
import tokenize
import traceback
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from autograder.checks.support import packaged_support, packaged_support_files
from autograder.course.hint_files import HINTS, read_hints, released_hints
from autograder.course.mistake_files import read_mistakes
from autograder.course.text_files import read_text
from autograder.measuring import KINDS
from autograder.spec import FROZEN, Assignment, Exercise, Outline, Question, SpecError
from autograder.spec.exercise import OptionalStep

__all__ = ["OUTLINE", "RELEASED", "released_files", "specified"]

OUTLINE = "assignment.py"
VARIANTS = ("plain", *dict.fromkeys(kind.variant for kind in KINDS), FROZEN)
OWN_FILES = {"mistakes": "md", "variants": "py", "published": "py"}
"""Folders with one file per exercise, and the suffix of its name."""
RELEASED = ("exercises", "support", "published")
"""Folders whose Python files students get unchanged."""


def released_files(folder: Path) -> list[Path]:
    """The files of a folder that students get unchanged, in the order of their names."""
    found = [path for name in RELEASED for path in (folder / name).glob("*.py")]
    return sorted(path for path in [folder / OUTLINE, *found] if path.is_file())


def specified(name: str, folder: Path, *, official: bool) -> Assignment:
    """What an assignment's folder specifies.  SpecError if something does not load, is missing, or is invalid.

    An exercise that ``assignment.py`` does not list is not part of the assignment.
    official: whether the folder is its author's, with the solution; else it is the students' version.
    """
    modules = dict(_load_all(name, folder))
    outline = getattr(modules["assignment"], "OUTLINE", None)
    if not isinstance(outline, Outline):
        message = f"{name}/{OUTLINE} defines no OUTLINE"
        raise SpecError(message)
    written: dict[str, Exercise] = {}
    for module in modules.values():
        for value in vars(module).values():
            if isinstance(value, Exercise) and written.setdefault(value.name, value) is not value:
                message = f"{name}/exercises: exercises named twice: {value.name}"
                raise SpecError(message)
    if missing := [exercise for exercise in outline.points if exercise not in written]:
        message = f"{name}/{OUTLINE} lists {', '.join(missing)}, but no file of {name}/exercises/ defines it"
        raise SpecError(message)
    _look_for_strays(name, folder, written)
    hints = read_hints(folder / f"{name.split('_', 1)[1]}.py") if official else released_hints(folder / HINTS)
    if unknown := [exercise for exercise in hints if exercise not in outline.points]:
        message = f"{name}: there are hints for {', '.join(unknown)}, which {OUTLINE} does not list"
        raise SpecError(message)
    return Assignment(
        name,
        title=outline.title,
        exercises=[
            _complete(written[exercise], outline, folder, hints.get(exercise, {})) for exercise in outline.points
        ],
        questions=[Question(question, points) for question, points in outline.questions.items()],
        earlier=outline.earlier,
    )


def _look_for_strays(name: str, folder: Path, written: Collection[str]) -> None:
    """Refuse a file that is not named after an exercise: it would never be read."""
    for kind, end in OWN_FILES.items():
        for path in sorted((folder / kind).glob(f"[!.]*.{end}")):
            if path.stem not in written:
                message = f"{name}/{kind}/{path.name} is not named after an exercise of {name}/exercises/: rename it"
                raise SpecError(message)


def _complete(exercise: Exercise, outline: Outline, folder: Path, hints: Mapping[str, Sequence[str]]) -> Exercise:
    """An exercise with the content of its own files."""
    name, points = exercise.name, outline.points_of(exercise.name)
    parts = {check.part for check in exercise.checks}
    if exercise.checks and (wrong := parts ^ set(points.by_part)):
        message = (
            f"{name}: {OUTLINE} gives points for {', '.join(points.by_part)}, but its checks belong to "
            f"{', '.join(sorted(parts))}: '{min(wrong)}' is in only one of them"
        )
        raise SpecError(message)
    mistakes, variants, published = (folder / kind / f"{name}.{end}" for kind, end in OWN_FILES.items())
    texts = _variants(variants, exercise) if variants.is_file() else {}
    return replace(
        exercise,
        points=points,
        bonus=name in outline.bonus or isinstance(points, OptionalStep),
        hints=hints,
        support=_support(exercise, folder),
        mistakes=read_mistakes(mistakes) if mistakes.is_file() else (),
        published=_published(published, exercise) if published.is_file() else {},
        variants=texts,
    )


def _support(exercise: Exercise, folder: Path) -> str:
    """Trusted source for the worker: the exercise's own, and that of the files it names, the package's among them."""
    texts = [exercise.support]
    for name in exercise.support_files:
        path = folder / "support" / f"{name}.py"
        if not path.is_file() and name in packaged_support_files():
            texts.append(packaged_support(name))
            continue
        if not path.is_file():
            message = f"{exercise.name}: support/{path.name} does not exist"
            raise SpecError(message)
        texts.append(read_text(path))
    return "\n\n".join(filter(None, texts))


# --- code in separate files ------------------------------------------------------------------


def _variants(path: Path, exercise: Exercise) -> dict[str, str]:
    """Methods of ``class Slow``, or a function ``slow``, and likewise of the other variants, as the text of each."""
    found: dict[str, str] = {}
    kinds = {kind.capitalize() if exercise.is_class else kind: kind for kind in VARIANTS}
    tree, lines = _parsed(path)
    for node in tree.body:
        where = f"{path.parent.name}/{path.name}, line {node.lineno}"
        kind = kinds.get(getattr(node, "name", ""), "")
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Expr):
            continue
        if not isinstance(node, ast.ClassDef if exercise.is_class else ast.FunctionDef) or not kind:
            sort = "classes" if exercise.is_class else "functions"
            message = f"{where}: only {sort} named {', '.join(kinds)} belong here, after the imports"
            raise SpecError(message)
        if kind in found:
            message = f"{where}: '{node.name}' is defined twice"
            raise SpecError(message)
        found[kind] = _body(node, lines, path) if exercise.is_class else _renamed(node, lines, exercise.name)
    return found


def _renamed(node: ast.ClassDef | ast.FunctionDef, lines: list[str], name: str) -> str:
    """The text of a function, including decorators, under another name."""
    begin = min(part.lineno for part in (node, *node.decorator_list)) - 1
    head = lines[node.lineno - 1].replace(f"def {node.name}", f"def {name}", 1)
    return "\n".join([*lines[begin : node.lineno - 1], head, *lines[node.lineno : node.end_lineno]]) + "\n"


def _published(path: Path, exercise: Exercise) -> dict[str, str]:
    """The published body of every part."""
    tree, lines = _parsed(path)
    nodes = tree.body
    if exercise.is_class:
        nodes = [part for node in nodes if isinstance(node, ast.ClassDef) for part in node.body]
    functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
    if not functions.keys() >= set(exercise.parts):
        message = f"{exercise.name}: a repair has published code for every part: {', '.join(exercise.parts)}"
        raise SpecError(message)
    return {part: _body(functions[part], lines, path) for part in exercise.parts}


def _body(node: ast.ClassDef | ast.FunctionDef, lines: list[str], path: Path) -> str:
    """The text of a definition's body without its docstring, comments kept."""
    documented = ast.get_docstring(node) is not None
    body = node.body[1:] if documented else node.body
    begin = (node.body[0].end_lineno or 0) if documented else _end_of_head(node, lines)
    if not body or body[0].lineno <= begin:
        message = f"{path.parent.name}/{path.name}, line {node.lineno}: '{node.name}' has no body on separate lines"
        raise SpecError(message)
    margin = body[0].col_offset
    own = [line if line[:margin].strip() else line[margin:] for line in lines[begin : node.end_lineno]]
    return "\n".join(own).strip("\n") + "\n"


def _end_of_head(node: ast.ClassDef | ast.FunctionDef, lines: list[str]) -> int:
    """The line of the colon that ends a definition's head: comments above the first statement belong to its body."""
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO("\n".join(lines[node.lineno - 1 :])).readline):
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
            if token.string == ":" and depth == 0:
                return node.lineno - 1 + token.start[0]
    return node.lineno


def _parsed(path: Path) -> tuple[ast.Module, list[str]]:
    """A file's syntax tree, and its lines as the tree counts them."""
    text = read_text(path)
    try:
        return ast.parse(text), text.split("\n")
    except (SyntaxError, ValueError) as error:
        place = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        message = f"{path.parent.name}/{path.name}{place}: does not parse ({error.args[0]})"
        raise SpecError(message) from error


# --- modules ---------------------------------------------------------------------------------


def _load_all(name: str, folder: Path) -> Iterator[tuple[str, types.ModuleType]]:
    """Execute ``assignment.py`` and every file of ``exercises/``, as a package of this course alone."""
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    package = f"checks_of_{name}_{digest}"
    for known in [module for module in sys.modules if module == package or module.startswith(f"{package}.")]:
        del sys.modules[known]
    finder = _Finder(package, folder)
    sys.meta_path.insert(0, finder)
    try:
        for path in [folder / OUTLINE, *sorted((folder / "exercises").glob("*.py"))]:
            inner = ".".join(path.relative_to(folder).with_suffix("").parts)
            yield inner, _load(f"{package}.{inner}", path, folder)
    finally:
        sys.meta_path.remove(finder)


def _load(module: str, path: Path, folder: Path) -> types.ModuleType:
    try:
        return importlib.import_module(module)
    except SpecError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [(Path(one.filename), one.lineno) for one in frames if Path(one.filename).is_relative_to(folder)]
        place, line = own[-1] if own else (path, None)
        where, at = f"{folder.name}/{place.relative_to(folder)}", f"line {line}: " if line else ""
        reason = str(error).replace(module.partition(".")[0], folder.name)
        message = f"{where} does not load ({at}{type(error).__name__}: {reason})"
        raise SpecError(message) from error


class _Finder(MetaPathFinder):
    """Finds the modules of one assignment's folder: the package itself, ``exercises``, and the files in them."""

    def __init__(self, package: str, folder: Path) -> None:
        self.package, self.folder = package, folder

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        del path, target
        if fullname != self.package and not fullname.startswith(f"{self.package}."):
            return None
        place = self.folder.joinpath(*fullname.split(".")[1:])
        if place.is_dir():
            return ModuleSpec(fullname, None, is_package=True)  # no path for others to search
        file = place.with_suffix(".py")
        if not file.is_file():
            return None
        return importlib.util.spec_from_file_location(fullname, file, loader=_FromSource(fullname, str(file)))


class _FromSource(SourceFileLoader):
    """Compiles the source itself: no cached bytecode is read in its place, and none is written."""

    def get_code(self, fullname: str) -> CodeType:
        del fullname
        path = self.path
        return self.source_to_code(self.get_data(path), path)
