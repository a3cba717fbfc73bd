"""fine_tune: correct but slow; plain, as a good student writes it."""

from dlkit import array_module


def slow(x, y, *, body, head, loss, optimizer, epochs, size, rng):
    """Computes the features of every batch anew."""
    losses = []
    for _ in range(epochs):
        order = array_module(x).asarray(rng.permutation(len(x)))
        for start in range(0, len(x), size):
            rows = order[start : start + size]
            body.eval()
            head.train()
            scores = head.forward(body.forward(x[rows]))
            losses.append(loss.forward(scores, y[rows]))
            optimizer.zero_grad()
            head.backward(loss.backward())
            optimizer.step()
    return losses


def plain(x, y, *, body, head, loss, optimizer, epochs, size, rng):
    """Computes the features batch by batch, once, and shuffles all rows."""
    body.eval()
    head.train()
    features = array_module(x).concatenate([body.forward(x[start : start + 32]) for start in range(0, len(x), 32)])
    losses = []
    for _ in range(epochs):
        order = array_module(x).asarray(rng.permutation(len(x)))
        shuffled, targets = features[order], y[order]
        for start in range(0, len(x), size):
            scores = head.forward(shuffled[start : start + size])
            losses.append(loss.forward(scores, targets[start : start + size]))
            optimizer.zero_grad()
            head.backward(loss.backward())
            optimizer.step()
    return losses
