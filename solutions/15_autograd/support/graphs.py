"""Functions of tensors: networks of earlier assignments, and small expressions."""

from typing import Any

import numpy as np

from dlkit import Array, asarray


def squared_error(y: Any, target: Array) -> Any:
    """The mean of the squared differences."""
    return (y - target).power(2).mean()


class TwoLayers:
    """Mean cross-entropy of a linear layer, ReLU or tanh, another linear layer; labels are drawn, or given."""

    def __init__(self, labels: Any, activation: str = "relu", *, classes: int = 10) -> None:
        if isinstance(labels, int):
            labels = np.random.default_rng(labels).integers(classes, size=labels)
        self.labels, self.activation = asarray(labels), activation

    def __call__(self, x: Any, W: Any, b: Any, V: Any, c: Any) -> Any:
        hidden = getattr(x @ W + b, self.activation)()
        scores = hidden @ V + c
        z = scores - scores.data.max(axis=1, keepdims=True)
        right = z[np.arange(len(self.labels)), self.labels]
        return (z.exp().sum(axis=1).log() - right).mean()


class Recurrent:
    """Mean squared error of a plain recurrent layer's states at all steps; the same weights at every step."""

    def __init__(self, target: Array) -> None:
        self.target = target

    def __call__(self, x: Any, W: Any, U: Any, b: Any) -> Any:
        state = (x[:, 0] @ W + b).tanh()
        states = [state]
        for step in range(1, x.shape[1]):
            state = (x[:, step] @ W + state @ U + b).tanh()
            states.append(state)
        joined = x.concatenate([each.reshape((len(x.data), 1, -1)) for each in states], axis=1)
        return squared_error(joined, self.target)


class Attending:
    """Mean squared error of causal attention of several heads, of normalized rows, which are added to it."""

    def __init__(self, heads: int, target: Array) -> None:
        self.heads, self.target = heads, target

    def __call__(self, x: Any, Wq: Any, Wk: Any, Wv: Any, Wo: Any) -> Any:
        batch, steps, features = x.shape
        normal = x * ((x * x).mean(axis=-1, keepdims=True) + 1e-6).power(-0.5)
        size = features // self.heads
        cut = (batch, steps, self.heads, size)
        q, k, v = ((normal @ W).reshape(cut).transpose((0, 2, 1, 3)) for W in (Wq, Wk, Wv))
        scores = q @ k.transpose((0, 1, 3, 2)) * size**-0.5
        scores = scores + np.triu(np.full((steps, steps), -np.inf), 1)
        e = (scores - scores.data.max(axis=-1, keepdims=True)).exp()
        read = (e / e.sum(axis=-1, keepdims=True)) @ v
        return squared_error(read.transpose((0, 2, 1, 3)).reshape(x.shape) @ Wo + x, self.target)


class Embedded:
    """Mean squared error of rows of a table, normalized over their features, with gain and shift."""

    def __init__(self, ids: Array, target: Array) -> None:
        self.ids, self.target = ids, target

    def __call__(self, W: Any, gamma: Any, beta: Any) -> Any:
        x = W[self.ids]
        centred = x - x.mean(axis=-1, keepdims=True)
        scale = ((centred * centred).mean(axis=-1, keepdims=True) + 1e-5).power(-0.5)
        return squared_error(centred * scale * gamma + beta, self.target)


class Small:
    """A small function by its name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls = 0

    def __call__(self, *tensors: Any) -> Any:
        self.calls += 1
        a, *others = tensors
        if self.name == "first alone":
            return (a * a).sum()
        if self.name == "product":
            return (a * others[0]).sum(axis=0).sum()
        if self.name == "one number":
            return (a.tanh() * others[0]).mean().reshape((1, 1))
        if self.name == "reused":
            y = a.exp() + others[0]
            return (y * y + y * a).sum()
        if self.name == "the input itself":
            return a
        return (a @ others[0]).power(2).mean()


class Counting:
    """A function that counts its calls, and the backward passes of its result."""

    def __init__(self) -> None:
        self.calls = self.passes = 0

    def __call__(self, a: Any, b: Any) -> Any:
        self.calls += 1
        y = (a * b).sum()

        def pull(dy: Any) -> tuple[Any]:
            self.passes += 1
            return (dy,)

        return y.record(y.data * 1, (y,), pull)

    def counted(self) -> tuple[int, int]:
        """Calls, and passes."""
        return self.calls, self.passes
