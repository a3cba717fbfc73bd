"""A model around a recurrent layer."""

from dlkit import Layer, Parameter


class Predictor(Layer):
    """Running sums, and a prediction of every one of them."""

    def __init__(self, in_features, hidden, outputs, *, rng):
        self.recurrent = Running(in_features, hidden, rng=rng)
        self.V = Parameter(rng.normal(0, hidden**-0.5, (hidden, outputs)))

    def forward(self, x, state=None):
        self.h, last = self.recurrent.forward(x, state)
        return self.h @ self.V.data, last

    def backward(self, dy, dlast=None):
        self.V.grad += self.h.reshape(-1, self.h.shape[2]).T @ dy.reshape(-1, dy.shape[2])
        return self.recurrent.backward(dy @ self.V.data.T, dlast)
