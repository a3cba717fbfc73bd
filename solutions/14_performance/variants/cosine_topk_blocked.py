"""cosine_topk_blocked: all cosines at once, which others are measured against; plain, bulky and steep."""

from dlkit import array_module


def frozen(vectors, queries, k):
    xp = array_module(vectors)
    lengths = xp.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    directions = vectors / xp.where(lengths > 0, lengths, 1)
    lengths = xp.sqrt((queries * queries).sum(axis=1, keepdims=True))
    cosines = (queries / xp.where(lengths > 0, lengths, 1)) @ directions.T
    best = xp.argpartition(cosines, -k, axis=1)[:, -k:]
    rows = xp.arange(len(queries))[:, None]
    order = xp.argsort(-cosines[rows, best], axis=1)
    best = best[rows, order]
    return best, cosines[rows, best]


def plain(vectors, queries, k):
    xp = array_module(vectors)
    ids, similarities = [], []
    for first in range(0, len(queries), 32):
        some = queries[first : first + 32]
        products = some @ vectors.T
        lengths = xp.sqrt((some * some).sum(axis=1))[:, None] * xp.sqrt((vectors * vectors).sum(axis=1))
        cosines = products / xp.where(lengths > 0, lengths, 1)
        best = xp.argsort(-cosines, axis=1)[:, :k].copy()  # a view would keep the whole block
        ids.append(best)
        similarities.append(xp.take_along_axis(cosines, best, axis=1))
    return xp.concatenate(ids), xp.concatenate(similarities)


def bulky(vectors, queries, k):
    xp = array_module(vectors)
    lengths = xp.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    directions = vectors / xp.where(lengths > 0, lengths, 1)
    ids, similarities = [], []
    for first in range(0, len(queries), 512):  # large blocks
        some = queries[first : first + 512]
        lengths = xp.sqrt((some * some).sum(axis=1, keepdims=True))
        cosines = (some / xp.where(lengths > 0, lengths, 1)) @ directions.T
        best = xp.argpartition(cosines, -k, axis=1)[:, -k:].copy()
        values = xp.take_along_axis(cosines, best, axis=1)
        order = xp.argsort(-values, axis=1)
        ids.append(xp.take_along_axis(best, order, axis=1))
        similarities.append(xp.take_along_axis(values, order, axis=1))
    return xp.concatenate(ids), xp.concatenate(similarities)


def steep(vectors, queries, k):
    xp = array_module(vectors)
    lengths = xp.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    directions = vectors / xp.where(lengths > 0, lengths, 1)
    lengths = xp.sqrt((queries * queries).sum(axis=1, keepdims=True))
    cosines = (queries / xp.where(lengths > 0, lengths, 1)) @ directions.T  # at once; the best of them in blocks
    ids, similarities = [], []
    for first in range(0, len(queries), 32):
        some = cosines[first : first + 32]
        best = xp.argpartition(some, -k, axis=1)[:, -k:]
        values = xp.take_along_axis(some, best, axis=1)
        order = xp.argsort(-values, axis=1)
        ids.append(xp.take_along_axis(best, order, axis=1))
        similarities.append(xp.take_along_axis(values, order, axis=1))
    return xp.concatenate(ids), xp.concatenate(similarities)
