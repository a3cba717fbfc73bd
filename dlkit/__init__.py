"""dlkit: the scaffold that students build on.

Base classes, array backends, numerical gradients, data sets, a training loop and plots.  It holds
no layer, no loss and no optimizer: those are what the course is for.
"""

from dlkit.backend import (
    Array,
    BackendError,
    array_module,
    asarray,
    ones,
    scatter_add,
    synchronize,
    to_numpy,
    use,
    zeros,
)
from dlkit.layer import Layer, Parameter
from dlkit.loss import Loss
from dlkit.optimizer import Optimizer, Schedule, blocks

__all__ = [
    "Array",
    "BackendError",
    "Layer",
    "Loss",
    "Optimizer",
    "Parameter",
    "Schedule",
    "array_module",
    "asarray",
    "blocks",
    "ones",
    "scatter_add",
    "synchronize",
    "to_numpy",
    "use",
    "zeros",
]
