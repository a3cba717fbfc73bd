"""One exercise's forward and backward, as the course calls it and as PyTorch computes it, and how it is kept."""

import json
from collections.abc import Callable, Iterable, Iterator
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


Found = tuple[str, dict[str, Any], Arrays]
"""An exercise, the arguments of the call, and its arrays by name."""


def save_calls(path: Path, seed: int, makers: Iterable[Callable[[np.random.Generator], Iterator[Found]]]) -> Path:
    """Make all calls with one generator and write them to one file."""
    rng = np.random.default_rng(seed)
    described: list[dict[str, Any]] = []
    arrays: Arrays = {}
    for make in makers:
        for exercise, arguments, found in make(rng):
            arrays.update({f"{len(described)}.{name}": array for name, array in found.items()})
            described.append({"exercise": exercise, "arguments": arguments, "arrays": list(found)})
    return save(path, arrays, seed=seed, calls=described)
