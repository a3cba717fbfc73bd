"""From a student's notebook or Python file to the definitions it holds.

A notebook may hold scratch cells, plots, magics, half-broken code.  Taken are imports, definitions
and simple assignments, in the order of the cells; calls and magics are left out; a cell that does
not parse costs only what it defines.  A ``.py`` file (percent format or plain) is taken alike.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlkit import source_limits
from dlkit.reading import Cell, ExtractionError, newlines, read

__all__ = ["Broken", "Chunk", "Extraction", "ExtractionError", "extract", "newest", "take"]

MAX_CODE = 500_000
MAX_MAGICS = 50
MAX_PARSED = 1_000_000
"""Characters parsed of one file, with repetitions."""
ALLOWED = frozenset(sys.stdlib_module_names) | {"numpy", "dlkit", "cupy"}
"""Packages that an exercise may import."""
PURE_BUILTINS = frozenset(
    """abs bool bytes complex dict divmod float frozenset int len list max min pow range reversed round set slice
    sorted str sum tuple zip""".split()  # noqa: SIM905 - a list of thirty names reads best as words
)
_MAGIC = re.compile(r"^(\s*)(?:[%!].*|[\w.]+\s*=\s*[%!].*|\?{1,2}\S.*|[\w.]+\?{1,2}\s*)$")
_CELL_MAGIC_THAT_RUNS = re.compile(r"^%%(time|timeit|capture|prun)\b.*")
_DEFINES = re.compile(r"^\s{0,3}(?:class|def|async\s+def)\s+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Chunk:
    """One top-level statement: where it stands (``cell 12``), its first line there, its text."""

    label: str
    line: int
    source: str
    defines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Broken:
    """A cell that does not parse: where, why, and the names it would have defined."""

    label: str
    reason: str
    defines: tuple[str, ...]


@dataclass(frozen=True)
class Extraction:
    """What a file gave.

    chunks: statements in order; broken: cells that do not parse; refused: names that come from
    packages an exercise may not import, with the package; left_out: names that a call sets, with the
    cell; metadata: the notebook's own.
    """

    chunks: tuple[Chunk, ...]
    broken: tuple[Broken, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    text: str = ""

    @property
    def defined(self) -> frozenset[str]:
        """Every name that some chunk defines."""
        return frozenset(name for chunk in self.chunks for name in chunk.defines)


def newest(folder: Path, module: str) -> Path | None:
    """The notebook or the file of an assignment, whichever was saved last; None where there is neither."""
    found = [path for suffix in (".ipynb", ".py") if (path := folder / f"{module}{suffix}").is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def extract(path: Path) -> Extraction:
    """Read a ``.py`` or ``.ipynb`` file and take its definitions.

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
    cells: Iterable[Cell | tuple[str, int, str]], metadata: dict[str, Any] | None = None, text: str = ""
) -> Extraction:
    """Take imports, definitions and simple assignments from ``(label, first line, source)`` cells, in order."""
    chunks: list[Chunk] = []
    broken: list[Broken] = []
    refused: dict[str, str] = {}
    left_out: dict[str, str] = {}
    modules: set[str] = set()
    code = [cell for cell in (Cell(*each) for each in cells) if cell.kind == "code"]
    tries = max(1, min(MAX_MAGICS, MAX_PARSED // (1 + sum(len(cell.source) for cell in code))))
    for label, first, source, _ in code:
        source = newlines(source)  # noqa: PLW2901
        if source.startswith("%%"):
            if not _CELL_MAGIC_THAT_RUNS.match(source):
                continue
            source = "\n" + source.partition("\n")[2]  # noqa: PLW2901
        if limit := source_limits.problem(source, first):
            broken.append(Broken(label, limit, tuple(_DEFINES.findall(source))))
            continue
        try:
            statements, lines = _parse(source, tries)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            broken.append(_describe_broken(label, first, source, error))
            continue
        for statement in statements:
            kept = _take_import(statement, refused) if isinstance(statement, ast.Import | ast.ImportFrom) else statement
            if kept is None:
                continue
            try:
                if not _is_taken(kept, modules):
                    left_out.update(dict.fromkeys(_bound(kept), label))
                    continue
                modules.update(_modules(kept))
                chunks.append(_chunk(kept, lines, label, first))
            except RecursionError:  # a chain of a thousand elif, say
                broken.append(Broken(label, f"line {first + kept.lineno - 1}: it is nested too deeply", ()))
    return Extraction(tuple(chunks), tuple(broken), refused, left_out, metadata or {}, text)


def _chunk(statement: ast.stmt, lines: list[str], label: str, first: int) -> Chunk:
    """The statement's own text, or what it unparses to where it shares its lines with another."""
    begin = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
    taken = "\n".join(lines[begin - 1 : statement.end_lineno])
    last = lines[(statement.end_lineno or 1) - 1]
    shares_a_line = statement.col_offset or (statement.end_col_offset or 0) < len(last.rstrip().encode())
    if shares_a_line or isinstance(statement, ast.Import | ast.ImportFrom):
        taken = _unparse(statement) or taken
    return Chunk(label, first + begin - 1, taken, tuple(_bound(statement)))


def _modules(statement: ast.stmt) -> list[str]:
    """Names under which the standard library and NumPy are known: their calls may be part of an assignment."""
    if isinstance(statement, ast.ImportFrom) and (statement.module or "").partition(".")[0] == "dlkit":
        return []
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [name for name in _bound(statement) if name != "dlkit"]
    return []


def _unparse(statement: ast.stmt) -> str | None:
    try:
        return ast.unparse(statement)
    except (ValueError, RecursionError):
        return None


def _parse(source: str, tries: int) -> tuple[list[ast.stmt], list[str]]:
    """Parse, with magics as ``pass``: the line that fails where it is one (a string may hold such lines), else all."""
    lines = source.split("\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(tries):
            try:
                return ast.parse("\n".join(lines)).body, lines
            except SyntaxError as error:
                at = (error.lineno or 0) - 1
                if not 0 <= at < len(lines) or not _MAGIC.match(lines[at]):
                    break
                lines[at] = _MAGIC.sub(r"\1pass", lines[at])
        lines = [_MAGIC.sub(r"\1pass", line) for line in lines]
        return ast.parse("\n".join(lines)).body, lines


def _describe_broken(label: str, first: int, source: str, error: BaseException) -> Broken:
    line = getattr(error, "lineno", None)
    at = f"line {first + line - 1}: " if line else ""
    reason = getattr(error, "msg", None) or str(error) or type(error).__name__
    return Broken(label, f"{at}{reason}", tuple(_DEFINES.findall(source)))


def _take_import(statement: ast.Import | ast.ImportFrom, refused: dict[str, str]) -> ast.stmt | None:
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


def _is_taken(statement: ast.stmt, modules: set[str]) -> bool:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return _is_simple(value, modules)
        case ast.If(test=test, body=body, orelse=orelse):
            main = isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"
            return not main and _is_simple(test, modules) and all(_is_taken(s, modules) for s in body + orelse)
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            inner = body + orelse + finalbody + [s for handler in handlers for s in handler.body]
            return all(_is_taken(s, modules) or isinstance(s, ast.Pass) for s in inner)
    return False


def _is_simple(value: ast.expr, modules: set[str]) -> bool:
    """No call but of plain builtins, of imported modules, and of ``earlier``: nothing that does a cell's work."""
    for node in ast.walk(value):
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return False
        if isinstance(node, ast.Call) and not _is_pure(node.func, modules):
            return False
    return True


def _is_pure(function: ast.expr, modules: set[str]) -> bool:
    base = function
    while isinstance(base, ast.Attribute | ast.Call):
        base = base.value if isinstance(base, ast.Attribute) else base.func
    if not isinstance(base, ast.Name):
        return False
    if isinstance(function, ast.Name) and base.id in PURE_BUILTINS | {"earlier", "array_module"}:
        return True
    return base.id in modules


def _bound(statement: ast.stmt) -> list[str]:  # noqa: PLR0911 - one return a kind
    """Names that a statement binds at the top level."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=names):
            return [alias.asname or alias.name.partition(".")[0] for alias in names]
        case ast.ImportFrom(names=names):
            return [alias.asname or alias.name for alias in names]
        case ast.Assign(targets=targets):
            return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.If() | ast.Try():
            inner = [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt)]
            handlers = [s for handler in getattr(statement, "handlers", []) for s in handler.body]
            return [name for child in inner + handlers for name in _bound(child)]
    return []
