"""Every mutant of one exercise's reference, as text and as the changed lines."""

from __future__ import annotations

import ast
import difflib
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.authoring.mutation.arithmetic import ChangeOperator, DropFactor, DropTerm, FlipSign
from autograder.authoring.mutation.arrays import ChangeAxis, DropBound, DropKeyword, DropTranspose
from autograder.authoring.mutation.conditions import ChangeComparison, ChangeLogic
from autograder.authoring.mutation.constants import ChangeConstant
from autograder.authoring.mutation.names import SwapArguments, UseAnotherName
from autograder.authoring.mutation.operator import Operator
from autograder.authoring.mutation.source_text import SourceText
from autograder.authoring.mutation.statements import DropStatement, SetInPlaceOfAdding
from autograder.spec import Edit

__all__ = ["OPERATORS", "Mutant", "edit_between", "mutants_of"]

OPERATORS: tuple[Operator, ...] = (
    DropTerm(),
    DropFactor(),
    DropStatement(),
    ChangeOperator(),
    FlipSign(),
    ChangeAxis(),
    DropKeyword(),
    DropTranspose(),
    DropBound(),
    ChangeConstant(),
    ChangeComparison(),
    ChangeLogic(),
    UseAnotherName(),
    SwapArguments(),
    SetInPlaceOfAdding(),
)


@dataclass(frozen=True)
class Mutant:
    """One changed source.

    operator: name of the operator that made it;  what: the change in a few words;  fingerprint: of its syntax tree.
    """

    operator: str
    what: str
    source: str
    fingerprint: str


def mutants_of(text: str, *, solutions_only: bool = True) -> Iterator[Mutant]:
    """Every mutant of a source, in the order of the text, each syntax tree once; solutions_only: as in SourceText."""
    source = SourceText(text, solutions_only=solutions_only)
    seen = {source.fingerprint}
    nodes = sorted(filter(source.is_students, ast.walk(source.tree)), key=source.span)
    for node in nodes:
        for operator in OPERATORS:
            for change in operator.changes(node, source):
                mutated, fingerprint = source.changed(change) or ("", source.fingerprint)
                if fingerprint in seen:
                    continue
                seen.add(fingerprint)
                what = f"{change.what}{_where(node, source)}"
                yield Mutant(operator.name, what, mutated, fingerprint)


def _where(node: ast.AST, source: SourceText) -> str:
    """Which method a node lies in."""
    function = source.enclosing(node, ast.FunctionDef)
    if isinstance(function, ast.FunctionDef) and source.enclosing(function, ast.ClassDef):
        return f" in {function.name}"
    return ""


def edit_between(old: str, new: str) -> Edit:
    """The lines in which two sources differ, with enough lines around them to make the old ones unique."""
    before, after = old.split("\n"), new.split("\n")
    blocks = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    differing = [block for block in blocks if block[0] != "equal"]
    start, end = differing[0][1], differing[-1][2]
    behind = len(before) - end
    while True:
        edit = Edit(_dedented(before[start:end]), _dedented(after[start : len(after) - behind]))
        if len(edit.places(old)) == 1 or (start == 0 and behind == 0):
            return edit
        start, behind = max(0, start - 1), behind if start else behind - 1
        end = len(before) - behind


def _dedented(lines: list[str]) -> tuple[str, ...]:
    return tuple(textwrap.dedent("\n".join(lines)).split("\n"))
