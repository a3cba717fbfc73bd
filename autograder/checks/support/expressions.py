"""Expressions that are evaluated with the methods of whatever tensors they are given."""

from collections.abc import Sequence
from typing import Any

import numpy as np


class Expression:
    """A function of tensors: the result of its last step.

    steps: each a name of an operation, the places of its operands among inputs and earlier results, and its arguments.
    """

    def __init__(self, steps: Sequence[Sequence[Any]]) -> None:
        self.steps = steps

    def __call__(self, *tensors: Any) -> Any:
        """Evaluate all steps in order."""
        values = list(tensors)
        for name, places, arguments in self.steps:
            first, *others = [values[place] for place in places]
            if name == "affine":
                values.append(first.mul(arguments["factor"]).add(arguments["shift"]))
            elif name == "concatenate":
                values.append(first.concatenate([first, *others], **arguments))
            elif name == "getitem":
                values.append(first.getitem(eval(arguments["index"], {"np": np})))  # noqa: S307 - text of the spec
            else:
                values.append(getattr(first, name)(*others, **arguments))
        return values[-1]
