"""Landscapes to descend in two dimensions, and their maps with the trajectories of optimizers.

Sources: Rosenbrock, An automatic method for finding the greatest or least value of a function (1960).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlkit.backend import Array, NumpyArray, asarray, to_numpy
from dlkit.layer import Parameter
from dlkit.optimizer import Optimizer
from dlkit.plotting import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["QUADRATIC", "ROSENBROCK", "Landscape", "descend", "draw"]

LEVELS = 18


@dataclass(frozen=True)
class Landscape:
    """A height over the plane, with its gradient.

    height: x, y → height, for arrays of any shape; gradient: x, y → both partial derivatives.
    window: least and greatest x, least and greatest y, of a map that shows the trajectory.
    """

    name: str
    height: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], tuple[Array, Array]]
    start: tuple[float, float]
    minimum: tuple[float, float]
    window: tuple[float, float, float, float]


ROSENBROCK = Landscape(
    "Rosenbrock's valley",
    lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    lambda x, y: (2 * (x - 1) - 400 * x * (y - x**2), 200 * (y - x**2)),
    start=(-1.2, 1.0),
    minimum=(1.0, 1.0),
    window=(-1.8, 1.8, -0.8, 2.2),
)
"""A curved valley, steep across and nearly flat along."""

QUADRATIC = Landscape(
    "ill-conditioned quadratic",
    lambda x, y: (x**2 + 30 * y**2) / 2,
    lambda x, y: (x, 30 * y),
    start=(-4.0, 1.4),
    minimum=(0.0, 0.0),
    window=(-4.6, 2.0, -1.9, 1.9),
)
"""Thirty times as steep along y as along x."""


def descend(landscape: Landscape, make: Callable[[list[Parameter]], Optimizer], steps: int) -> NumpyArray:
    """Minimize from the start; return the trajectory (steps + 1, 2), a float64 array in CPU memory.

    make: takes a list with one parameter of shape (2,) and returns an optimizer for it.
    """
    point = Parameter(asarray(np.array(landscape.start)))
    optimizer = make([point])
    trajectory = [to_numpy(point.data).copy()]
    for _ in range(steps):
        point.grad[...] = asarray(np.array(landscape.gradient(*trajectory[-1])))
        optimizer.step()
        trajectory.append(to_numpy(point.data).copy())
    return np.array(trajectory)


def draw(landscape: Landscape, trajectories: Mapping[str, Array], *, ax: Axes | None = None) -> Axes:
    """Map of the landscape with trajectories: a dot for each step, a star at the minimum.

    trajectories: name → (steps + 1, 2), in the order of the colours; ax: the axes to draw on (by default a new figure).
    Returns the axes.
    """
    if ax is None:
        from matplotlib import pyplot as plt

        ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")[1]
    left, right, bottom, top = landscape.window
    x, y = np.meshgrid(np.linspace(left, right, 200), np.linspace(bottom, top, 200))
    height = landscape.height(x, y)
    levels = np.geomspace(max(float(height.min()), 1e-3 * float(height.max())), float(height.max()), LEVELS)
    ax.contour(x, y, height, levels=levels, colors="#bbbbbb", linewidths=0.6)
    for i, (name, trajectory) in enumerate(trajectories.items()):
        colour = COLOURS[i % len(COLOURS)]
        ax.plot(*to_numpy(trajectory).T, color=colour, marker=".", ms=3, lw=1, label=name)
    ax.plot(*landscape.minimum, "*", color="black", ms=9, zorder=3)
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel="$x$", ylabel="$y$")
    return ax
