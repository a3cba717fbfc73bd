"""Triplet: correct but slow; plain, as a good student writes it."""

from dlkit import Loss, array_module


class Slow(Loss):
    def forward(self, anchor, positive, negative):
        xp = array_module(anchor)
        self.vectors = anchor, positive, negative
        losses = xp.zeros(len(anchor), dtype=anchor.dtype)
        for n in range(len(anchor)):
            near, far = anchor[n] - positive[n] + 1e-6, anchor[n] - negative[n] + 1e-6
            losses[n] = xp.maximum(self.margin + xp.sqrt((near * near).sum()) - xp.sqrt((far * far).sum()), 0)
        self.losses = losses
        return losses.mean()

    def backward(self):
        anchor, positive, negative = self.vectors
        xp = array_module(anchor)
        gradients = tuple(xp.zeros_like(vectors) for vectors in self.vectors)
        for n in range(len(anchor)):
            share = (self.losses[n] > 0) / len(anchor)
            near, far = anchor[n] - positive[n] + 1e-6, anchor[n] - negative[n] + 1e-6
            near, far = share * near / xp.sqrt((near * near).sum()), share * far / xp.sqrt((far * far).sum())
            gradients[0][n], gradients[1][n], gradients[2][n] = near - far, -near, far
        return gradients


class Plain(Loss):
    def forward(self, anchor, positive, negative):
        xp = array_module(anchor)
        self.near, self.far = anchor - positive + 1e-6, anchor - negative + 1e-6
        self.d_near = (self.near**2).sum(axis=1, keepdims=True) ** 0.5
        self.d_far = (self.far**2).sum(axis=1, keepdims=True) ** 0.5
        self.losses = xp.maximum(0, self.margin + self.d_near - self.d_far)
        return self.losses.mean()

    def backward(self):
        active = (self.losses > 0) * 1.0
        active = active.astype(self.near.dtype)
        near = active * self.near / self.d_near / len(active)
        far = active * self.far / self.d_far / len(active)
        return near - far, -near, far
