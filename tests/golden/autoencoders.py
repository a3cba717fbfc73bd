"""What PyTorch gives in float64 for part one of 10_generative: penalties, the pieces of a VAE, whole networks.

``make_golden.py`` writes it.  The file holds ``header``, a JSON text that names the calls, and the arrays of call
number n as ``n.NAME``: inputs, parameters, results and gradients, named as in the course.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from calls import Arrays, Found, save_calls
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F  # noqa: N812 - its usual name


def differentiable(arrays: Arrays) -> dict[str, torch.Tensor]:
    """Tensors that have gradients."""
    return {name: torch.tensor(x, requires_grad=True) for name, x in arrays.items()}


def with_gradients(given: Arrays, value: torch.Tensor, leaves: dict[str, torch.Tensor]) -> Arrays:
    """What was given, the value, and its gradient by each leaf."""
    gradients = torch.autograd.grad(value, list(leaves.values()))
    named = {f"d{name}": dx.numpy() for name, dx in zip(leaves, gradients, strict=True)}
    return {**given, "loss": value.detach().numpy(), **named}


def sparse(rng: np.random.Generator) -> Iterator[Found]:
    """Divergences of two coins for each unit."""
    for batch, units, rho, weight in [(1, 3, 0.2, 1.0), (6, 4, 0.05, 0.3), (5, 1, 0.6, 2.0)]:
        given = {"code": rng.uniform(0.05, 0.95, size=(batch, units))}
        leaves = differentiable(given)
        intended, activity = torch.full((units,), rho, dtype=torch.float64), leaves["code"].mean(0)
        value = weight * kl_divergence(Bernoulli(intended), Bernoulli(activity)).sum()
        yield "SparsePenalty", {"rho": rho, "weight": weight}, with_gradients(given, value, leaves)


def contractive(rng: np.random.Generator) -> Iterator[Found]:
    """Jacobians by automatic differentiation of the whole layer, x to h, and the gradients of their norms."""
    for batch, in_features, units in [(1, 3, 2), (5, 2, 4), (4, 6, 3)]:
        given = {
            "x": rng.normal(size=(batch, in_features)),
            "W": rng.normal(size=(in_features, units)),
            "b": rng.normal(size=units),
        }
        leaves = differentiable(given)
        jacobian = torch.func.vmap(
            torch.func.jacrev(lambda x, weights, b: torch.sigmoid(x @ weights + b)), (0, None, None)
        )
        y = (jacobian(*leaves.values()) ** 2).sum((1, 2))
        dy = rng.normal(size=batch)
        found = with_gradients(given, (y * torch.tensor(dy)).sum(), leaves)
        yield "ContractivePenalty", {}, {**found, "y": y.detach().numpy(), "dy": dy}


def prices(rng: np.random.Generator) -> Iterator[Found]:
    """Divergences of normal distributions."""
    for batch, latent in [(1, 4), (6, 3), (5, 1)]:
        given = {"mean": rng.normal(0, 2, (batch, latent)), "log_variance": rng.normal(size=(batch, latent))}
        leaves = differentiable(given)
        posterior = Normal(leaves["mean"], (leaves["log_variance"] / 2).exp())
        value = kl_divergence(posterior, Normal(0.0, 1.0)).sum() / batch
        yield "GaussianKL", {}, with_gradients(given, value, leaves)


def likelihoods(rng: np.random.Generator) -> Iterator[Found]:
    """Grey values as probabilities, rows and images, small and large logits."""
    for shape, size in [((1, 4), 2.0), ((5, 3), 30.0), ((3, 1, 4, 2), 3.0)]:
        given = {"logits": rng.normal(0, size, shape), "target": rng.random(shape)}
        leaves = differentiable({"logits": given["logits"]})
        target = torch.tensor(given["target"])
        value = F.binary_cross_entropy_with_logits(leaves["logits"], target, reduction="sum") / shape[0]
        yield "BernoulliLikelihood", {}, with_gradients(given, value, leaves)


def networks(rng: np.random.Generator) -> Iterator[Found]:
    """Whole networks of one tanh layer each: a VAE with both losses, whose draws are cosines, and an autoencoder."""
    for batch, features, latent in [(1, 4, 2), (6, 5, 3)]:
        for exercise, width in (("VAE", 2 * latent), ("Autoencoder", latent)):
            given = {
                "x": rng.random((batch, features)),
                "A": rng.normal(size=(features, width)),
                "B": rng.normal(size=(latent, features)),
            }
            leaves = differentiable(given)
            both, target = torch.tanh(leaves["x"] @ leaves["A"]), torch.tensor(given["x"])
            if exercise == "VAE":
                mean, level = both[:, :latent], both[:, latent:]
                noise = torch.tensor(np.cos(3 * np.arange(batch * latent)).reshape(batch, latent))
                logits = torch.tanh((mean + (level / 2).exp() * noise) @ leaves["B"])
                divergence = kl_divergence(Normal(mean, (level / 2).exp()), Normal(0.0, 1.0)).sum()
                entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="sum")
                value = (entropy + divergence) / batch
            else:
                value = F.mse_loss(torch.tanh(both @ leaves["B"]), target) + (both**4).mean()
            yield exercise, {"latent": latent}, with_gradients(given, value, leaves)


def write(path: Path, seed: int) -> Path:
    """Compute everything and write it to one file."""
    return save_calls(path, seed, (sparse, contractive, prices, likelihoods, networks))
