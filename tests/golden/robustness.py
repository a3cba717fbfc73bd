"""What PyTorch gives in float64 for 13_robustness: attacks, pruning, quantization, distillation, per-row gradients.

``make_golden.py`` writes it.  The file holds ``header``, a JSON text that names the calls, and the arrays of call
number n as ``n.NAME``, named as in the course.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from calls import Found, save_calls
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.nn.utils import prune


def scores(x: torch.Tensor, *arrays: torch.Tensor) -> torch.Tensor:
    """A network of two matrices."""
    V, a, W, b = arrays
    return F.linear(torch.tanh(F.linear(x, V.T, a)), W.T, b)


def network(rng: np.random.Generator) -> list[torch.Tensor]:
    """Its arrays."""
    return [torch.tensor(rng.normal(size=shape)) for shape in ((6, 5), (5,), (5, 4), (4,))]


def attacked(rng: np.random.Generator) -> Iterator[Found]:
    """Rows, and where one step and several lead them."""
    for eps, steps, step_size in [(0.1, 5, 0.03), (0.3, 3, 0.2)]:
        x, y, arrays = torch.tensor(rng.random((7, 6))), torch.tensor(rng.integers(4, size=7)), network(rng)
        start = torch.tensor(rng.uniform(-eps, eps, (7, 6)))

        def gradient(at: torch.Tensor, y: torch.Tensor = y, arrays: list[torch.Tensor] = arrays) -> torch.Tensor:
            at = at.clone().requires_grad_()
            return torch.autograd.grad(F.cross_entropy(scores(at, *arrays), y), at)[0]

        low, high = (x - eps).clamp(min=0), (x + eps).clamp(max=1)
        once = torch.clamp(x + eps * gradient(x).sign(), low, high)
        here = torch.clamp(x + start, low, high)
        for _ in range(steps):
            here = torch.clamp(here + step_size * gradient(here).sign(), low, high)
        found = {name: each.numpy() for name, each in zip("VaWb", arrays, strict=True)}
        found |= {"x": x.numpy(), "y": y.numpy(), "u": start.numpy(), "dx": gradient(x).numpy()}
        arguments = {"eps": eps, "steps": steps, "step_size": step_size}
        yield "pgd", arguments, {**found, "fgsm": once.numpy(), "pgd": here.numpy()}


def pruned(rng: np.random.Generator) -> Iterator[Found]:
    """Masks of PyTorch's own pruning, over all layers and in each."""
    for share in (0.5, 0.75):
        layers = [torch.nn.Linear(*sizes, bias=False, dtype=torch.float64) for sizes in ((4, 6), (6, 2))]
        weights = [rng.normal(0, size, tuple(layer.weight.shape)) for layer, size in zip(layers, (1, 0.3), strict=True)]
        found = {f"w{i}": w for i, w in enumerate(weights)}
        for name, whole in (("global", True), ("layer", False)):
            for layer, w in zip(layers, weights, strict=True):
                layer.weight.data = torch.tensor(w)
            targets = [(layer, "weight") for layer in layers]
            if whole:
                count = int(share * sum(w.size for w in weights))
                prune.global_unstructured(targets, pruning_method=prune.L1Unstructured, amount=count)
            else:
                for layer, w in zip(layers, weights, strict=True):
                    prune.l1_unstructured(layer, "weight", amount=int(share * w.size))
            for i, layer in enumerate(layers):
                found[f"{name}{i}"] = layer.weight_mask.numpy().astype(bool)
                prune.remove(layer, "weight")
        yield "magnitude_pruning", {"share": share}, found


def quantized(rng: np.random.Generator) -> Iterator[Found]:
    """PyTorch's quantized tensors of one scale and of one for each channel, and its product of integers."""
    for axis in (None, 0, 1):
        x = rng.normal(size=(6, 5)).astype("float32")
        tensor = torch.tensor(x)
        if axis is None:
            scale = abs(x).max(keepdims=True) / np.float32(127)
            made = torch.quantize_per_tensor(tensor, float(scale[0, 0]), 0, torch.qint8)
        else:
            scale = abs(x).max(axis=1 - axis, keepdims=True) / np.float32(127)
            zeros = torch.zeros(scale.size, dtype=torch.long)
            made = torch.quantize_per_channel(tensor, torch.tensor(scale.ravel()), zeros, axis, torch.qint8)
        yield "quantize_int8", {"axis": axis}, {"x": x, "q": made.int_repr().numpy(), "scale": scale}
    a, b = (torch.tensor(rng.integers(-127, 128, size=shape).astype(np.int8)) for shape in ((32, 64), (64, 8)))
    yield "quantized_matmul", {}, {"a": a.numpy(), "b": b.numpy(), "y": torch._int_mm(a, b).numpy()}


def distilled(rng: np.random.Generator) -> Iterator[Found]:
    """The divergence of softened probabilities."""
    for rows, classes, T in [(5, 4, 4.0), (1, 3, 1.0), (6, 7, 0.5)]:
        z, t = (
            torch.tensor(rng.normal(0, 3, (rows, classes))).requires_grad_(),
            torch.tensor(rng.normal(0, 3, (rows, classes))),
        )
        y = T * T * F.kl_div(F.log_softmax(z / T, 1), F.softmax(t / T, 1), reduction="batchmean")
        (dz,) = torch.autograd.grad(y, z)
        found = {"prediction": z, "target": t, "y": y, "dprediction": dz}
        yield "DistillationLoss", {"T": T}, {name: each.detach().numpy() for name, each in found.items()}


def clipped(rng: np.random.Generator) -> Iterator[Found]:
    """The sum of every row's clipped gradient, by vmap."""
    for clip in (0.5, 3.0):
        arrays, x, y = network(rng), torch.tensor(rng.normal(size=(6, 6))), torch.tensor(rng.integers(4, size=6))

        def loss(arrays: tuple[torch.Tensor, ...], row: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            return F.cross_entropy(scores(row[None], *arrays), label[None])

        gradients = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(tuple(arrays), x, y)
        lengths = torch.stack([g.flatten(1).norm(dim=1) for g in gradients]).norm(dim=0)
        factors = (clip / lengths).clamp(max=1)
        sums = [torch.einsum("n,n...->...", factors, g) for g in gradients]
        found = {name: each.numpy() for name, each in zip("VaWb", arrays, strict=True)}
        found |= {f"d{name}": each.numpy() for name, each in zip("VaWb", sums, strict=True)}
        yield "clipped_sum", {"clip": clip}, {**found, "x": x.numpy(), "y": y.numpy()}


def looked(rng: np.random.Generator) -> Iterator[Found]:
    """Maps of features weighted by the gradient of one score."""
    x, W = torch.tensor(rng.normal(size=(4, 3, 5, 6))), torch.tensor(rng.normal(size=(90, 4)))
    classes = torch.tensor(rng.integers(4, size=4))
    features = x.clone().requires_grad_()
    found = torch.tanh(features).flatten(1) @ W
    (dfeatures,) = torch.autograd.grad(found.gather(1, classes[:, None]).sum(), features)
    heat = F.relu((dfeatures.mean(dim=(2, 3), keepdim=True) * x).sum(dim=1))
    yield "grad_cam", {}, {"x": x.numpy(), "W": W.numpy(), "classes": classes.numpy(), "heat": heat.numpy()}


def write(path: Path, seed: int) -> Path:
    """Make all calls."""
    return save_calls(path, seed, (attacked, pruned, quantized, distilled, clipped, looked))
