"""Correct, and slow: image by image. Then without a loop, but with functions that are slow."""

from dlkit import Loss, array_module


class Slow(Loss):
    def forward(self, logits, target):
        xp = array_module(logits)
        self.slopes, total = [], 0
        for a, x in zip(logits, target, strict=True):
            e = xp.exp(-abs(a))
            self.slopes.append((xp.where(a >= 0, 1, e) / (1 + e) - x) / len(logits))
            total = total + (xp.maximum(a, 0) - a * x + xp.log1p(e)).sum()
        return total / len(logits)

    def backward(self):
        return array_module(self.slopes[0]).stack(self.slopes)


class Plain(Loss):
    def forward(self, logits, target):
        xp = array_module(logits)
        self.logits, self.target = logits, target
        log_p, log_q = -xp.logaddexp(0, -logits), -xp.logaddexp(0, logits)
        return -(target * log_p + (1 - target) * log_q).sum() / len(logits)

    def backward(self):
        p = 0.5 * (1 + array_module(self.logits).tanh(0.5 * self.logits))
        return (p - self.target) / len(self.logits)
