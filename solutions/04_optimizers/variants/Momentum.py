"""Momentum: correct but slow; plain, as a good student writes it."""

import numpy as np

from dlkit import Optimizer


class Slow(Optimizer):
    def step(self):
        for parameter, velocity in zip(self.parameters, self.velocity):
            for row in np.ndindex(parameter.data.shape[:-1]):
                g = parameter.grad[row] + self.weight_decay * parameter.data[row]
                velocity[row] = self.momentum * velocity[row] + g
                parameter.data[row] = parameter.data[row] - self.lr * velocity[row]


class Plain(Optimizer):
    def step(self):
        for parameter, velocity in zip(self.parameters, self.velocity):
            g = parameter.grad + self.weight_decay * parameter.data
            velocity[...] = self.momentum * velocity + g
            parameter.data[...] = parameter.data - self.lr * velocity
