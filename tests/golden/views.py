"""What PyTorch gives in float64 for part two of 12_paradigms: contrastive losses, preferences, policies, a step of DQN.

``make_golden.py`` writes it, in the form of ``autoencoders.py``.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from autoencoders import differentiable, with_gradients
from calls import Found, save_calls
from torch.nn import functional as F  # noqa: N812 - its usual name

RATE = 0.1


def directions(rng: np.random.Generator) -> Iterator[Found]:
    """Rows divided by their length."""
    for shape in [(1, 3), (6, 4), (5, 2)]:
        x, dy = rng.normal(size=shape), rng.normal(size=shape)
        leaf = torch.tensor(x, requires_grad=True)
        y = F.normalize(leaf, dim=1)
        (dx,) = torch.autograd.grad(y, leaf, torch.tensor(dy))
        yield "UnitLength", {}, {"x": x, "y": y.detach().numpy(), "dy": dy, "dx": dx.numpy()}


def two_views(rng: np.random.Generator) -> Iterator[Found]:
    """Each view's partner among all other views, by cross-entropy without the diagonal."""
    for temperature, batch, features in [(0.5, 1, 3), (0.1, 5, 4), (0.02, 4, 7)]:
        given = {name: rng.normal(size=(batch, features)) for name in "ab"}
        leaves = differentiable(given)
        z = torch.cat([leaves["a"], leaves["b"]])
        cosines = F.cosine_similarity(z[:, None], z[None], dim=2) / temperature
        others = ~torch.eye(2 * batch, dtype=torch.bool)
        scores = cosines[others].reshape(2 * batch, -1)
        place = [(i + batch) % (2 * batch) for i in range(2 * batch)]
        labels = torch.tensor([j - (j > i) for i, j in enumerate(place)])
        value = F.cross_entropy(scores, labels)
        yield "NTXent", {"temperature": temperature}, with_gradients(given, value, leaves)


def image_and_text(rng: np.random.Generator) -> Iterator[Found]:
    """Both directions, with scales below and above the limit."""
    for batch, features, scale in [(1, 2, 3.0), (6, 3, 20.0), (4, 5, 300.0)]:
        given = {name: rng.normal(size=(batch, features)) for name in ("images", "texts")}
        given["log_scale"] = np.array([math.log(scale)])
        leaves = differentiable(given)
        u, v = F.normalize(leaves["images"], dim=1), F.normalize(leaves["texts"], dim=1)
        scores = leaves["log_scale"].exp().clamp(max=100) * (u @ v.T)
        labels = torch.arange(batch)
        value = (F.cross_entropy(scores, labels) + F.cross_entropy(scores.T, labels)) / 2
        yield "CLIPLoss", {}, with_gradients(given, value, leaves)


def preferences(rng: np.random.Generator) -> Iterator[Found]:
    """Chosen and rejected answers beside a reference."""
    for batch, beta in [(1, 0.1), (7, 1.0)]:
        given = {name: -abs(rng.normal(10, 4, size=batch)) for name in ("chosen", "rejected")}
        leaves = differentiable(given)
        first, second = (torch.tensor(-abs(rng.normal(10, 4, size=batch))) for _ in range(2))
        value = -F.logsigmoid(beta * ((leaves["chosen"] - first) - (leaves["rejected"] - second))).mean()
        found = with_gradients(given, value, leaves)
        yield "dpo_loss", {"beta": beta}, {**found, "first": first.numpy(), "second": second.numpy()}


def climbing(rng: np.random.Generator) -> Iterator[Found]:
    """The gradient of the weighted log-probabilities of what was done."""
    for states, actions, steps in [(3, 4, 12), (1, 2, 5)]:
        theta = rng.normal(0, 2, size=(states, actions))
        s, a, advantages = rng.integers(states, size=steps), rng.integers(actions, size=steps), rng.normal(size=steps)
        leaf = torch.tensor(theta, requires_grad=True)
        log_p = F.log_softmax(leaf, dim=1)[torch.tensor(s), torch.tensor(a)]
        (gradient,) = torch.autograd.grad((torch.tensor(advantages) * log_p).sum(), leaf)
        given = {"theta": theta, "states": s, "actions": a, "advantages": advantages}
        yield "policy_gradient", {}, {**given, "gradient": gradient.numpy()}


def deep_steps(rng: np.random.Generator) -> Iterator[Found]:
    """A step of a network with one hidden layer, with another one as its target."""
    for batch, gamma in [(1, 0.9), (6, 0.5)]:
        given = {name: rng.normal(size=(batch, 3)) for name in ("states", "next_states")}
        actions, done, rewards = rng.integers(4, size=batch), rng.random(batch) < 0.4, rng.normal(size=batch)
        shapes = {"V": (3, 5), "w": (5, 4)}
        parts = {f"{name}.{k}": rng.normal(size=shape) for name in ("network", "target") for k, shape in shapes.items()}
        p = differentiable(parts)

        def values(x: np.ndarray, name: str, p: dict[str, torch.Tensor] = p) -> torch.Tensor:
            return torch.tanh(torch.tensor(x) @ p[f"{name}.V"]) @ p[f"{name}.w"]

        with torch.no_grad():
            following = values(given["next_states"], "target").max(dim=1).values * torch.tensor(~done)
        taken = values(given["states"], "network")[torch.arange(batch), torch.tensor(actions)]
        value = F.mse_loss(taken, torch.tensor(rewards) + gamma * following)
        moved = [name for name in p if name.startswith("network")]
        gradients = torch.autograd.grad(value, [p[name] for name in moved])
        ends = {
            f"end.{name}": parts[name] - RATE * gradient.numpy()
            for name, gradient in zip(moved, gradients, strict=True)
        }
        given |= {"actions": actions, "rewards": rewards, "done": done}
        yield "dqn_step", {"gamma": gamma}, {**given, **parts, **ends, "loss": value.detach().numpy()}


def write(path: Path, seed: int) -> Path:
    """Compute everything and write it to one file."""
    return save_calls(path, seed, (directions, two_views, image_and_text, preferences, climbing, deep_steps))
