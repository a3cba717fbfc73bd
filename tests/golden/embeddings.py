"""What PyTorch gives in float64 for 08_embeddings: lookups, losses of pairs, neighbours, singular vectors, sentences.

``make_golden.py`` writes it.  The file holds ``header``, a JSON text that names the calls, and the arrays of call
number n as ``n.NAME``: inputs, parameters, results and gradients, named as in the course.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from calls import Found, save_calls
from torch.nn import functional as F  # noqa: N812 - its usual name


def lookups(rng: np.random.Generator) -> Iterator[Found]:
    """Rows of a table, with repeated ids, with a padding and without."""
    for shape, vocab_size, features, padding_idx in [((7,), 4, 3, None), ((3, 5), 6, 2, 0), ((2, 3, 4), 5, 4, 3)]:
        W, ids = rng.normal(size=(vocab_size, features)), rng.integers(vocab_size, size=shape)
        table = torch.tensor(W, requires_grad=True)
        y = F.embedding(torch.tensor(ids), table, padding_idx=padding_idx)
        dy = rng.normal(size=tuple(y.shape))
        (dW,) = torch.autograd.grad(y, table, torch.tensor(dy))
        arguments = {"vocab_size": vocab_size, "features": features, "padding_idx": padding_idx}
        yield "Embedding", arguments, {"W": W, "ids": ids, "y": y.detach().numpy(), "dy": dy, "dW": dW.numpy()}


def of_pair(centre: torch.Tensor, context: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Loss of each pair, by PyTorch's logarithm of the sigmoid."""
    drawn = torch.einsum("bf,bkf->bk", centre, negatives)
    return -F.logsigmoid((centre * context).sum(1)) - F.logsigmoid(-drawn).sum(1)


def pairs(rng: np.random.Generator) -> Iterator[Found]:
    """Word pairs, of small scores and of large ones."""
    for batch, features, k, size in [(1, 3, 1, 1.0), (6, 2, 4, 1.0), (5, 4, 3, 20.0)]:
        arrays = {
            "centre": rng.normal(0, size, (batch, features)),
            "context": rng.normal(0, size, (batch, features)),
            "negatives": rng.normal(0, size, (batch, k, features)),
        }
        inputs = {name: torch.tensor(x, requires_grad=True) for name, x in arrays.items()}
        loss = of_pair(*inputs.values()).mean()
        gradients = torch.autograd.grad(loss, list(inputs.values()))
        named = {f"d{name}": dx.numpy() for name, dx in zip(inputs, gradients, strict=True)}
        yield "SkipGramNegativeSampling", {}, {**arrays, "loss": loss.detach().numpy(), **named}


def documents(rng: np.random.Generator) -> Iterator[Found]:
    """Documents that predict their words, which occur several times."""
    for count, vocab_size, features, batch, k in [(3, 5, 2, 7, 3), (2, 4, 3, 6, 1)]:
        tables = {"D": rng.normal(size=(count, features)), "W": rng.normal(size=(vocab_size, features))}
        ids = {
            "document": rng.integers(count, size=batch),
            "word": rng.integers(vocab_size, size=batch),
            "negatives": rng.integers(vocab_size, size=(batch, k)),
        }
        D, W = (torch.tensor(table, requires_grad=True) for table in tables.values())
        document, word, negatives = (torch.tensor(x) for x in ids.values())
        y, dy = of_pair(D[document], W[word], W[negatives]), rng.normal(size=batch)
        dD, dW = torch.autograd.grad(y, [D, W], torch.tensor(dy))
        arguments = {"documents": count, "vocab_size": vocab_size, "features": features}
        results = {"y": y.detach().numpy(), "dy": dy, "dD": dD.numpy(), "dW": dW.numpy()}
        yield "ParagraphVector", arguments, {**tables, **ids, **results}


def neighbours(rng: np.random.Generator) -> Iterator[Found]:
    """The highest cosines of some words, a vector of zeros among them."""
    for size, features, k in [(9, 3, 4), (30, 8, 7)]:
        vectors, queries = rng.normal(size=(size, features)), rng.integers(1, size, size=5)
        vectors[0] = 0
        words = torch.tensor(vectors)
        cosines = F.cosine_similarity(words[torch.tensor(queries)][:, None], words[None], dim=2)
        cosines[torch.arange(5), torch.tensor(queries)] = -2
        similarities, ids = torch.topk(cosines, k)
        arrays = {"vectors": vectors, "queries": queries, "ids": ids.numpy(), "similarities": similarities.numpy()}
        yield "cosine_neighbours", {"k": k}, arrays


def decompositions(rng: np.random.Generator) -> Iterator[Found]:
    """Singular vectors by PyTorch's own decomposition, their signs set as the course sets them."""
    for rows, features, k in [(6, 4, 2), (5, 9, 3), (8, 8, 8)]:
        x = rng.normal(size=(rows, features)) * np.linspace(3, 1, features)
        U, s, Vh = torch.linalg.svd(torch.tensor(x), full_matrices=False)
        V = Vh.T[:, :k]
        signs = torch.sign(V[V.abs().argmax(dim=0), torch.arange(k)])
        arrays = {"U": U[:, :k] * signs, "s": s[:k], "V": V * signs}
        yield "truncated_svd", {"k": k}, {"x": x, **{name: value.numpy() for name, value in arrays.items()}}


def sentences(rng: np.random.Generator) -> Iterator[Found]:
    """Means by an embedding bag, and SIF sentence by sentence."""
    lengths, vectors = [3, 1, 5, 0, 2], rng.normal(size=(8, 4)) + 1
    p = rng.dirichlet(np.ones(8))
    ids = rng.integers(8, size=(5, 6))
    mask = np.arange(6) < np.array(lengths)[:, None]
    flat, table = torch.tensor(ids[mask]), torch.tensor(vectors)
    offsets = torch.tensor(np.cumsum([0, *lengths[:-1]]))
    given = {"ids": ids, "mask": mask, "vectors": vectors}
    mean = F.embedding_bag(flat, table, offsets, mode="mean")
    yield "sentence_embedding", {}, {**given, "result": mean.numpy()}
    weights = torch.tensor(1e-3 / (1e-3 + p))[flat]
    total = F.embedding_bag(flat, table, offsets, mode="sum", per_sample_weights=weights)
    x = total / torch.tensor(lengths).clamp(min=1)[:, None]
    v = torch.linalg.svd(x).Vh[0]
    yield "sentence_embedding", {}, {**given, "p": p, "result": (x - torch.outer(x @ v, v)).numpy()}


def write(path: Path, seed: int) -> Path:
    """Compute everything and write it to one file."""
    return save_calls(path, seed, (lookups, pairs, documents, neighbours, decompositions, sentences))
