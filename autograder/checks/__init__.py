"""The vocabulary of checks: everything that ``assignment.py`` and ``exercises/*.py`` of an assignment import.

standard   what every layer, loss or function is asked for
layer, loss, function, optimizer, schedule, model   the exercises by kind, each a list of standard checks
modes   what is asked of a layer that trains in one way and evaluates in another
statistics, laws   what is asked of random things
"""

from autograder.checks.behaviour import by_name
from autograder.checks.function import MATCHES, FunctionExercise, Setting
from autograder.checks.habits import habits, in_float32
from autograder.checks.judges import judge_dtype, judge_float32, judge_unchanged, judge_words
from autograder.checks.laws import Distribution, Mean, NormalMean, Variance
from autograder.checks.layer import LayerExercise
from autograder.checks.loss import LossExercise
from autograder.checks.model import CHARACTERS, ModelExercise, Score, Task, disguise
from autograder.checks.modes import Modes
from autograder.checks.mutation import mutated, mutated_function, mutated_method
from autograder.checks.optimizer import Bowl, OptimizerExercise
from autograder.checks.schedule import ScheduleExercise
from autograder.checks.sequence import (
    NO_GRADIENT,
    NO_STATE,
    Change,
    Independence,
    independence,
    later_steps,
    masked_steps,
    optional_state,
    other_rows,
)
from autograder.checks.standard import FORWARD, GRADIENTS
from autograder.checks.statistics import Claim, in_pairs, seeded, statistics
from autograder.checks.tokenization import any_texts
from autograder.checks.tokenizer import LEARNED, TokenizerExercise
from autograder.checks.training_step import DETACHED, LEFT_OVER, TrainingStepExercise
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
from autograder.spec.comparison import Mismatch, Tolerance, compare, compare_all
from autograder.subject import Instance, SubjectRaisedError

__all__ = [
    "CHARACTERS",
    "DETACHED",
    "FORWARD",
    "GRADIENTS",
    "LEARNED",
    "LEFT_OVER",
    "MATCHES",
    "NO_GRADIENT",
    "NO_STATE",
    "Bowl",
    "Case",
    "Change",
    "Claim",
    "Code",
    "Distribution",
    "Exercise",
    "FunctionExercise",
    "Independence",
    "Instance",
    "LayerExercise",
    "LossExercise",
    "Mean",
    "Memory",
    "Mismatch",
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
    "SubjectRaisedError",
    "Task",
    "TokenizerExercise",
    "Tolerance",
    "TrainingStepExercise",
    "Variance",
    "any_texts",
    "by_name",
    "compare",
    "compare_all",
    "disguise",
    "habits",
    "in_float32",
    "in_pairs",
    "independence",
    "judge_dtype",
    "judge_float32",
    "judge_unchanged",
    "judge_words",
    "later_steps",
    "masked_steps",
    "mutated",
    "mutated_function",
    "mutated_method",
    "optional_state",
    "other_rows",
    "seeded",
    "statistics",
]
