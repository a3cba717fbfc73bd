"""Checks of 01_foundations: shared."""

import numpy as np

from autograder.spec.comparison import Mismatch

FLOAT32 = "float32 stays float32"


UNTOUCHED = "inputs are not modified"


MATCHES = "the result matches the reference"


def in_float32(cases):
    """The same cases in single precision, state and all."""

    def short(value):
        if isinstance(value, dict):
            return {name: short(item) for name, item in value.items()}
        return value.astype("float32") if getattr(value, "dtype", None) == np.float64 else value

    return lambda rng: [
        case.with_changes(inputs=short(case.inputs), hidden=short(case.hidden)) for case in list(cases(rng))[-2:]
    ]


def judge_dtype(kind):
    """Want the dtype that the reference has; kind: of the mismatch."""

    def judge(observed, expected, case):
        del case
        (name, wanted), (_, seen) = *expected.items(), *observed.items()
        return None if seen == wanted else Mismatch(kind, name, f"{name} is {seen}; {wanted} is wanted")

    return judge
