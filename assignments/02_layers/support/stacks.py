"""Small layers for stacks."""

from dlkit import Layer, Parameter, array_module


class Scale(Layer):
    """y = w x"""

    def __init__(self, size, *, rng):
        self.w = Parameter(rng.normal(size=size))

    def forward(self, x):
        self.x = x
        return x * self.w.data

    def backward(self, dy):
        self.w.grad += (dy * self.x).sum(axis=0)
        return dy * self.w.data


class Square(Layer):
    """y = x² + x"""

    def forward(self, x):
        self.x = x
        return x * x + x

    def backward(self, dy):
        return dy * (2 * self.x + 1)


class Widen(Layer):
    """y = (x, sin x) side by side"""

    def forward(self, x):
        xp = array_module(x)
        self.x = x
        return xp.concatenate([x, xp.sin(x)], axis=1)

    def backward(self, dy):
        half = dy.shape[1] // 2
        return dy[:, :half] + dy[:, half:] * array_module(dy).cos(self.x)
