"""Limits on source text, checked by a scan of its tokens before anything parses it.

Parsing, unparsing and walking a syntax tree recurse, and Python turns a number of more than 4,300 decimal digits into
no text.  What is larger than the limits here is therefore not parsed at all.  They are far above anything a course asks
for: a table of 5,000 numbers in one statement, an ``elif`` chain of 50 or an expression of 100 terms is nowhere near.

The scan is linear in the text and needs no valid Python: magics, half a cell or Python 2 are read as tokens too.
"""

from __future__ import annotations

import re

__all__ = [
    "MAX_CHAIN",
    "MAX_DEPTH",
    "MAX_LITERAL",
    "MAX_STATEMENTS",
    "count_statements",
    "problem",
]

MAX_LITERAL = 3500
"""Characters of one number literal: 3,500 hexadecimal digits are 4,215 decimal ones, and Python prints 4,300."""
MAX_DEPTH = 60
"""Brackets inside brackets, and blocks inside blocks."""
MAX_CHAIN = 400
"""Operators, dots, calls and subscripts in one expression between two commas, and ``elif`` in one chain of them."""
MAX_STATEMENTS = 10_000
"""Statements of one hand-in, nested ones included."""

_TOKEN = re.compile(
    r'''(?P<string>"""(?:[^"\\]|\\.|"(?!""))*+(?:"""|\Z)|\'\'\'(?:[^'\\]|\\.|'(?!\'\'))*+(?:\'\'\'|\Z)'''
    r"""|"(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?)"""
    r"|(?P<comment>\#[^\n]*+)"
    r"|(?P<number>\.?\d[\w.]*+)"
    r"|(?P<name>[^\W\d]\w*+)"
    r"|(?P<open>[([{])|(?P<close>[)\]}])|(?P<end>[,;])"
    r"|(?P<line>\\?\r?\n[ \t\f]*+)"
    r"|(?P<operator>\*\*|//|<<|>>|[-+*/%@&|^~<>.=!:])",
    re.DOTALL,
)
_LINKS = frozenset({"not", "and", "or", "if", "else", "lambda", "await", "in", "is"})
"""Words that nest one expression in the next, as operators do."""
_TAB = 8


class _Scan:
    """One pass over the tokens: what is nested how deeply, and how long the current expression's chain is.

    A chain is counted for every open bracket by itself; a comma there begins a new one, a semicolon or a new logical
    line does at the outermost level.
    """

    def __init__(self, first: int = 1) -> None:
        self.statements = 0
        self.problem = ""
        self._line = first
        self._chains = [0]
        self._indents = [0]
        self._elifs: dict[int, int] = {}
        self._begins = True

    def run(self, source: str, *, to_the_end: bool) -> None:
        """Read tokens up to the first limit that is passed, which is then the ``problem``, or all of them."""
        for token in _TOKEN.finditer(source):
            if self.problem and not to_the_end:
                return
            kind, text = token.lastgroup, token[0]
            if kind == "line":
                self._end_line(text, followed=source[token.end() : token.end() + 1])
            elif kind != "comment":
                self._take(kind or "", text)
            self._line += text.count("\n")

    def _take(self, kind: str, text: str) -> None:
        if self._begins and kind != "end":
            self._begins = False
            self.statements += 1
            if self.statements > MAX_STATEMENTS:
                self._note(f"has more than {MAX_STATEMENTS:,} statements")
            self._begin_statement(text)
        if kind == "number" and len(text) > MAX_LITERAL:
            self._note(f"has a number of {len(text):,} characters; at most {MAX_LITERAL:,} are read")
        elif kind == "open":
            self._link()
            self._chains.append(0)
            if len(self._chains) - 1 > MAX_DEPTH:
                self._note(f"has brackets nested more than {MAX_DEPTH} deep")
        elif kind == "close" and len(self._chains) > 1:
            self._chains.pop()
        elif kind == "end":
            self._chains[-1] = 0
            self._begins = text == ";" and len(self._chains) == 1
        elif kind == "operator" or text in _LINKS:
            self._link()

    def _begin_statement(self, text: str) -> None:
        """Count the ``elif`` of one chain: by indentation, begun anew by anything else that stands there."""
        column = self._indents[-1]
        for deeper in [known for known in self._elifs if known > column]:
            del self._elifs[deeper]
        self._elifs[column] = self._elifs.get(column, 0) + 1 if text == "elif" else 0
        if self._elifs[column] > MAX_CHAIN:
            self._note(f"has a chain of more than {MAX_CHAIN} elif")

    def _link(self) -> None:
        self._chains[-1] += 1
        if self._chains[-1] > MAX_CHAIN:
            self._note(f"has an expression of more than {MAX_CHAIN} operators")

    def _end_line(self, text: str, followed: str) -> None:
        """A new logical line, unless a bracket is open, a backslash joins it to the next or there is nothing on it."""
        if len(self._chains) > 1 or text.startswith("\\"):
            return
        self._chains[0] = 0
        self._begins = True
        if followed in {"", "\n", "\r", "#"}:
            return
        column = len(text.lstrip("\r\n").expandtabs(_TAB))
        while self._indents[-1] > column:
            self._indents.pop()
        if column > self._indents[-1]:
            self._indents.append(column)
            if len(self._indents) - 1 > MAX_DEPTH:
                self._note(f"has blocks nested more than {MAX_DEPTH} deep")

    def _note(self, what: str) -> None:
        self.problem = self.problem or f"line {self._line} {what}"


def problem(source: str, first: int = 1) -> str:
    """Say in a clause which limit a source passes, and in which line; empty where it is within all of them.

    first: the number of the source's first line.  The clause reads ``line 7 has a number of 5,002 characters; …``.
    """
    scan = _Scan(first)
    scan.run(source, to_the_end=False)
    return scan.problem


def count_statements(source: str) -> int:
    """How many statements a source has, nested ones included; near enough for a limit, without parsing."""
    scan = _Scan()
    scan.run(source, to_the_end=True)
    return scan.statements
