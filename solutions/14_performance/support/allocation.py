"""How much memory a step of an optimizer takes, as NumPy reports it."""

import tracemalloc

import numpy as np

from dlkit import Optimizer, Parameter, asarray


class Held(list[Parameter]):
    """One large parameter with a gradient."""

    def __init__(self, shape: tuple[int, int]) -> None:
        parameter = Parameter(asarray(np.ones(shape, "float32")))
        parameter.grad[...] = 0.5
        self.append(parameter)


def share_of_new_arrays(optimizer: Optimizer, held: Held) -> float:
    """Bytes of new arrays at the worst moment of the second step, by those of the parameter; infinite if not traced."""
    optimizer.step()
    tracemalloc.start()
    optimizer.step()
    traced = tracemalloc.is_tracing()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / held[0].data.nbytes if traced else float("inf")
