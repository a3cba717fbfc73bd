"""What PyTorch gives in float64 for 11_training_practice: low-rank adaptation, Muon, loss scaling, tasks.

``make_golden.py`` writes it.  The file holds ``header``, a JSON text that names the calls, and the arrays of call
number n as ``n.NAME``: inputs, parameters, results and gradients, named as in the course.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from calls import Found, save_calls
from torch.nn import functional as F  # noqa: N812 - its usual name


def adapted(rng: np.random.Generator) -> Iterator[Found]:
    """A frozen affine map with an addition of low rank: of rows, and of sequences; and both as one matrix."""
    for leading, n_in, n_out, rank, alpha in [((7,), 5, 3, 2, 4.0), ((2, 4), 3, 6, 1, 0.5), ((1,), 4, 4, 4, 8)]:
        W, b, x = rng.normal(size=(n_in, n_out)), rng.normal(size=n_out), rng.normal(size=(*leading, n_in))
        A, B = rng.normal(size=(n_in, rank)), rng.normal(size=(rank, n_out))
        leaves = [torch.tensor(each, requires_grad=True) for each in (x, A, B)]
        low = F.linear(F.linear(leaves[0], leaves[1].T), leaves[2].T)
        y = F.linear(leaves[0], torch.tensor(W).T, torch.tensor(b)) + alpha / rank * low
        dy = rng.normal(size=tuple(y.shape))
        dx, dA, dB = (g.numpy() for g in torch.autograd.grad(y, leaves, torch.tensor(dy)))
        merged = torch.addmm(torch.tensor(W), torch.tensor(A), torch.tensor(B), alpha=alpha / rank)
        found = {
            "x": x,
            "W": W,
            "b": b,
            "A": A,
            "B": B,
            "y": y.detach().numpy(),
            "dy": dy,
            "dx": dx,
            "dA": dA,
            "dB": dB,
        }
        yield "LoRA", {"rank": rank, "alpha": alpha}, {**found, "merged": merged.numpy()}


def scaled(rng: np.random.Generator) -> Iterator[Found]:
    """What PyTorch's own scaler does in steps whose gradients are finite or not."""
    for interval, story in [(2, "++-+++-"), (3, "-++++-+++"), (1, "+-+")]:
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=interval)
        theta = torch.tensor(rng.normal(size=3).astype("float32"), requires_grad=True)
        optimizer = torch.optim.SGD([theta], lr=0.5)
        start, gradients, scales, places = theta.detach().numpy().copy(), [], [], []
        for sign in story:
            gradient = rng.normal(size=3).astype("float32")
            gradient[1] = gradient[1] if sign == "+" else np.inf
            scaler.scale(torch.tensor(1.0))  # the scale is made with the first use
            theta.grad = torch.tensor(gradient) * scaler.get_scale()
            scaler.step(optimizer)
            scaler.update()
            gradients.append(gradient)
            scales.append(scaler.get_scale())
            places.append(theta.detach().numpy().copy())
        arrays = {
            "start": start,
            "gradients": np.stack(gradients),
            "scales": np.array(scales),
            "places": np.stack(places),
        }
        yield "LossScaler", {"interval": interval, "scale": 1024.0}, arrays


def orthogonalized(rng: np.random.Generator) -> Iterator[Found]:
    """Five steps of PyTorch's Muon, without its weight decay."""
    for shape, momentum in [((4, 6), 0.9), ((6, 3), 0.5)]:
        start, gradients = rng.normal(size=shape), rng.normal(size=(5, *shape))
        theta = torch.tensor(start, requires_grad=True)
        optimizer = torch.optim.Muon([theta], lr=0.1, momentum=momentum, weight_decay=0.0, adjust_lr_fn="original")
        for gradient in gradients:
            theta.grad = torch.tensor(gradient)
            optimizer.step()
        arrays = {"start": start, "gradients": gradients, "end": theta.detach().numpy()}
        yield "Muon", {"lr": 0.1, "momentum": momentum}, arrays


def weighted(rng: np.random.Generator) -> Iterator[Found]:
    """The losses of several tasks: squared distances under normal noise, whose likelihood PyTorch has."""
    for batch, tasks in [(5, 3), (1, 2)]:
        losses = torch.tensor(rng.exponential(2, (batch, tasks)), requires_grad=True)
        s = torch.tensor(rng.normal(size=tasks), requires_grad=True)
        likelihood = F.gaussian_nll_loss(losses.sqrt(), torch.zeros(()), s.exp().expand(batch, tasks), reduction="none")
        y = likelihood.sum(dim=1)
        dy = rng.normal(size=batch)
        dlosses, ds = torch.autograd.grad(y, [losses, s], torch.tensor(dy))
        found = {"losses": losses, "s": s, "y": y, "dlosses": dlosses, "ds": ds}
        arrays = {name: value.detach().numpy() for name, value in found.items()}
        yield "MultiTaskLoss", {"tasks": tasks}, {**arrays, "dy": dy}


def write(path: Path, seed: int) -> Path:
    """Compute everything and write it to one file."""
    return save_calls(path, seed, (adapted, scaled, orthogonalized, weighted))
