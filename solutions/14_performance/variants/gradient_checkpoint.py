"""gradient_checkpoint: with every eighth input kept at least; with half of them kept."""

from dlkit import array_module


def plain(x, weights, dy, *, block):
    xp, depth = array_module(x), len(weights)
    length = int(depth**0.5) + 1
    starts, y = [], x
    for first in range(0, depth, length):
        starts.append(y)
        for w in weights[first : first + length]:
            y = block.forward(y, w)
    gradients = []
    for first, start in reversed(list(zip(range(0, depth, length), starts))):
        part = weights[first : first + length]
        inputs = [start]
        for w in part[:-1]:
            inputs.append(block.forward(inputs[-1], w))
        for w in part[::-1]:
            dy, dw = block.backward(dy, inputs.pop(), w)
            gradients.append(dw)
    return y, dy, xp.stack(gradients[::-1])


def steep(x, weights, dy, *, block):
    kept, dweights = [x], array_module(x).empty_like(weights)
    y = x
    for k, w in enumerate(weights):
        y = block.forward(y, w)
        if k % 2:
            kept.append(y)
    for k in reversed(range(len(weights))):
        seen = kept[k // 2]
        if k % 2:
            seen = block.forward(seen, weights[k - 1])
        dy, dweights[k] = block.backward(dy, seen, weights[k])
    return y, dy, dweights
