"""A small engine of automatic differentiation: the implementation that tests of its kinds of exercise look at."""

import numpy as np

from dlkit import array_module, asarray


class Tape:
    """An array, its gradient, and how it was computed."""

    def __init__(self, data):
        self.data, self.grad, self.parents, self.pull = asarray(data), None, (), None

    def record(self, data, parents, pull):
        node = type(self)(data)
        node.parents, node.pull = parents, pull
        return node

    def of(self, other):
        return other if isinstance(other, Tape) else type(self)(asarray(other, dtype=self.data.dtype))

    def backward(self, dy=None):
        order, waiting, seen = [], [(self, False)], set()
        while waiting:
            node, ready = waiting.pop()
            if ready:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                waiting += [(node, True), *((parent, False) for parent in node.parents)]
        self.grad = array_module(self.data).ones_like(self.data) if dy is None else dy
        for node in reversed(order):
            for parent, d in zip(node.parents, node.pull(node.grad) if node.pull else (), strict=True):
                parent.grad = d if parent.grad is None else parent.grad + d

    @staticmethod
    def fitted(dy, shape):
        """The gradient of an operand of this shape."""
        dy = dy.sum(axis=tuple(range(dy.ndim - len(shape))))
        return dy.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)

    def add(self, other):
        a, b = self, self.of(other)
        return self.record(
            a.data + b.data, (a, b), lambda dy: (self.fitted(dy, a.data.shape), self.fitted(dy, b.data.shape))
        )

    def mul(self, other):
        a, b = self, self.of(other)

        def pull(dy):
            return self.fitted(dy * b.data, a.data.shape), self.fitted(dy * a.data, b.data.shape)

        return self.record(a.data * b.data, (a, b), pull)

    def maximum(self, other):
        a, b = self, self.of(other)
        larger = a.data > b.data

        def pull(dy):
            xp = array_module(dy)
            return self.fitted(xp.where(larger, dy, 0), a.data.shape), self.fitted(
                xp.where(larger, 0, dy), b.data.shape
            )

        return self.record(array_module(a.data).maximum(a.data, b.data), (a, b), pull)

    def matmul(self, other):
        a, b = self, other

        def pull(dy):
            left = a.data if a.data.ndim > 1 else a.data[None]
            right = b.data if b.data.ndim > 1 else b.data[:, None]
            dy = dy if b.data.ndim > 1 else dy[..., None]
            dy = dy if a.data.ndim > 1 else dy[..., None, :]
            da, db = dy @ right.swapaxes(-1, -2), left.swapaxes(-1, -2) @ dy
            return (
                self.fitted(da, left.shape).reshape(a.data.shape),
                self.fitted(db, right.shape).reshape(b.data.shape),
            )

        return self.record(a.data @ b.data, (a, b), pull)

    def unary(self, y, slope):
        return self.record(y, (self,), lambda dy: (dy * slope,))

    def power(self, exponent):
        return self.unary(self.data**exponent, exponent * self.data ** (exponent - 1))

    def exp(self):
        y = array_module(self.data).exp(self.data)
        return self.unary(y, y)

    def log(self):
        return self.unary(array_module(self.data).log(self.data), 1 / self.data)

    def tanh(self):
        y = array_module(self.data).tanh(self.data)
        return self.unary(y, 1 - y * y)

    def relu(self):
        return self.unary(self.data * (self.data > 0), self.data > 0)

    def sum(self, axis=None, *, keepdims=False):
        x, kept = self.data, self.data.sum(axis=axis, keepdims=True).shape
        return self.record(
            x.sum(axis=axis, keepdims=keepdims), (self,), lambda dy: (dy.reshape(kept) + array_module(x).zeros_like(x),)
        )

    def mean(self, axis=None, *, keepdims=False):
        y = self.sum(axis=axis, keepdims=keepdims)
        return y.mul(y.data.size / self.data.size)

    def reshape(self, shape):
        return self.record(self.data.reshape(shape), (self,), lambda dy: (dy.reshape(self.data.shape),))

    def transpose(self, axes):
        back = sorted(range(len(axes)), key=list(axes).__getitem__)
        return self.record(self.data.transpose(axes), (self,), lambda dy: (dy.transpose(back),))

    def getitem(self, index):
        def pull(dy):
            dx = array_module(dy).zeros_like(self.data)
            array_module(dy).add.at(dx, index, dy)
            return (dx,)

        return self.record(self.data[index], (self,), pull)

    @staticmethod
    def concatenate(nodes, axis):
        arrays = [node.data for node in nodes]
        cuts = np.cumsum([array.shape[axis] for array in arrays])[:-1]
        xp = array_module(arrays[0])
        return nodes[0].record(
            xp.concatenate(arrays, axis=axis), tuple(nodes), lambda dy: tuple(xp.split(dy, cuts, axis=axis))
        )


def value_and_grad(f, *arrays, tape=Tape):
    """The value of f, and the gradient at each array."""
    nodes = [tape(array) for array in arrays]
    y = f(*nodes)
    y.backward()
    return y.data, [np.zeros_like(node.data) if node.grad is None else node.grad for node in nodes]
