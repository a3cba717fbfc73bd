"""What PyTorch's normalizations do in float64, for 05_regularization; ``make_golden.py`` writes it.

The file holds ``header``, a JSON text that says which call is which, and the arrays of call number n: ``n.gamma`` and
``n.beta``, and for each step t of it ``n.t.ROLE``, the roles being x, dy, y, dx, dgamma, dbeta and, of batch
normalization, running_mean and running_var after the step.  The last step of a batch normalization is in eval mode.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

STEPS = 5

Arrays = dict[str, np.ndarray]

BATCH_NORMS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((6, 3), {}),
    ((4, 5), {"momentum": 0.3, "eps": 0.1}),
    ((2, 3, 4, 5), {}),
    ((3, 2, 5, 3), {"momentum": 0.25, "eps": 0.01}),
    ((1, 2, 3, 2), {}),
]
LAYER_NORMS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((4, 6), {}),
    ((5,), {"eps": 0.1}),
    ((3, 2, 7), {"eps": 0.01}),
    ((2, 3, 1, 4), {}),
]


def module_of(shape: tuple[int, ...], arguments: dict[str, Any], *, batch: bool) -> torch.nn.Module:
    """PyTorch's own layer for inputs of this shape."""
    if not batch:
        return torch.nn.LayerNorm(shape[-1], **arguments, dtype=torch.float64)
    kind = torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d
    return kind(shape[1], **arguments, dtype=torch.float64)


def step(module: torch.nn.Module, rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    """One forward and backward, on numbers whose mean and spread differ from axis to axis."""
    parameters = dict(module.named_parameters())
    centre = sum(rng.normal(size=[n if i == axis else 1 for i, n in enumerate(shape)]) for axis in range(len(shape)))
    x = torch.tensor(rng.normal(0, rng.uniform(0.5, 3), shape) + centre, requires_grad=True)
    y = module(x)
    dy = torch.tensor(rng.normal(size=shape))
    dx, dgamma, dbeta = torch.autograd.grad(y, [x, parameters["weight"], parameters["bias"]], dy)
    found = {"x": x, "dy": dy, "y": y, "dx": dx, "dgamma": dgamma, "dbeta": dbeta}
    found |= {name: value for name, value in module.named_buffers() if name.startswith("running")}
    return {name: value.detach().numpy().copy() for name, value in found.items()}


def write(path: Path, seed: int) -> Path:
    """Compute everything and write it to one file."""
    rng = np.random.default_rng(seed)
    described, arrays = [], {}
    calls = [("BatchNorm", *call) for call in BATCH_NORMS] + [("LayerNorm", *call) for call in LAYER_NORMS]
    for n, (exercise, shape, arguments) in enumerate(calls):
        batch = exercise == "BatchNorm"
        module = module_of(shape, arguments, batch=batch)
        for name, parameter in zip(("gamma", "beta"), (module.weight, module.bias), strict=True):
            arrays[f"{n}.{name}"] = rng.normal(size=tuple(parameter.shape))
            parameter.data = torch.tensor(arrays[f"{n}.{name}"])
        steps = STEPS if batch else 0
        for t in range(steps + 1):
            module.train(t < steps)
            arrays |= {f"{n}.{t}.{role}": value for role, value in step(module, rng, shape).items()}
        features = shape[1] if batch else shape[-1]
        described.append({"exercise": exercise, "arguments": {"features": features, **arguments}, "steps": steps})
    header = {"torch": torch.__version__, "numpy": np.__version__, "seed": seed, "calls": described}
    np.savez_compressed(path, header=np.array(json.dumps(header)), **arrays)
    return path
