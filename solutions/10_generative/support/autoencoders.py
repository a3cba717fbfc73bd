"""Small networks in place of encoders, decoders and samplers."""

import numpy as np

from dlkit import Layer, Parameter, array_module, asarray


def weights(rows, columns, *, rng):
    """A matrix that a layer has"""
    return Parameter(rng.normal(size=(rows, columns)))


class Scale(Layer):
    """y = w x"""

    def __init__(self, size, *, rng):
        self.w = Parameter(rng.uniform(0.5, 2, size=size))

    def forward(self, x):
        self.x = x
        return x * self.w.data

    def backward(self, dy):
        self.w.grad += (dy * self.x).sum(axis=0)
        return dy * self.w.data


class Lift(Scale):
    """y = w x + 1"""

    def forward(self, x):
        return super().forward(x) + 1


class Same(Layer):
    """y = x, without a copy: y is x itself, and dx is dy itself"""

    def forward(self, x):
        return x

    def backward(self, dy):
        return dy


class Bend(Layer):
    """y = tanh(x A)"""

    def __init__(self, in_features, out_features, *, rng):
        self.A = Parameter(rng.normal(0, in_features**-0.5, size=(in_features, out_features)))

    def forward(self, x):
        self.x = x
        self.y = array_module(x).tanh(x @ self.A.data)
        return self.y

    def backward(self, dy):
        dz = (1 - self.y * self.y) * dy
        self.A.grad += self.x.T @ dz
        return dz @ self.A.data.T


class Draw(Layer):
    """z = mean + exp(log_variance / 2) ε with an ε that depends on the place alone"""

    def forward(self, mean, log_variance):
        noise = np.cos(3 * np.arange(mean.size)).reshape(mean.shape)
        self.spread = array_module(mean).exp(log_variance / 2) * asarray(noise.astype(mean.dtype))
        return mean + self.spread

    def backward(self, dz):
        return dz, 0.5 * self.spread * dz


class Blind(Layer):
    """An autoencoder that sees every third number as 0 and keeps what it has seen"""

    def __init__(self, features, code, *, rng):
        self.first, self.second = (
            Parameter(rng.normal(0, rows**-0.5, size=(rows, columns)))
            for rows, columns in ((features, code), (code, features))
        )

    def forward(self, x):
        gaps = (np.arange(x.size) % 3 > 0).reshape(x.shape)
        self.corrupted = x * asarray(gaps.astype(x.dtype))
        self.code = array_module(x).tanh(self.corrupted @ self.first.data)
        return self.code @ self.second.data, self.code

    def backward(self, dy, dcode=None):
        self.second.grad += self.code.T @ dy
        inner = dy @ self.second.data.T
        inner = (inner if dcode is None else inner + dcode) * (1 - self.code * self.code)
        self.first.grad += self.corrupted.T @ inner
        return inner @ self.first.data.T
