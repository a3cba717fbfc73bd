"""Pages of similarity: a class's pairs of hand-ins in order, and two sources side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from autograder.render.html import environment
from autograder.render.reading import clean

__all__ = ["Row", "Side", "code", "pair_page", "ranked_page"]

MOST_LEFT_OUT = 200
MOST_LINES = 4000
LINE = 400
SPACES = 120


@dataclass(frozen=True)
class Side:
    """One hand-in of a pair.

    marks: regions of ``text`` as first character, the one after the last, and a number; share: of its code that is
    in the other too, from 0 to 1.
    """

    student: str
    file: str
    text: str
    marks: list[tuple[int, int, int]] = field(default_factory=list)
    share: float = 0.0

    @property
    def lines(self) -> Iterator[tuple[int, list[tuple[str, int, bool]]]]:
        """Every line with its number, as pieces: text, number of its region or 0, whether the region begins there."""
        start = 0
        marks = iter([*self.marks, (len(self.text) + 1,) * 2 + (0,)])
        mark = next(marks)
        for number, line in enumerate(self.text.split("\n")[:MOST_LINES], 1):
            end, at, pieces = start + len(line), start, []
            while at < end:
                while mark[1] <= at:
                    mark = next(marks)
                stop = min(end, mark[1] if mark[0] <= at else mark[0])
                inside = mark[0] <= at
                pieces.append((code(self.text[at:stop]), mark[2] if inside else 0, inside and at == mark[0]))
                at = stop
            yield number, pieces
            start = end + 1


def code(text: str) -> str:
    """A piece of one line, cleaned, with the spaces at both its ends."""
    text = text.expandtabs(4)
    body = clean(text, LINE)
    before, after = (min(len(text) - len(bare), SPACES) for bare in (text.lstrip(" "), text.rstrip(" ")))
    return f"{' ' * before}{body}{' ' * after}" if body else " " * before


@dataclass(frozen=True)
class Row:
    """One pair in the table: names, similarity and shares from 0 to 1, and the address of its page."""

    first: str
    second: str
    similarity: float
    shares: tuple[float, float]
    address: str


def ranked_page(
    title: str,
    rows: Sequence[Row],
    *,
    hand_ins: int,
    pairs: int,
    middle: float,
    table: str,
    left_out: Sequence[tuple[str, str]] = (),
) -> str:
    """Draw the ranked pairs of one assignment.

    hand_ins, pairs: counts of what was compared; middle: the median similarity; table: the address of the CSV file;
    left_out: students whose work, or a part of it, was not compared, and why.
    """
    template = environment().get_template("similarity.html")
    page: str = template.render(
        title=title,
        rows=rows,
        hand_ins=hand_ins,
        pairs=pairs,
        middle=middle,
        table=table,
        left_out=left_out[:MOST_LEFT_OUT],
        more=max(0, len(left_out) - MOST_LEFT_OUT),
    )
    return page


def pair_page(title: str, row: Row, sides: tuple[Side, Side], index: str) -> str:
    """Draw two hand-ins side by side; index: the address of the ranked page."""
    page: str = environment().get_template("pair.html").render(title=title, row=row, sides=sides, index=index)
    return page
