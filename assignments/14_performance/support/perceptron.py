"""Parameters of a small network, as an earlier step has left them."""

from itertools import pairwise

import numpy as np

from dlkit import Array, Parameter


class Parameters(list[Parameter]):
    """[W₁, b₁, W₂, b₂, …] of Linear layers of these sizes, with gradients that are not zero."""

    def __init__(self, sizes: list[int], dtype: str, *, rng: np.random.Generator) -> None:
        for n_in, n_out in pairwise(sizes):
            for shape in ((n_in, n_out), (n_out,)):
                made = Parameter(rng.normal(0, (2 / n_in) ** 0.5, shape))
                made.astype(dtype)
                made.grad[...] = 1 + made.data
                self.append(made)

    @property
    def values(self) -> list[Array]:
        """The numbers of all parameters."""
        return [each.data for each in self]
