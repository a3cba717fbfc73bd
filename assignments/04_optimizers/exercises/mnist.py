"""The capstone: a perceptron that reads MNIST."""

import numpy as np

from autograder.checks import ModelExercise, Task
from dlkit.datasets import mnist


def mnist_task(rng):
    """All 12 000 digits dealt anew: 10 000 to train, 2 000 to test."""
    data = mnist()
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    dealt = rng.permutation(len(x))
    x, y = x.reshape(len(x), -1)[dealt], y[dealt]
    return Task(x[2000:], y[2000:], x[:2000], y[:2000])


# The reference reaches 0.969 in the mean (standard deviation 0.005, little more than 2,000 test digits leave to chance)
# and 0.9625 at worst over 6 seeds, in 5 s of CPU time each, 7 on a busy machine: the goal lies 1.5 standard deviations
# below the mean, so that one seed in 15 may miss it by chance, and hardly ever three. Plain Adam (8 epochs, no
# schedule, smoothing or hidden pixels) at a rate of 0.001 reaches 0.948 (0.006), 0.957 at best over the same seeds.
capstone = ModelExercise(
    "train_mnist_mlp",
    task=mnist_task,
    accuracy=0.962,
    cpu_s=40.0,
    disguised="mixed columns",
    depends=("Adam",),
)
