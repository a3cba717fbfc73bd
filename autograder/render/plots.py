"""Figures that show more than a table, drawn by matplotlib as SVG inside a page.

They use the page's colours, also in dark mode; their text is text; the same data give the same bytes.  Each holds
rows: a name, a strip, a value.  Names that are too long for their column are shortened.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from autograder.render.figures import Rate
from autograder.render.measured import ClassMeasure, Measure
from autograder.render.reading import number
from autograder.render.sheet import BAD, CLOSE, GOOD, GROUND, INK, LINE, SOFT, Sheet
from autograder.report import Status

__all__ = ["pace_of_class", "pace_of_one", "points_by_exercise"]

WIDEST = 3
"""Doublings that a strip shows on either side of a limit; values beyond are at its end."""
BINS = 20
SMALLEST, LARGEST = 4, 15
"""Diameters of a dot."""
THREE_DIGITS = 100


def pace_of_one(rows: Sequence[Measure]) -> Markup:
    """Draw each measured ratio and its limit, with the interval that the verdict rests on."""
    sheet = Sheet("one", [(_label(row.exercise, row.kind), _ratio(row.value)) for row in rows])
    _draw_limits(sheet)
    sheet.write("× reference", SOFT)
    places = [[_place(row.of_limit(ratio)) for ratio in (row.low, row.high, row.value)] for row in rows]
    looks = [_look(row.status) for row in rows]
    sheet.spans([(low, high, y) for y, (low, high, _) in enumerate(places)], [colour for colour, _, _ in looks])
    for look in dict.fromkeys(looks):
        colour, style, fill = look
        at = [(places[y][2], y) for y, its in enumerate(looks) if its == look]
        sheet.marks(at, style, 7, colour, fill)
    over = sum(row.status is Status.FAILED for row in rows)
    return sheet.drawn(
        f"{len(rows)} ratios to the reference as multiples of their limits; {over} over the limit. The table has them."
    )


def pace_of_class(rows: Sequence[ClassMeasure]) -> Markup:
    """Draw each measured check's ratios across the class: the larger a dot, the more students."""
    named = [(_label(row.exercise, row.kind), f"{row.over} over" if row.over else "") for row in rows]
    sheet = Sheet("class", named)
    _draw_limits(sheet)
    for y, row in enumerate(rows):
        for style, is_over in (("o", False), ("D", True)):
            ratios = [one.value for _, one in row.of if (one.status is Status.FAILED) is is_over]
            _draw_dots(sheet, y, [_place(row.of_limit(ratio)) for ratio in ratios], style, len(row.of))
    return sheet.drawn(
        f"Ratios to the reference of {len(rows)} checks, as multiples of their limits. The table below has them."
    )


def points_by_exercise(rates: Sequence[Rate]) -> Markup:
    """Draw how each exercise's points are spread over the class: the larger a dot, the more students."""
    rates = [rate for rate in rates if rate.max_points] or rates
    named = [(rate.name, f"{number(round(rate.median, 1))} of {number(rate.max_points)}") for rate in rates]
    sheet = Sheet("points", named)
    for at, text in ((0, "none"), (0.5, "half"), (1, "all points")):
        sheet.rule(at, LINE)
        sheet.write(text, SOFT, at)
    for y, rate in enumerate(rates):
        _draw_dots(sheet, y, rate.shares, "o", rate.students)
    medians = [(rate.median / rate.max_points if rate.max_points else 0.0, y) for y, rate in enumerate(rates)]
    sheet.ticks(medians, INK)
    return sheet.drawn(
        f"Points of {len(rates)} exercises from none to all, with the median marked. The table below has them."
    )


# --- one strip, from 0 to 1 ----------------------------------------------------------------------


def _draw_limits(sheet: Sheet) -> None:
    """A scale of doublings, the limit in its middle."""
    for doublings in (-2, -1, 1, 2):
        sheet.rule(_place(2.0**doublings), LINE)
    sheet.rule(0.5, INK)
    for multiple, text in ((0.25, "¼"), (1, "limit"), (4, "4 ×")):
        sheet.write(text, INK if multiple == 1 else SOFT, _place(multiple))


def _place(multiple: float) -> float:
    """Where a multiple of the limit lies."""
    doublings = math.log2(max(multiple, 2.0**-WIDEST))
    return (min(doublings, WIDEST) + WIDEST) / (2 * WIDEST)


def _look(status: Status) -> tuple[str, str, str]:
    """Colour, marker and filling, so that the status never depends on colour alone."""
    if status is Status.FAILED:
        return BAD, "D", BAD
    if status is Status.INCONCLUSIVE:
        return CLOSE, "s", GROUND
    return GOOD, "o", GOOD


def _draw_dots(sheet: Sheet, y: int, places: Sequence[float], style: str, everybody: int) -> None:
    """Draw one dot for all students at about the same place, its area proportional to their share."""
    counts = Counter(round(BINS * place) for place in places)
    sizes: dict[int, list[tuple[float, int]]] = {}
    for place, count in sorted(counts.items()):
        size = max(SMALLEST, round(LARGEST * math.sqrt(count / everybody)))
        sizes.setdefault(size, []).append((place / BINS, y))
    colour = BAD if style == "D" else GOOD
    for size, at in sizes.items():
        sheet.marks(at, style, size, colour, colour)


def _label(exercise: str, kind: str) -> str:
    return exercise if kind == "speed" else f"{exercise}, {kind}"


def _ratio(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= THREE_DIGITS else f"{ratio:#.3g}"
