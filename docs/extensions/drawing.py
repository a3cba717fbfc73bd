"""Boxes, lines and text as SVG, sized by the text that they hold."""

from __future__ import annotations

from functools import cache
from html import escape
from itertools import combinations
from typing import NamedTuple

from matplotlib.font_manager import FontProperties, findfont
from PIL import ImageFont

FAMILIES = {"sans": "DejaVu Sans, Verdana, sans-serif", "mono": "DejaVu Sans Mono, Menlo, Consolas, monospace"}
LINE = 17
"""Height of a line of text, in pixels."""
PADDING = 10
INK, GREY, PAPER, PALE, WARM = "#1d2b3a", "#5b6b7b", "#ffffff", "#eef4fb", "#fdf1e3"


class Text(NamedTuple):
    """A line of text and the place that it takes, in pixels."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


class Drawing:
    """A picture that grows by what is put on it; its background is white in dark surroundings too."""

    def __init__(self, width: int, title: str) -> None:
        self.width, self.height, self.title = width, 0, title
        self.texts: list[Text] = []
        self._parts: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, *, fill: str) -> None:
        """Draw a filled rectangle."""
        self._rectangle(x, y, width, height, f'fill="{fill}"')

    def frame(self, x: float, y: float, width: float, height: float) -> None:
        """Draw a dashed line around what belongs together."""
        self._rectangle(x, y, width, height, 'fill="none" stroke-dasharray="5 4"')

    def _rectangle(self, x: float, y: float, width: float, height: float, style: str) -> None:
        place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
        self._parts.append(f'<rect {place} rx="5" stroke="{GREY}" {style}/>')
        self._grow(y + height)

    def text(self, x: float, y: float, text: str, *, font: str = "sans", size: int = 13, bold: bool = False,
             colour: str = INK, middle: bool = False) -> None:  # fmt: skip
        """Write one line; x is its left end, or its middle, and y its baseline."""
        width = measure(text, font=font, size=size, bold=bold)
        left = x - width / 2 if middle else x
        self.texts.append(Text(text, left, y - 0.8 * size, left + width, y + 0.25 * size))
        style = (' font-weight="bold"' if bold else "") + (' text-anchor="middle"' if middle else "")
        place = f'x="{x:g}" y="{y:g}" font-family="{FAMILIES[font]}" font-size="{size}" fill="{colour}"{style}'
        self._parts.append(f"<text {place}>{escape(text)}</text>")
        self._grow(y + size)

    def arrow(self, *points: tuple[float, float], colour: str = INK) -> None:
        """Draw a line through the points, with a head at the last."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5" marker-end="url(#head)"/>'
        )
        self._grow(max(y for _, y in points))

    def svg(self) -> str:
        """The whole picture."""
        height = self.height + PADDING
        size = f'viewBox="0 0 {self.width} {height:g}" width="{self.width}" height="{height:g}"'
        head = (
            '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            f'<path d="M0,0 L8,4 L0,8 z" fill="{INK}"/></marker>'
        )
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(self.title)}">',
                f"<title>{escape(self.title)}</title>",
                f"<defs>{head}</defs>",
                f'<rect width="{self.width}" height="{height:g}" rx="8" fill="{PAPER}"/>',
                *self._parts,
                "</svg>",
                "",
            ]
        )

    def _grow(self, bottom: float) -> None:
        self.height = max(self.height, int(bottom) + 1)

    def overlaps(self) -> list[tuple[str, str]]:
        """Pairs of texts that cover each other: there must be none."""
        return [
            (a.text, b.text)
            for a, b in combinations(self.texts, 2)
            if a.left < b.right and b.left < a.right and a.top < b.bottom and b.top < a.bottom
        ]


def measure(text: str, *, font: str = "sans", size: int = 13, bold: bool = False) -> float:
    """Width of a line of text in pixels, in a font that is wider than most."""
    return _font(font, size, bold=bold).getlength(text)


@cache
def _font(family: str, size: int, *, bold: bool) -> ImageFont.FreeTypeFont:
    name = FAMILIES[family].partition(",")[0]
    path = findfont(FontProperties(family=name, weight="bold" if bold else "normal"))
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def wrapped(text: str, width: float, *, font: str = "sans", size: int = 13) -> list[str]:
    """The text in lines that are at most so many pixels wide."""
    lines: list[str] = []
    for word in text.split():
        if lines and measure(f"{lines[-1]} {word}", font=font, size=size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
