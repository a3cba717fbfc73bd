"""Loss: the base class of every loss.

A loss turns predictions and targets into one number, and gives the gradient of that number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlkit.backend import Array

__all__ = ["Loss"]


class Loss:
    """Base class of every loss.

    ``forward(prediction, target)`` returns a scalar of the array's own library, the mean over the
    batch (``float()`` belongs to whoever prints: on a GPU it waits for the device).
    ``backward()`` returns the gradient of that scalar by the prediction, with the prediction's
    shape and already divided by the batch.
    """

    def forward(self, *inputs: Array) -> Array:
        """Mean loss over the batch, as a scalar; stores what backward needs."""
        message = f"{type(self).__name__} has no forward yet"
        raise NotImplementedError(message)

    def backward(self) -> Array:
        """Gradient of the last loss with respect to the prediction."""
        message = f"{type(self).__name__} has no backward yet"
        raise NotImplementedError(message)

    def __call__(self, *inputs: Array) -> Array:
        """Call ``forward``."""
        return self.forward(*inputs)
