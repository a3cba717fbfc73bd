"""Other ways to write generate."""

from dlkit import array_module


def slow(ids, *, model, length, choose=None):
    """Without caches: the model reads everything again for every symbol."""
    xp = array_module(ids)
    for _ in range(length):
        scores = model.forward(ids)[:, -1]
        new = scores.argmax(axis=1) if choose is None else choose(scores)
        ids = xp.concatenate([ids, new[:, None]], axis=1)
    return ids


def plain(ids, *, model, length, choose=None):
    """The prompt symbol by symbol, the text joined anew at every step."""
    xp, caches, text = array_module(ids), model.new_caches(), ids
    for place in range(ids.shape[1]):
        scores = model.forward(ids[:, place : place + 1], caches)
    for _ in range(length):
        last = scores[:, -1, :]
        new = choose(last) if choose else xp.argmax(last, axis=-1)
        text = xp.concatenate((text, new.reshape(-1, 1)), axis=1)
        scores = model.forward(text[:, -1:], caches)
    return text
