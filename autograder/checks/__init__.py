"""The vocabulary of checks: everything that an assignment's ``checks.py`` needs.

standard   what every layer, loss or function is asked for
layer, loss, function, optimizer, schedule, model   the exercises by kind, each a list of standard checks
modes   what is asked of a layer that trains in one way and evaluates in another
statistics, laws   what is asked of random things
"""

from autograder.checks.function import FunctionExercise, Setting
from autograder.checks.laws import Distribution, Mean, NormalMean, Variance
from autograder.checks.layer import LayerExercise
from autograder.checks.loss import LossExercise
from autograder.checks.model import ModelExercise, Score, Task
from autograder.checks.modes import Modes
from autograder.checks.optimizer import Bowl, OptimizerExercise
from autograder.checks.schedule import ScheduleExercise
from autograder.checks.statistics import Claim, in_pairs, seeded, statistics
from autograder.isolation.tree import Code, New, Ref, Rng, Strided
from autograder.spec import (
    Case,
    Exercise,
    Memory,
    Outline,
    Points,
    Scaling,
    SpecError,
    Speed,
)

__all__ = [
    "Bowl",
    "Case",
    "Claim",
    "Code",
    "Distribution",
    "Exercise",
    "FunctionExercise",
    "LayerExercise",
    "LossExercise",
    "Mean",
    "Memory",
    "ModelExercise",
    "Modes",
    "New",
    "NormalMean",
    "OptimizerExercise",
    "Outline",
    "Points",
    "Ref",
    "Rng",
    "Scaling",
    "ScheduleExercise",
    "Score",
    "Setting",
    "SpecError",
    "Speed",
    "Strided",
    "Task",
    "Variance",
    "in_pairs",
    "seeded",
    "statistics",
]
