"""A body that gives maps of features, and a head that reads them."""

import numpy as np

from dlkit import Array, Layer, Parameter, array_module, asarray


class Maps(Layer):
    """Features tanh(a x + b) of images (batch, height, width): a channel for each number of a."""

    def __init__(self, channels: int, *, rng: np.random.Generator) -> None:
        self.a = Parameter(rng.normal(0, 2, channels))
        self.b = Parameter(rng.normal(size=channels))

    def forward(self, x: Array) -> Array:
        """Maps (batch, channels, height, width)."""
        self.x = x[:, None]
        a, b = (p.data[:, None, None] for p in (self.a, self.b))
        self.y = array_module(x).tanh(a * self.x + b)
        return self.y

    def backward(self, dy: Array) -> Array:
        """Add the gradients of a and b and return dx."""
        dh = dy * (1 - self.y * self.y)
        self.a.grad += (dh * self.x).sum(axis=(0, 2, 3))
        self.b.grad += dh.sum(axis=(0, 2, 3))
        return (dh * self.a.data[:, None, None]).sum(axis=1)


class Reader(Layer):
    """Scores tanh(features) W, all places together; in training the scores are half as large."""

    def __init__(self, numbers: int, classes: int, *, rng: np.random.Generator) -> None:
        self.W = Parameter(rng.normal(size=(numbers, classes)))

    def forward(self, x: Array) -> Array:
        """Scores (batch, classes)."""
        self.share = 0.5 if self.training else 1.0
        self.shape = x.shape
        self.h = array_module(x).tanh(x.reshape(len(x), -1))
        return self.share * (self.h @ self.W.data)

    def backward(self, dy: Array) -> Array:
        """Add the gradient of W and return dx."""
        dy = self.share * dy
        self.W.grad += self.h.T @ dy
        return ((dy @ self.W.data.T) * (1 - self.h * self.h)).reshape(self.shape)


def leave_gradients(layer: Layer, rng: np.random.Generator) -> None:
    """Leave gradients of an earlier step in every parameter."""
    for parameter in layer.parameters():
        parameter.grad[...] = asarray(rng.normal(size=parameter.shape).astype(str(parameter.grad.dtype)))
