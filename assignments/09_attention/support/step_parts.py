"""An attention and a recurrent cell for a decoder's step."""

from dlkit import Layer, Parameter, array_module


class Lookup(Layer):
    """context = Σ weightⱼ memoryⱼ, where weightⱼ = tanh(state P · memoryⱼ) counts where the mask is true."""

    def __init__(self, state_features, memory_features, *, rng):
        self.P = Parameter(rng.normal(0, state_features**-0.5, (state_features, memory_features)))

    def forward(self, state, memory, mask=None):
        library = array_module(state)
        self.state, self.memory, self.query = state, memory, state @ self.P.data
        scores = (memory @ self.query[:, :, None])[:, :, 0]
        self.weights = library.tanh(scores)
        self.slope = 1 - self.weights * self.weights
        seen = 1 if mask is None else mask != 0
        self.weights, self.slope = self.weights * seen, self.slope * seen
        return (self.weights[:, :, None] * memory).sum(axis=1)

    def backward(self, dcontext):
        dscores = (self.memory @ dcontext[:, :, None])[:, :, 0] * self.slope
        dmemory = self.weights[:, :, None] * dcontext[:, None] + dscores[:, :, None] * self.query[:, None]
        dquery = (dscores[:, None] @ self.memory)[:, 0]
        self.P.grad += self.state.T @ dquery
        return dquery @ self.P.data.T, dmemory


class Cell(Layer):
    """A recurrent layer as in 07: h[t] = tanh(x[t] W + h[t−1] U); a step that a mask leaves out keeps the state."""

    def __init__(self, in_features, hidden, *, rng):
        self.W, self.U = (Parameter(rng.normal(0, hidden**-0.5, (rows, hidden))) for rows in (in_features, hidden))
        self.out_features, self.state_shape = hidden, (hidden,)

    def forward(self, x, state=None, mask=None):
        library = array_module(x)
        if state is None:
            state = library.zeros((len(x), self.out_features), dtype=x.dtype)
        self.x, self.h = x, [state]
        for t in range(x.shape[1]):
            new = library.tanh(x[:, t] @ self.W.data + self.h[-1] @ self.U.data)
            self.h.append(new if mask is None else library.where(mask[:, t, None], new, self.h[-1]))
        return library.stack(self.h[1:], axis=1), self.h[-1]

    def backward(self, dh, dlast=None):
        library = array_module(dh)
        dstate, dx = (library.zeros_like(self.h[0]) if dlast is None else dlast), library.empty_like(self.x)
        for t in reversed(range(self.x.shape[1])):
            dz = (dh[:, t] + dstate) * (1 - self.h[t + 1] * self.h[t + 1])
            self.W.grad += self.x[:, t].T @ dz
            self.U.grad += self.h[t].T @ dz
            dx[:, t], dstate = dz @ self.W.data.T, dz @ self.U.data.T
        return dx, dstate
