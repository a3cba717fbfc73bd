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


# The reference reaches 0.938 on average (standard deviation 0.005) and 0.930 at worst over 31 seeds, in 5 s of CPU
# time each, 8 on a busy machine: the threshold is 7 standard deviations below the mean. A network that memorizes (no
# shifts, dropout, normalization or smoothing) reached 0.8757 (0.0041) and 0.8840 at best over 20 seeds, before pixels
# were mixed. A small convolutional network whose 2,202 weights were typed in, trained elsewhere to stand small turns,
# with a search over angles, slants and stretches, reached 0.41, 0.76 and 0.70; a linear classifier of 7,850 letters
# 0.35, 0.42 and 0.47.
capstone = ModelExercise(
    "train_rescued",
    task=few_digits,
    accuracy=0.905,
    cpu_s=40.0,
    disguised="mixed warp",
    depends=("random_shift",),
)
