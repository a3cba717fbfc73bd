"""A layer without memory, which counts its calls."""

from dlkit import Array, array_module


class Block:
    """y = x + tanh(w x) / 20: forward keeps nothing.  calls: of forward so far."""

    def __init__(self) -> None:
        self.calls = 0

    def forward(self, x: Array, w: Array) -> Array:
        """The output (batch, features) for x (batch, features) and w (features,)."""
        self.calls += 1
        return x + 0.05 * array_module(x).tanh(w * x)

    def backward(self, dy: Array, x: Array, w: Array) -> tuple[Array, Array]:
        """The gradients at x and at w."""
        t = array_module(x).tanh(w * x)
        share = 0.05 * dy * (1 - t * t)
        return dy + share * w, (share * x).sum(axis=0)
