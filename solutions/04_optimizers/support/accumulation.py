"""A model, a loss and an optimizer that records what it is given."""

import numpy as np

from dlkit import Layer, Loss, Optimizer, Parameter, array_module


class Perceptron(Layer):
    """x → tanh(x V) w, one number a sample."""

    def __init__(self, n_in, hidden, *, dtype):
        rng = np.random.default_rng(5)
        self.V = Parameter(rng.normal(0, n_in**-0.5, size=(n_in, hidden)).astype(dtype))
        self.w = Parameter(rng.normal(0, hidden**-0.5, size=(hidden, 1)).astype(dtype))

    def forward(self, x):
        self.x, self.h = x, array_module(x).tanh(x @ self.V.data)
        return self.h @ self.w.data

    def backward(self, dy):
        self.w.grad += self.h.T @ dy
        dh = (dy @ self.w.data.T) * (1 - self.h * self.h)
        self.V.grad += self.x.T @ dh
        return dh @ self.V.data.T


class SquaredError(Loss):
    """The mean of the squares."""

    def forward(self, prediction, target):
        self.difference = prediction - target
        return (self.difference * self.difference).mean()

    def backward(self):
        return self.difference * (2 / self.difference.size)


class Recorder(Optimizer):
    """Plain descent that writes down every gradient it is given."""

    def __init__(self, model):
        super().__init__(model.parameters(), 0.1)
        self.seen = []

    def step(self):
        self.seen.append([parameter.grad.copy() for parameter in self.parameters])
        for one, gradient in zip(self.parameters, self.seen[-1]):
            one.data -= self.lr * gradient

    def gradients(self, i):
        """Those of one parameter, update by update."""
        grad = self.parameters[i].grad
        taken = [gradients[i] for gradients in self.seen]
        return array_module(grad).stack(taken) if taken else grad[None][:0]
