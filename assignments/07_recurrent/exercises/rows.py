"""The capstone: digits that are read row by row."""

from autograder.checks import ModelExercise, Task
from dlkit.datasets import mnist


def rows_task(rng):
    del rng  # what differs from seed to seed is the disguise, and the numbers that training draws
    data = mnist()
    return Task(data.x_train, data.y_train, data.x_test, data.y_test)


# The reference reaches 0.943 in the mean (standard deviation 0.006) and 0.9305 at worst over 15 seeds, in 18 s of CPU
# time each on a busy machine: the threshold lies 3.5 standard deviations below the mean. Without keeping the best
# weights one of about 75 trainings ended at 0.925, behind a step that went astray.
row_reader = ModelExercise(
    "train_row_reader",
    task=rows_task,
    accuracy=0.92,
    cpu_s=60.0,
    disguised="mixed warp",
    depends=("LSTM",),
)
