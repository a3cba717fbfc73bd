"""Models for code that generates: a decoder with caches, and a table."""

import numpy as np

from dlkit import array_module, asarray


class Reader:
    """A causal model of d features in several layers: every position reads a mean of those before it.

    What a layer keeps of a position is in its cache.  Without caches all positions are read again.
    """

    def __init__(self, vocabulary, features=64, hidden=256, layers=2, *, rng):
        self.table = asarray(rng.normal(size=(vocabulary, features)))
        self.layers = [
            [
                asarray(rng.normal(0, rows**-0.5, (rows, columns)))
                for rows, columns in ((features, hidden), (hidden, features))
            ]
            for _ in range(layers)
        ]
        self.W = asarray(rng.normal(0, features**-0.5, (features, vocabulary)))

    def new_caches(self):
        return [Positions() for _ in self.layers]

    def forward(self, ids, caches=None):
        library, x = array_module(ids), self.table[ids]
        for (there, back), cache in zip(self.layers, caches or self.new_caches(), strict=True):
            seen = cache.append(x)
            new, every = x.shape[1], seen.shape[1]
            scores = x @ seen.swapaxes(1, 2) * x.shape[2] ** -0.5
            order = library.arange(every)
            scores = library.where(order <= order[every - new :, None], scores, -1e30)
            scores = scores - scores.max(axis=2, keepdims=True)
            weights = library.exp(scores)
            x = x + weights / weights.sum(axis=2, keepdims=True) @ seen
            x = x + library.tanh(x @ there) @ back
        return x / (1 + abs(x).mean(axis=2, keepdims=True)) @ self.W


class Positions:
    """What a layer of a Reader has seen."""

    def __init__(self):
        self.seen = None

    def append(self, x):
        self.seen = x if self.seen is None else array_module(x).concatenate([self.seen, x], axis=1)
        return self.seen


class Bigrams:
    """Scores of the next symbol by the last two: table (vocabulary, vocabulary, vocabulary)."""

    def __init__(self, table):
        self.table = np.asarray(table)

    def forward(self, ids):
        ids = np.asarray(ids)
        before = np.concatenate([ids[:, :1], ids[:, :-1]], axis=1)
        return self.table[before, ids]
