"""One exercise's forward and backward, as the course calls it and as PyTorch computes it, and how it is kept."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

Arrays = dict[str, np.ndarray]


@dataclass
class Call:
    """One forward and backward of one exercise, as the course calls it, and the same in PyTorch's operations.

    function: takes ``inputs`` in order and ``parameters`` by name with dots as underscores (``layers_0_W``).
    by: names of the inputs that have a gradient; all where it is empty.
    upstream: whether backward is given a gradient (a layer), or starts from a scalar (a loss).
    """

    exercise: str
    function: Callable[..., torch.Tensor]
    inputs: Arrays
    arguments: dict[str, Any] = field(default_factory=dict)
    parameters: Arrays = field(default_factory=dict)
    by: tuple[str, ...] = ()
    upstream: bool = True


def save(path: Path, arrays: Arrays, *, seed: int, **more: Any) -> Path:
    """Write one file: the arrays, and as ``header`` a JSON text of versions, seed and what identifies the arrays."""
    header = {"torch": torch.__version__, "numpy": np.__version__, "seed": seed, **more}
    np.savez_compressed(path, header=np.array(json.dumps(header)), **arrays)
    return path
