"""PositionwiseFeedForward: correct but slow; plain, as a good student writes it."""

from dlkit import Layer, array_module


class Slow(Layer):
    def forward(self, x):
        xp, rows = array_module(x), x.reshape(-1, x.shape[-1])
        self.rows, self.hidden = rows, xp.empty((len(rows), len(self.b1.data)), dtype=x.dtype)
        y = xp.empty_like(rows)
        for n in range(len(rows)):
            self.hidden[n] = xp.maximum(rows[n] @ self.W1.data + self.b1.data, 0)
            y[n] = self.hidden[n] @ self.W2.data + self.b2.data
        return y.reshape(x.shape)

    def backward(self, dy):
        xp, upstream = array_module(dy), dy.reshape(self.rows.shape)
        dx = xp.empty_like(upstream)
        for n in range(len(upstream)):
            self.W2.grad += self.hidden[n][:, None] * upstream[n]
            self.b2.grad += upstream[n]
            dhidden = (self.W2.data @ upstream[n]) * (self.hidden[n] > 0)
            self.W1.grad += self.rows[n][:, None] * dhidden
            self.b1.grad += dhidden
            dx[n] = self.W1.data @ dhidden
        return dx.reshape(dy.shape)


class Plain(Layer):
    def forward(self, x):
        xp = array_module(x)
        self.x, before = x, xp.einsum("...f,fh->...h", x, self.W1.data) + self.b1.data
        self.positive = before > 0
        self.hidden = before * self.positive
        return xp.einsum("...h,hf->...f", self.hidden, self.W2.data) + self.b2.data

    def backward(self, dy):
        xp, every = array_module(dy), tuple(range(dy.ndim - 1))
        dhidden = xp.einsum("...f,hf->...h", dy, self.W2.data) * self.positive
        self.W2.grad += xp.tensordot(self.hidden, dy, axes=(every, every))
        self.W1.grad += xp.tensordot(self.x, dhidden, axes=(every, every))
        self.b2.grad += dy.sum(axis=every)
        self.b1.grad += dhidden.sum(axis=every)
        return xp.einsum("...h,fh->...f", dhidden, self.W1.data)
