"""A page at the terminal: lines that fit its width and its encoding."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from autograder.render.reading import MARKS, ascii_fallback, clean
from autograder.report import Status

__all__ = ["ASCII_MARKS", "STYLES", "Page"]

ASCII_MARKS = {
    Status.PASSED: "+",
    Status.FAILED: "x",
    Status.NOT_ATTEMPTED: "-",
    Status.SKIPPED: ">",
    Status.INCONCLUSIVE: "~",
    Status.BROKEN: "!",
    Status.PARTLY: "o",
}
STYLES = {
    Status.PASSED: "green",
    Status.FAILED: "red",
    Status.NOT_ATTEMPTED: "dim",
    Status.SKIPPED: "dim",
    Status.INCONCLUSIVE: "yellow",
    Status.BROKEN: "magenta",
    Status.PARTLY: "cyan",
}
FEWEST_COLUMNS = 24


class Page:
    """A console with its width and its encoding: every line that is printed fits both."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.width = max(FEWEST_COLUMNS, console.width)
        try:
            "".join(MARKS.values()).encode(console.encoding)
        except (UnicodeEncodeError, LookupError):
            self.marks, self.bar, self.plain = ASCII_MARKS, "#-", True
        else:
            self.marks, self.bar, self.plain = MARKS, "━─", False

    def text(self, text: str, style: str = "", limit: int = 600) -> Text:
        """Make a Text that this console can show."""
        return Text(ascii_fallback(clean(text, limit), self.console.encoding), style=style)

    def mark(self, status: Status) -> Text:
        """One character for a status."""
        return Text(self.marks[status], style=STYLES[status])

    def shorten(self, text: Text, width: int) -> Text:
        """Cut a Text to at most this many cells, with an ellipsis."""
        if text.cell_len <= width:
            return text
        end = "..." if self.plain else "…"
        cut = text.copy()
        cut.truncate(max(0, width - len(end)))
        return cut + Text(end[:width], cut.style)

    def line(self, *parts: str | Text, indent: int = 0, hang: int = 0) -> None:
        """Print one paragraph, wrapped at the width; hang: additional indentation of its later lines."""
        whole = Text()
        for part in parts:
            whole.append_text(part if isinstance(part, Text) else Text(part))
        first = True
        for row in whole.wrap(self.console, max(8, self.width - indent - hang)):
            row.rstrip()
            self.console.print(Text(" " * (indent if first else indent + hang)) + row, soft_wrap=True)
            first = False

    def gap(self) -> None:
        """Print an empty line."""
        self.console.print()

    def labelled(self, label: str, text: str, indent: int, style: str = "") -> None:
        """Print a labelled paragraph, aligned after its label."""
        self.line(Text(f"{label}: ", style="bold"), self.text(text, style), indent=indent, hang=len(label) + 2)
