"""The capstone: an LSTM that has learned to add two marked numbers."""

from autograder.checks import ModelExercise, Score, Task
from dlkit.datasets import adding_problem


def adding_task(rng):
    return Task(*adding_problem(5000, 60, rng=rng), *adding_problem(1000, 60, rng=rng))


# The reference reaches 0.0014 in the mean (standard deviation 0.0004) and 0.0026 at worst over 84 seeds, in 3 s of CPU
# time each on a busy machine. What might fail is to find the way out of the plateau before the last batch: 60 seeds of
# these found it after 900 batches in the mean (standard deviation 240), after 1569 at most; on the scale of logarithms,
# on which the counts are about normal, 4000 lies 6 standard deviations off. An RNN in its place stays between 0.15 and
# 0.18.
adder = ModelExercise(
    "train_adder",
    task=adding_task,
    score=Score(
        "a mean squared error of {:.3g}",
        0.01,
        lambda sums: sums.shape,
        lambda outputs, sums: ((outputs - sums) ** 2).mean(),
    ),
    cpu_s=60.0,
    disguised="rotation",
    depends=("LSTM",),
)
