"""A network's first layers, and its last, that behave differently in training and in evaluation."""

import numpy as np

from dlkit import Array, Layer, Parameter, array_module


class Body(Layer):
    """Features tanh(x V) + m: in training m is the batch's own mean, which is kept; in evaluation the last one."""

    def __init__(self, in_features: int, features: int, *, rng: np.random.Generator) -> None:
        self.V = Parameter(rng.normal(0, in_features**-0.5, (in_features, features)))
        self.mean = rng.normal(0, 0.5, features)

    def forward(self, x: Array) -> Array:
        """Features (batch, features)."""
        self.x = x.reshape(len(x), -1)
        self.h = array_module(x).tanh(self.x @ self.V.data)
        if self.training:
            self.mean = 0.5 * self.h.mean(axis=0)
        return self.h + array_module(x).asarray(self.mean, dtype=x.dtype)

    def backward(self, dy: Array) -> Array:
        """Add the gradient of V and return dx, as if in evaluation."""
        dh = dy * (1 - self.h * self.h)
        self.V.grad += self.x.T @ dh
        return dh @ self.V.data.T


class Head(Layer):
    """Scores x W, in training of features that are one and a half times as large."""

    def __init__(self, features: int, classes: int, *, rng: np.random.Generator) -> None:
        self.W = Parameter(rng.normal(0, features**-0.5, (features, classes)))
        self.training = False

    def forward(self, x: Array) -> Array:
        """Scores (batch, classes)."""
        self.x = 1.5 * x if self.training else x
        return self.x @ self.W.data

    def backward(self, dy: Array) -> Array:
        """Add the gradient of W and return dx."""
        self.W.grad += self.x.T @ dy
        return (1.5 if self.training else 1.0) * (dy @ self.W.data.T)
