"""The capstone train_rescued: few digits to train on, many to test on."""

import numpy as np

from autograder.checks import ModelExercise, Task
from dlkit.datasets import mnist


def few_digits(rng):
    """500 digits to train, 4,000 to test, drawn anew from all 12,000."""
    data = mnist()
    x, y = np.concatenate([data.x_train, data.x_test])[:, None], np.concatenate([data.y_train, data.y_test])
    dealt = rng.permutation(len(x))[:4500]
    x, y = x[dealt], y[dealt]
    return Task(x[:500], y[:500], x[500:], y[500:])


# The reference reaches 0.9406 on average (standard deviation 0.0048, which the draw of 500 digits explains) and 0.9295
# at worst over 22 seeds, in 4.0 s of CPU time each on a busy machine: the threshold is 7 standard deviations below the
# mean. A network that memorizes (no shifts, dropout, normalization or smoothing) reaches 0.8757 (0.0041) and 0.8840 at
# best over 20 seeds: as far below the threshold.
capstone = ModelExercise(
    "train_rescued",
    task=few_digits,
    accuracy=0.905,
    cpu_s=40.0,
    disguised="mixed warp",
    depends=("random_shift",),
)
