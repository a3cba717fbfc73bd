"""Dropout: correct but slow; plain, as a good student writes it; with too much memory."""

import numpy as np

from dlkit import Layer, array_module, asarray


class Slow(Layer):
    def forward(self, x):
        self.kept = None
        if not self.training or self.p == 0:
            return x
        y = array_module(x).zeros_like(x)
        self.kept = array_module(x).zeros(x.shape, dtype=bool)
        for i in np.ndindex(*x.shape):
            if self.rng.random() >= self.p:
                self.kept[i] = True
                y[i] = x[i] / (1 - self.p)
        return y


class Plain(Layer):
    def forward(self, x):
        if self.training:
            self.mask = asarray((self.rng.random(x.shape) >= self.p) / (1 - self.p), dtype=x.dtype)
        else:
            self.mask = array_module(x).ones_like(x)
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask


class Bulky(Layer):
    def forward(self, x):
        self.x = x.copy()
        self.draws = [self.rng.random(x.shape) for _ in range(4)]
        if not self.training:
            self.mask = array_module(x).ones_like(x)
        else:
            self.mask = asarray((self.draws[-1] >= self.p) / (1 - self.p))
        self.y = (self.x * self.mask).astype(x.dtype)
        return self.y

    def backward(self, dy):
        return (dy * self.mask).astype(dy.dtype)
