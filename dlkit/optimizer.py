"""Optimizer and Schedule: the base classes of every optimizer and of every learning-rate schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlkit.backend import Array, array_module

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dlkit.layer import Parameter

__all__ = ["Optimizer", "Schedule", "blocks"]

BLOCK = 1 << 14
"""Numbers in a block: half a dozen of them, in float32, fit into the cache of one core."""


class Optimizer:
    """Base class of every optimizer: ``step()`` updates every parameter in place.

    parameters: those to train (a list, or ``model.parameters()``).
    lr: learning rate, greater than zero.
    Raises ValueError where there is nothing to train or the learning rate is not positive.
    """

    def __init__(self, parameters: Iterable[Parameter], lr: float) -> None:
        self.parameters = list(parameters)
        self.lr = lr
        if not self.parameters:
            message = "There is no parameter to train: pass model.parameters()."
            raise ValueError(message)
        if not lr > 0:
            message = f"The learning rate is {lr}; it must be greater than zero."
            raise ValueError(message)

    def step(self) -> None:
        """Update ``parameter.data`` of every parameter in place, from ``parameter.grad``."""
        message = f"{type(self).__name__} has no step yet"
        raise NotImplementedError(message)

    def zero_grad(self) -> None:
        """Set every gradient to zero."""
        for parameter in self.parameters:
            parameter.zero_grad()

    def new_state(self) -> list[Array]:
        """Make an array of zeros for every parameter, with its shape and dtype, on its device."""
        return [array_module(parameter.data).zeros_like(parameter.data) for parameter in self.parameters]


class Schedule:
    """Base class of every schedule: sets ``optimizer.lr``, immediately and at every ``step()``.

    optimizer: its ``lr`` at this moment is the ``base`` that ``rate`` starts from.
    A subclass writes ``rate(t)``; attributes that it needs are set before ``super().__init__``.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.base = optimizer.lr
        self.t = 0
        optimizer.lr = self.rate(0)

    def rate(self, t: int) -> float:
        """Compute the learning rate after ``t`` steps (0, 1, 2 …) from ``self.base``."""
        message = f"{type(self).__name__} has no rate yet"
        raise NotImplementedError(message)

    def step(self) -> None:
        """Set the learning rate of the next step; call it after ``optimizer.step()``."""
        self.t += 1
        self.optimizer.lr = self.rate(self.t)


def blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Yield views of the same piece of every array, one piece after the other, each small enough for the cache.

    A formula of ten operations passes ten times over large arrays in memory; piece by piece, only once.
    arrays: of one shape, to be written to through the views.  They come whole where there is nothing to gain: on a
    device, where they are small, and where one of them is itself a view that skips elements.
    Raises ValueError where the shapes differ.
    """
    shapes = {tuple(array.shape) for array in arrays}
    if len(shapes) > 1:
        message = f"blocks requires arrays of the same shape, not {', '.join(map(str, sorted(shapes)))}."
        raise ValueError(message)
    if any(type(a) is not np.ndarray or a.size <= BLOCK or not a.flags.c_contiguous for a in arrays):
        yield arrays
        return
    lines = [array.reshape(-1) for array in arrays]
    for start in range(0, lines[0].size, BLOCK):
        yield tuple(line[start : start + BLOCK] for line in lines)
