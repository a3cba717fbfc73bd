"""What PyTorch gives in float64 for part two of 10_generative: losses, DCGAN, and whole steps of several networks.

``make_golden.py`` writes it, in the form of ``autoencoders.py``.  Steps are plain descent by automatic
differentiation.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from autoencoders import differentiable, with_gradients
from calls import Arrays, Found, save_calls
from torch.nn import functional as F  # noqa: N812 - its usual name

Tensors = dict[str, torch.Tensor]
RATE = 0.1


def answers(rng: np.random.Generator) -> Iterator[Found]:
    """Losses of a discriminator and of a generator, from logits."""
    for n, m in [(1, 1), (5, 3), (4, 6)]:
        given = {"real": rng.normal(0, 3, size=(n, 1)), "fake": rng.normal(0, 3, size=(m, 1))}
        leaves = differentiable(given)
        ones, zeros = torch.ones(n, 1, dtype=torch.float64), torch.zeros(m, 1, dtype=torch.float64)
        value = F.binary_cross_entropy_with_logits(leaves["real"], ones)
        value = value + F.binary_cross_entropy_with_logits(leaves["fake"], zeros)
        yield "DiscriminatorLoss", {}, with_gradients(given, value, leaves)
        for minimax in (0, 1):
            given = {"fake": rng.normal(0, 3, size=(m, 2))}
            leaves = differentiable(given)
            target = torch.full((m, 2), 1.0 - minimax, dtype=torch.float64)
            value = F.binary_cross_entropy_with_logits(leaves["fake"], target)
            yield "GeneratorLoss", {"minimax": minimax}, with_gradients(given, value * (1 - 2 * minimax), leaves)


def translations(rng: np.random.Generator) -> Iterator[Found]:
    """Absolute differences, and cross-entropies of all columns but the first."""
    for shape, weight in [((1, 3), 10.0), ((3, 2, 4, 5), 0.5)]:
        given = {"back": rng.normal(size=shape)}
        x, leaves = rng.normal(size=shape), differentiable(given)
        value = weight * F.l1_loss(leaves["back"], torch.tensor(x))
        yield "CycleConsistencyLoss", {"weight": weight}, {**with_gradients(given, value, leaves), "x": x}
    for batch, domains, weight in [(1, 2, 1.0), (6, 3, 3.0), (5, 7, 0.4)]:
        given = {"scores": rng.normal(0, 3, size=(batch, 1 + domains))}
        domain, leaves = rng.integers(domains, size=batch), differentiable(given)
        value = weight * F.cross_entropy(leaves["scores"][:, 1:], torch.tensor(domain))
        found = with_gradients(given, value, leaves)
        yield "DomainClassificationLoss", {"weight": weight}, {**found, "domain": domain}


def normalized(x: torch.Tensor, p: Tensors, name: str) -> torch.Tensor:
    """Batch normalization in training."""
    return F.batch_norm(x, None, None, p[f"{name}.gamma"], p[f"{name}.beta"], training=True)


def generated(z: torch.Tensor, p: Tensors) -> torch.Tensor:
    """DCGANGenerator; a Linear of the course keeps W as (in, out)."""
    h = F.linear(z, p["linear.W"].T, p["linear.b"]).reshape(len(z), -1, 4, 4)
    h = F.conv_transpose2d(F.relu(normalized(h, p, "norm1")), p["up1.W"], p["up1.b"], stride=2, padding=1)
    h = F.conv_transpose2d(F.relu(normalized(h, p, "norm2")), p["up2.W"], p["up2.b"], stride=2, padding=1)
    return torch.tanh(h)


def judged(x: torch.Tensor, p: Tensors) -> torch.Tensor:
    """DCGANDiscriminator."""
    h = F.leaky_relu(F.conv2d(x, p["down1.W"], p["down1.b"], stride=2, padding=1), 0.2)
    h = normalized(F.conv2d(h, p["down2.W"], p["down2.b"], stride=2, padding=1), p, "norm")
    return F.linear(F.leaky_relu(h, 0.2).flatten(1), p["linear.W"].T, p["linear.b"])


def convolutional(rng: np.random.Generator) -> Iterator[Found]:
    """Both networks of DCGAN in training."""
    for batch, latent, c in [(2, 3, 2), (4, 2, 4)]:
        half = c // 2
        shapes = {"linear.W": (latent, 16 * c), "linear.b": (16 * c,), "norm1.gamma": (c,), "norm1.beta": (c,)}
        shapes |= {"norm2.gamma": (half,), "norm2.beta": (half,)}
        shapes |= {"up1.W": (c, half, 3, 3), "up1.b": (half,), "up2.W": (half, 1, 4, 4), "up2.b": (1,)}
        yield whole(rng, "DCGANGenerator", {"latent": latent, "channels": c}, ("z", (batch, latent)), shapes)
        shapes = {"down1.W": (c, 1, 4, 4), "down1.b": (c,), "down2.W": (2 * c, c, 3, 3), "down2.b": (2 * c,)}
        shapes |= {"norm.gamma": (2 * c,), "norm.beta": (2 * c,), "linear.W": (32 * c, 1), "linear.b": (1,)}
        yield whole(rng, "DCGANDiscriminator", {"channels": c}, ("x", (batch, 1, 14, 14)), shapes)


def whole(
    rng: np.random.Generator,
    exercise: str,
    arguments: dict[str, float | int],
    given: tuple[str, tuple[int, ...]],
    shapes: dict[str, tuple[int, ...]],
) -> Found:
    """One network with parameters of these shapes: its output, and gradients of everything."""
    name, shape = given
    arrays: Arrays = {name: rng.normal(size=shape)}
    arrays |= {path: rng.normal(1 if "gamma" in path else 0, 0.3, size=size) for path, size in shapes.items()}
    leaves = differentiable(arrays)
    network = generated if exercise == "DCGANGenerator" else judged
    y = network(leaves[name], leaves)
    dy = rng.normal(size=tuple(y.shape))
    found = with_gradients(arrays, (y * torch.tensor(dy)).sum(), leaves)
    return exercise, arguments, {**found, "y": y.detach().numpy(), "dy": dy}


def perceptron(x: torch.Tensor, p: Tensors, name: str) -> torch.Tensor:
    """support.Perceptron of the checks."""
    return torch.tanh(x @ p[f"{name}.V"]) @ p[f"{name}.w"]


def descend(p: Tensors, names: tuple[str, ...], value: torch.Tensor) -> None:
    """Move the parameters of these networks, in place, against the gradient of a value."""
    paths = [path for path in p if path.startswith(tuple(f"{name}." for name in names))]
    for path, gradient in zip(paths, torch.autograd.grad(value, [p[path] for path in paths]), strict=True):
        p[path] = (p[path] - RATE * gradient).detach().requires_grad_()


def drawn(rng: np.random.Generator, sizes: dict[str, tuple[int, int, int]]) -> Arrays:
    """Parameters of perceptrons."""
    found = {}
    for name, (features, hidden, outputs) in sizes.items():
        found[f"{name}.V"], found[f"{name}.w"] = rng.normal(size=(features, hidden)), rng.normal(size=(hidden, outputs))
    return found


def steps(rng: np.random.Generator) -> Iterator[Found]:
    """A step of two networks, and a step of two generators beside their two discriminators."""
    for n, m, k in [(4, 4, 4), (3, 5, 2)]:
        start = drawn(rng, {"generator": (2, 5, 3), "discriminator": (3, 4, 1)})
        given = {"real": rng.normal(size=(n, 3)), "noise": rng.normal(size=(m, 2)), "fresh": rng.normal(size=(k, 2))}
        p, x = differentiable(start), {name: torch.tensor(array) for name, array in given.items()}
        fake = perceptron(x["noise"], p, "generator").detach()
        real_answers, fake_answers = (perceptron(rows, p, "discriminator") for rows in (x["real"], fake))
        first = F.softplus(-real_answers).mean() + F.softplus(fake_answers).mean()
        descend(p, ("discriminator",), first)
        second = F.softplus(-perceptron(perceptron(x["fresh"], p, "generator"), p, "discriminator")).mean()
        descend(p, ("generator",), second)
        yield "gan_step", {}, ended(start, given, p, first=first, second=second)
    for n, m in [(4, 4), (3, 5)]:
        sizes = {"to_y": (3, 4, 3), "to_x": (3, 5, 3), "judge_y": (3, 4, 1), "judge_x": (3, 2, 1)}
        start, given = drawn(rng, sizes), {"x": rng.normal(size=(n, 3)), "y": rng.normal(size=(m, 3))}
        p, x = differentiable(start), {name: torch.tensor(array) for name, array in given.items()}
        total = torch.zeros((), dtype=torch.float64)
        for rows, there, back, judge in ((x["x"], "to_y", "to_x", "judge_y"), (x["y"], "to_x", "to_y", "judge_x")):
            translated = perceptron(rows, p, there)
            total = total + F.softplus(-perceptron(translated, p, judge)).mean()
            total = total + 10 * F.l1_loss(perceptron(translated, p, back), rows)
        descend(p, ("to_y", "to_x"), total)
        yield "translation_step", {}, ended(start, given, p, total=total)


def ended(start: Arrays, given: Arrays, p: Tensors, **values: torch.Tensor) -> Arrays:
    """Where a step began, what it was given, where it ended, and its losses."""
    ends = {f"end of {path}": array.detach().numpy() for path, array in p.items()}
    return {**start, **given, **ends, **{name: value.detach().numpy() for name, value in values.items()}}


def write(path: Path, seed: int) -> Path:
    """Compute everything and write it to one file."""
    return save_calls(path, seed, (answers, translations, convolutional, steps))
