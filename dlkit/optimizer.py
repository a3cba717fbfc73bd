"""Optimizer: the base class of every optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlkit.layer import Parameter

__all__ = ["Optimizer"]


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
