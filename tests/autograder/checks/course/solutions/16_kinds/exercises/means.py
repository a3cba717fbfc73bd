"""A causal layer."""

from autograder.checks import Case, LayerExercise, independence, later_steps, masked_steps, other_rows


def sequences(rng):
    for batch, time, features in [(2, 4, 3), (3, 5, 2), (1, 6, 1)]:
        mask = rng.integers(2, size=(batch, time))
        mask[:, [0, -1]] = 1, 0
        yield Case(x=rng.normal(size=(batch, time, features)), mask=mask)


running_mean = LayerExercise("RunningMean", cases=sequences)
independence(running_mean, "an output never sees the future", cases=sequences, of=later_steps(), weight=2)
independence(running_mean, "padding has no influence", cases=sequences, of=masked_steps())
independence(running_mean, "a row stands alone", cases=sequences, of=other_rows())
