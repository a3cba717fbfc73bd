"""What PyTorch's optimizers, schedules and clipping do in float64, for 04_optimizers; ``make_golden.py`` writes it.

The file holds ``header``, a JSON text, and arrays: ``start.i`` and ``gradients.i`` of parameter i, the same for all,
``road.n.i`` where call number n has led it after each of 20 steps, ``rates.n`` of schedule n, and by ``clip.n.…`` and
``accumulate.…`` what clipping and full batches give.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from calls import Arrays, save

STEPS, EPOCHS = 20, 40
SHAPES = [(3, 4), (5,), (2, 1, 3)]
SCALES = [0.02, 1.0, 8.0]


OPTIMIZERS: dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
    "SGD": (torch.optim.SGD, {}),
    "Momentum": (torch.optim.SGD, {}),
    "Nesterov": (torch.optim.SGD, {"nesterov": True}),
    "Adagrad": (torch.optim.Adagrad, {}),
    "Adadelta": (torch.optim.Adadelta, {}),
    "RMSprop": (torch.optim.RMSprop, {}),
    "Adam": (torch.optim.Adam, {}),
    "AdamW": (torch.optim.AdamW, {}),
}
OWN: dict[str, list[dict[str, Any]]] = {
    "SGD": [{"lr": 0.1}, {"lr": 0.03}],
    "Momentum": [{"lr": 0.1, "momentum": 0.9}, {"lr": 0.03, "momentum": 0.6}],
    "Nesterov": [{"lr": 0.1, "momentum": 0.9}, {"lr": 0.03, "momentum": 0.6}],
    "Adagrad": [{"lr": 0.1, "eps": 1e-10}, {"lr": 0.4, "eps": 0.1}],
    "Adadelta": [{"lr": 1.0, "rho": 0.9, "eps": 1e-6}, {"lr": 2.5, "rho": 0.7, "eps": 0.02}],
    "RMSprop": [{"lr": 0.01, "alpha": 0.99, "eps": 1e-8}, {"lr": 0.1, "alpha": 0.8, "eps": 0.1}],
    "Adam": [{"lr": 0.001, "betas": [0.9, 0.999], "eps": 1e-8}, {"lr": 0.1, "betas": [0.6, 0.95], "eps": 0.1}],
    "AdamW": [{"lr": 0.001, "betas": [0.9, 0.999], "eps": 1e-8}, {"lr": 0.1, "betas": [0.6, 0.95], "eps": 0.1}],
}


def calls() -> Iterator[dict[str, Any]]:
    """Every optimizer with and without weight decay, and once more with a learning rate that changes."""
    for name, settings in OWN.items():
        for setting, decay in zip((*settings, settings[1]), (0.0, 0.3, 0.3), strict=True):
            yield {"exercise": name, "arguments": {**setting, "weight_decay": decay}, "changing": False}
        yield {"exercise": name, "arguments": {**settings[1], "weight_decay": 0.1}, "changing": True}


def rate_of(step: int, lr: float) -> float:
    """A learning rate that rises and falls."""
    return lr * (1 + 0.8 * float(np.sin(step)))


def road(call: dict[str, Any], start: list[np.ndarray], gradients: list[np.ndarray]) -> list[np.ndarray]:
    """Where each parameter is after each step."""
    kind, fixed = OPTIMIZERS[call["exercise"]]
    parameters = [torch.nn.Parameter(torch.tensor(x)) for x in start]
    arguments = {key: tuple(value) if key == "betas" else value for key, value in call["arguments"].items()}
    optimizer = kind(parameters, **arguments, **fixed)
    seen: list[list[np.ndarray]] = [[] for _ in parameters]
    for t in range(STEPS):
        if call["changing"]:
            optimizer.param_groups[0]["lr"] = rate_of(t, arguments["lr"])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = torch.tensor(gradient[t])
        optimizer.step()
        for column, parameter in zip(seen, parameters, strict=True):
            column.append(parameter.detach().numpy().copy())
    return [np.stack(column) for column in seen]


def schedules() -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Each schedule with its learning rates, that of the first step first."""
    of_torch = torch.optim.lr_scheduler
    for name, lr, arguments, kind, theirs in [
        ("StepDecay", 0.5, {"size": 7, "gamma": 0.3}, of_torch.StepLR, {"step_size": 7, "gamma": 0.3}),
        ("StepDecay", 2.0, {"size": 1, "gamma": 0.95}, of_torch.StepLR, {"step_size": 1, "gamma": 0.95}),
        ("CosineAnnealing", 0.4, {"steps": EPOCHS}, of_torch.CosineAnnealingLR, {"T_max": EPOCHS}),
        (
            "CosineAnnealing",
            0.4,
            {"steps": 15, "minimum": 0.05},
            of_torch.CosineAnnealingLR,
            {"T_max": 15, "eta_min": 0.05},
        ),
        ("LinearWarmup", 0.4, {"steps": 5}, of_torch.LinearLR, {"total_iters": 5}),
        (
            "LinearWarmup",
            3.0,
            {"steps": 12, "start": 0.01},
            of_torch.LinearLR,
            {"total_iters": 12, "start_factor": 0.01},
        ),
    ]:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
        schedule = kind(optimizer, **theirs)
        rates = [optimizer.param_groups[0]["lr"]]
        for _ in range(EPOCHS):
            optimizer.step()
            schedule.step()
            rates.append(optimizer.param_groups[0]["lr"])
        yield {"exercise": name, "lr": lr, "arguments": arguments}, np.array(rates)


