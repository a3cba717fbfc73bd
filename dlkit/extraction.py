"""From the cells of a notebook or Python file to its statements, and to the part of them that an exercise needs.

A notebook may hold scratch cells, plots, magics, half-broken code.  All top-level statements are kept, in order; which
of them are run for an exercise is decided by ``Extraction.slice``.  A cell that does not parse costs only what it
defines.  A ``.py`` file (percent format or plain) is read alike.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from dlkit import magics, source_limits
from dlkit.effects import Effects, effects_of
from dlkit.reading import Cell, ExtractionError, newlines, read
from dlkit.slicing import Slicer

__all__ = ["Broken", "Chunk", "Extraction", "ExtractionError", "extract", "newest", "take"]

MAX_CODE = 500_000
ALLOWED = frozenset(sys.stdlib_module_names) | {"numpy", "dlkit", "cupy"}
"""Packages that an exercise may import."""
_DEFINES = re.compile(r"^\s{0,3}(?:class|def|async\s+def)\s+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Chunk:
    """One top-level statement: where it stands (``cell 12``), its first line there, its text, the names it sets."""

    label: str
    line: int
    source: str
    defines: tuple[str, ...] = ()

    @property
    def effects(self) -> Effects:
        """What it does to names."""
        return effects_of(self.source)

    @property
    def is_import(self) -> bool:
        """Whether it is an import and nothing else."""
        return self.source.startswith(("import ", "from "))

    @property
    def is_definition(self) -> bool:
        """Whether it is an import, or defines one function or class."""
        return self.is_import or bool(self.effects.functions.keys() & self.effects.binds)


@dataclass(frozen=True)
class Broken:
    """A cell that is not run: where, why, and the names it would have defined.

    too_large: it was not even parsed, for it is past what ``source_limits`` allows.
    """

    label: str
    reason: str
    defines: tuple[str, ...]
    too_large: bool = False


@dataclass(frozen=True)
class Extraction:
    """What a file gave.

    chunks: its statements in order; broken: cells that do not parse; not_code: names that a cell which is not run
    as Python would define, with what it is (``cell 3 is markdown``); refused: names that come from packages an exercise
    may not import, with the package; left_out: names that a magic or shell command sets, with the cell; metadata: the
    notebook's own.
    """

    chunks: tuple[Chunk, ...]
    broken: tuple[Broken, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, object] = field(default_factory=dict)
    text: str = ""
    not_code: dict[str, str] = field(default_factory=dict)

    @cached_property
    def defined(self) -> frozenset[str]:
        """Every name that some statement sets."""
        return frozenset(name for chunk in self.chunks for name in chunk.defines)

    def definitions(self, name: str) -> list[int]:
        """Numbers of the statements that define a name, in order."""
        return [number for number, chunk in enumerate(self.chunks) if name in chunk.defines]

    def checks(self, name: str) -> list[int]:
        """Numbers of the statements that check a name, in order: ``check(Linear)``."""
        called = {"check", *(alias for alias, package in self.refused.items() if package == "autograder")}
        return [number for number, chunk in enumerate(self.chunks) if chunk.effects.gives(name, called)]

    def definition(self, name: str) -> int | None:
        """Number of the definition that counts: the last before the last check of the name, else the last of all.

        Without a check, one that is sure to be executed comes before those in a block.
        """
        found, checks = self.definitions(name), self.checks(name)
        before = [number for number in found if not checks or number < checks[-1]]
        certain = [number for number in before if checks or name in self.chunks[number].effects.binds]
        return next((numbers[-1] for numbers in (certain, before, found) if numbers), None)

    def slice(
        self, name: str, *, also: Collection[str] = (), definition: int | None = None, without: Collection[int] = ()
    ) -> list[int]:
        """Numbers of the statements that one name needs, in order, as it is where it is checked.

        also: further names that are needed with it; definition: number of its definition that counts, where it is not
        the one that ``definition`` finds; without: numbers of statements that do not count.
        """
        chosen = self.definition(name) if definition is None else definition
        if chosen is None:
            return []
        checks = [number for number in self.checks(name) if number > chosen]
        end = chosen + 1 if not checks else checks[-1] if definition is None else checks[0]
        return self._slicer.cut({name, *also}, end, without=without, checked=bool(checks))

    @cached_property
    def _slicer(self) -> Slicer:
        effects = [chunk.effects for chunk in self.chunks]
        return Slicer(effects, self._modules, self.refused)

    @cached_property
    def _modules(self) -> set[str]:
        """Names that stand for modules, or for what comes from the standard library or NumPy."""
        return {name for chunk in self.chunks if chunk.is_import for name in chunk.defines}

    def definitions_for(self, names: Iterable[str]) -> tuple[Chunk, ...]:
        """All that these names need, and every import, function and class of the file, in order: a reference."""
        kept = {number for name in names for number in self.slice(name)}
        kept.update(number for number, chunk in enumerate(self.chunks) if chunk.is_definition)
        return tuple(self.chunks[number] for number in sorted(kept))


def newest(folder: Path, module: str) -> Path | None:
    """The notebook or the file of an assignment, whichever was saved last; None where there is neither."""
    found = [path for suffix in (".ipynb", ".py") if (path := folder / f"{module}{suffix}").is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def extract(path: Path) -> Extraction:
    """Read a ``.py`` or ``.ipynb`` file and take its statements.

    Raises ExtractionError where the file is missing, empty, too large, no text, or no notebook, or holds too much code.
    """
    document = read(path)
    code = sum(len(cell.source) for cell in document.cells if cell.kind == "code")
    if code > MAX_CODE:
        most = MAX_CODE // 1000
        message = f"{path.name} has {code // 1000} kB of code; at most {most} kB are read. Load data from a file."
        raise ExtractionError(message)
    statements = sum(source_limits.count_statements(cell.source) for cell in document.cells if cell.kind == "code")
    if statements > source_limits.MAX_STATEMENTS:
        most = source_limits.MAX_STATEMENTS
        message = f"{path.name} has {statements:,} statements; at most {most:,} are read. Load data from a file."
        raise ExtractionError(message)
    return take(document.cells, document.metadata, document.text)


def take(
    cells: Iterable[Cell | tuple[str, int, str]], metadata: dict[str, object] | None = None, text: str = ""
) -> Extraction:
    """Take the top-level statements of ``(label, first line, source)`` cells, in order."""
    taken = _Taken()
    for label, first, source, kind in (Cell(*each) for each in cells):
        lines = newlines(source)
        magic = magics.not_python(lines) if kind == "code" else ""
        if kind != "code" or magic:
            what = f"a {magic} cell" if magic else kind
            taken.not_code.update(dict.fromkeys(_DEFINES.findall(lines), f"{label} is {what}"))
        else:
            taken.add(label, first, lines)
    return Extraction(
        tuple(taken.chunks),
        tuple(taken.broken),
        taken.refused,
        taken.left_out,
        metadata or {},
        text,
        {name: what for name, what in taken.not_code.items() if len(name) < MAX_NAME},
    )


MAX_NAME = 200


@dataclass
class _Taken:
    """What was taken so far."""

    chunks: list[Chunk] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    not_code: dict[str, str] = field(default_factory=dict)

    def add(self, label: str, first: int, source: str) -> None:
        """Take one cell of code."""
        if limit := source_limits.problem(source, first):
            self.broken.append(Broken(label, limit, tuple(_DEFINES.findall(source)), too_large=True))
            return
        try:
            statements, lines, set_by_magic = _parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self._add_broken(label, first, source, error)
            return
        self.left_out.update(dict.fromkeys(set_by_magic, label))
        for statement in statements:
            kept = (
                _allowed(statement, self.refused) if isinstance(statement, ast.Import | ast.ImportFrom) else statement
            )
            if kept is None or _is_idle(kept):
                continue
            try:
                self.chunks.append(_chunk(kept, lines, label, first))
            except (RecursionError, ValueError, MemoryError):  # a chain of a thousand elif, a number too long to print
                self.broken.append(Broken(label, f"line {first + kept.lineno - 1}: it is nested too deeply", ()))

    def _add_broken(self, label: str, first: int, source: str, error: BaseException) -> None:
        line = getattr(error, "lineno", None)
        at = f"line {first + line - 1}: " if line else ""
        reason = getattr(error, "msg", None) or str(error) or type(error).__name__
        self.broken.append(Broken(label, f"{at}{reason}", tuple(_DEFINES.findall(source))))


def _parse(source: str) -> tuple[list[ast.stmt], list[str], list[str]]:
    """Parse a cell: as it stands, and where that fails with IPython's own syntax replaced; names that magics set."""
    text, names = magics.clean(source), list[str]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            body = ast.parse(text).body
        except SyntaxError:
            translated = magics.translate(text)
            if translated.text == text:
                raise
            text, names = translated.text, translated.set_by_magic
            body = ast.parse(text).body
    return body, text.split("\n"), names


