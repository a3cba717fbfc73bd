"""A small network that guesses noise, given the step and a label."""

from dlkit import Layer, Parameter, array_module


class Guesser(Layer):
    """tanh(x V + S[t] + C[label]) w."""

    def __init__(self, features, steps, classes, *, rng):
        self.V = Parameter(rng.normal(0, 1, (features, 5)))
        self.S = Parameter(rng.normal(0, 1, (steps, 5)))
        self.C = Parameter(rng.normal(0, 1, (classes, 5)))
        self.w = Parameter(rng.normal(0, 1, (5, features)))

    def forward(self, x, t, labels):
        for index in (t, labels):
            if getattr(index, "shape", ()) != x.shape[:1]:
                message = f"the model expects a step and a label for each of the {len(x)} rows"
                raise ValueError(message)
        self.x, self.t, self.labels = x, t, labels
        self.h = array_module(x).tanh(x @ self.V.data + self.S.data[t] + self.C.data[labels])
        return self.h @ self.w.data

    def backward(self, dy):
        self.w.grad += self.h.T @ dy
        dh = (dy @ self.w.data.T) * (1 - self.h * self.h)
        self.V.grad += self.x.T @ dh
        xp = array_module(dh)
        for table, index in ((self.S, self.t), (self.C, self.labels)):
            chosen = (index[:, None] == xp.arange(len(table.data))).astype(dh.dtype)
            table.grad += chosen.T @ dh
        return dh @ self.V.data.T
