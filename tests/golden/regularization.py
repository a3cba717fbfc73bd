"""What PyTorch's normalizations do in float64, for 05_regularization; ``make_golden.py`` writes it.

The file holds ``header``, a JSON text that identifies the calls, and the arrays of call number n: ``n.gamma`` and
``n.beta``, and for each step t of it ``n.t.ROLE``, the roles being x, dy, y, dx, dgamma, dbeta and, of batch
normalization, running_mean and running_var after the step.  The last step of a batch normalization is in eval mode.

Also: ``inits``, for each shape (as this course has it) the standard deviations of PyTorch's Xavier and Kaiming
weights; ``decay.start.NAME``, ``decay.gradients.NAME``, ``decay.road.NAME``, parameters that SGD moves, with a weight
decay on those with two axes or more; ``mix.scores``, ``mix.target``, ``mix.loss``, ``mix.dscores``, a cross-entropy of
soft targets.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from calls import Arrays, save

STEPS = 5


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


INITS = [(30, 50), (50, 30), (8, 1), (16, 3, 5, 5), (4, 12, 1, 3)]
DECAYED: dict[str, tuple[int, ...]] = {"W": (4, 3), "b": (3,), "kernels": (2, 3, 2, 2), "gain": (5,)}
LR, WEIGHT_DECAY, DECAY_STEPS = 0.1, 0.3, 5


def initial_spread(shape: tuple[int, ...]) -> list[float]:
    """Standard deviations of PyTorch's Xavier and Kaiming weights, by its count of fans; Linear's are transposed."""
    weight = torch.empty(shape if len(shape) > 2 else shape[::-1])
    fan_in, fan_out = torch.nn.init._calculate_fan_in_and_fan_out(weight)
    gain = torch.nn.init.calculate_gain("relu")
    return [(2 / (fan_in + fan_out)) ** 0.5, gain / fan_in**0.5]


def decayed(rng: np.random.Generator) -> Arrays:
    """Steps of SGD with a weight decay on parameters of two axes or more, and none on the others."""
    found = {f"decay.start.{name}": rng.normal(size=shape) for name, shape in DECAYED.items()}
    found |= {f"decay.gradients.{name}": rng.normal(size=(DECAY_STEPS, *shape)) for name, shape in DECAYED.items()}
    thetas = {name: torch.tensor(found[f"decay.start.{name}"], requires_grad=True) for name in DECAYED}
    groups = [
        {
            "params": [theta for theta in thetas.values() if (theta.ndim > 1) == heavy],
            "weight_decay": heavy * WEIGHT_DECAY,
        }
        for heavy in (True, False)
    ]
    optimizer, road = torch.optim.SGD(groups, lr=LR), {name: [] for name in DECAYED}
    for t in range(DECAY_STEPS):
        for name, theta in thetas.items():
            theta.grad = torch.tensor(found[f"decay.gradients.{name}"][t])
        optimizer.step()
        for name, theta in thetas.items():
            road[name].append(theta.detach().numpy().copy())
    return found | {f"decay.road.{name}": np.stack(places) for name, places in road.items()}


def mixed(rng: np.random.Generator) -> Arrays:
    """The cross-entropy of scores against soft targets, and its gradient."""
    scores = torch.tensor(rng.normal(0, 3, (6, 4)), requires_grad=True)
    target = rng.dirichlet(np.ones(4), size=6)
    loss = torch.nn.functional.cross_entropy(scores, torch.tensor(target))
    (dscores,) = torch.autograd.grad(loss, [scores])
    found = {"scores": scores.detach(), "loss": loss.detach(), "dscores": dscores}
    return {"mix.target": target, **{f"mix.{name}": value.numpy().copy() for name, value in found.items()}}


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
    arrays |= {"inits": np.array([initial_spread(shape) for shape in INITS]), **decayed(rng), **mixed(rng)}
    return save(path, arrays, seed=seed, calls=described, inits=INITS, lr=LR, weight_decay=WEIGHT_DECAY)
