"""AdditiveAttention: correct but slow; plain, as a good student writes it."""

from dlkit import Layer, array_module


class Slow(Layer):
    def forward(self, state, memory, mask=None):
        xp = array_module(memory)
        if mask is None:
            mask = xp.ones(memory.shape[:2], dtype=bool)
        self.state, self.memory = state, xp.where(mask[:, :, None], memory, 0)
        self.tanh, scores = [], xp.empty(memory.shape[:2], dtype=memory.dtype)
        for t in range(memory.shape[1]):
            self.tanh.append(xp.tanh(state @ self.W.data + self.memory[:, t] @ self.U.data))
            scores[:, t] = self.tanh[t] @ self.v.data
        scores = xp.where(mask, scores, -1e9)
        e = xp.exp(scores - scores.max(axis=1, keepdims=True)) * mask
        total = e.sum(axis=1, keepdims=True)
        self.weights = e / xp.where(total == 0, 1, total)
        context = xp.zeros_like(self.memory[:, 0])
        for t in range(memory.shape[1]):
            context += self.weights[:, t, None] * self.memory[:, t]
        return context

    def backward(self, dcontext):
        xp, w = array_module(dcontext), self.weights
        dw = xp.stack([(self.memory[:, t] * dcontext).sum(axis=1) for t in range(w.shape[1])], axis=1)
        de = w * (dw - (w * dw).sum(axis=1, keepdims=True))
        dstate, dmemory = xp.zeros_like(self.state), xp.empty_like(self.memory)
        for t, tanh in enumerate(self.tanh):
            self.v.grad += de[:, t] @ tanh
            dz = de[:, t, None] * self.v.data * (1 - tanh**2)
            self.W.grad += self.state.T @ dz
            self.U.grad += self.memory[:, t].T @ dz
            dstate += dz @ self.W.data.T
            dmemory[:, t] = dz @ self.U.data.T + w[:, t, None] * dcontext
        return dstate, dmemory


class Plain(Layer):
    def forward(self, state, memory, mask=None):
        xp = array_module(memory)
        if mask is None:
            mask = xp.ones(memory.shape[:2], dtype=bool)
        self.state, self.memory = state, xp.where(mask[:, :, None], memory, 0)
        query = xp.einsum("bs,sh->bh", state, self.W.data)
        self.tanh = xp.tanh(query[:, None, :] + xp.einsum("btm,mh->bth", self.memory, self.U.data))
        scores = xp.where(mask, xp.einsum("bth,h->bt", self.tanh, self.v.data), -1e9)
        e = xp.exp(scores - scores.max(axis=1, keepdims=True)) * mask
        total = e.sum(axis=1, keepdims=True)
        self.weights = e / xp.where(total == 0, 1, total)
        return xp.einsum("bt,btm->bm", self.weights, self.memory)

    def backward(self, dcontext):
        xp, w = array_module(dcontext), self.weights
        dw = xp.einsum("bm,btm->bt", dcontext, self.memory)
        de = w * (dw - (w * dw).sum(axis=1, keepdims=True))
        self.v.grad += xp.einsum("bt,bth->h", de, self.tanh)
        dz = de[:, :, None] * self.v.data * (1 - self.tanh**2)
        self.W.grad += xp.einsum("bs,bth->sh", self.state, dz)
        self.U.grad += xp.einsum("btm,bth->mh", self.memory, dz)
        dmemory = xp.einsum("bth,mh->btm", dz, self.U.data) + w[:, :, None] * dcontext[:, None, :]
        return xp.einsum("bth,sh->bs", dz, self.W.data), dmemory
