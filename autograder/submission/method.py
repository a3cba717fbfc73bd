"""Methods that no exercise needs, looked for in the statements that an exercise runs.

This explains and deters; who spells a name in pieces is not found here, and what gradients cost is measured.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator

from dlkit.extraction import Chunk

__all__ = ["needless", "opens_stand_in", "other_than_formulas"]

COMPLEX = {"complex", "complex64", "complex128", "complex256", "csingle", "cdouble", "clongdouble", "imag"}
"""Names with which one computes the imaginary part of a step; a Fourier transform needs none of them."""
DIFFERENCES = {"gradcheck", "directional_derivative", "elementwise_gradient"}
"""Of dlkit: what checks gradients by differences."""
STAND_IN = {"_host", "stand_in", "DeviceArray", "hot_path"}
"""What only code that looks behind the stand-in for a device names."""
INTERPRETER = {"gc", "inspect"}
FRAMES = {"_getframe", "_current_frames", "currentframe", "tb_frame", "f_back", "f_locals", "f_globals", "gi_frame"}
HOOKS = {"settrace", "setprofile", "gettrace", "getprofile", "setswitchinterval", "addaudithook", "monitoring"}


def other_than_formulas(chunks: Iterable[Chunk], *, complex_in: Collection[Chunk] = ()) -> str:
    """Say where a gradient is computed with complex numbers, or with what checks gradients; or nothing.

    complex_in: the chunks whose formulas may be of complex numbers.
    """
    for chunk, place, names in _names(chunks):
        if names & COMPLEX and chunk not in complex_in:
            return f"{place} uses complex numbers: a gradient is computed from its formula, not from a complex step"
        if found := names & DIFFERENCES:
            return f"{place} uses {min(found)}: that checks a gradient; compute it from its formula"
    return ""


def opens_stand_in(chunks: Iterable[Chunk]) -> str:
    """Say where code takes arrays out of the stand-in that checks for transfers; or nothing."""
    for _, place, names in _names(chunks):
        if found := names & STAND_IN:
            return f"{place} opens the stand-in for a GPU ({min(found)}): arrays of a real one have nothing inside"
    return ""


def needless(chunks: Iterable[Chunk]) -> list[str]:
    """The continuations of “tried to”: what looks into the interpreter, and no exercise needs."""
    groups = {
        "inspect the interpreter (gc, inspect)": INTERPRETER,
        "read frames of the code that calls it": FRAMES,
        "hook into the interpreter (sys)": HOOKS,
    }
    used = {name for _, _, names in _names(chunks) for name in names}
    return [what for what, names in groups.items() if used & names]


def _names(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, str, set[str]]]:
    """The names that each line of code uses, with its chunk and its place: of what is imported, where it is used.

    An import alone is no use: one line often imports what several exercises need.
    """
    read = list(_nodes(chunks))
    imported: dict[str, set[str]] = {}
    for _, _, node in read:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if alias.asname or isinstance(node, ast.ImportFrom):  # else the name itself says what it is
                    whole = f"{getattr(node, 'module', None) or ''}.{alias.name}"
                    imported.setdefault(alias.asname or alias.name, set()).update(whole.split("."))
    by_line: dict[tuple[Chunk, int], set[str]] = {}
    for chunk, line, node in read:
        if names := _names_of(node):
            known = set[str]().union(*(imported.get(name, ()) for name in names if isinstance(node, ast.Name)))
            by_line.setdefault((chunk, line), set()).update(names | known)
    for (chunk, line), found in by_line.items():
        yield chunk, f"{chunk.label}, line {line}", found


def _nodes(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, int, ast.AST]]:
    """Every node of the syntax trees that can be parsed, with its line, in the order of lines."""
    for chunk in chunks:
        try:
            nodes = list(ast.walk(ast.parse(chunk.source)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in sorted(nodes, key=lambda node: getattr(node, "lineno", 1)):
            yield chunk, chunk.line + getattr(node, "lineno", 1) - 1, node


def _names_of(node: ast.AST) -> set[str]:
    """The names that a node of the syntax tree itself uses, also as text: ``getattr(x, "imag")``.

    A complex number counts as the name of its type.
    """
    if isinstance(node, ast.Constant):
        if isinstance(node.value, complex):
            return {"complex"}
        return {node.value} if isinstance(node.value, str) else set()
    if isinstance(node, ast.Attribute):
        return {node.attr}
    return {node.id} if isinstance(node, ast.Name) else set()
