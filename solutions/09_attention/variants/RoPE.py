"""RoPE: correct but slow; plain, as a good student writes it."""

import numpy as np

from dlkit import Layer, array_module, asarray


class Slow(Layer):
    def forward(self, x, start=0):
        self.start = start
        return self.turned(x, 1)

    def backward(self, dy):
        return self.turned(dy, -1)

    def turned(self, x, sign):
        half, y = self.head_dim // 2, array_module(x).empty_like(x)
        for t in range(x.shape[-2]):
            for i in range(half):
                angle = (self.start + t) * self.base ** (-2 * i / self.head_dim)
                cos, sin = np.cos(angle).item(), sign * np.sin(angle).item()
                y[..., t, i] = x[..., t, i] * cos - x[..., t, i + half] * sin
                y[..., t, i + half] = x[..., t, i + half] * cos + x[..., t, i] * sin
        return y


class Plain(Layer):
    def forward(self, x, start=0):
        angles = np.outer(
            np.arange(x.shape[-2]) + start, self.base ** (-np.arange(0, self.head_dim, 2) / self.head_dim)
        )
        both = np.concatenate([angles, angles], axis=1)
        self.cos, self.sin = asarray(np.cos(both).astype(x.dtype)), asarray(np.sin(both).astype(x.dtype))
        return x * self.cos + self.partners(x) * self.sin

    def backward(self, dy):
        return dy * self.cos - self.partners(dy) * self.sin

    def partners(self, x):
        half = self.head_dim // 2
        return array_module(x).concatenate([-x[..., half:], x[..., :half]], axis=-1)
