"""MultiMargin: correct but slow; plain, as a good student writes it."""

from dlkit import Loss, array_module


class Slow(Loss):
    def forward(self, scores, labels):
        xp = array_module(scores)
        self.scores, self.labels = scores, labels
        losses = xp.zeros(len(scores), dtype=scores.dtype)
        for n in range(len(scores)):
            terms = xp.maximum(scores[n] - scores[n][labels[n]] + self.margin, 0)
            losses[n] = (terms.sum() - terms[labels[n]]) / len(terms)
        return losses.mean()

    def backward(self):
        dscores = array_module(self.scores).zeros_like(self.scores)
        for n in range(len(dscores)):
            right = self.labels[n]
            dscores[n] = self.scores[n] - self.scores[n][right] + self.margin > 0
            dscores[n, right] = 0
            dscores[n, right] = -dscores[n].sum()
            dscores[n] /= dscores.size
        return dscores


class Plain(Loss):
    def forward(self, scores, labels):
        xp = array_module(scores)
        self.right = xp.arange(scores.shape[1]) == labels[:, None]
        lead = scores[xp.arange(len(labels)), labels][:, None]
        self.slack = xp.maximum(0, self.margin - lead + scores) * ~self.right
        return self.slack.sum() / self.slack.size

    def backward(self):
        active = (self.slack > 0).astype(self.slack.dtype)
        return (active - self.right * active.sum(axis=1, keepdims=True)) / active.size
