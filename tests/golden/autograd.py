"""What PyTorch gives in float64 for 15_autograd: values and gradients of operations, of a small GPT, steps of Adam.

``make_golden.py`` writes it.  The file holds ``header``, a JSON text that names the calls, and the arrays of call
number n as ``n.NAME``, named as in the course.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from calls import Found, save_calls
from torch.nn import functional as F  # noqa: N812 - its usual name

Operation = tuple[str, dict[str, Any], list[tuple[int, ...]], Callable[..., torch.Tensor]]
OPERATIONS: list[Operation] = [
    ("add", {}, [(3, 4), (4,)], torch.add),
    ("add", {}, [(2, 1, 3), (5, 1)], torch.add),
    ("mul", {}, [(), (2, 3)], torch.mul),
    ("mul", {}, [(4, 1), (1, 5)], torch.mul),
    ("maximum", {}, [(2, 3), (3,)], torch.maximum),
    ("power", {"exponent": 3}, [(2, 3)], lambda x: x**3),
    ("exp", {}, [(2, 3)], torch.exp),
    ("tanh", {}, [(4,)], torch.tanh),
    ("relu", {}, [(3, 3)], torch.relu),
    ("sum", {"axis": 1}, [(2, 3)], lambda x: x.sum(1)),
    ("sum", {"axis": [0, 2], "keepdims": True}, [(2, 3, 4)], lambda x: x.sum((0, 2), keepdim=True)),
    ("mean", {"axis": -2}, [(2, 3, 4)], lambda x: x.mean(-2)),
    ("mean", {}, [(2, 3)], torch.mean),
    ("reshape", {"shape": [3, 4]}, [(2, 6)], lambda x: x.reshape(3, 4)),
    ("transpose", {"axes": [2, 0, 1]}, [(2, 3, 4)], lambda x: x.permute(2, 0, 1)),
    ("getitem", {"index": [0, 2, 0, -1]}, [(4, 3)], lambda x: x[[0, 2, 0, -1]]),
    ("concatenate", {"axis": -1}, [(2, 3), (2, 1), (2, 2)], lambda *parts: torch.cat(parts, -1)),
    ("matmul", {}, [(2, 3), (3, 4)], torch.matmul),
    ("matmul", {}, [(4, 1, 2, 3), (2, 3, 2)], torch.matmul),
    ("matmul", {}, [(2, 4, 3), (3, 2)], torch.matmul),
    ("matmul", {}, [(3,), (2, 3, 4)], torch.matmul),
    ("matmul", {}, [(2, 3, 4), (4,)], torch.matmul),
    ("matmul", {}, [(5,), (5,)], torch.matmul),
    ("softmax", {}, [(2, 3, 4)], lambda x: F.softmax(x, -1)),
    ("rms_norm", {"eps": 0.1}, [(2, 3, 5)], lambda x: F.rms_norm(x, (5,), eps=0.1)),
    (
        "causal_attention",
        {},
        [(2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 2)],
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
    ),
]


def operated(rng: np.random.Generator) -> Iterator[Found]:
    """Every operation with an upstream gradient, and the gradient of each operand."""
    for name, arguments, shapes, function in OPERATIONS:
        inputs = [torch.tensor(rng.normal(size=shape), requires_grad=True) for shape in shapes]
        yield name, arguments, differentiated(function, inputs, rng)


def tied(_rng: np.random.Generator) -> Iterator[Found]:
    """The maximum where some numbers are equal, relu at zero, a power of zero."""
    rng = np.random.default_rng(5)
    a, b = ([1.0, 2.0, 3.0], [1.0, 2.5, 3.0])
    for name, arguments, arrays, function in (
        ("maximum", {}, [a, b], torch.maximum),
        ("relu", {}, [[0.0, 1.0, -1.0]], torch.relu),
        ("power", {"exponent": 0}, [[0.0, 2.0, -1.0]], lambda x: x**0),
    ):
        inputs = [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays]
        yield name, arguments, differentiated(function, inputs, rng)


def differentiated(
    function: Callable[..., torch.Tensor], inputs: list[torch.Tensor], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Inputs x0, x1, …, the result y, dy, and the gradients dx0, dx1, …"""
    y = function(*inputs)
    dy = torch.tensor(rng.normal(size=tuple(y.shape)))
    grads = torch.autograd.grad(y, inputs, dy)
    found = {f"x{i}": x for i, x in enumerate(inputs)} | {f"dx{i}": g for i, g in enumerate(grads)}
    return {name: each.detach().numpy() for name, each in {**found, "y": y, "dy": dy}.items()}


