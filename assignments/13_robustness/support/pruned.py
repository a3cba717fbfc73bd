"""An optimizer that remembers, for steps after which some weights have to be zero."""

from collections.abc import Sequence

import numpy as np

from dlkit import Array, Optimizer, Parameter, asarray


class Heavy(Optimizer):
    """Momentum with a velocity from earlier steps, and weights that shrink."""

    def __init__(self, parameters: Sequence[Parameter], lr: float, *, rng: np.random.Generator) -> None:
        super().__init__(parameters, lr)
        self.velocities: list[Array] = [
            asarray(rng.normal(size=p.shape).astype(str(p.data.dtype))) for p in self.parameters
        ]

    def step(self) -> None:
        """Take one step."""
        for parameter, velocity in zip(self.parameters, self.velocities, strict=True):
            velocity *= 0.9
            velocity += parameter.grad + 0.01 * parameter.data
            parameter.data -= self.lr * velocity


def some(parameters: Sequence[Parameter], count: int) -> list[Parameter]:
    """The last of them, which are pruned."""
    return list(parameters)[-count:]
