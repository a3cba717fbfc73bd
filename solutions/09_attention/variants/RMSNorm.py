"""RMSNorm: correct but slow; plain, as a good student writes it."""

from dlkit import Layer, array_module


class Slow(Layer):
    def forward(self, x):
        xp, rows = array_module(x), x.reshape(-1, x.shape[-1])
        self.rows, y = rows, xp.empty_like(rows)
        for n in range(len(rows)):
            y[n] = self.gamma.data * rows[n] / xp.sqrt((rows[n] ** 2).mean() + self.eps)
        return y.reshape(x.shape)

    def backward(self, dy):
        xp, upstream = array_module(dy), dy.reshape(self.rows.shape)
        dx = xp.empty_like(upstream)
        for n in range(len(upstream)):
            root = xp.sqrt((self.rows[n] ** 2).mean() + self.eps)
            normal, scaled = self.rows[n] / root, upstream[n] * self.gamma.data
            self.gamma.grad += upstream[n] * normal
            dx[n] = (scaled - normal * (scaled * normal).mean()) / root
        return dx.reshape(dy.shape)


class Plain(Layer):
    def forward(self, x):
        self.x, self.root = x, array_module(x).sqrt((x**2).mean(axis=-1, keepdims=True) + self.eps)
        return self.gamma.data * x / self.root

    def backward(self, dy):
        normal, scaled = self.x / self.root, dy * self.gamma.data
        self.gamma.grad += (dy * normal).sum(axis=tuple(range(dy.ndim - 1)))
        return (scaled - normal * (scaled * normal).mean(axis=-1, keepdims=True)) / self.root
