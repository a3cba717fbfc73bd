"""The capstone: a perceptron that reads MNIST."""

import numpy as np

from autograder.checks import ModelExercise, Task
from dlkit.datasets import mnist


def mnist_task(rng):
    """All 12 000 digits dealt anew: 8 000 to train, and 4 000 to test, which leave little to chance."""
    data = mnist()
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    dealt = rng.permutation(len(x))
    x, y = x.reshape(len(x), -1)[dealt], y[dealt]
    return Task(x[4000:], y[4000:], x[:4000], y[:4000])


# The reference reaches 0.968 in the mean (standard deviation 0.003) and 0.962 at worst over 30 seeds, in 5 s of CPU
# time each: the goal lies 3.5 standard deviations below the mean. Plain Adam (8 epochs, no schedule, smoothing or
# hidden pixels) at a rate of 0.001 reaches 0.944 (0.005), and 0.951 at best over as many seeds.
capstone = ModelExercise(
    "train_mnist_mlp",
    task=mnist_task,
    accuracy=0.957,
    cpu_s=40.0,
    disguised="mixed columns",
    depends=("Adam",),
)
