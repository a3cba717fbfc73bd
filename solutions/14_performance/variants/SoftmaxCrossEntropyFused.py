"""SoftmaxCrossEntropyFused: forward and backward as two formulas; plain and bulky."""

from dlkit import Loss, array_module


class Frozen(Loss):
    def forward(self, scores, labels):
        xp, s, (batch, classes) = array_module(scores), self.label_smoothing, scores.shape
        self.scores = scores
        self.target = xp.full(scores.shape, s / classes, dtype=scores.dtype)
        self.target[xp.arange(batch), labels] += 1 - s
        z = scores - scores.max(axis=1, keepdims=True)
        log_p = z - xp.log(xp.exp(z).sum(axis=1, keepdims=True))
        return -(self.target * log_p).sum() / batch

    def backward(self):
        xp = array_module(self.scores)
        e = xp.exp(self.scores - self.scores.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        return (p - self.target) / len(p)


class Plain(Loss):  # one array, filled a few rows at a time
    def forward(self, scores, labels):
        xp, s, (batch, classes) = array_module(scores), self.label_smoothing, scores.shape
        self.p, losses = xp.empty_like(scores), []
        for first in range(0, batch, 100):
            p, some = self.p[first : first + 100], labels[first : first + 100]
            rows = xp.arange(len(p))
            p[...] = scores[first : first + 100]
            p -= p.max(axis=1, keepdims=True)
            right = (1 - s) * p[rows, some] + s / classes * p.sum(axis=1)
            xp.exp(p, out=p)
            total = p.sum(axis=1, keepdims=True)
            losses.append(xp.log(total[:, 0]) - right)
            p /= total
            p[rows, some] -= 1 - s
            p -= s / classes
            p /= batch
        return xp.concatenate(losses).mean()

    def backward(self):
        return self.p


class Bulky(Loss):  # a softmax that forward keeps, another array in backward
    def forward(self, scores, labels):
        xp, s, (batch, classes) = array_module(scores), self.label_smoothing, scores.shape
        z = scores - scores.max(axis=1, keepdims=True)
        right, average = z[xp.arange(batch), labels], z.mean(axis=1)
        e = xp.exp(z, out=z)
        total = e.sum(axis=1, keepdims=True)
        e /= total
        self.p, self.labels = e, labels
        return (xp.log(total[:, 0]) - (1 - s) * right - s * average).mean()

    def backward(self):
        s, (batch, classes) = self.label_smoothing, self.p.shape
        dscores = self.p / batch
        if s:
            dscores -= s / (batch * classes)
        dscores[array_module(dscores).arange(batch), self.labels] -= (1 - s) / batch
        return dscores
