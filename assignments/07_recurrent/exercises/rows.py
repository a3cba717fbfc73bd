"""The capstone: digits that are read row by row."""

from autograder.checks import ModelExercise, Task
from dlkit.datasets import mnist


def rows_task(rng):
    del rng  # what differs from seed to seed is the disguise, and the numbers that training draws
    data = mnist()
    return Task(data.x_train, data.y_train, data.x_test, data.y_test)


# The reference reaches 0.947 in the mean and 0.945 at worst over 3 seeds, in 18 s of CPU time each on a busy machine,
# and 0.954 (standard deviation 0.005) over 4 with pixels that are not mixed: the threshold lies 3 standard deviations
# off. Without keeping the best weights one of about 75 trainings ended at 0.925, behind a step that went astray.
row_reader = ModelExercise(
    "train_row_reader",
    task=rows_task,
    accuracy=0.93,
    cpu_s=60.0,
    disguised="mixed warp",
    depends=("LSTM",),
)
