"""What PyTorch gives in float64 for 14_performance: its layers as calls; training and parts of attention as arrays.

``make_golden.py`` writes both files, ``14_layers.npz`` in the form of its calls and ``14_performance.npz`` as
``save_calls`` does.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from calls import Call, Found, save_calls
from torch.nn import functional as F  # noqa: N812 - its usual name


def calls(rng: np.random.Generator) -> Iterator[Call]:
    """Layers and the loss, of uneven shapes."""
    for shape, out_channels, k, padding in [((1, 2, 5, 4), 3, 3, 1), ((4, 3, 6, 7), 2, 2, 0), ((3, 1, 4, 5), 4, 3, 2)]:
        parameters = {"W": rng.normal(size=(out_channels, shape[1], k, k)), "b": rng.normal(size=out_channels)}
        arguments = {"in_channels": shape[1], "out_channels": out_channels, "kernel_size": k, "padding": padding}
        yield Call(
            "Conv2dFast",
            lambda x, padding=padding, **p: F.conv2d(x, p["W"], p["b"], padding=padding),
            {"x": rng.normal(size=shape)},
            arguments,
            parameters,
        )
    for batch, classes, smoothing in [(1, 4, 0.0), (7, 3, 0.2), (5, 6, 0.1)]:
        yield Call(
            "SoftmaxCrossEntropyFused",
            lambda scores, labels, s=smoothing: F.cross_entropy(scores, labels, label_smoothing=s),
            {"scores": rng.normal(0, 3, (batch, classes)), "labels": rng.integers(classes, size=batch)},
            {"label_smoothing": smoothing},
            by=("scores",),
            upstream=False,
        )
    for shape, hidden in [((1, 4, 3), 2), ((5, 3, 2), 4), ((3, 6, 1), 3)]:
        yield lstm(rng, shape, hidden)
    for leading, queries, keys, dim, value_dim in [((1,), 3, 4, 2, 2), ((2, 3), 5, 2, 3, 4), ((4,), 2, 6, 5, 1)]:
        shapes = {"q": (*leading, queries, dim), "k": (*leading, keys, dim), "v": (*leading, keys, value_dim)}
        inputs = {name: rng.normal(size=shape) for name, shape in shapes.items()}
        yield Call("AttentionChunked", F.scaled_dot_product_attention, inputs)


def lstm(rng: np.random.Generator, shape: tuple[int, int, int], hidden: int) -> Call:
    """PyTorch's LSTM, which keeps transposed matrices and two biases."""
    layer = torch.nn.LSTM(shape[2], hidden, batch_first=True, dtype=torch.float64)

    def function(x: torch.Tensor, **p: torch.Tensor) -> torch.Tensor:
        given = {"weight_ih_l0": p["W"].T, "weight_hh_l0": p["U"].T, "bias_ih_l0": p["b"]}
        given["bias_hh_l0"] = torch.zeros_like(p["b"])
        y: torch.Tensor = torch.func.functional_call(layer, given, (x,))[0]
        return y

    parameters = {"W": (shape[2], 4 * hidden), "U": (hidden, 4 * hidden), "b": (4 * hidden,)}
    drawn = {name: rng.normal(size=size) for name, size in parameters.items()}
    return Call(
        "LSTMFusedGates", function, {"x": rng.normal(size=shape)}, {"in_features": shape[2], "hidden": hidden}, drawn
    )


def parts(rng: np.random.Generator) -> Iterator[Found]:
    """Attention over two parts of the keys and over all, each with the logarithm of its sum."""
    for leading, queries, first, second in [((), 3, 2, 4), ((2, 2), 4, 5, 1)]:
        q, k = (torch.tensor(rng.normal(size=(*leading, n, 3))) for n in (queries, first + second))
        v = torch.tensor(rng.normal(size=(*leading, first + second, 2)))
        found = {"q": q.numpy(), "k": k.numpy(), "v": v.numpy()}
        for name, keys in (("1", slice(first)), ("2", slice(first, None)), ("", slice(None))):
            scores = q @ k[..., keys, :].transpose(-1, -2) / math.sqrt(3)
            found[f"lse{name}"] = torch.logsumexp(scores, -1).numpy()
            found[f"y{name}"] = (torch.softmax(scores, -1) @ v[..., keys, :]).numpy()
        yield "merge_attention", {}, found


def steps(rng: np.random.Generator) -> Iterator[Found]:
    """Steps of PyTorch's Adam along drawn gradients."""
    for lr, betas, eps in [(0.01, (0.9, 0.999), 1e-8), (0.1, (0.7, 0.95), 0.1)]:
        start, gradients = rng.normal(size=(4, 3)), rng.normal(size=(6, 4, 3))
        parameter = torch.nn.Parameter(torch.tensor(start))
        optimizer, after = torch.optim.Adam([parameter], lr=lr, betas=betas, eps=eps), []
        for gradient in gradients:
            parameter.grad = torch.tensor(gradient)
            optimizer.step()
            after.append(parameter.detach().numpy().copy())
        arguments = {"lr": lr, "betas": list(betas), "eps": eps}
        yield "AdamInPlace", arguments, {"start": start, "gradients": gradients, "after": np.array(after)}


def trainings(rng: np.random.Generator) -> Iterator[Found]:
    """Losses of a whole training, and the parameters at its end."""
    for sizes, count, batch, lr, smoothing in [((5, 7, 3), 15, 4, 0.02, 0.1), ((4, 6, 5, 2), 10, 3, 0.05, 0.0)]:
        x, y = rng.normal(size=(11, sizes[0])), rng.integers(sizes[-1], size=11)
        order = np.array([rng.permutation(11)[:batch] for _ in range(count)])
        found = {"x": x, "y": y, "order": order}
        layers: list[torch.nn.Module] = []
        for k, (n_in, n_out) in enumerate(pairwise(sizes)):
            layer = torch.nn.Linear(n_in, n_out, dtype=torch.float64)
            found[f"W{k}"], found[f"b{k}"] = rng.normal(size=(n_in, n_out)), rng.normal(size=n_out)
            layer.weight.data, layer.bias.data = torch.tensor(found[f"W{k}"].T.copy()), torch.tensor(found[f"b{k}"])
            layers += [layer, torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers[:-1])
        optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, count)
        losses = []
        for rows in order:
            loss = F.cross_entropy(model(torch.tensor(x[rows])), torch.tensor(y[rows]), label_smoothing=smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        found["losses"], found["last"] = np.array(losses), layers[0].weight.detach().numpy().T.copy()
        yield "train_fast", {"lr": lr, "label_smoothing": smoothing}, found


def write(path: Path, seed: int) -> Path:
    """Write what has no backward of its own."""
    return save_calls(path, seed, (parts, steps, trainings))
