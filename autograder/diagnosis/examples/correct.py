"""Correct code of small exercises.  The examples of patterns are edits of it; it is read as text, as a notebook is."""

import numpy as np

from dlkit import Layer, Loss, Optimizer, Parameter, array_module, zeros


class Linear(Layer):
    """y = x W + b"""

    def __init__(self, in_features, out_features):
        self.W = Parameter(np.random.default_rng(0).normal(size=(in_features, out_features)))
        self.b = Parameter(np.zeros(out_features))

    def forward(self, x):
        self.x = x
        return x @ self.W.data + self.b.data

    def backward(self, dy):
        self.W.grad += self.x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


class ReLU(Layer):
    """The larger of x and zero, entry by entry."""

    def forward(self, x):
        xp = array_module(x)
        self.passed = x > 0
        return xp.maximum(x, 0)

    def backward(self, dy):
        return dy * self.passed


class LeakyReLU(Layer):
    """x where it is positive, and slope times x elsewhere."""

    def __init__(self, slope):
        self.slope = slope

    def forward(self, x):
        xp = array_module(x)
        self.x = x
        return xp.where(x > 0, x, self.slope * x)

    def backward(self, dy):
        xp = array_module(dy)
        return xp.where(self.x > 0, dy, self.slope * dy)


class Tanh(Layer):
    """The hyperbolic tangent, entry by entry."""

    def forward(self, x):
        xp = array_module(x)
        self.y = xp.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y**2)


class Softmax(Layer):
    """Numbers along an axis become probabilities."""

    def __init__(self, axis=-1):
        self.axis = axis

    def forward(self, x):
        xp = array_module(x)
        e = xp.exp(x - x.max(axis=self.axis, keepdims=True))
        self.y = e / e.sum(axis=self.axis, keepdims=True)
        return self.y

    def backward(self, dy):
        return self.y * (dy - (dy * self.y).sum(axis=self.axis, keepdims=True))


class Product(Layer):
    """a times b, entry by entry."""

    def forward(self, a, b):
        self.a, self.b = a, b
        return a * b

    def backward(self, dy):
        return dy * self.b, dy * self.a


class MovingSum(Layer):
    """The sum of every ``width`` neighbours in a row, of which the last counts most."""

    def __init__(self, width):
        self.width = width

    def forward(self, x):
        self.shape, steps = x.shape, x.shape[1] - self.width + 1
        return sum((k + 1) * x[:, k : k + steps] for k in range(self.width))

    def backward(self, dy):
        xp = array_module(dy)
        dx = xp.zeros(self.shape, dy.dtype)
        for k in range(self.width):
            dx[:, k : k + dy.shape[1]] += (k + 1) * dy
        return dx


class Largest(Layer):
    """The largest number of each image; of equal ones, the first gets the gradient."""

    def forward(self, x):
        self.shape, self.flat = x.shape, x.reshape(len(x), -1)
        return self.flat.max(axis=1)

    def backward(self, dy):
        xp = array_module(dy)
        dx = xp.zeros_like(self.flat)
        dx[xp.arange(len(dx)), self.flat.argmax(axis=1)] = dy
        return dx.reshape(self.shape)


class Centre(Layer):
    """Subtracts the mean of the batch; in evaluation, the running mean."""

    def __init__(self, features):
        self.mean = zeros(features)

    def forward(self, x):
        if self.training:
            mean = x.mean(axis=0)
            self.mean = 0.9 * self.mean + 0.1 * mean
            return x - mean
        return x - self.mean.astype(x.dtype)

    def backward(self, dy):
        return dy - dy.mean(axis=0) if self.training else dy


class RootMeanSquare(Loss):
    """The root of the mean of squared differences."""

    def forward(self, prediction, target):
        xp = array_module(prediction)
        self.difference = prediction - target
        self.loss = xp.sqrt((self.difference**2).mean())
        return self.loss

    def backward(self):
        return self.difference / (self.difference.size * self.loss)


