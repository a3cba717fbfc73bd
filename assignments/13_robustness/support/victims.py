"""A network to attack and to train, which computes differently in its two modes."""

import numpy as np

from dlkit import Array, Layer, Optimizer, Parameter, array_module


class Victim(Layer):
    """Scores tanh(x V) w of rows of any shape, which do not depend on a row's last number.

    In training the hidden units are half as large.
    """

    def __init__(self, in_features: int, hidden: int, out_features: int, *, rng: np.random.Generator) -> None:
        self.V = Parameter(rng.normal(0, 2 * in_features**-0.5, size=(in_features, hidden)))
        self.V.data[-1] = 0
        self.w = Parameter(rng.normal(0, hidden**-0.5, size=(hidden, out_features)))

    def forward(self, x: Array) -> Array:
        """Scores (batch, out_features) of x (batch, …)."""
        self.share = 0.5 if self.training else 1.0
        self.shape, self.x = x.shape, x.reshape(len(x), -1)
        self.h = array_module(x).tanh(self.x @ self.V.data)
        return self.share * (self.h @ self.w.data)

    def backward(self, dy: Array) -> Array:
        """Add the parameters' gradients and return dx."""
        dy = self.share * dy
        self.w.grad += self.h.T @ dy
        dh = (dy @ self.w.data.T) * (1 - self.h * self.h)
        self.V.grad += self.x.T @ dh
        return (dh @ self.V.data.T).reshape(self.shape)


def pollute(layer: Layer, number: float = 1.0) -> None:
    """Leave gradients of an earlier step in every parameter; nan for a step that went wrong."""
    for parameter in layer.parameters():
        parameter.grad[...] = number + parameter.data * parameter.data


class Descent(Optimizer):
    """Plain gradient descent."""

    def step(self) -> None:
        """Move every parameter against its gradient."""
        for parameter in self.parameters:
            parameter.data -= self.lr * parameter.grad


def descent(model: Layer, lr: float) -> Descent:
    """An optimizer of all parameters of a model."""
    return Descent(model.parameters(), lr)
