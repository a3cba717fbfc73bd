"""Compute with PyTorch, in float64, what the exercises of 01 to 14 that it has too must give.

``make golden`` runs this and writes one ``.npz`` per assignment beside it; ``tests/solutions/test_golden.py``
compares the references with them and needs no PyTorch.  The seed is fixed and the archives hold no dates: the
same version of PyTorch writes the same bytes, so a difference in ``git status`` is a difference in numbers.

A file holds ``header``, a JSON text that identifies the calls, and the arrays of call number n as
``n.ROLE.NAME``; the roles are input, parameter, upstream, output and gradient.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attention
import autoencoders
import autograd
import blocks
import convolutions
import embeddings
import foundations
import numpy as np
import opponents
import optimizers
import performance
import recurrent
import regularization
import robustness
import sequences
import torch
import training_practice
import views
from calls import Arrays, Call, save
from torch.nn import functional as F  # noqa: N812 - its usual name

SEED = 20240229
FOLDER = Path(__file__).resolve().parent


def layers(rng: np.random.Generator) -> Iterator[Call]:
    """Calls of 02_layers: uneven shapes, all axes of different length."""
    yield from linears(rng)
    yield from activations(rng)
    for shape, axis in [((1, 4), -1), ((5, 3), 0), ((4, 2, 3), 1), ((2, 3, 4, 5), 2), ((6, 7), -1)]:
        x = rng.normal(0, 3, shape)
        yield Call("Softmax", lambda x, axis=axis: F.softmax(x, dim=axis), {"x": x}, {"axis": axis})
    for shape in [(1, 2, 3), (4, 3), (5, 2, 3, 4)]:
        yield Call("Flatten", lambda x: x.flatten(1), {"x": rng.normal(size=shape)})
    for batch in (1, 6):
        yield perceptron(rng, batch)


def linears(rng: np.random.Generator) -> Iterator[Call]:
    """Affine maps; the course keeps W as (in, out), PyTorch as (out, in)."""
    for batch, n_in, n_out in [(1, 4, 3), (7, 5, 2), (6, 1, 4), (9, 3, 1)]:
        parameters = {"W": rng.normal(size=(n_in, n_out)), "b": rng.normal(size=n_out)}
        inputs = {"x": rng.normal(size=(batch, n_in))}
        arguments = {"in_features": n_in, "out_features": n_out}
        yield Call("Linear", lambda x, **p: F.linear(x, p["W"].T, p["b"]), inputs, arguments, parameters)


def activations(rng: np.random.Generator) -> Iterator[Call]:
    """Elementwise layers, on both sides of zero and far into their flat parts."""
    plain = {
        "Sigmoid": torch.sigmoid,
        "Tanh": torch.tanh,
        "ReLU": F.relu,
        "GELU": lambda x: F.gelu(x, approximate="tanh"),
    }
    shapes = [(1, 4), (7, 3), (2, 3, 5)]
    for shape in shapes:
        for exercise, function in plain.items():
            yield Call(exercise, function, {"x": rng.normal(0, 2, shape)})
    for shape, value in zip(shapes, (0.01, 0.2, 0.7), strict=True):
        x = rng.normal(0, 2, shape)
        yield Call("LeakyReLU", lambda x, s=value: F.leaky_relu(x, s), {"x": x}, {"slope": value})
    for shape, value in zip(shapes, (1.0, 0.5, 1.7), strict=True):
        x = rng.normal(0, 2, shape)
        yield Call("ELU", lambda x, a=value: F.elu(x, a), {"x": x}, {"alpha": value})


def perceptron(rng: np.random.Generator, batch: int) -> Call:
    """Layers in a row: 3 → 5 → 4 → 2 with two kinds of activation and a softmax at the end."""
    sizes = {0: (3, 5), 2: (5, 4), 4: (4, 2)}
    parameters = {}
    for position, (n_in, n_out) in sizes.items():
        parameters[f"layers.{position}.W"] = rng.normal(size=(n_in, n_out))
        parameters[f"layers.{position}.b"] = rng.normal(size=n_out)

    def function(x: torch.Tensor, **p: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(x @ p["layers_0_W"] + p["layers_0_b"])
        h = F.gelu(h @ p["layers_2_W"] + p["layers_2_b"], approximate="tanh")
        return F.softmax(h @ p["layers_4_W"] + p["layers_4_b"], dim=-1)

    linear = {i: ["Linear", {"in_features": n_in, "out_features": n_out}] for i, (n_in, n_out) in sizes.items()}
    stack = [linear[0], ["Tanh", {}], linear[2], ["GELU", {}], linear[4], ["Softmax", {}]]
    return Call("Sequential", function, {"x": rng.normal(size=(batch, 3))}, {"layers": stack}, parameters)


def losses(rng: np.random.Generator) -> Iterator[Call]:
    """Calls of 03_losses: every one a scalar, the mean over the batch."""
    for batch, classes in [(1, 4), (7, 3), (5, 6)]:
        yield from of_values(rng, batch, classes)
        yield from of_scores(rng, batch, classes)
        yield from of_pairs(rng, batch, classes)


def loss(exercise: str, function: Callable[..., torch.Tensor], inputs: Arrays, by: str, **arguments: Any) -> Call:
    """Make the call of a loss; ``by`` names the inputs with a gradient."""
    return Call(
        exercise, lambda *xs: function(*xs, **arguments), inputs, arguments, {}, tuple(by.split()), upstream=False
    )


def of_values(rng: np.random.Generator, batch: int, width: int) -> Iterator[Call]:
    """Losses of predicted numbers."""
    inputs = {"prediction": rng.normal(0, 2, (batch, width)), "target": rng.normal(0, 2, (batch, width))}
    yield loss("MeanSquaredError", F.mse_loss, inputs, "prediction")
    for delta in (1.0, 0.3, 2.5):
        yield loss("Huber", F.huber_loss, inputs, "prediction", delta=delta)


def of_scores(rng: np.random.Generator, batch: int, classes: int) -> Iterator[Call]:
    """Losses of scores against classes, of logits against bits, of log-probabilities against probabilities."""
    scores = rng.normal(0, 3, (batch, classes))
    labels = {"prediction": scores, "target": rng.integers(classes, size=batch)}
    yield loss("SoftmaxCrossEntropy", F.cross_entropy, labels, "prediction")
    for smoothing in (0.1, 0.4):
        yield loss("SoftmaxCrossEntropy", F.cross_entropy, labels, "prediction", label_smoothing=smoothing)
    yield loss("MultiMargin", F.multi_margin_loss, labels, "prediction")
    bits = {"prediction": rng.normal(0, 3, (batch, classes)), "target": rng.integers(2, size=(batch, classes)) * 1.0}
    yield loss("BinaryCrossEntropy", F.binary_cross_entropy_with_logits, bits, "prediction")
    for gamma, alpha in [(2.0, 0.25), (1.5, 0.6)]:
        yield loss("Focal", focal, bits, "prediction", gamma=gamma, alpha=alpha)
    target = rng.dirichlet(np.ones(classes), size=batch)
    logs = {"prediction": np.log(rng.dirichlet(np.ones(classes), size=batch)), "target": target}
    yield loss("KLDivergence", lambda q, p: F.kl_div(q, p, reduction="batchmean"), logs, "prediction")


def of_pairs(rng: np.random.Generator, batch: int, width: int) -> Iterator[Call]:
    """Losses of two or three inputs compared."""
    a, b, c = rng.normal(size=(3, batch, width))
    signs = np.where(np.arange(batch) % 2, -1.0, 1.0)
    for margin in (0.0, 0.3):
        yield loss("Angular", F.cosine_embedding_loss, {"a": a, "b": b, "target": signs}, "a b", margin=margin)
    better, worse = rng.normal(0, 3, (2, batch))
    pair = {"better": better, "worse": worse}
    yield loss("RankNet", lambda a, b: F.softplus(-(a - b), threshold=1e9).mean(), pair, "better worse")
    for margin in (1.0, 2.5):
        triple = {"anchor": a, "positive": b, "negative": c}
        yield loss("Triplet", F.triplet_margin_loss, triple, "anchor positive negative", margin=margin)


def focal(logits: torch.Tensor, bits: torch.Tensor, *, gamma: float, alpha: float) -> torch.Tensor:
    """Focal loss as torchvision's ``sigmoid_focal_loss`` computes it, the mean over all elements."""
    p = torch.sigmoid(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, bits, reduction="none")
    p_right = p * bits + (1 - p) * (1 - bits)
    weight = alpha * bits + (1 - alpha) * (1 - bits)
    return (weight * (1 - p_right) ** gamma * entropy).mean()


