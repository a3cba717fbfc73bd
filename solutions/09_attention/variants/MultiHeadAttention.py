"""MultiHeadAttention: correct but slow; plain, as a good student writes it."""

from dlkit import Layer, array_module


class Slow(Layer):
    def forward(self, x, memory, mask=None):
        xp, (batch, queries, features), keys = array_module(x), x.shape, memory.shape[1]
        size = features // self.heads
        self.x, self.memory, self.size = x, memory, size
        allowed = xp.broadcast_to(
            xp.ones((1, 1), dtype=bool) if mask is None else mask, (batch, self.heads, queries, keys)
        )
        self.weights = xp.zeros((batch, self.heads, queries, keys), dtype=x.dtype)
        self.merged, y = xp.zeros_like(x), xp.empty_like(x)
        self.q, self.k, self.v = x @ self.Wq.data, memory @ self.Wk.data, memory @ self.Wv.data
        for n in range(batch):
            for h in range(self.heads):
                own = slice(h * size, (h + 1) * size)
                scores = self.q[n, :, own] @ self.k[n, :, own].T / size**0.5
                scores = xp.where(allowed[n, h], scores, -1e9)
                e = xp.exp(scores - scores.max(axis=1, keepdims=True)) * allowed[n, h]
                total = e.sum(axis=1, keepdims=True)
                self.weights[n, h] = e / xp.where(total == 0, 1, total)
                self.merged[n, :, own] = self.weights[n, h] @ self.v[n, :, own]
            y[n] = self.merged[n] @ self.Wo.data
        return y

    def backward(self, dy):
        xp = array_module(dy)
        dx, dmemory = xp.empty_like(self.x), xp.empty_like(self.memory)
        for n in range(len(dy)):
            self.Wo.grad += self.merged[n].T @ dy[n]
            dmerged = dy[n] @ self.Wo.data.T
            dq, dk, dv = xp.empty_like(self.q[n]), xp.empty_like(self.k[n]), xp.empty_like(self.v[n])
            for h in range(self.heads):
                own = slice(h * self.size, (h + 1) * self.size)
                p = self.weights[n, h]
                dv[:, own] = p.T @ dmerged[:, own]
                dp = dmerged[:, own] @ self.v[n, :, own].T
                ds = p * (dp - (p * dp).sum(axis=1, keepdims=True)) / self.size**0.5
                dq[:, own], dk[:, own] = ds @ self.k[n, :, own], ds.T @ self.q[n, :, own]
            self.Wq.grad += self.x[n].T @ dq
            self.Wk.grad += self.memory[n].T @ dk
            self.Wv.grad += self.memory[n].T @ dv
            dx[n], dmemory[n] = dq @ self.Wq.data.T, dk @ self.Wk.data.T + dv @ self.Wv.data.T
        return dx, dmemory


class Plain(Layer):
    def forward(self, x, memory, mask=None):
        xp, (batch, queries, features), keys = array_module(x), x.shape, memory.shape[1]
        size = features // self.heads
        self.x, self.memory, self.size = x, memory, size
        self.q = (x @ self.Wq.data).reshape(batch, queries, self.heads, size)
        self.k = (memory @ self.Wk.data).reshape(batch, keys, self.heads, size)
        self.v = (memory @ self.Wv.data).reshape(batch, keys, self.heads, size)
        allowed = xp.ones((1, 1), dtype=bool) if mask is None else mask
        scores = xp.where(allowed, xp.einsum("bqhd,bkhd->bhqk", self.q, self.k) / size**0.5, -1e9)
        e = xp.exp(scores - scores.max(axis=-1, keepdims=True)) * allowed
        total = e.sum(axis=-1, keepdims=True)
        self.weights = e / xp.where(total == 0, 1, total)
        self.merged = xp.einsum("bhqk,bkhd->bqhd", self.weights, self.v).reshape(x.shape)
        return self.merged @ self.Wo.data

    def backward(self, dy):
        xp, p = array_module(dy), self.weights
        self.Wo.grad += xp.einsum("bqi,bqj->ij", self.merged, dy)
        dmerged = (dy @ self.Wo.data.T).reshape(self.q.shape)
        dp = xp.einsum("bqhd,bkhd->bhqk", dmerged, self.v)
        ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True)) / self.size**0.5
        dq = xp.einsum("bhqk,bkhd->bqhd", ds, self.k).reshape(self.x.shape)
        dk = xp.einsum("bhqk,bqhd->bkhd", ds, self.q).reshape(self.memory.shape)
        dv = xp.einsum("bhqk,bqhd->bkhd", p, dmerged).reshape(self.memory.shape)
        self.Wq.grad += xp.einsum("bqi,bqj->ij", self.x, dq)
        self.Wk.grad += xp.einsum("bki,bkj->ij", self.memory, dk)
        self.Wv.grad += xp.einsum("bki,bkj->ij", self.memory, dv)
        return dq @ self.Wq.data.T, dk @ self.Wk.data.T + dv @ self.Wv.data.T
