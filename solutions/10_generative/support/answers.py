"""Losses of a discriminator's answers for the checks: distances from numbers that differ for each use."""

from dlkit import Loss


class PairOfAnswers(Loss):
    """Half the mean square of the distance of answers to real rows from 2, and of those to generated ones from −1."""

    def forward(self, real, fake):
        self.off = real - 2, fake + 1
        return 0.5 * ((self.off[0] ** 2).mean() + (self.off[1] ** 2).mean())

    def backward(self):
        return tuple(off / off.size for off in self.off)


class OneAnswer(Loss):
    """The mean square of the distance of answers to generated rows from 3."""

    def forward(self, fake):
        self.off = fake - 3
        return (self.off**2).mean()

    def backward(self):
        return 2 * self.off / self.off.size
