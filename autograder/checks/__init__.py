"""The vocabulary of checks: everything that ``assignment.py`` and ``exercises/*.py`` of an assignment import.

copies  what is required of a trained model that the grader copies: its architecture, accuracy under attack, bytes
standard   the checks of every layer, loss or function
layer, loss, function, optimizer, schedule, model   the exercises by kind, each a list of standard checks
modes   the checks of a layer that behaves differently in training and evaluation
operations, expressions   an engine of automatic differentiation: each operation, and random expressions of them
random_function, initial_values   the exercises that draw random numbers, by kind
statistics, laws, apart   what is required of random draws
returned   what a model returned stays as it is
language   the task of a capstone that learns a made-up language
"""

from autograder.checks.apart import APART, rows_apart
from autograder.checks.behaviour import by_name
from autograder.checks.copies import Attack, Copy, Dense, Stored, UnpackError
from autograder.checks.disguises import CHARACTERS, Task, disguise
from autograder.checks.drawing import seeds_alone
from autograder.checks.expressions import RANDOM, beside, draw_expression, random_expressions
from autograder.checks.function import MATCHES, NEW, FunctionExercise, Setting
from autograder.checks.habits import habits, in_float32
from autograder.checks.initial_values import SHAPED, InitialValuesExercise, values_claims
from autograder.checks.judges import judge_dtype, judge_float32, judge_mean, judge_unchanged, judge_words
from autograder.checks.kernel import COMPUTES, KernelExercise
from autograder.checks.language import endings_score, made_up_language
from autograder.checks.laws import AllAlike, Distribution, Mean, NormalMean, Variance, even_draw
from autograder.checks.layer import LayerExercise, Lookup
from autograder.checks.loss import LossExercise
from autograder.checks.model import ModelExercise, Score
from autograder.checks.modes import Modes
from autograder.checks.mutation import mutated, mutated_function, mutated_method
from autograder.checks.operations import GRADIENT, VALUE, Operation, OperationExercise
from autograder.checks.optimizer import OptimizerExercise, Quadratic
from autograder.checks.random_function import RandomFunctionExercise, shape_and_dtype
from autograder.checks.returned import RETURNED, models_keep_theirs
from autograder.checks.schedule import ScheduleExercise
from autograder.checks.sequence import (
    NO_GRADIENT,
    NO_STATE,
    Change,
    Independence,
    hidden_keys,
    independence,
    later_steps,
    masked_steps,
    optional_state,
    other_rows,
    other_steps,
)
from autograder.checks.standard import FORWARD, GRADIENTS
from autograder.checks.statistics import (
    Claim,
    each_with_probability,
    equal_signs,
    in_pairs,
    new_rng,
    normal_shape,
    seeded,
    statistics,
)
from autograder.checks.tokenization import any_texts
from autograder.checks.tokenizer import LEARNED, TokenizerExercise
from autograder.checks.training_step import DETACHED, DRAWS, LEFT_OVER, MODES, TURNS, TrainingStepExercise
from autograder.isolation.tree import Code, New, Ref, Rng, Strided
from autograder.measuring import Memory, Scaling, Speed
from autograder.spec import Case, Exercise, GradientCost, Outline, Points, Seeded, SpecError
from autograder.spec.comparison import Mismatch, Tolerance, compare, compare_all
from autograder.subject import Instance, SubjectRaisedError

__all__ = [
    "APART",
    "CHARACTERS",
    "COMPUTES",
    "DETACHED",
    "DRAWS",
    "FORWARD",
    "GRADIENT",
    "GRADIENTS",
    "LEARNED",
    "LEFT_OVER",
    "MATCHES",
    "MODES",
    "NEW",
    "NO_GRADIENT",
    "NO_STATE",
    "RANDOM",
    "RETURNED",
    "SHAPED",
    "TURNS",
    "VALUE",
    "AllAlike",
    "Attack",
    "Case",
    "Change",
    "Claim",
    "Code",
    "Copy",
    "Dense",
    "Distribution",
    "Exercise",
    "FunctionExercise",
    "GradientCost",
    "Independence",
    "InitialValuesExercise",
    "Instance",
    "KernelExercise",
    "LayerExercise",
    "Lookup",
    "LossExercise",
    "Mean",
    "Memory",
    "Mismatch",
    "ModelExercise",
    "Modes",
    "New",
    "NormalMean",
    "Operation",
    "OperationExercise",
    "OptimizerExercise",
    "Outline",
    "Points",
    "Quadratic",
    "RandomFunctionExercise",
    "Ref",
    "Rng",
    "Scaling",
    "ScheduleExercise",
    "Score",
    "Seeded",
    "Setting",
    "SpecError",
    "Speed",
    "Stored",
    "Strided",
    "SubjectRaisedError",
    "Task",
    "TokenizerExercise",
    "Tolerance",
    "TrainingStepExercise",
    "UnpackError",
    "Variance",
    "any_texts",
    "beside",
    "by_name",
    "compare",
    "compare_all",
    "disguise",
    "draw_expression",
    "each_with_probability",
    "endings_score",
    "equal_signs",
    "even_draw",
    "habits",
    "hidden_keys",
    "in_float32",
    "in_pairs",
    "independence",
    "judge_dtype",
    "judge_float32",
    "judge_mean",
    "judge_unchanged",
    "judge_words",
    "later_steps",
    "made_up_language",
    "masked_steps",
    "models_keep_theirs",
    "mutated",
    "mutated_function",
    "mutated_method",
    "new_rng",
    "normal_shape",
    "optional_state",
    "other_rows",
    "other_steps",
    "random_expressions",
    "rows_apart",
    "seeded",
    "seeds_alone",
    "shape_and_dtype",
    "statistics",
    "values_claims",
]
