"""The capstone: digits that are read row by row."""

from autograder.checks import ModelExercise, Task
from dlkit.datasets import mnist


def rows_task(rng):
    del rng  # what differs from seed to seed is the disguise, and the numbers that training draws
    data = mnist()
    return Task(data.x_train, data.y_train, data.x_test, data.y_test)


# The reference reaches 0.956 in the mean (standard deviation 0.005) and 0.9435 at worst over 22 seeds, in 13 s of CPU
# time each on a busy machine; images that lie on their side are harder by half a percent. The threshold lies 5 standard
# deviations off, so that one seed is enough in practically every grading. Without keeping the best weights one of about
# 75 trainings ended at 0.925, behind a step that went astray.
row_reader = ModelExercise(
    "train_row_reader",
    task=rows_task,
    accuracy=0.93,
    cpu_s=60.0,
    disguised="mixed warp",
    depends=("LSTM",),
)
