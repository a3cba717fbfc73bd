"""The project's docstrings as reStructuredText.

They are written for readers of the source: ``name: what it is`` on a line of its own, lists of shapes kept line by
line, ``Raises`` and ``Source`` at the start of a line.  Here each of these becomes an item or a paragraph of its own.
"""

import re
from itertools import chain

from sphinx.application import Sphinx

NAME = r"\*{0,2}(?:[a-z_][\w.]*|[A-Z]\b)"
ITEM = re.compile(rf"({NAME}(?:, {NAME})*(?:\([\w, ]*\))?): +(?=\S)")
SHAPE = re.compile(rf"({NAME})(?= \([^()]*[,…][^()]*\))")
"""``x (batch, features)``, where a sentence begins."""
HEADING = re.compile(r"[A-Z]\w*$")
PARAGRAPH = re.compile(r"(?:Raises|Returns)\b|[A-Z]\w+: ")
NEXT = re.compile(rf"(?:  |(?<=;) )(?=(?:{NAME}(?:, {NAME})*: \S|Raises ))")
"""Between an item and another on the same line."""
CODE = re.compile(r"(``.+?``|:\w+:`.+?`)")


def restructured(text: str) -> list[str]:
    """Lines of reStructuredText for a docstring whose indentation has been removed."""
    summary, *blocks = re.split(r"\n\s*\n", escaped(text.strip()))
    first, *others = summary.splitlines()
    lines = [first, *_block(others), ""] if others else [first, ""]
    for block in blocks:
        lines += [*_block(block.splitlines()), ""]
    return lines


def escaped(text: str) -> str:
    """The text with a backslash before what reStructuredText would take for markup, code left as it is."""
    pieces = CODE.split(text)
    for i in range(0, len(pieces), 2):
        plain = re.sub(r"(?<!\*)\*(?=\w[^*\n]*\w\*(?!\*))([^*\n]+)\*", r"@@\1@@", pieces[i])  # *emphasis* stays
        plain = re.sub(r"([*|`\\])", r"\\\1", plain).replace("@@", "*")
        pieces[i] = re.sub(r"_(?!\w)", r"\\_", plain)
    return "".join(pieces)


def _block(lines: list[str]) -> list[str]:
    """One block between empty lines."""
    if lines[0].startswith(("===", "- ")):
        return lines
    head, *others = lines
    if HEADING.match(head) and all(line.startswith("    ") for line in others):
        return [head, *(f"| {_columns(line.strip())}" for line in others)]
    if all(line.startswith("  ") for line in lines):
        return [f"| {_columns(line.strip())}" for line in lines]
    return _paragraphs(lines)


def _columns(line: str) -> str:
    """Several spaces within a line separate columns: shown as an em space each."""
    return re.sub(r" {2,}", "\u2003", line)


def _paragraphs(lines: list[str]) -> list[str]:
    """Lines that begin with a name and a colon become items, the others stay paragraphs."""
    found: list[str] = []
    inside = indented = False
    begins = True
    for line in chain.from_iterable(NEXT.split(each) for each in lines):
        item = ITEM.match(line) or (begins and SHAPE.match(line))
        paragraph = not item and bool(PARAGRAPH.match(line) or (inside and indented and not line.startswith(" ")))
        if paragraph or (item and not inside):
            found.append("")
        if item:
            found.append(f"- **{item[1]}**{':' * (':' in item[0])} {line[item.end() :].strip().removesuffix(';')}")
        else:
            found.append(f"  {line.strip()}" if inside and not paragraph else line.strip())
        inside, indented = bool(item) or (inside and not paragraph), line.startswith(" ")
        begins = line.endswith((".", ";", ":"))
    return found


def process(_app: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """Rewrite the lines of a docstring in place, as ``autodoc-process-docstring`` asks for."""
    lines[:] = restructured("\n".join(lines))


def readable_defaults(
    _app: Sphinx, _what: str, _name: str, _object: object, _options: object, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Write ``…`` for a default that is no Python, such as ``<factory>``."""
    return signature and re.sub(r"<(?:factory|function .*?>)>?", "...", signature), returns


def skip(_app: Sphinx, _what: str, _name: str, value: object, *_others: object) -> bool | None:
    """Leave out a named tuple's fields that say nothing but their number; leave the rest to autodoc."""
    return (getattr(value, "__doc__", None) or "").startswith("Alias for field number") or None


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to autodoc."""
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-process-signature", readable_defaults)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