class PoissonLoss(Loss):
    """The mean of prediction − target + target · log (target / prediction)."""

    def forward(self, prediction, target):
        xp = array_module(prediction)
        self.prediction, self.target = prediction, target
        return (prediction - target + target * xp.log(target / prediction)).mean()

    def backward(self):
        return (1 - self.target / self.prediction) / self.target.size


class CrossEntropy(Loss):
    """The mean of −log of the probability that the scores give to each row's label."""

    def forward(self, scores, labels):
        xp = array_module(scores)
        below = scores - scores.max(axis=1, keepdims=True)
        log_p = below - xp.log(xp.exp(below).sum(axis=1, keepdims=True))
        self.p, self.labels = xp.exp(log_p), labels
        return -log_p[xp.arange(len(labels)), labels].mean()

    def backward(self):
        xp = array_module(self.p)
        dscores = self.p.copy()
        dscores[xp.arange(len(self.labels)), self.labels] -= 1
        return dscores / len(self.labels)


class PairLoss(Loss):
    """Pulls pairs together that are alike, and pushes others apart to a distance of 1."""

    def forward(self, distances, alike):
        xp = array_module(distances)
        self.distances, self.alike = distances, alike
        self.gaps = xp.maximum(1 - distances, 0)
        return xp.where(alike == 1, distances**2, self.gaps**2).mean()

    def backward(self):
        xp = array_module(self.distances)
        slopes = xp.where(self.alike == 1, 2 * self.distances, -2 * self.gaps)
        return slopes / len(self.alike)


def running_sums(x):
    """The sum of each row and all rows before it."""
    xp = array_module(x)
    sums = [xp.zeros_like(x[0])]
    for row in x:
        sums.append(sums[-1] + row)
    return xp.stack(sums[1:])


def running_means(x):
    """The mean of each number and all numbers before it, along the last axis."""
    xp = array_module(x)
    means = xp.zeros_like(x)
    total = xp.zeros_like(x[..., 0])
    for t in range(x.shape[-1]):
        total = total + x[..., t]
        means[..., t] = total / (t + 1)
    return means


def split_heads(x, heads):
    """(rows, steps, features) → (rows, heads, steps, features / heads)"""
    rows, steps, _ = x.shape
    return x.reshape(rows, steps, heads, -1).transpose(0, 2, 1, 3)


def unit_rows(x, eps):
    """Each row divided by its length; eps keeps a row of zeros as it is."""
    xp = array_module(x)
    y = xp.zeros_like(x)
    for i, row in enumerate(x):
        y[i] = row / xp.sqrt((row * row).sum() + eps)
    return y


def cross_product(a, b):
    """The vector at right angles to a and b, along the last axis."""
    xp = array_module(a)
    a1, a2, a3 = a[..., 0], a[..., 1], a[..., 2]
    b1, b2, b3 = b[..., 0], b[..., 1], b[..., 2]
    return xp.stack([a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1], axis=-1)


class Momentum(Optimizer):
    """Steps along a velocity; the weight decay is part of the gradient."""

    def __init__(self, parameters, lr, momentum=0.9, weight_decay=0.0):
        super().__init__(parameters, lr)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.velocities = self.new_state()

    def step(self):
        for p, v in zip(self.parameters, self.velocities, strict=True):
            g = p.grad + self.weight_decay * p.data
            v *= self.momentum
            v += g
            p.data -= self.lr * v


class Average(Optimizer):
    """Steps along an average of gradients, corrected for its start at zero; the weight decay is added to the step."""

    def __init__(self, parameters, lr, momentum=0.9, weight_decay=0.0):
        super().__init__(parameters, lr)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.averages, self.t = self.new_state(), 0

    def step(self):
        self.t += 1
        for p, average in zip(self.parameters, self.averages, strict=True):
            average *= self.momentum
            average += (1 - self.momentum) * p.grad
            step = average / (1 - self.momentum**self.t)
            p.data -= self.lr * (step + self.weight_decay * p.data)
