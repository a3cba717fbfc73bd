"""Costly and plain searches for neighbours."""

from dlkit import array_module


def slow(vectors, queries, k):
    """Searches for one query after the other, and computes all lengths anew each time."""
    xp = array_module(vectors)
    found, similarities = [], []
    for i in range(len(queries)):
        query = vectors[queries[i]]
        lengths = xp.sqrt((vectors * vectors).sum(axis=1)) * xp.sqrt((query * query).sum())
        cosines = vectors @ query / xp.where(lengths > 0, lengths, 1)
        cosines = xp.where(xp.arange(len(vectors)) == queries[i], -xp.inf, cosines)
        order = xp.argsort(-cosines)[:k]
        found.append(order)
        similarities.append(cosines[order].astype(vectors.dtype))
    return xp.stack(found), xp.stack(similarities)


def plain(vectors, queries, k):
    """Sorts all words for every query."""
    xp = array_module(vectors)
    lengths = xp.linalg.norm(vectors, axis=1)
    lengths = xp.where(lengths == 0, 1, lengths)
    cosines = vectors[queries] @ vectors.T / (lengths[queries][:, None] * lengths)
    cosines[xp.arange(len(queries)), queries] = -xp.inf
    order = xp.argsort(-cosines, axis=1)[:, :k]
    return order, xp.take_along_axis(cosines, order, axis=1)
