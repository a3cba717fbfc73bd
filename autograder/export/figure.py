"""The figure of an export: measured ratios and their limit, and where the time goes."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass

from autograder.render.reading import ascii_fallback, clean
from autograder.report import Timing, Verdict

__all__ = ["Picture", "picture"]

INCHES = (5.2, 1.0)
ROW = 0.28
DOTS = 100
RIGHT, WRONG, SOFT = "#1f7a4d", "#b3261e", "#666666"


@dataclass(frozen=True)
class Picture:
    """A figure as a ``data:`` address, and in words."""

    uri: str
    alternative: str


def picture(verdict: Verdict) -> Picture | None:
    """Draw a speed check's measurement as a PNG; None for any other check, and if nothing finite was measured."""
    timing = verdict.measurement
    if not isinstance(timing, Timing):
        return None
    ratios = [ratio for ratio in timing.pairs or [timing.ratio] if math.isfinite(ratio) and ratio > 0]
    if not ratios or not math.isfinite(timing.limit):
        return None
    uri = f"data:image/png;base64,{base64.b64encode(_draw(timing, ratios)).decode('ascii')}"
    count = len(timing.pairs)
    return Picture(
        uri, f"{count} measured ratios to the reference, median {timing.ratio:.2f}, limit {timing.limit:.2f}"
    )


def _draw(timing: Timing, ratios: list[float]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    hot = timing.hot
    figure = Figure(figsize=(INCHES[0], INCHES[1] + (ROW * len(hot) + 0.35 if hot else 0)), dpi=DOTS)
    FigureCanvasAgg(figure)
    heights = [INCHES[1], ROW * len(hot) + 0.35] if hot else [INCHES[1]]
    axes = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    colour = RIGHT if timing.ratio <= timing.limit else WRONG
    axes[0].plot(ratios, [0.0] * len(ratios), "o", color=colour, alpha=0.55, markersize=6)
    axes[0].axvline(timing.limit, color=SOFT, linestyle="--", linewidth=1)
    axes[0].text(timing.limit, 0.75, f" limit {timing.limit:.1f}", color=SOFT, fontsize=8)
    axes[0].set_xlim(0, 1.15 * max(*ratios, timing.limit))
    axes[0].set_ylim(-1, 1.4)
    axes[0].set_yticks([])
    axes[0].set_xlabel("time as a multiple of the reference's", fontsize=8)
    if hot:
        names = [_plain(f"{spot.where}: {spot.code}") for spot in reversed(hot)]
        shares = [100 * spot.share for spot in reversed(hot)]
        axes[1].barh(range(len(hot)), shares, color=colour, alpha=0.35)
        for row, name in enumerate(names):
            axes[1].text(1, row, name, va="center", fontsize=7, family="monospace", parse_math=False)
        axes[1].set_xlim(0, 100)
        axes[1].set_yticks([])
        axes[1].set_xlabel("% of the time", fontsize=8)
    for each in axes:
        each.tick_params(labelsize=7)
        for side in ("top", "left", "right"):
            each.spines[side].set_visible(False)
    figure.tight_layout(pad=0.4)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _plain(text: str) -> str:
    """Code in characters that the figure's font has."""
    return ascii_fallback(clean(text, 64), "ascii")