def compute(call: Call, rng: np.random.Generator) -> Arrays:
    """Run one call forward and backward in PyTorch; return its arrays as ``ROLE.NAME``."""
    by = call.by or tuple(call.inputs)
    inputs = {name: torch.tensor(x, requires_grad=name in by) for name, x in call.inputs.items()}
    parameters = {path: torch.tensor(p, requires_grad=True) for path, p in call.parameters.items()}
    y = call.function(*inputs.values(), **{path.replace(".", "_"): p for path, p in parameters.items()})
    arrays = {
        **{f"input.{name}": x for name, x in call.inputs.items()},
        **{f"parameter.{path}": p for path, p in call.parameters.items()},
        "output.y": y.detach().numpy(),
    }
    upstream = None
    if call.upstream:
        arrays["upstream.dy"] = rng.normal(size=tuple(y.shape))
        upstream = torch.tensor(arrays["upstream.dy"])
    leaves = {**{name: inputs[name] for name in by}, **parameters}
    gradients = torch.autograd.grad(y, list(leaves.values()), upstream)
    arrays.update({f"gradient.{name}": dx.numpy() for name, dx in zip(leaves, gradients, strict=True)})
    return arrays


def write(assignment: str, calls: Iterator[Call], rng: np.random.Generator) -> Path:
    """Write every call of one assignment to its file."""
    described, arrays = [], {}
    for number, call in enumerate(calls):
        found = compute(call, rng)
        described.append({"exercise": call.exercise, "arguments": call.arguments, "arrays": list(found)})
        arrays.update({f"{number}.{name}": array for name, array in found.items()})
    return save(FOLDER / f"{assignment}.npz", arrays, seed=SEED, calls=described)


