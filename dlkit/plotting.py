"""Plots: safe for colour-blind readers, labelled, one function per plot.

Each takes ``ax``, the axes to draw on (a new figure without), and returns it.  Arrays may live on
any backend; they are copied to CPU memory.

Colours: Okabe & Ito, Color Universal Design (2008); maps viridis and PuOr, which every common
colour-blindness keeps apart.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dlkit.backend import Array, NumpyArray, to_numpy
from dlkit.training import History

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colors import Colormap

    from dlkit.worlds import GridWorld

__all__ = [
    "attention",
    "confusion_matrix",
    "curves",
    "decision_regions",
    "filters",
    "gradient_error",
    "gradient_norms",
    "grid_world",
    "images",
    "neighbours",
    "searches",
    "word_map",
]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
MARKERS = "osD^vP*X"
_SHORTEST = 0.05
"""Probability above which an action has an arrow."""
_ANNOTATED = 20
"""Rows or columns up to which numbers are written into the cells."""


def curves(history: History | Mapping[str, History], *, ax: Axes | None = None) -> Axes:
    """Training loss (solid) and validation loss (dashed) by epoch; the metric, dotted, on a second axis.

    history: one History, or several by name, one colour each.
    """
    ax = _axes(ax)
    several = {"": history} if isinstance(history, History) else dict(history)
    right = ax.twinx() if any(one.metric for one in several.values()) else None
    for i, (name, one) in enumerate(several.items()):
        colours = [COLOURS[i % len(COLOURS)]] * 3 if name else COLOURS[:3]
        lead = f"{name}: " if name else ""
        _by_epoch(ax, one.loss, colours[0], "-", f"{lead}training loss")
        _by_epoch(ax, one.validation_loss, colours[1], "--", f"{lead}validation loss")
        if right is not None:
            _by_epoch(right, one.metric, colours[2], ":", f"{lead}metric")
    ax.set(xlabel="epoch", ylabel="loss")
    _at_whole_numbers(ax.xaxis)
    ax.grid(alpha=0.3)
    lines = ax.get_lines()
    if right is not None:
        right.set_ylabel("metric")
        lines = [*lines, *right.get_lines()]
    _legend_above(ax, lines, 2 if len(lines) == 4 else 3)  # noqa: PLR2004
    return ax


def decision_regions(
    predict: Callable[[NumpyArray], Array], x: Array, y: Array, *, resolution: int = 200, ax: Axes | None = None
) -> Axes:
    """Regions of the plane by the class that ``predict`` returns, and the samples on them.

    predict: points (n, 2) float64, a NumPy array → scores (n, classes), or classes (n,).
    x (samples, 2), y (samples,) integers from 0: drawn with a colour and a marker a class.
    resolution: grid points along each side.
    """
    from matplotlib.colors import BoundaryNorm, ListedColormap

    ax = _axes(ax)
    x, y = to_numpy(x), to_numpy(y)
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.08 * np.maximum(high - low, 1e-9)
    sides = [np.linspace(low[i] - margin[i], high[i] + margin[i], resolution) for i in (0, 1)]
    grid = np.stack(np.meshgrid(*sides), axis=-1)
    scores = to_numpy(predict(grid.reshape(-1, 2)))
    regions = (scores.argmax(axis=-1) if scores.ndim > 1 else scores).reshape(resolution, resolution)
    classes = int(max(regions.max(), y.max())) + 1
    colours = [COLOURS[i % len(COLOURS)] for i in range(classes)]
    norm = BoundaryNorm(np.arange(classes + 1) - 0.5, classes)
    ax.pcolormesh(*sides, regions, cmap=ListedColormap(colours), norm=norm, alpha=0.25, rasterized=True)
    for i in range(classes):
        chosen = x[y == i]
        ax.scatter(
            chosen[:, 0], chosen[:, 1], s=18, edgecolor="white", linewidth=0.4, label=f"class {i}",
            color=colours[i], marker=MARKERS[i % len(MARKERS)],
        )  # fmt: skip
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    _legend_above(ax, ax.collections[-classes:], 5)
    return ax


def gradient_norms(norms: Mapping[str, Sequence[float]], *, ax: Axes | None = None) -> Axes:
    """Norm of the gradient by layer, on a logarithmic axis, one line per named stack of layers.

    norms: name → norms, first layer first; zeros are left out, having no logarithm.
    """
    ax = _axes(ax)
    for i, (name, values) in enumerate(norms.items()):
        heights = np.asarray(values, dtype=np.float64)
        heights = np.where(heights > 0, heights, np.nan)
        marker = MARKERS[i % len(MARKERS)]
        ax.plot(range(1, len(heights) + 1), heights, marker=marker, ms=5, color=COLOURS[i % len(COLOURS)], label=name)
    ax.set(xlabel="layer, from the input", ylabel="norm of the gradient", yscale="log")
    _at_whole_numbers(ax.xaxis)
    ax.grid(alpha=0.3)
    ax.legend()
    return ax


def filters(W: Array, *, columns: int | None = None, ax: Axes | None = None) -> Axes:
    """Draw the filters of a convolution as tiles, white at zero, one scale for all.

    W (out_channels, in_channels, height, width): the rows of tiles are output channels and the
        columns input channels; with one input channel, or (filters, height, width), the tiles fill
        a grid of ``columns``.
    Raises ValueError for another number of axes.
    """
    W = to_numpy(W)
    if W.ndim == 4 and W.shape[1] > 1:  # noqa: PLR2004
        columns, W = W.shape[1], W.reshape(-1, *W.shape[2:])
    elif W.ndim == 4:  # noqa: PLR2004
        W = W[:, 0]
    if W.ndim != 3:  # noqa: PLR2004
        message = f"Filters have 3 or 4 axes, not the shape {W.shape}."
        raise ValueError(message)
    largest = _largest(W)
    tiles = _tiles(W, columns)
    width, height = _tile_size(tiles, W.shape[1])
    ax = _bare(_axes(ax, (width + 1, height)))
    picture = ax.imshow(tiles, cmap=_diverging(bad="#cccccc"), vmin=-largest, vmax=largest, interpolation="nearest")
    ax.figure.colorbar(picture, ax=ax, shrink=0.8)
    return ax


def attention(weights: Array, rows: Sequence[str], columns: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """Attention weights: how much each row (a query, an output) attends to each column (a key, an input).

    weights (rows, columns), each row summing to 1; rows, columns: the names, characters or words.
    Raises ValueError where the names do not fit the weights.
    """
    weights = to_numpy(weights)
    if weights.shape != (len(rows), len(columns)):
        message = f"Weights of shape {weights.shape} do not fit {len(rows)} rows and {len(columns)} columns."
        raise ValueError(message)
    size = 1.8 + 0.27 * len(columns), 1.2 + 0.27 * len(rows)
    ax = _axes(ax, size)
    picture = ax.imshow(weights, cmap="viridis", vmin=0, vmax=max(float(weights.max()), 1e-12))
    upright = max((len(name) for name in columns), default=0) <= 2  # noqa: PLR2004
    ax.set_xticks(range(len(columns)), [_visible(name) for name in columns], rotation=0 if upright else 90)
    ax.set_yticks(range(len(rows)), [_visible(name) for name in rows])
    ax.tick_params(top=True, bottom=False, labeltop=True, labelbottom=False, length=0)
    ax.figure.colorbar(picture, ax=ax, label="weight", shrink=0.8)
    return ax


def confusion_matrix(matrix: Array, names: Sequence[str] | None = None, *, ax: Axes | None = None) -> Axes:
    """Show counts by true class (rows) and predicted class (columns), shaded by the share of the row.

    matrix (classes, classes) of counts, 0 or more.  names: of the classes, by default 0, 1, 2 …
    Raises ValueError where the matrix is not square or the names do not fit it.
    """
    matrix = to_numpy(matrix)
    names = [str(i) for i in range(len(matrix))] if names is None else list(names)
    if matrix.shape != (len(names), len(names)):
        message = f"A confusion matrix of {len(names)} names has that many rows and columns, not {matrix.shape}."
        raise ValueError(message)
    side = 1.6 + 0.5 * len(names)
    ax = _axes(ax, (side + 0.8, side))
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    picture = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= _ANNOTATED:
        for (i, j), count in np.ndenumerate(matrix):
            colour = "white" if shares[i, j] > 0.5 else "#999999" if not count else "black"  # noqa: PLR2004
            ax.text(j, i, f"{count:g}", ha="center", va="center", color=colour, fontsize="small")
    upright = max((len(name) for name in names), default=0) <= 3  # noqa: PLR2004
    ax.set_xticks(range(len(names)), names, rotation=0 if upright else 45, ha="center" if upright else "right")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="predicted", ylabel="true")
    ax.figure.colorbar(picture, ax=ax, label="share of the true class", shrink=0.8)
    return ax


def gradient_error(error: Array, *, ax: Axes | None = None) -> Axes:
    """Heat map of the error of a gradient: too large (orange), too small (violet), correct (white).

    error (…): received minus expected, any number of axes; all but the last become rows.  Entries
        that are not finite are black.
    """
    error = to_numpy(error)
    table = np.atleast_2d(error) if error.ndim <= 2 else error.reshape(-1, error.shape[-1])  # noqa: PLR2004
    table = np.ma.masked_invalid(table.astype(np.float64))
    largest = _largest(table)
    ax = _axes(ax)
    picture = ax.imshow(table, cmap=_diverging(), vmin=-largest, vmax=largest, aspect="auto", interpolation="nearest")
    if max(table.shape) <= _ANNOTATED // 2:
        for (i, j), value in np.ndenumerate(table.data):
            dark = not np.isfinite(value) or abs(value) > 0.6 * largest
            ax.text(
                j, i, f"{value:.2g}", ha="center", va="center", fontsize="small", color="white" if dark else "black"
            )
    rows = "row" if error.ndim <= 2 else f"row of the other axes {error.shape[:-1]}"  # noqa: PLR2004
    ax.set(xlabel="last axis", ylabel=rows)
    _at_whole_numbers(ax.xaxis, ax.yaxis)
    ax.figure.colorbar(picture, ax=ax, label="received - expected")
    return ax


def images(grid: Array, *, columns: int | None = None, ax: Axes | None = None) -> Axes:
    """Images side by side, row by row.

    grid (n, height, width), (n, 1, height, width), or colour as (n, 3, height, width) or
        (n, height, width, 3) within [0, 1]; grey images share one scale, from their least to their
        greatest value.
    columns: images in a row, by default about as many as rows.
    Raises ValueError for another shape, or no image.
    """
    grid = to_numpy(grid)
    if grid.ndim == 4 and grid.shape[1] in (1, 3) and grid.shape[-1] != 3:  # noqa: PLR2004
        grid = np.moveaxis(grid, 1, -1)
    if grid.ndim == 4 and grid.shape[-1] == 1:  # noqa: PLR2004
        grid = grid[..., 0]
    if not (grid.ndim == 3 or (grid.ndim == 4 and grid.shape[-1] == 3)) or not grid.size:  # noqa: PLR2004
        message = f"Images have the shape (n, height, width), (n, 1 or 3, height, width) or … 3), not {grid.shape}."
        raise ValueError(message)
    tiles = _tiles(grid, columns)
    ax = _bare(_axes(ax, _tile_size(tiles, grid.shape[1])))
    ax.imshow(tiles, cmap="gray", interpolation="nearest")
    return ax


def neighbours(near: Mapping[str, Sequence[str]], similarities: Array, *, ax: Axes | None = None) -> Axes:
    """Table of words: each row a word and its neighbours, shaded by their similarity, which is written below.

    near: word → its neighbours, the most similar first, as many for each word.
    similarities (words, neighbours).
    Raises ValueError where the names do not fit the similarities.
    """
    similarities = to_numpy(similarities)
    names = [list(row) for row in near.values()]
    if similarities.ndim != 2 or [len(row) for row in names] != [similarities.shape[1]] * len(similarities):  # noqa: PLR2004
        message = f"Similarities of shape {similarities.shape} do not fit {[len(row) for row in names]} neighbours."
        raise ValueError(message)
    longest = max(len(name) for row in names for name in row)
    rows, columns = similarities.shape
    ax = _axes(ax, (2 + columns * max(0.9, 0.1 * longest), 0.8 + 0.42 * rows))
    top = max(float(similarities.max()), 1e-12)
    picture = ax.imshow(similarities, cmap="Blues", vmin=min(0.0, float(similarities.min())), vmax=top, aspect="auto")
    for i, j in np.ndindex(rows, columns):
        colour = "white" if similarities[i, j] > 0.6 * top else "black"
        text = f"{names[i][j]}\n{similarities[i, j]:.2f}"
        ax.text(j, i, text, ha="center", va="center", fontsize="small", color=colour, parse_math=False)
    ax.set_yticks(range(rows), list(near))
    ax.set_xticks(range(columns), [str(j + 1) for j in range(columns)])
    ax.set(xlabel="neighbour")
    ax.figure.colorbar(picture, ax=ax, label="similarity")
    return ax


def searches(left: Mapping[str, Array], *, ax: Axes | None = None) -> Axes:
    """How searches get nearer to the minimum: the median over seeds by trial, in a band from quarter to three quarters.

    left: name → (seeds, trials), what the best value so far is above the minimum, greater than 0.
    Raises ValueError where an array has no two axes.
    """
    ax = _axes(ax)
    for i, (name, values) in enumerate(left.items()):
        runs = to_numpy(values)
        if runs.ndim != 2:  # noqa: PLR2004
            message = f"{name}: expected (seeds, trials), got an array of shape {runs.shape}."
            raise ValueError(message)
        trials, colour = range(1, runs.shape[1] + 1), COLOURS[i % len(COLOURS)]
        low, middle, high = np.quantile(runs, (0.25, 0.5, 0.75), axis=0)
        ax.fill_between(trials, low, high, color=colour, alpha=0.2, lw=0)
        ax.plot(trials, middle, color=colour, label=name)
    ax.set(xlabel="trials", ylabel="above the minimum", yscale="log")
    _at_whole_numbers(ax.xaxis)
    if left:
        ax.legend(frameon=False)
    return ax


def grid_world(
    world: GridWorld, values: Array | None = None, policy: Array | None = None, *, ax: Axes | None = None
) -> Axes:
    """Map of a world: walls dark, S and G in their cells, values as colours, and the policy as arrows.

    values (states,): what each state is worth, on a scale from the smallest to the largest; the goal, after which
    nothing follows, stays blank.
    policy: the action of each state (states,), or probabilities (states, actions): an arrow for each action, as long as
    it is probable.
    Raises ValueError where an array has another shape.
    """
    shares = _shares(world, policy)
    shown = np.full((len(world.rows), len(world.rows[0])), np.nan)
    rows, columns = world.cells.T
    if values is not None:
        found = to_numpy(values)
        if found.shape != (world.states,):
            message = f"values: expected shape ({world.states},), got {found.shape}"
            raise ValueError(message)
        shown[rows, columns] = np.where(np.arange(world.states) == world.goal, np.nan, found)
    ax = _axes(ax, (0.8 * shown.shape[1] + 1.2, 0.8 * shown.shape[0] + 0.4))
    walls = np.ones(shown.shape)
    walls[rows, columns] = 0
    ax.imshow(walls, cmap="Greys", vmin=0, vmax=1.4)
    if values is not None:
        picture = ax.imshow(shown, cmap="viridis", alpha=0.75)
        ax.figure.colorbar(picture, ax=ax, label="value")
    for letter, state in (("S", world.start), ("G", world.goal)):
        row, column = world.cells[state]
        ax.text(column - 0.36, row - 0.22, letter, fontsize="small", weight="bold", ha="center", va="center")
    for action, (down, right) in enumerate(world.DIRECTIONS):
        drawn = np.flatnonzero((shares[:, action] > _SHORTEST) & (np.arange(world.states) != world.goal))
        lengths = 0.38 * shares[drawn, action]
        ax.quiver(
            columns[drawn], rows[drawn], right * lengths, down * lengths, angles="xy", scale_units="xy", scale=1,
            width=0.012, color="black",
        )  # fmt: skip
    ax.set_xticks(np.arange(shown.shape[1] + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(shown.shape[0] + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="white", lw=1)
    ax.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    return ax


def _shares(world: GridWorld, policy: Array | None) -> NumpyArray:
    """How probable each action is in each state (states, actions)."""
    if policy is None:
        return np.zeros((world.states, world.actions))
    found = to_numpy(policy)
    if found.shape == (world.states,):
        found = np.eye(world.actions)[found.astype(int)]
    if found.shape != (world.states, world.actions):
        message = f"policy: expected shape ({world.states},) or ({world.states}, {world.actions}), got {found.shape}"
        raise ValueError(message)
    return found


def word_map(
    points: Array, names: Sequence[str], groups: Sequence[str] | None = None, *, ax: Axes | None = None
) -> Axes:
    """Words at their places in a plane, one colour and marker for each group.

    points (words, 2); names: of the words; groups: the group of each word, or None.
    Raises ValueError where the names or the groups do not fit the points.
    """
    points = to_numpy(points)
    members = list(groups) if groups is not None else [""] * len(names)
    if points.shape != (len(names), 2) or len(members) != len(names):
        message = f"Points of shape {points.shape} do not fit {len(names)} names in {len(members)} groups."
        raise ValueError(message)
    ax = _axes(ax, (9, 7))
    for i, group in enumerate(dict.fromkeys(members)):
        chosen = [n for n, member in enumerate(members) if member == group]
        colour = COLOURS[i % len(COLOURS)]
        marker = MARKERS[(i + i // len(COLOURS)) % len(MARKERS)]
        ax.scatter(points[chosen, 0], points[chosen, 1], s=16, color=colour, marker=marker, label=group)
        for n in chosen:
            place = (points[n, 0], points[n, 1])
            ax.annotate(
                names[n], place, (3, 3), textcoords="offset points", fontsize="small", color=colour, parse_math=False
            )
    ax.set(xlabel="first direction", ylabel="second direction")
    if groups is not None:
        _legend_above(ax, ax.collections, 5)
    return ax


def _axes(ax: Axes | None, size: tuple[float, float] = (6.4, 4.2)) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    made: Axes = plt.subplots(figsize=size, layout="constrained")[1]
    return made


def _bare(ax: Axes) -> Axes:
    ax.set_axis_off()
    return ax


def _at_whole_numbers(*axes: Axis) -> None:
    """Put ticks at whole numbers alone."""
    from matplotlib.ticker import MaxNLocator

    for axis in axes:
        locator = axis.get_major_locator()
        if isinstance(locator, MaxNLocator):
            locator.set_params(integer=True)


def _legend_above(ax: Axes, handles: Sequence[Artist], columns: int) -> None:
    """Put the legend above the axes, where it hides nothing."""
    if handles:
        ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=columns, frameon=False)


def _by_epoch(ax: Axes, values: Sequence[float], colour: str, style: str, label: str) -> None:
    if values:
        marker = "o" if len(values) == 1 else None
        ax.plot(range(1, len(values) + 1), values, style, color=colour, label=label, marker=marker)


def _visible(name: str) -> str:
    """Return the name, with a mark where it is only white space."""
    return name if name.strip() else "␣"


def _largest(values: NumpyArray) -> float:
    """Greatest finite magnitude, never zero: a scale needs two ends."""
    return max(float(np.nanmax(np.abs(np.ma.filled(values, 0)), initial=0.0)), 1e-12)


def _diverging(bad: str = "black") -> Colormap:
    import matplotlib as mpl

    return mpl.colormaps["PuOr_r"].with_extremes(bad=bad)


def _tile_size(tiles: NumpyArray, pixels: int) -> tuple[float, float]:
    """Inches for a mosaic of tiles, about one per tile, never more than a page."""
    height, width = tiles.shape[0] / (pixels + 1), tiles.shape[1] / (pixels + 1)
    scale = min(1.0, 9 / width, 9 / height)
    return max(width * scale, 2.0), max(height * scale, 1.6)


def _tiles(stack: NumpyArray, columns: int | None) -> NumpyArray:
    """Mosaic of (n, height, width, …) with one empty pixel (NaN, drawn as background) between the tiles."""
    n, height, width = stack.shape[:3]
    columns = columns or math.ceil(math.sqrt(n))
    rows = -(-n // columns)
    mosaic = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, *stack.shape[3:]), np.nan)
    for i in range(n):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        mosaic[top : top + height, left : left + width] = stack[i]
    return mosaic if stack.ndim == 3 else np.nan_to_num(mosaic, nan=1.0)  # noqa: PLR2004