def classified(rng: np.random.Generator) -> Iterator[Found]:
    """Cross-entropy of sequences, some positions of which have no target."""
    for shape in ((4, 3), (2, 5, 4)):
        scores = torch.tensor(rng.normal(0, 2, shape), requires_grad=True)
        targets = rng.integers(-1, shape[-1], size=shape[:-1])
        targets.reshape(-1)[0] = 0
        rows = scores.reshape(-1, shape[-1])
        y = F.cross_entropy(rows, torch.tensor(targets).reshape(-1), ignore_index=-1)
        (d,) = torch.autograd.grad(y, scores)
        yield (
            "cross_entropy",
            {},
            {"x0": scores.detach().numpy(), "targets": targets, "y": y.detach().numpy(), "dx0": d.numpy()},
        )


def gpt(rng: np.random.Generator) -> Iterator[Found]:
    """The whole model: loss and the gradient of every weight."""
    symbols, d, heads, block, batch, time = 7, 6, 2, 5, 3, 4
    shapes = [(symbols, d), (block, d), *[(d, d)] * 4, (d, 4 * d), (4 * d, d), (d, symbols)]
    weights = [torch.tensor(rng.normal(0, 0.5, shape), requires_grad=True) for shape in shapes]
    wte, wpe, Wq, Wk, Wv, Wo, W1, W2, head = weights
    ids = torch.tensor(rng.integers(symbols, size=(batch, time)))
    targets = torch.tensor(rng.integers(-1, symbols, size=(batch, time)))
    x = wte[ids] + wpe[:time]
    normal = F.rms_norm(x, (d,), eps=1e-6)
    q, k, v = ((normal @ W).unflatten(2, (heads, -1)).transpose(1, 2) for W in (Wq, Wk, Wv))
    x = x + F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2) @ Wo
    x = x + F.relu(F.rms_norm(x, (d,), eps=1e-6) @ W1) @ W2
    scores = F.rms_norm(x, (d,), eps=1e-6) @ head
    y = F.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=-1)
    grads = torch.autograd.grad(y, weights)
    found = {f"w{i}": w for i, w in enumerate(weights)} | {f"dw{i}": g for i, g in enumerate(grads)}
    found |= {"ids": ids, "targets": targets, "scores": scores, "y": y}
    yield "GPT", {"heads": heads}, {name: each.detach().numpy() for name, each in found.items()}


def stepped(rng: np.random.Generator) -> Iterator[Found]:
    """Five steps of Adam."""
    arguments = {"lr": 0.05, "betas": [0.8, 0.99], "eps": 0.01}
    start, grads = rng.normal(size=(2, 3)), rng.normal(size=(5, 2, 3))
    p = torch.tensor(start.copy(), requires_grad=True)
    optimizer = torch.optim.Adam([p], **{**arguments, "betas": tuple(arguments["betas"])})
    ends = []
    for grad in grads:
        p.grad = torch.tensor(grad)
        optimizer.step()
        ends.append(p.detach().numpy().copy())
    yield "TensorAdam", arguments, {"start": start, "grads": grads, "ends": np.stack(ends)}


def write(path: Path, seed: int) -> Path:
    """Make all calls."""
    return save_calls(path, seed, (operated, tied, classified, gpt, stepped))
