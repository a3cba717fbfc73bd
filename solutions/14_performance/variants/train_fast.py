"""train_fast: the formulas as they are, which others are measured against; slow and plain."""

import numpy as np

from dlkit import array_module


def frozen(x, y, order, *, parameters, lr, label_smoothing=0.0):
    xp, steps, losses = array_module(x), len(order), []
    weights, biases = parameters[::2], parameters[1::2]
    means, squares = ([xp.zeros_like(p.data) for p in parameters] for _ in range(2))
    for t in range(steps):
        inputs = [x[order[t]]]
        for W, b in zip(weights, biases):
            z = inputs[-1] @ W.data + b.data
            inputs.append(z * (z > 0) if W is not weights[-1] else z)
        scores, labels = inputs.pop(), y[order[t]]
        target = xp.full(scores.shape, label_smoothing / scores.shape[1], dtype=x.dtype)
        target[xp.arange(len(labels)), labels] += 1 - label_smoothing
        e = xp.exp(scores - scores.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        z = scores - scores.max(axis=1, keepdims=True)
        log_p = z - xp.log(xp.exp(z).sum(axis=1, keepdims=True))
        losses.append(-(target * log_p).sum() / len(labels))
        dz = (p - target) / len(labels)
        for parameter in parameters:
            parameter.zero_grad()
        for W, b, given in zip(weights[::-1], biases[::-1], inputs[::-1]):
            W.grad += given.T @ dz
            b.grad += dz.sum(axis=0)
            dz = (dz @ W.data.T) * (given > 0)
        rate = lr * 0.5 * (1 + float(np.cos(np.pi * t / steps)))
        for k, parameter in enumerate(parameters):
            g = parameter.grad
            means[k] = 0.9 * means[k] + (1 - 0.9) * g
            squares[k] = 0.999 * squares[k] + (1 - 0.999) * g**2
            m, v = means[k] / (1 - 0.9 ** (t + 1)), squares[k] / (1 - 0.999 ** (t + 1))
            parameter.data[...] = parameter.data - rate * m / (xp.sqrt(v) + 1e-8)
    return xp.stack(losses)


def slow(x, y, order, *, parameters, lr, label_smoothing=0.0):
    """The loss is fused, and Adam makes fewer arrays, but each of them is new."""
    xp, steps, losses = array_module(x), len(order), []
    weights, biases = parameters[::2], parameters[1::2]
    means, squares = ([xp.zeros_like(p.data) for p in parameters] for _ in range(2))
    loss = SoftmaxCrossEntropyFused(label_smoothing)
    for t in range(steps):
        inputs = [x[order[t]]]
        for W, b in zip(weights, biases):
            z = inputs[-1] @ W.data + b.data
            inputs.append(xp.maximum(z, 0) if W is not weights[-1] else z)
        losses.append(loss.forward(inputs.pop(), y[order[t]]))
        dz = loss.backward()
        for parameter in parameters:
            parameter.zero_grad()
        for W, b, given in zip(weights[::-1], biases[::-1], inputs[::-1]):
            W.grad += given.T @ dz
            b.grad += dz.sum(axis=0)
            dz = (dz @ W.data.T) * (given > 0)
        rate = lr * 0.5 * (1 + float(np.cos(np.pi * t / steps)))
        for k, parameter in enumerate(parameters):
            g = parameter.grad
            means[k] = 0.9 * means[k] + 0.1 * g
            squares[k] = 0.999 * squares[k] + 0.001 * g**2
            m, v = means[k] / (1 - 0.9 ** (t + 1)), squares[k] / (1 - 0.999 ** (t + 1))
            parameter.data -= rate * m / (xp.sqrt(v) + 1e-8)
    return xp.stack(losses)


def plain(x, y, order, *, parameters, lr, label_smoothing=0.0):
    """The fast pieces, and layers that make new arrays."""
    xp, steps, losses = array_module(x), len(order), []
    weights, biases = parameters[::2], parameters[1::2]
    loss, optimizer = SoftmaxCrossEntropyFused(label_smoothing), AdamInPlace(parameters, lr)
    for t in range(steps):
        inputs = [x[order[t]]]
        for W, b in zip(weights, biases):
            z = inputs[-1] @ W.data + b.data
            inputs.append(xp.maximum(z, 0) if W is not weights[-1] else z)
        losses.append(loss.forward(inputs.pop(), y[order[t]]))
        dz = loss.backward()
        for k in reversed(range(len(weights))):
            weights[k].grad[...] = inputs[k].T @ dz
            biases[k].grad[...] = dz.sum(axis=0)
            if k:
                dz = (dz @ weights[k].data.T) * (inputs[k] > 0)
        optimizer.lr = lr * 0.5 * (1 + float(np.cos(np.pi * t / steps)))
        optimizer.step()
    return xp.stack(losses)
