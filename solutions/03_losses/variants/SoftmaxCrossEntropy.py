"""SoftmaxCrossEntropy: correct but slow; plain, as a good student writes it."""

from dlkit import Loss, array_module


class Slow(Loss):
    def forward(self, scores, labels):
        self.scores, self.labels = scores, labels
        xp, s = array_module(scores), self.label_smoothing
        losses = xp.zeros(len(scores), dtype=scores.dtype)
        for n in range(len(scores)):
            z = scores[n] - scores[n].max()
            log_p = z - xp.log(xp.exp(z).sum())
            losses[n] = -(1 - s) * log_p[labels[n]] - s * log_p.mean()
        return losses.mean()

    def backward(self):
        xp, s = array_module(self.scores), self.label_smoothing
        dscores = xp.zeros_like(self.scores)
        for n in range(len(dscores)):
            e = xp.exp(self.scores[n] - self.scores[n].max())
            dscores[n] = e / e.sum() - s / len(e)
            dscores[n, self.labels[n]] -= 1 - s
            dscores[n] /= len(dscores)
        return dscores


class Plain(Loss):
    def forward(self, scores, labels):
        xp, s = array_module(scores), self.label_smoothing
        z = scores - scores.max(axis=1, keepdims=True)
        log_p = z - xp.log(xp.exp(z).sum(axis=1, keepdims=True))
        self.p = xp.exp(log_p)
        one_hot = (xp.arange(scores.shape[1]) == labels[:, None]).astype(scores.dtype)
        self.q = (1 - s) * one_hot + s / scores.shape[1]
        return -(self.q * log_p).sum(axis=1).mean()

    def backward(self):
        return (self.p - self.q) / len(self.p)
