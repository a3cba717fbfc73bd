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


# The reference reaches 0.9694 in the mean (standard deviation 0.0037, little more than 2,000 test digits leave to
# chance) and 0.965 at worst over 5 seeds, in 5 s of CPU time each, 6 on a busy machine: the goal lies 2 standard
# deviations below the mean, so that one seed in 40 misses it by chance, and hardly ever three. Plain Adam (8 epochs, no
# schedule, smoothing or hidden pixels) at a rate of 0.001 reaches 0.949 (0.006), 0.958 at best over 4 seeds.
capstone = ModelExercise(
    "train_mnist_mlp",
    task=mnist_task,
    accuracy=0.962,
    cpu_s=40.0,
    disguised="warped columns",
    depends=("Adam",),
)
