"""The disguise of a capstone's data: a change drawn anew for every seed, which costs training nothing.

Weights and rows that were typed into the source fit only the data as they are published.  A change from a small set
(quarter turns, say) could be found by trying all of them; the changes here are continuous wherever the data allow it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from dlkit.backend import NumpyArray

__all__ = ["CHARACTERS", "DISGUISES", "Task", "disguise"]

Change = Callable[[NumpyArray], NumpyArray]
"""What is done to rows."""
CHARACTERS = "characters"
"""The disguise of sequences of symbols: renumbered everywhere, in rows as well as in labels."""
WAVES = 3
"""A smooth displacement is a sum of cosines of up to two half waves in each direction."""
STRETCH, SHEAR, SHIFT, BEND, GAMMA = 0.12, 0.2, 1.0, 0.7, 0.3
"""How far images are changed besides being rotated: the largest logarithm of a stretch and slant; the largest shift in
pixels, and the standard deviation, in pixels, of each wave of the displacement (of smaller images than ``USUAL``, as a
share of their size); the largest logarithm of the exponent of the grey values."""
USUAL = 28
"""Height and width of the images for which pixels are stated."""
REACH, LITTLE, MUCH = 2, 0.35, 2.5
"""How pixels are mixed with their neighbours: waves of the angle in each direction, and their standard deviation, for
models that look at neighbours and for those that do not."""
SHRINK = 1.1
"""Images are made smaller by this factor, so that nothing is moved out of them."""


@dataclass(frozen=True)
class Task:
    """Training data, and rows that the model is judged by.

    x, y: passed to the student's function; x_test, y_test: not seen before training has ended.
    """

    x: NumpyArray
    y: NumpyArray
    x_test: NumpyArray
    y_test: NumpyArray


def disguise(task: Task, how: str, rng: np.random.Generator) -> Task:
    """Another task, equally hard to learn, that nobody can have prepared for.

    Classes (integer labels) are renumbered; rows are changed as ``how`` of ``DISGUISES`` says, in the same way for
    training and test.  ``CHARACTERS`` renumbers the symbols of whole sequences, in all four arrays alike.
    """
    if how == CHARACTERS:
        return _in_another_alphabet(task, rng)
    y, y_test = task.y, task.y_test
    if how != "none" and np.issubdtype(np.asarray(y).dtype, np.integer):
        classes = np.unique(np.concatenate([y, y_test]))
        renumbered = rng.permutation(classes)
        y, y_test = (renumbered[np.searchsorted(classes, labels)] for labels in (y, y_test))
    change = DISGUISES[how](task.x, rng)
    return Task(change(task.x), y, change(task.x_test), y_test)


def _in_another_alphabet(task: Task, rng: np.random.Generator) -> Task:
    parts = (task.x, task.y, task.x_test, task.y_test)
    alphabet = np.unique(np.concatenate([np.ravel(part) for part in parts]))
    renumbered = rng.permutation(alphabet)
    return Task(*(renumbered[np.searchsorted(alphabet, part)] for part in parts))


def _in_another_order(x: NumpyArray, rng: np.random.Generator) -> Change:
    order = rng.permutation(x.shape[-1])
    return lambda rows: rows[..., order]


def _rotated(x: NumpyArray, rng: np.random.Generator) -> Change:
    axes, _ = np.linalg.qr(rng.normal(size=(x.shape[-1],) * 2))
    return lambda rows: (rows @ axes).astype(x.dtype)


def _warped(x: NumpyArray, rng: np.random.Generator, mix: float = LITTLE) -> Change:
    """Rotate by any angle, mirror or not, stretch, slant, shift, bend, and change the grey values by a power."""
    height, width = x.shape[-2:]
    blend = _blend(_origins(height, width, rng), height, width)
    power, mixing = math.exp(rng.uniform(-GAMMA, GAMMA)), _mixing(height, width, mix, rng)

    def change(rows: NumpyArray) -> NumpyArray:
        flat = rows.reshape(-1, height * width)
        seen = sum(weight * flat[:, pixel] for pixel, weight in blend)
        lightest = max(float(x.max()), np.finfo(float).tiny)
        grey = lightest * np.clip(seen / lightest, 0, 1) ** power
        mixed: NumpyArray = grey.astype(rows.dtype) @ mixing.astype(rows.dtype)
        return mixed.reshape(rows.shape)

    return change


def _mixing(height: int, width: int, mix: float, rng: np.random.Generator) -> NumpyArray:
    """An orthogonal matrix (pixels, pixels) that mixes each pixel with its neighbours, everywhere alike.

    It is a filter that shifts each wave by an angle of its own: a smooth function of the wave's frequencies, so that
    only near pixels are mixed.  Nothing is lost, and moved images give moved images.
    """
    down = 2 * np.pi * np.fft.fftfreq(height)[:, None]
    right = 2 * np.pi * np.fft.rfftfreq(width)[None]
    angle = np.zeros((height, width // 2 + 1))
    for i in range(REACH + 1):
        for j in range(-REACH, REACH + 1):
            if (i, j) > (0, 0):
                angle += rng.normal(0, mix) * np.sin(i * down + j * right)
    kernel = np.fft.irfft2(np.exp(1j * angle), s=(height, width))
    rows, columns = (np.subtract.outer(np.arange(n), np.arange(n)).T % n for n in (height, width))
    mixing: NumpyArray = kernel[rows[:, None, :, None], columns[None, :, None, :]].reshape(height * width, -1)
    return mixing


def _origins(height: int, width: int, rng: np.random.Generator) -> NumpyArray:
    """Where in the published image each pixel of the new one comes from: (2, height, width) rows and columns."""
    angle, slant = rng.uniform(0, 2 * math.pi), rng.uniform(-SHEAR, SHEAR)
    cos, sin = math.cos(angle), math.sin(angle)
    stretch = SHRINK * np.exp(rng.uniform(-STRETCH, STRETCH, size=2))
    stretch[0] *= rng.choice([-1, 1])
    turn = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, slant], [0, 1]]) @ np.diag(stretch)
    half = np.array([(height - 1) / 2, (width - 1) / 2])
    size = min(1.0, min(height, width) / USUAL)
    places = np.stack(np.meshgrid(np.arange(height) - half[0], np.arange(width) - half[1], indexing="ij"))
    shift = size * rng.uniform(-SHIFT, SHIFT, size=(2, 1, 1))
    moved = np.einsum("ij,jhw->ihw", turn, places) + half[:, None, None] + shift
    waves = [np.cos(np.pi * np.outer(np.arange(WAVES), (np.arange(n) + 0.5) / n)) for n in (height, width)]
    bend = size * rng.normal(0, BEND, size=(2, WAVES, WAVES))
    bent: NumpyArray = moved + np.einsum("cij,ih,jw->chw", bend, *waves)
    return bent


def _blend(origins: NumpyArray, height: int, width: int) -> list[tuple[NumpyArray, NumpyArray]]:
    """Bilinear interpolation: for each of four neighbours its pixel, and its weight, 0 outside the image."""
    corner = np.floor(origins).astype(int)
    share = origins - corner
    found = []
    for down in (0, 1):
        for right in (0, 1):
            row, column = corner[0] + down, corner[1] + right
            weight = abs(1 - down - share[0]) * abs(1 - right - share[1])
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            pixel = np.where(inside, row * width + column, 0)
            found.append((pixel.ravel(), np.where(inside, weight, 0).ravel().astype(np.float32)))
    return found


def _mixed_in_another_order(x: NumpyArray, rng: np.random.Generator) -> Change:
    side = math.isqrt(x.shape[-1])
    mixing = _mixing(side, side, LITTLE, rng)[:, rng.permutation(x.shape[-1])].astype(x.dtype)
    return lambda rows: rows @ mixing


def _warped_in_another_order(x: NumpyArray, rng: np.random.Generator) -> Change:
    side, order = math.isqrt(x.shape[-1]), rng.permutation(x.shape[-1])
    change = _warped(x.reshape(-1, side, side), rng, 0.0)
    return lambda rows: change(rows.reshape(-1, side, side)).reshape(rows.shape)[..., order]


DISGUISES: dict[str, Callable[[NumpyArray, np.random.Generator], Change]] = {
    "rotation": _rotated,
    "warp": _warped,
    "mixed warp": partial(_warped, mix=MUCH),
    "mixed columns": _mixed_in_another_order,
    "warped columns": _warped_in_another_order,
    "columns": _in_another_order,
    "labels": lambda _x, _rng: lambda rows: rows,
    "none": lambda _x, _rng: lambda rows: rows,
}
"""How rows are changed.

rotation: all features are mixed by a rotation of their space, for points, and for models that know of no neighbours;
warp: images, for models that look at neighbours, rotated by any angle, mirrored or not, stretched, slanted, shifted and
bent, and each pixel mixed with its neighbours; mixed warp: the same with pixels mixed much more, for models of dense
layers, to which that makes no difference; mixed columns: square images given as rows of pixels, which are mixed a
little and then put in another order; warped columns: the same with pixels warped and not mixed, so that grey values
stay within their limits;
columns: features in another order, where their values must stay;  labels: only the class numbers;
none: where any disguise would change what is to be learned.
"""
