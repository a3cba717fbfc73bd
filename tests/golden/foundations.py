"""What PyTorch gives in float64 for the functions and the two repaired networks of 01; ``make_golden.py`` writes it.

The file holds ``header``, a JSON text, and arrays by ``EXERCISE.n.NAME``: the inputs and results of call n.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from calls import Arrays, save
from torch.nn import functional as F  # noqa: N812 - its usual name

STEPS = 5


def functions(rng: np.random.Generator) -> Iterator[tuple[str, Arrays]]:
    """Labels, distances, scales: each exercise's name, and its arrays."""
    for shape, classes in [((1,), 3), ((7,), 5), ((2, 3), 4), ((3, 1, 2), 6)]:
        labels = rng.integers(classes, size=shape)
        result = F.one_hot(torch.tensor(labels), classes).double()
        yield "one_hot", {"labels": labels, "result": result.numpy()}
    for rows, others, columns in [(1, 4, 3), (6, 5, 2), (8, 3, 7)]:
        a, b = rng.normal(size=(rows, columns)), rng.normal(2, 3, size=(others, columns))
        result = torch.cdist(torch.tensor(a), torch.tensor(b), compute_mode="donot_use_mm_for_euclid_dist")
        yield "pairwise_distances", {"a": a, "b": b, "result": result.numpy()}
    for rows, others, columns in [(5, 3, 2), (8, 1, 4)]:
        train, test = rng.normal(4, 9, size=(rows, columns)), rng.normal(size=(others, columns))
        deviation, mean = torch.std_mean(torch.tensor(train), dim=0, correction=0)
        parts = {"train": train, "test": test}
        results = {f"{name}_result": ((torch.tensor(x) - mean) / deviation).numpy() for name, x in parts.items()}
        yield "standardize", {**parts, **results}


def slopes(rng: np.random.Generator) -> Iterator[tuple[str, Arrays]]:
    """Gradients by autograd of functions that the test writes in NumPy: a sum of sines and a sum of products."""
    for shape in [(4,), (2, 3), (2, 1, 3)]:
        x = torch.tensor(rng.normal(size=shape), requires_grad=True)
        value = torch.sin(x).sum() * torch.exp(x * x / 4).sum()
        (gradient,) = torch.autograd.grad(value, x)
        yield "numerical_gradient", {"x": x.detach().numpy(), "result": gradient.numpy()}


def networks(rng: np.random.Generator) -> Iterator[tuple[str, Arrays]]:
    """The two repaired networks: loss, gradients by autograd, and the parameters after a few steps of SGD."""
    for rows, n_inputs in [(1, 2), (6, 3), (9, 4)]:
        x, t = rng.normal(size=(rows, n_inputs)), rng.normal(size=(rows, 1))
        start = {"weights": rng.normal(size=(n_inputs, 1))}

        def half_square(p: dict[str, torch.Tensor], x: np.ndarray = x, t: np.ndarray = t) -> torch.Tensor:
            return F.mse_loss(torch.tensor(x) @ p["weights"], torch.tensor(t), reduction="sum") / 2

        yield "SimpleNetwork", {"inputs": x, "targets": t, **trained(half_square, start, 0.02)}
    for rows, n_inputs, n_hidden in [(1, 2, 3), (7, 3, 4), (10, 2, 1)]:
        x, y = rng.normal(size=(rows, n_inputs)), rng.integers(2, size=rows).astype(float)
        shapes = {"W1": (n_inputs, n_hidden), "b1": (n_hidden,), "W2": (n_hidden, 1), "b2": (1,)}
        start = {name: rng.normal(size=shape) for name, shape in shapes.items()}

        def entropy(p: dict[str, torch.Tensor], x: np.ndarray = x, y: np.ndarray = y) -> torch.Tensor:
            z = torch.tanh(torch.tensor(x) @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
            return F.binary_cross_entropy_with_logits(z[:, 0], torch.tensor(y))

        yield "TwoLayerNet", {"x": x, "y": y, **trained(entropy, start, 0.3)}


def trained(loss_of: Callable[[dict[str, torch.nn.Parameter]], torch.Tensor], start: Arrays, lr: float) -> Arrays:
    """Loss and gradients at the start, and the parameters after ``STEPS`` steps."""
    p = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in start.items()}
    optimizer = torch.optim.SGD(p.values(), lr=lr)
    found = {f"start_{name}": value for name, value in start.items()} | {"lr": np.array(lr)}
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(p)
        loss.backward()
        if not step:
            found["loss"] = loss.detach().numpy()
            found |= {f"d{name}": value.grad.numpy().copy() for name, value in p.items() if value.grad is not None}
        optimizer.step()
    return found | {f"end_{name}": value.detach().numpy() for name, value in p.items()}


def write(path: Path, seed: int) -> Path:
    """Compute everything and write it to one file."""
    rng = np.random.default_rng(seed)
    calls: list[str] = []
    arrays: Arrays = {}
    for name, found in (*functions(rng), *slopes(rng), *networks(rng)):
        number = calls.count(name)
        calls.append(name)
        arrays |= {f"{name}.{number}.{key}": value for key, value in found.items()}
    counts = {name: calls.count(name) for name in calls}
    return save(path, arrays, seed=seed, steps=STEPS, calls=counts)