def _is_idle(statement: ast.stmt) -> bool:
    """Whether a statement does nothing at all."""
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant | ast.Name)
    )


def _chunk(statement: ast.stmt, lines: list[str], label: str, first: int) -> Chunk:
    """The statement's own text, or what it unparses to where it shares its lines with another."""
    begin = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
    taken = "\n".join(lines[begin - 1 : statement.end_lineno])
    last = lines[(statement.end_lineno or 1) - 1]
    shares_a_line = statement.col_offset or (statement.end_col_offset or 0) < len(last.rstrip().encode())
    if shares_a_line or isinstance(statement, ast.Import | ast.ImportFrom):
        taken = _unparse(statement) or taken
    effects = effects_of(taken)
    return Chunk(label, first + begin - 1, taken, (*sorted(effects.binds), *sorted(effects.may_bind - effects.binds)))


def _unparse(statement: ast.stmt) -> str | None:
    try:
        return ast.unparse(statement)
    except (ValueError, RecursionError):
        return None


def _allowed(statement: ast.Import | ast.ImportFrom, refused: dict[str, str]) -> ast.stmt | None:
    """Keep what an exercise may import; note the names of what it may not."""
    if isinstance(statement, ast.ImportFrom):
        package = (statement.module or "").partition(".")[0]
        if statement.level == 0 and package in ALLOWED:
            return statement
        refused.update((alias.asname or alias.name, package or "a relative import") for alias in statement.names)
        return None
    kept = []
    for alias in statement.names:
        package = alias.name.partition(".")[0]
        if package in ALLOWED:
            kept.append(alias)
        else:
            refused[alias.asname or package] = package
    return ast.copy_location(ast.Import(kept), statement) if kept else None
