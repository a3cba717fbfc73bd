"""A small recurrent layer."""

from dlkit import Layer, Parameter, array_module


class Running(Layer):
    """A layer that adds up: s[t] = s[t-1] + x[t] P where the mask is 1; h = tanh(s) times what else the state holds."""

    def __init__(self, in_features, hidden, *, parts=1, rng):
        self.P = Parameter(rng.normal(0, in_features**-0.5, (in_features, hidden)))
        self.out_features, self.state_shape = hidden, (hidden,) if parts == 1 else (parts, hidden)

    def forward(self, x, state=None, mask=None):
        library = array_module(x)
        if state is None:
            state = library.zeros((len(x), *self.state_shape), dtype=x.dtype)
        parts = state.reshape(len(x), -1, self.out_features)
        self.counts = None if mask is None else (mask[:, :, None] != 0)
        steps = x if mask is None else x * self.counts
        s = parts[:, :1] + (steps @ self.P.data).cumsum(axis=1)
        self.steps, self.tanh, self.factor = steps, library.tanh(s), 1 + parts[:, 1:].sum(axis=1)[:, None]
        last = library.concatenate([s[:, -1:], 0.5 * parts[:, 1:]], axis=1)
        return self.tanh * self.factor, last.reshape(state.shape)

    def backward(self, dh, dlast=None):
        library = array_module(dh)
        shape = (len(dh), *self.state_shape)
        dparts = (library.zeros(shape, dtype=dh.dtype) if dlast is None else dlast).reshape(
            len(dh), -1, self.out_features
        )
        ds = dh * self.factor * (1 - self.tanh * self.tanh)
        ds = ds[:, ::-1].cumsum(axis=1)[:, ::-1] + dparts[:, :1]
        self.P.grad += self.steps.reshape(-1, self.steps.shape[2]).T @ ds.reshape(-1, ds.shape[2])
        dx = ds @ self.P.data.T
        others = 0.5 * dparts[:, 1:] + (dh * self.tanh).sum(axis=1)[:, None]
        dstate = library.concatenate([ds[:, :1], others], axis=1)
        return dx if self.counts is None else dx * self.counts, dstate.reshape(shape)
