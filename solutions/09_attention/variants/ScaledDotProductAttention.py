"""ScaledDotProductAttention: correct but slow, correct but wasteful; plain, as a good student writes it."""

from dlkit import Layer, array_module


class Slow(Layer):
    def forward(self, q, k, v, mask=None):
        xp = array_module(q)
        weights = xp.empty((*q.shape[:-1], k.shape[-2]), dtype=q.dtype)
        if mask is None:
            mask = xp.ones(weights.shape, dtype=bool)
        q = xp.where(mask.any(axis=-1)[..., None], q, 0)
        seen = mask.any(axis=-2)[..., None]
        k, v = xp.where(seen, k, 0), xp.where(seen, v, 0)
        mask = xp.broadcast_to(mask, weights.shape)
        y = xp.empty((*q.shape[:-1], v.shape[-1]), dtype=q.dtype)
        for i in range(q.shape[-2]):
            scores = (q[..., i, None, :] * k).sum(axis=-1) / q.shape[-1] ** 0.5
            scores = xp.where(mask[..., i, :], scores, xp.finfo(scores.dtype).min)
            e = xp.exp(scores - scores.max(axis=-1, keepdims=True)) * mask[..., i, :]
            total = e.sum(axis=-1, keepdims=True)
            weights[..., i, :] = e / xp.where(total == 0, 1, total)
            y[..., i, :] = (weights[..., i, :, None] * v).sum(axis=-2)
        self.q, self.k, self.v, self.weights = q, k, v, weights
        return y

    def backward(self, dy):
        xp, factor = array_module(dy), self.q.shape[-1] ** -0.5
        dq, dk, dv = xp.empty_like(self.q), xp.zeros_like(self.k), xp.zeros_like(self.v)
        for i in range(dy.shape[-2]):
            p, upstream = self.weights[..., i, :], dy[..., i, None, :]
            dp = (upstream * self.v).sum(axis=-1)
            ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True)) * factor
            dq[..., i, :] = (ds[..., None] * self.k).sum(axis=-2)
            dk += ds[..., None] * self.q[..., i, None, :]
            dv += p[..., None] * upstream
        return dq, dk, dv


class Plain(Layer):
    def forward(self, q, k, v, mask=None):
        xp = array_module(q)
        if mask is None:
            mask = xp.ones((q.shape[-2], k.shape[-2]), dtype=bool)
        seen = mask.any(axis=-2)[..., None]
        q, k, v = xp.where(mask.any(axis=-1)[..., None], q, 0), xp.where(seen, k, 0), xp.where(seen, v, 0)
        scores = xp.where(mask, xp.einsum("...qd,...kd->...qk", q, k) / q.shape[-1] ** 0.5, -1e9)
        exps = xp.exp(scores - scores.max(axis=-1, keepdims=True)) * mask
        total = exps.sum(axis=-1, keepdims=True)
        self.q, self.k, self.v, self.weights = q, k, v, exps / xp.where(total == 0, 1, total)
        return xp.einsum("...qk,...kv->...qv", self.weights, v)

    def backward(self, dy):
        xp, p = array_module(dy), self.weights
        dp = xp.einsum("...qv,...kv->...qk", dy, self.v)
        ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True)) / self.q.shape[-1] ** 0.5
        dq, dk = xp.einsum("...qk,...kd->...qd", ds, self.k), xp.einsum("...qk,...qd->...kd", ds, self.q)
        return dq, dk, xp.einsum("...qk,...qv->...kv", p, dy)


class Bulky(Layer):
    def backward(self, dy):
        p = self.weights
        dp = (dy[..., :, None, :] * self.v[..., None, :, :]).sum(axis=-1)
        ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True))
        dq = ds @ self.k * self.q.shape[-1] ** -0.5
        return dq, ds.swapaxes(-1, -2) @ self.q, p.swapaxes(-1, -2) @ dy
