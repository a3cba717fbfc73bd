"""A loss of two views that is no symmetric one, so that views that were exchanged are noticed."""

from dlkit import Array, Loss, array_module


class DistanceOfViews(Loss):
    """Mean over rows of ‖2 a − b‖² and of the size of b."""

    def forward(self, a: Array, b: Array) -> Array:
        """One number."""
        self.apart, self.b = 2 * a - b, b
        return ((self.apart**2).sum(axis=1) + array_module(b).cos(b).sum(axis=1)).mean()

    def backward(self) -> tuple[Array, Array]:
        """Return (da, db)."""
        n = len(self.b)
        return 4 * self.apart / n, -(2 * self.apart + array_module(self.b).sin(self.b)) / n
