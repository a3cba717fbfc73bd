"""Softmax: correct but slow; plain, as a good student writes it; with too much memory."""

import numpy as np

from dlkit import Layer, array_module


class Slow(Layer):
    def backward(self, dy):
        y = np.moveaxis(self.y, self.axis, -1)
        upstream = np.moveaxis(dy, self.axis, -1)
        dx = array_module(dy).zeros_like(y)
        for index in np.ndindex(y.shape[:-1]):
            jacobian = -y[index][:, None] * y[index]
            for i in range(len(jacobian)):
                jacobian[i, i] += y[index][i]
            dx[index] = jacobian @ upstream[index]
        return np.moveaxis(dx, -1, self.axis)


class Plain(Layer):
    def forward(self, x):
        xp = array_module(x)
        e = xp.exp(x - x.max(axis=self.axis, keepdims=True))
        self.y = e / e.sum(axis=self.axis, keepdims=True)
        return self.y

    def backward(self, dy):
        return self.y * (dy - (dy * self.y).sum(axis=self.axis, keepdims=True))


class Bulky(Layer):
    def backward(self, dy):
        xp = array_module(dy)
        y = xp.moveaxis(self.y, self.axis, -1)
        jacobian = -y[..., :, None] * y[..., None, :]
        diagonal = xp.arange(y.shape[-1])
        jacobian[..., diagonal, diagonal] += y
        dx = (jacobian @ xp.moveaxis(dy, self.axis, -1)[..., None])[..., 0]
        return xp.moveaxis(dx, -1, self.axis)
