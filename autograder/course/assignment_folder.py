"""One assignment's folder: what stands in which file, put together as an ``Assignment``.

==================  ==============================================================  ========
``assignment.py``   title, exercises in order with their points, questions          released
``exercises/*.py``  cases, limits, checks of the exercises                          released
``support/*.py``    code that checks run beside a student's                         released
``published/*.py``  of a repair, the published code with its errors                 released
``hints.json``      hints; the author writes them into the notebook's source        released
``mistakes/*.md``   planted mistakes                                                secret
``variants/*.py``   correct, and slow, plain, bulky or steep                        secret
==================  ==============================================================  ========

A file in ``mistakes``, ``variants`` or ``published`` is named exactly as its exercise.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import sys
import textwrap
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from autograder.checks.support import packaged_support, packaged_support_files
from autograder.course.hint_files import HINTS, read_hints, released_hints
from autograder.course.mistake_files import read_mistakes
from autograder.spec import Assignment, Exercise, Outline, Question, SpecError

__all__ = ["OUTLINE", "RELEASED", "released_files", "specified"]

OUTLINE = "assignment.py"
VARIANTS = ("slow", "plain", "bulky", "steep")
RELEASED = ("exercises", "support", "published")
"""Folders whose Python files students get as they are."""


def released_files(folder: Path) -> list[Path]:
    """The files of a folder that students get as they are, in the order of their names."""
    found = [path for name in RELEASED for path in (folder / name).glob("*.py")]
    return sorted(path for path in [folder / OUTLINE, *found] if path.is_file())


def specified(name: str, folder: Path, *, official: bool) -> Assignment:
    """What an assignment's folder specifies.  SpecError where something does not load, is missing, or is wrong.

    official: the folder is its author's, with the solution; else it is as students get it.
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
        message = f"{name}/{OUTLINE} lists {', '.join(missing)}, and no file of {name}/exercises/ has it"
        raise SpecError(message)
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


def _complete(exercise: Exercise, outline: Outline, folder: Path, hints: Mapping[str, Sequence[str]]) -> Exercise:
    """An exercise with what stands in files of its own."""
    name, points = exercise.name, outline.points_of(exercise.name)
    parts = {check.part for check in exercise.checks}
    if exercise.checks and (wrong := parts ^ set(points.by_part)):
        message = (
            f"{name}: {OUTLINE} gives points for {', '.join(points.by_part)}, and its checks belong to "
            f"{', '.join(sorted(parts))}: '{min(wrong)}' is in one of them alone"
        )
        raise SpecError(message)
    mistakes, variants, published = (folder / f"{kind}/{name}.{end}" for kind, end in
                                     (("mistakes", "md"), ("variants", "py"), ("published", "py")))  # fmt: skip
    texts = _variants(variants, exercise) if variants.is_file() else {}
    return replace(
        exercise,
        points=points,
        hints=hints,
        support=_support(exercise, folder),
        mistakes=read_mistakes(mistakes) if mistakes.is_file() else (),
        published=_published(published, exercise) if published.is_file() else {},
        slow=texts.get("slow"),
        plain=texts.get("plain"),
        bulky=texts.get("bulky"),
        steep=texts.get("steep"),
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
            message = f"{exercise.name}: support/{path.name} is not there"
            raise SpecError(message)
        texts.append(path.read_text(encoding="utf-8"))
    return "\n\n".join(filter(None, texts))


# --- code that stands in files of its own ----------------------------------------------------


def _variants(path: Path, exercise: Exercise) -> dict[str, str]:
    """Methods of ``class Slow``, or a function ``slow``, and likewise of the other variants, as the text of each."""
    found = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    for node in _parsed(path).body:
        kind = getattr(node, "name", "").lower()
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Expr):
            continue
        if not isinstance(node, ast.ClassDef if exercise.is_class else ast.FunctionDef) or kind not in VARIANTS:
            sort = "classes named Slow, Plain, Bulky, Steep" if exercise.is_class else "functions named slow, plain, …"
            message = f"{path.parent.name}/{path.name}, line {node.lineno}: only {sort} belong here, after the imports"
            raise SpecError(message)
        if isinstance(node, ast.ClassDef):
            found[kind] = _body(node, lines)
        else:
            text = "\n".join(lines[node.lineno - 1 : node.end_lineno]) + "\n"
            found[kind] = text.replace(f"def {kind}(", f"def {exercise.name}(", 1)
    return found


def _published(path: Path, exercise: Exercise) -> dict[str, str]:
    """The published body of every part."""
    lines = path.read_text(encoding="utf-8").splitlines()
    functions = {node.name: node for node in ast.walk(_parsed(path)) if isinstance(node, ast.FunctionDef)}
    return {part: _body(functions[part], lines) for part in exercise.parts if part in functions}


def _body(node: ast.ClassDef | ast.FunctionDef, lines: list[str]) -> str:
    """The text of a definition's body without its docstring, comments kept."""
    first, *others = node.body
    documented = ast.get_docstring(node) is not None
    begin = (first.end_lineno or 0) if documented else _end_of_head(node, first)
    assert documented <= bool(others)  # noqa: S101 - a linter refuses the other
    return textwrap.dedent("\n".join(lines[begin : node.end_lineno])).strip("\n") + "\n"


def _end_of_head(node: ast.ClassDef | ast.FunctionDef, first: ast.stmt) -> int:
    """The last line of a definition's head: comments above the first statement belong to the body."""
    ends = [node.lineno]
    if isinstance(node, ast.FunctionDef):
        ends += [argument.end_lineno or 0 for argument in ast.walk(node.args) if isinstance(argument, ast.arg)]
    return min(max(ends), first.lineno - 1)


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        message = f"{path.parent.name}/{path.name} does not parse: {error.msg}, line {error.lineno}"
        raise SpecError(message) from error


# --- modules ---------------------------------------------------------------------------------


def _load_all(name: str, folder: Path) -> Iterator[tuple[str, types.ModuleType]]:
    """Execute ``assignment.py`` and every file of ``exercises/``, as a package that only this course has."""
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    package = f"checks_of_{name}_{digest}"
    for known in [module for module in sys.modules if module == package or module.startswith(f"{package}.")]:
        del sys.modules[known]
    finder = _Finder(package, folder)
    sys.meta_path.insert(0, finder)
    try:
        for path in [folder / OUTLINE, *sorted((folder / "exercises").glob("*.py"))]:
            inner = ".".join(path.relative_to(folder).with_suffix("").parts)
            yield inner, _load(f"{package}.{inner}", f"{name}/{path.relative_to(folder)}")
    finally:
        sys.meta_path.remove(finder)


def _load(module: str, where: str) -> types.ModuleType:
    try:
        return importlib.import_module(module)
    except SpecError:
        raise
    except Exception as error:
        message = f"{where} does not load ({type(error).__name__}: {error})"
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
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [str(place)]
            return spec
        file = place.with_suffix(".py")
        if not file.is_file():
            return None
        return importlib.util.spec_from_file_location(fullname, file, loader=_FromSource(fullname, str(file)))


class _FromSource(SourceFileLoader):
    """Compiles the source that is there: no bytecode beside it is read in its place, and none is written."""

    def get_code(self, fullname: str) -> CodeType:
        del fullname
        path = self.path
        return self.source_to_code(self.get_data(path), path)
