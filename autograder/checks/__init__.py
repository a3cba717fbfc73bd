"""The vocabulary of checks: everything that an assignment's ``checks.py`` needs.

standard   what every layer, loss or function is asked for
layer, loss, function, optimizer, schedule, model   the exercises by kind, each a list of standard checks
"""

from autograder.checks.function import FunctionExercise, Setting
from autograder.checks.layer import LayerExercise
from autograder.checks.loss import LossExercise
from autograder.checks.model import ModelExercise, Score, Task
from autograder.checks.optimizer import Bowl, OptimizerExercise
from autograder.checks.schedule import ScheduleExercise
from autograder.isolation.protocol import Code, New, Ref, Rng, Strided
from autograder.spec import (
    Assignment,
    Case,
    Exercise,
    Memory,
    Mistake,
    Points,
    Question,
    Scaling,
    SpecError,
    Speed,
    swap,
)

__all__ = [
    "Assignment",
    "Bowl",
    "Case",
    "Code",
    "Exercise",
    "FunctionExercise",
    "LayerExercise",
    "LossExercise",
    "Memory",
    "Mistake",
    "ModelExercise",
    "New",
    "OptimizerExercise",
    "Points",
    "Question",
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
    "swap",
]
