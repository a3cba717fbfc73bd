"""Things that have data and grad, as tensors do."""

from collections.abc import Sequence

from dlkit import Array


class Plain:
    """An array, and a gradient or None."""

    def __init__(self, data: Array, grad: Array | None) -> None:
        self.data, self.grad = data, grad


def tensors(arrays: Sequence[Array], grads: Sequence[Array | None]) -> list[Plain]:
    """One of each array, with its gradient."""
    return [Plain(data.copy(), grad) for data, grad in zip(arrays, grads, strict=True)]


def arrays_of(made: Sequence[Plain]) -> list[Array]:
    """Their arrays."""
    return [each.data for each in made]