def clipping(rng: np.random.Generator) -> Iterator[tuple[float, Arrays]]:
    """Gradients that are far too long, just too long, and short enough."""
    for n, (length, max_norm) in enumerate([(50.0, 1.0), (2.001, 2.0), (0.3, 0.7)]):
        gradients = [rng.normal(size=shape) * scale for shape, scale in zip(SHAPES, SCALES, strict=True)]
        norm = np.sqrt(sum(float((g * g).sum()) for g in gradients))
        gradients = [g * (length / norm) for g in gradients]
        parameters = [torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64)) for shape in SHAPES]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = torch.tensor(gradient)
        total = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
        arrays = {f"clip.{n}.norm": total.numpy()}
        for i, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
            assert parameter.grad is not None
            arrays |= {f"clip.{n}.gradient.{i}": gradient, f"clip.{n}.clipped.{i}": parameter.grad.numpy()}
        yield max_norm, arrays


def accumulation(rng: np.random.Generator) -> Arrays:
    """One epoch of descent on tanh(x V) w with whole batches of 6 and 6 and 1 rows: parameters at its end."""
    x, y = rng.normal(size=(13, 3)), rng.normal(size=(13, 2))
    start = {
        "V": rng.normal(size=(3, 4)),
        "a": rng.normal(size=4),
        "w": rng.normal(size=(4, 2)),
        "b": rng.normal(size=2),
    }
    p = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in start.items()}
    optimizer = torch.optim.SGD(p.values(), lr=0.2)
    total = 0.0
    for first in range(0, 13, 6):
        rows = slice(first, first + 6)
        h = torch.tanh(torch.tensor(x[rows]) @ p["V"] + p["a"])
        loss = torch.nn.functional.mse_loss(h @ p["w"] + p["b"], torch.tensor(y[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(x[rows]) / len(x)
    ends = {f"accumulate.end.{name}": value.detach().numpy() for name, value in p.items()}
    starts = {f"accumulate.start.{name}": value for name, value in start.items()}
    return {"accumulate.x": x, "accumulate.y": y, "accumulate.loss": np.array(total), **starts, **ends}


def write(path: Path, seed: int) -> Path:
    """Compute everything and write it to one file."""
    rng = np.random.default_rng(seed)
    start = [rng.normal(size=shape) for shape in SHAPES]
    gradients = [scale * rng.normal(size=(STEPS, *shape)) for scale, shape in zip(SCALES, SHAPES, strict=True)]
    arrays = {f"start.{i}": x for i, x in enumerate(start)} | {f"gradients.{i}": g for i, g in enumerate(gradients)}
    described = list(calls())
    for n, call in enumerate(described):
        arrays |= {f"road.{n}.{i}": places for i, places in enumerate(road(call, start, gradients))}
        call["rates"] = [rate_of(t, call["arguments"]["lr"]) for t in range(STEPS)] if call.pop("changing") else []
    planned = list(schedules())
    arrays |= {f"rates.{n}": rates for n, (_, rates) in enumerate(planned)}
    clipped = list(clipping(rng))
    for _, found in clipped:
        arrays |= found
    arrays |= accumulation(rng)
    return save(
        path,
        arrays,
        seed=seed,
        calls=described,
        schedules=[schedule for schedule, _ in planned],
        max_norms=[max_norm for max_norm, _ in clipped],
    )
