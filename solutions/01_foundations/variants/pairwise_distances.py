"""pairwise_distances that is correct, and slow; plain, as a good student writes it; growing too fast."""

from dlkit import array_module


def slow(a, b):
    xp = array_module(a)
    return xp.stack([xp.sqrt(((row - b) ** 2).sum(axis=1)) for row in a])


def plain(a, b):
    xp = array_module(a)
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return xp.sqrt(xp.maximum(squares, 0))


def steep(a, b):
    xp = array_module(a)
    return xp.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))
