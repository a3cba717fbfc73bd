"""Adam: correct but slow; plain, as a good student writes it."""

import numpy as np

from dlkit import Optimizer, array_module


class Slow(Optimizer):
    def step(self):
        self.t += 1
        beta1, beta2 = self.betas
        for parameter, means, squares in zip(self.parameters, self.m, self.v):
            for row in np.ndindex(parameter.data.shape[:-1]):
                g = parameter.grad[row] + self.weight_decay * parameter.data[row]
                means[row] = beta1 * means[row] + (1 - beta1) * g
                squares[row] = beta2 * squares[row] + (1 - beta2) * g**2
                m, v = means[row] / (1 - beta1**self.t), squares[row] / (1 - beta2**self.t)
                parameter.data[row] = parameter.data[row] - self.lr * m / (array_module(v).sqrt(v) + self.eps)


class Plain(Optimizer):
    def step(self):
        self.t += 1
        beta1, beta2 = self.betas
        for parameter, means, squares in zip(self.parameters, self.m, self.v):
            g = parameter.grad + self.weight_decay * parameter.data
            means[...] = beta1 * means + (1 - beta1) * g
            squares[...] = beta2 * squares + (1 - beta2) * g**2
            m, v = means / (1 - beta1**self.t), squares / (1 - beta2**self.t)
            parameter.data[...] = parameter.data - self.lr * m / (array_module(v).sqrt(v) + self.eps)
