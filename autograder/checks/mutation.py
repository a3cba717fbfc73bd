"""Source that changes a correct implementation in exactly one way: the audit appends it to prove that a check can fail.

``{name}`` stands for the exercise.  In a method's body its arguments are ``xs`` (of forward), ``dy`` (of backward), or
``args`` and ``kwargs``, and ``super()`` is the correct class; in a function's ``y`` is what the correct one returns.
"""

from __future__ import annotations

__all__ = ["TO_FLOAT64", "arguments_of", "first_arguments", "mutated", "mutated_function", "mutated_method"]

ARGUMENTS = {"forward": "*xs", "backward": "*dy"}


TO_FLOAT64 = (
    "wide = lambda v: v.astype('float64') if v.dtype.kind == 'f' else v",
    "return type(y)(map(wide, y)) if isinstance(y, (tuple, list)) else wide(y)",
)
"""The end of a body that makes float64 of the floats in its result, ``y``."""


def arguments_of(method: str) -> str:
    """The arguments of a method as its mutation receives them and passes them on."""
    return ARGUMENTS.get(method, "*args, **kwargs")


def first_arguments(method: str) -> str:
    """The name of the tuple of its positional arguments."""
    return arguments_of(method).partition(",")[0].removeprefix("*")


def mutated(*body: str, method: str = "forward") -> str:
    """Source of a subclass that overrides one method."""
    return "_Right = {name}\nclass {name}(_Right):\n" + mutated_method(*body, method=method)


def mutated_method(*body: str, method: str) -> str:
    """One more method for that subclass."""
    return f"    def {method}(self, {arguments_of(method)}):\n" + _indented(body, 8)


def mutated_function(*body: str) -> str:
    """Source of a function that first calls the correct one, and continues with its result, ``y``."""
    lines = ("y = _right(*args, **kwargs)", *body)
    return "_right = {name}\ndef {name}(*args, **kwargs):\n" + _indented(lines, 4)


def _indented(lines: tuple[str, ...], width: int) -> str:
    return "".join(f"{' ' * width}{line}\n" for line in lines)
