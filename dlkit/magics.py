"""IPython's own syntax in a cell (magics, shell commands, help, prompts), turned into Python of as many lines.

What ``%time`` and its like run is kept; what has nothing to do with Python's names becomes ``pass``.  IPython's
transformer parses a cell anew for each magic, which costs minutes on a cell made for that; here every line is
looked at once.

Source: https://ipython.readthedocs.io/en/stable/config/inputtransforms.html
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field

__all__ = ["Translated", "not_python", "translate"]

CELL_MAGICS_THAT_RUN = frozenset(
    "capture debug heat lprun memit mprun prun pyinstrument snakeviz time timeit".split()  # noqa: SIM905 - reads best
)
LINE_MAGICS_THAT_RUN = ("time", "prun")
AUTOMAGIC = re.compile(
    r"(?:cat|cd|conda|cp|env|load_ext|ls|matplotlib|mkdir|mv|pip|pwd|rm|run|time|who|whos)\b(?!\.|\s*[=(,:\[])"
)
"""First words of a cell of one line that IPython takes for a magic without its percent sign."""
_CELL_MAGIC = re.compile(r"%%(\w+)(?!\w*\?)")
_CLASSIC = re.compile(r"^\s*(?:>>>|\.\.\.)(?: |$)")
_NUMBERED = re.compile(r"^(?:(?:\[nav\]|\[ins\])? ?In \[\d+\]: |\s*\.{3,}: ?)")
_COMMAND = re.compile(r"\s*[%!?]|\s*[,;/](?=[A-Za-z_])")
_TARGET = re.compile(r"[A-Za-z_]\w*")
_QUOTE = re.compile(r"'''|\"\"\"|'|\"")


@dataclass
class Translated:
    """A cell as Python.

    text: as many lines as the cell has; set_by_magic: names that a magic or a shell command sets, which is not run.
    """

    text: str
    set_by_magic: list[str] = field(default_factory=list)


@dataclass
class _State:
    """Where a line begins: inside brackets, inside a string, or behind a backslash."""

    depth: int = 0
    quote: str = ""
    continued: bool = False

    @property
    def is_fresh(self) -> bool:
        return not (self.depth or self.quote or self.continued)


def not_python(source: str) -> str:
    """Name the cell magic whose cell is not run as Python (``%%bash``); empty where there is none."""
    for line in source.split("\n"):
        if line.strip():
            magic = _CELL_MAGIC.match(line)
            if not magic or magic[1] not in CELL_MAGICS_THAT_RUN:
                return f"%%{magic[1]}" if magic else ""
    return ""


def clean(source: str) -> str:
    """Take off what IPython takes off before it looks: cell magics that run their cell, prompts, common indentation."""
    lines = source.split("\n")
    begin = next((i for i, line in enumerate(lines) if line.strip()), None)
    while begin is not None and _CELL_MAGIC.match(lines[begin]):
        lines[begin] = ""
        begin = next((i for i, line in enumerate(lines) if line.strip()), None)
    if begin is None:
        return "\n".join(lines)
    for prompt in (_CLASSIC, _NUMBERED):
        if prompt.match(lines[begin]) and not lines[begin].lstrip().startswith("..."):
            lines = [prompt.sub("", line, count=1) for line in lines]
    if lines[begin][:1] in (" ", "\t"):
        lines = textwrap.dedent("\n".join(lines)).split("\n")
    return "\n".join(lines)


def translate(source: str) -> Translated:
    """Replace every magic, shell command and question for help; call it where a cell is no Python as it stands."""
    lines = source.split("\n")
    if sum(bool(line.strip()) for line in lines) == 1 and AUTOMAGIC.match(source.strip()):
        lines = ["%" + line.strip() if line.strip() else line for line in lines]
    state, made, names = _State(), list[str](), list[str]()
    number = 0
    while number < len(lines):
        line, end = lines[number], number
        while state.is_fresh and lines[end].endswith("\\") and end + 1 < len(lines):
            end += 1
        pieces = lines[number : end + 1]
        whole = " ".join([*(piece.rstrip()[:-1] for piece in pieces[:-1]), pieces[-1].rstrip()])
        found = _special(whole) if state.is_fresh else None
        if found is not None:
            made.append(_python_of(whole[:found], whole[found:], names))
            made += [""] * (end - number)
            number = end
        else:
            made.append(line)
            _read_on(line, state)
        number += 1
    return Translated("\n".join(made), names)


def _special(line: str) -> int | None:
    """Find where IPython's syntax begins in a line that begins a statement; None where there is none."""
    if command := _COMMAND.match(line):
        return command.end() - 1
    state, after_equals = _State(), 0
    position, code = 0, line
    while position < len(line):
        step = _step(line, position, state)
        if line[position] == "#" and not state.quote:
            code = line[:position]
            break
        is_equals = line[position] == "=" and state.is_fresh and line[position + 1 : position + 2] != "="
        if is_equals and not after_equals and line[max(0, position - 1)] not in "=!<>+-*/%&|^@:":
            after_equals = position + 1
        position += step
    rest = line[after_equals:].lstrip()
    if after_equals and (rest.startswith("!") or re.match(r"%[A-Za-z_]", rest)):
        return len(line) - len(rest)
    if code.rstrip().endswith("?") and not state.quote:
        return len(_indentation(line))
    return None


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _python_of(before: str, command: str, names: list[str]) -> str:
    """Return the Python that stands for a command behind ``before`` (an indentation, or ``x = ``)."""
    magic, _, rest = command[1:].partition(" ") if command[:1] == "%" else ("", "", "")
    runs = magic in LINE_MAGICS_THAT_RUN and rest.strip() and not rest.lstrip().startswith("-")
    if runs:
        return before + rest.strip()
    if command[:1] in ",;/" and not before.strip():
        return before + _autocall(command)
    if "=" in before:
        names += _TARGET.findall(before.partition("=")[0])
    return _indentation(before + "x") + "pass"


def _autocall(command: str) -> str:
    name, _, rest = command[1:].partition(" ")
    if command[0] == "/":
        return f"{name}({', '.join(rest.split())})"
    arguments = rest.split() if command[0] == "," else [rest]
    return f"{name}({', '.join(map(repr, arguments))})"


def _read_on(line: str, state: _State) -> None:
    """Follow brackets and strings through a line of Python."""
    position = 0
    state.continued = False
    while position < len(line):
        if not state.quote and line[position] == "#":
            return
        position += _step(line, position, state)
    if line.endswith("\\"):
        state.continued = True
    elif len(state.quote) == 1:
        state.quote = ""


def _step(line: str, position: int, state: _State) -> int:
    """Take in one character, or one quote of three; return how far that goes."""
    character = line[position]
    if state.quote:
        if character == "\\":
            return 2
        if line.startswith(state.quote, position):
            step = len(state.quote)
            state.quote = ""
            return step
        return 1
    if quote := _QUOTE.match(line, position):
        state.quote = quote[0]
        return len(quote[0])
    if character in "([{":
        state.depth += 1
    elif character in ")]}":
        state.depth = max(0, state.depth - 1)
    return 1
