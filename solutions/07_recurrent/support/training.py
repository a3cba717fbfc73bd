"""A model, a loss and an optimizer around a recurrent layer."""

import numpy as np

from dlkit import Layer, Loss, Optimizer, Parameter, array_module


class Model(Layer):
    """Running sums, and a prediction of every one of them."""

    def __init__(self, in_features, hidden, outputs, *, dtype):
        rng = np.random.default_rng(5)
        self.recurrent = Running(in_features, hidden, rng=rng)
        self.V = Parameter(rng.normal(0, hidden**-0.5, (hidden, outputs)))
        self.astype(dtype)

    def forward(self, x, state=None):
        self.h, last = self.recurrent.forward(x, state)
        return self.h @ self.V.data, last

    def backward(self, dy, dlast=None):
        self.V.grad += self.h.reshape(-1, self.h.shape[2]).T @ dy.reshape(-1, dy.shape[2])
        return self.recurrent.backward(dy @ self.V.data.T, dlast)


class RowLoss(Loss):
    """The mean over rows of the squared distance, to rows or to labels."""

    def forward(self, prediction, target):
        if prediction.ndim != 2 or len(prediction) != len(target):
            raise ValueError(
                f"the loss wants one row for each prediction, not {prediction.shape} with targets {target.shape}"
            )
        if target.ndim == 1:
            library = array_module(prediction)
            target = library.eye(prediction.shape[1], dtype=prediction.dtype)[target]
        self.difference = prediction - target
        return (self.difference * self.difference).sum(axis=1).mean()

    def backward(self):
        return self.difference * (2 / len(self.difference))


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
