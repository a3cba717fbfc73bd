"""AdamInPlace: the formulas as they are, which others are measured against; slow and plain."""

import numpy as np

from dlkit import Optimizer, array_module, blocks


class Frozen(Optimizer):
    def step(self):
        self.t += 1
        beta1, beta2 = self.betas
        for parameter, means, squares in zip(self.parameters, self.m, self.v):
            g = parameter.grad
            means[...] = beta1 * means + (1 - beta1) * g
            squares[...] = beta2 * squares + (1 - beta2) * g**2
            m, v = means / (1 - beta1**self.t), squares / (1 - beta2**self.t)
            parameter.data[...] = parameter.data - self.lr * m / (array_module(v).sqrt(v) + self.eps)


class Slow(Optimizer):  # no new arrays, but row by row
    def step(self):
        self.t += 1
        beta1, beta2 = self.betas
        for parameter, means, squares, scratch in zip(self.parameters, self.m, self.v, self.scratch):
            xp = array_module(scratch)
            for row in np.ndindex(parameter.data.shape[:-1]):
                p, g, m, v, w = parameter.data[row], parameter.grad[row], means[row], squares[row], scratch[row]
                m *= beta1
                xp.multiply(g, 1 - beta1, out=w)
                m += w
                v *= beta2
                xp.multiply(g, g, out=w)
                w *= 1 - beta2
                v += w
                xp.divide(v, 1 - beta2**self.t, out=w)
                xp.sqrt(w, out=w)
                w += self.eps
                xp.divide(m, w, out=w)
                w /= 1 - beta1**self.t
                w *= self.lr
                p -= w


class Plain(Optimizer):  # temporary arrays, of one block each
    def step(self):
        self.t += 1
        beta1, beta2 = self.betas
        for parameter, means, squares in zip(self.parameters, self.m, self.v):
            for p, g, m, v in blocks(parameter.data, parameter.grad, means, squares):
                m[...] = beta1 * m + (1 - beta1) * g
                v[...] = beta2 * v + (1 - beta2) * g * g
                p -= self.lr / (1 - beta1**self.t) * m / (array_module(v).sqrt(v / (1 - beta2**self.t)) + self.eps)


class Bulky(Optimizer):  # in place, but with one array of its own for all differences
    def step(self):
        self.t += 1
        beta1, beta2 = self.betas
        for parameter, means, squares, scratch in zip(self.parameters, self.m, self.v, self.scratch):
            for p, g, m, v, w, own in blocks(
                parameter.data, parameter.grad, means, squares, scratch, array_module(scratch).empty_like(scratch)
            ):
                xp = array_module(w)
                xp.subtract(g, m, out=own)
                own *= 1 - beta1
                m += own
                xp.multiply(g, g, out=own)
                own -= v
                own *= 1 - beta2
                v += own
                xp.divide(v, 1 - beta2**self.t, out=w)
                xp.sqrt(w, out=w)
                w += self.eps
                xp.divide(m, w, out=w)
                w *= self.lr / (1 - beta1**self.t)
                p -= w
