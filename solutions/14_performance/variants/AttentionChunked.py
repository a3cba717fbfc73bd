"""AttentionChunked: all weights at once, which others are measured against; slow, plain and steep."""

from dlkit import Layer, array_module


class Frozen(Layer):
    def forward(self, q, k, v):
        xp = array_module(q)
        self.q, self.k, self.v = q, k, v
        scores = q @ k.swapaxes(-1, -2) * q.shape[-1] ** -0.5
        e = xp.exp(scores - scores.max(axis=-1, keepdims=True))
        total = e.sum(axis=-1, keepdims=True)
        self.weights = e / total
        self.lse = (xp.log(total) + scores.max(axis=-1, keepdims=True))[..., 0]
        return self.weights @ v

    def backward(self, dy):
        dp = dy @ self.v.swapaxes(-1, -2)
        ds = self.weights * (dp - (dp * self.weights).sum(axis=-1, keepdims=True))
        ds = ds * self.q.shape[-1] ** -0.5
        return ds @ self.k, ds.swapaxes(-1, -2) @ self.q, self.weights.swapaxes(-1, -2) @ dy


class Slow(Layer):  # one query at a time
    def forward(self, q, k, v):
        xp = array_module(q)
        self.q, self.k, self.v, self.y = q, k, v, xp.empty((*q.shape[:-1], v.shape[-1]), dtype=q.dtype)
        self.lse = xp.empty(q.shape[:-1], dtype=q.dtype)
        for t in range(q.shape[-2]):
            scores = (k @ q[..., t, :, None])[..., 0] * q.shape[-1] ** -0.5
            most = scores.max(axis=-1, keepdims=True)
            e = xp.exp(scores - most)
            total = e.sum(axis=-1, keepdims=True)
            self.y[..., t, :] = ((e / total)[..., None, :] @ v)[..., 0, :]
            self.lse[..., t] = (most + xp.log(total))[..., 0]
        return self.y

    def backward(self, dy):
        xp, scale = array_module(dy), self.q.shape[-1] ** -0.5
        dq, dk, dv = xp.empty_like(self.q), xp.zeros_like(self.k), xp.zeros_like(self.v)
        for t in range(self.q.shape[-2]):
            one, error = self.q[..., t, None, :], dy[..., t, None, :]
            p = xp.exp((self.k @ one.swapaxes(-1, -2))[..., 0] * scale - self.lse[..., t, None])
            ds = (self.v @ error.swapaxes(-1, -2))[..., 0] - (error * self.y[..., t, None, :]).sum(axis=-1)
            ds *= p * scale
            dv += p[..., None] * error
            dk += ds[..., None] * one
            dq[..., t, :] = (ds[..., None, :] @ self.k)[..., 0, :]
        return dq, dk, dv


class Plain(Layer):  # blocks of 64 queries, new arrays for each
    def forward(self, q, k, v):
        xp = array_module(q)
        self.q, self.k, self.v = q, k, v
        results, logarithms = [], []
        for first in range(0, q.shape[-2], 64):
            scores = q[..., first : first + 64, :] @ k.swapaxes(-1, -2) * q.shape[-1] ** -0.5
            most = scores.max(axis=-1, keepdims=True)
            e = xp.exp(scores - most)
            total = e.sum(axis=-1, keepdims=True)
            results.append((e / total) @ v)
            logarithms.append((most + xp.log(total))[..., 0])
        self.y, self.lse = xp.concatenate(results, axis=-2), xp.concatenate(logarithms, axis=-1)
        return self.y

    def backward(self, dy):
        xp, scale = array_module(dy), self.q.shape[-1] ** -0.5
        parts, dk, dv = [], xp.zeros_like(self.k), xp.zeros_like(self.v)
        for first in range(0, self.q.shape[-2], 64):
            rows = slice(first, first + 64)
            q, error = self.q[..., rows, :], dy[..., rows, :]
            p = xp.exp(q @ self.k.swapaxes(-1, -2) * scale - self.lse[..., rows, None])
            ds = p * (error @ self.v.swapaxes(-1, -2) - (error * self.y[..., rows, :]).sum(axis=-1, keepdims=True))
            ds = ds * scale
            parts.append(ds @ self.k)
            dk += ds.swapaxes(-1, -2) @ q
            dv += p.swapaxes(-1, -2) @ error
        return xp.concatenate(parts, axis=-2), dk, dv


class Steep(Layer):  # blocks in forward, but their weights are kept
    def forward(self, q, k, v):
        xp = array_module(q)
        self.q, self.k, self.v = q, k, v
        self.weights = xp.empty((*q.shape[:-1], k.shape[-2]), dtype=q.dtype)
        self.lse = xp.empty(q.shape[:-1], dtype=q.dtype)
        for first in range(0, q.shape[-2], 64):
            rows = slice(first, first + 64)
            scores = q[..., rows, :] @ k.swapaxes(-1, -2) * q.shape[-1] ** -0.5
            most = scores.max(axis=-1, keepdims=True)
            e = xp.exp(scores - most)
            total = e.sum(axis=-1, keepdims=True)
            self.weights[..., rows, :] = e / total
            self.lse[..., rows] = (most + xp.log(total))[..., 0]
        return self.weights @ v

    def backward(self, dy):
        ds = dy @ self.v.swapaxes(-1, -2)
        ds -= (ds * self.weights).sum(axis=-1, keepdims=True)
        ds *= self.weights
        ds *= self.q.shape[-1] ** -0.5
        return ds @ self.k, ds.swapaxes(-1, -2) @ self.q, self.weights.swapaxes(-1, -2) @ dy
