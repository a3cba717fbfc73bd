"""Models that give scores, and views of their input."""

import numpy as np

from dlkit import Array, Layer, Parameter, array_module


class Scores(Layer):
    """Scores of classes, size times tanh(x V), for x of any shape (batch, …); it remembers what it returned.

    in_training: factor of the scores in training mode; where it is not 1, their mean over the rows is then subtracted,
    so that rows depend on each other as after a batch normalization.
    """

    def __init__(
        self, in_features: int, classes: int, *, size: float = 3.0, in_training: float = 1.0, rng: np.random.Generator
    ) -> None:
        self.V, self.size = Parameter(rng.normal(0, 1, (in_features, classes))), size
        self.in_training = in_training

    def forward(self, x: Array) -> Array:
        """Scores (batch, classes)."""
        size = self.size * self.in_training if self.training else self.size
        self.scores = size * array_module(x).tanh(x.reshape(len(x), -1) @ self.V.data)
        if self.training and self.in_training != 1:
            self.scores = self.scores - self.scores.mean(axis=0)
        return self.scores


class Mirrored:
    """The last axis in the opposite order."""

    def __call__(self, x: Array) -> Array:
        return x[..., ::-1]


class Scaled:
    """Every number times a factor."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, x: Array) -> Array:
        return x * self.factor


class Rolled:
    """The last axis moved by some places, the last one to the front."""

    def __init__(self, places: int) -> None:
        self.places = places

    def __call__(self, x: Array) -> Array:
        return array_module(x).roll(x, self.places, axis=-1)