def main() -> None:
    """Write every file and say how large it is."""
    torch.set_num_threads(1)
    files = {
        "02_layers": layers,
        "03_losses": losses,
        "06_convolution": convolutions.calls,
        "07_sequences": sequences.calls,
        "09_layers": attention.calls,
        "09_blocks": blocks.calls,
        "14_layers": performance.calls,
    }
    for assignment, calls in files.items():
        rng = np.random.default_rng(SEED)
        path = write(assignment, calls(rng), rng)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, PyTorch {torch.__version__}")
    for path in (
        foundations.write(FOLDER / "01_foundations.npz", SEED),
        optimizers.write(FOLDER / "04_optimizers.npz", SEED),
        regularization.write(FOLDER / "05_regularization.npz", SEED),
        recurrent.write(FOLDER / "07_recurrent.npz", SEED),
        embeddings.write(FOLDER / "08_embeddings.npz", SEED),
        autoencoders.write(FOLDER / "10_autoencoders.npz", SEED),
        opponents.write(FOLDER / "10_opponents.npz", SEED),
        training_practice.write(FOLDER / "11_training_practice.npz", SEED),
        views.write(FOLDER / "12_views.npz", SEED),
        robustness.write(FOLDER / "13_robustness.npz", SEED),
        performance.write(FOLDER / "14_performance.npz", SEED),
        autograd.write(FOLDER / "15_autograd.npz", SEED),
    ):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
