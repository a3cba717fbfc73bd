"""A drawing in rows, made by matplotlib for a page: a name, a strip from 0 to 1, a value."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from types import SimpleNamespace

from markupsafe import Markup

from autograder.render.reading import clean

__all__ = ["BAD", "CLOSE", "GOOD", "GROUND", "INK", "LINE", "SOFT", "Sheet", "load_matplotlib"]

WIDTH, NAMES, VALUES, ROW, HEAD = 330, 118, 60, 19, 22
"""In units of the drawing; a phone shows about one pixel per unit."""
STRIP = WIDTH - NAMES - VALUES
TEXT, SMALL = 11, 10
BASELINE = 0.35
"""Distance from the middle of a row down to the baseline, as a share of the text's size."""
MOST_NAME = 19
COLOURS = ("--ink", "--soft", "--line", "--bar", "--bar-wrong", "--close", "--ground")
INK, SOFT, LINE, GOOD, BAD, CLOSE, GROUND = STAND_INS = tuple(f"#01fe0{i}" for i in range(len(COLOURS)))
"""Placeholders for the page's colours."""

Places = Sequence[tuple[float, int]]
"""Position on the strip (0…1), and row."""


class Sheet:
    """One drawing, filled in any order; ``drawn`` makes it part of a page.

    salt: distinguishes the drawings of one page; named: a name and a value for every row.
    """

    def __init__(self, salt: str, named: Sequence[tuple[str, str]]) -> None:
        self._salt = salt
        self._rows = len(named)
        self._height = HEAD + ROW * len(named)
        self._artists: list[tuple[str, Mapping[str, object]]] = []
        for row, (name, value) in enumerate(named):
            words = clean(name, 4 * MOST_NAME)
            words = words if len(words) <= MOST_NAME else f"{words[: MOST_NAME - 1]}…"
            foot = _y(row) + BASELINE * TEXT
            self._write(0, foot, words, color=INK, fontsize=TEXT, ha="left")
            self._write(WIDTH, foot, value, color=SOFT, fontsize=TEXT, ha="right")

    def _write(self, x: float, foot: float, text: str, **style: object) -> None:
        self._artists.append(("text", {"x": x, "y": self._height - foot, "text": text, "va": "baseline", **style}))

    def _lines(self, lines: Sequence[Sequence[tuple[float, float]]], colours: Sequence[str], width: float) -> None:
        segments = [[(x, self._height - y) for x, y in line] for line in lines]
        self._artists.append(("lines", {"segments": segments, "colors": list(colours), "linewidths": width}))

    def write(self, text: str, colour: str, at: float | None = None) -> None:
        """Write a heading above a place of the strip, or above the values."""
        x, ha = (WIDTH, "right") if at is None else (_x(at), "center")
        self._write(x, HEAD - ROW * 0.4, text, color=colour, fontsize=SMALL, ha=ha)

    def rule(self, at: float, colour: str) -> None:
        """Draw a line through every row."""
        self._lines([[(_x(at), HEAD - 3), (_x(at), self._height - 1)]], [colour], 1.5 if colour == INK else 1)

    def spans(self, spans: Sequence[tuple[float, float, int]], colours: Sequence[str]) -> None:
        """Draw a line along the strip of each row, from start to end."""
        self._lines([[(_x(low), _y(row)), (_x(high), _y(row))] for low, high, row in spans], colours, 2)

    def ticks(self, places: Places, colour: str) -> None:
        """Draw an upright line as high as its row."""
        half = 0.45 * ROW
        self._lines([[(_x(at), _y(row) - half), (_x(at), _y(row) + half)] for at, row in places], [colour], 2)

    def marks(self, places: Places, style: str, size: float, colour: str, fill: str) -> None:
        """Draw a mark at each place; style: matplotlib's name of it, size: its diameter."""
        xs, ys = [_x(at) for at, _ in places], [self._height - _y(row) for _, row in places]
        look = {"color": colour, "markerfacecolor": fill, "markeredgewidth": 0 if fill == colour else 1.5}
        mark = {"xdata": xs, "ydata": ys, "marker": style, "markersize": size, "linestyle": "none", **look}
        self._artists.append(("marks", mark))

    def drawn(self, alt: str) -> Markup:
        """Draw it; alt: its text alternative."""
        its = load_matplotlib()
        makers = {"text": its.Text, "lines": its.LineCollection, "marks": its.Line2D}
        with _our_settings(self._salt):
            figure = its.Figure(figsize=(WIDTH / 72, self._height / 72), dpi=72)
            its.FigureCanvasSVG(figure)
            figure.patch.set_visible(False)
            for kind, how in self._artists:
                artist = makers[kind](**how, transform=its.IdentityTransform())
                figure.add_artist(artist)
                if kind == "text":
                    artist.set_parse_math(False)
            file = io.StringIO()
            figure.savefig(file, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        return Markup(_part_of_a_page(file.getvalue(), self._height, alt))  # noqa: S704 - matplotlib escapes all text


def load_matplotlib() -> SimpleNamespace:
    """Return matplotlib's parts; the first call takes a good part of a second and is made only for a drawing."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Text
    from matplotlib.transforms import IdentityTransform

    named = (FigureCanvasSVG, LineCollection, Figure, Line2D, Text, IdentityTransform)
    return SimpleNamespace(**{thing.__name__: thing for thing in named})


def _x(at: float) -> float:
    return NAMES + STRIP * at


def _y(row: int) -> float:
    return HEAD + ROW * (row + 0.5)


@contextmanager
def _our_settings(salt: str) -> Iterator[None]:
    """Matplotlib's defaults, whatever the user's settings; glyphs that its font lacks are left to the page."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mpl.rcdefaults()
        mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": salt, "font.sans-serif": ["DejaVu Sans"]})
        yield


_DROPPED = re.compile(
    r"<!--.*?-->|<metadata>.*?</metadata>|<defs>\s*<style.*?</defs>|(?<=<g) id=\"[^\"]*\"|\s+(?=\n)"
    r"| font-family: [^;]*;| transform=\"rotate\(-?0 [^\"]*\"",
    re.DOTALL,
)


def _part_of_a_page(svg: str, height: float, alt: str) -> str:
    """Extract the drawing from its file: only ids that it refers to, with the page's font and colours."""
    body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    body = _DROPPED.sub("", body).replace("xlink:href", "href")
    body = re.sub(r"\n\s*", "\n", body).strip()
    for colour, name in zip(STAND_INS, COLOURS, strict=True):
        body = body.replace(colour, f"var({name})")
    head = f'<svg class="plot" role="img" aria-label="{escape(alt)}" viewBox="0 0 {WIDTH} {height}"'
    return f'{head} preserveAspectRatio="xMinYMin">\n{body}\n</svg>'
