"""One drawn input, and how it is described to a student."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from autograder.isolation.tree import New, Value, Values
from dlkit.backend import NumpyArray

__all__ = ["Case"]


class _Changes(TypedDict, total=False):
    arguments: Values
    inputs: Values
    parameters: dict[str, NumpyArray]
    upstream: Value
    hidden: Values


@dataclass(frozen=True, init=False, eq=False)
class Case:
    """One drawn input: constructor arguments, inputs by name in the order of ``forward``, parameters.

    Arrays of floats are given a gradient check, arrays of integers (labels, indices) are not.
    upstream: the gradient at the output, by name where there are several outputs;
    hidden: what the check knows about the case and the student does not see.
    """

    arguments: Values
    inputs: dict[str, Any]
    parameters: dict[str, NumpyArray]
    upstream: Value
    hidden: Values

    def __init__(
        self,
        arguments: Mapping[str, Value] | None = None,
        /,
        *,
        parameters: Mapping[str, NumpyArray] | None = None,
        **inputs: Value,
    ) -> None:
        self._fill(arguments=dict(arguments or {}), inputs=dict(inputs), parameters=dict(parameters or {}))

    def _fill(self, **fields: Unpack[_Changes]) -> None:
        for name, value in {"upstream": None, "hidden": {}, **fields}.items():
            object.__setattr__(self, name, value)

    @property
    def upstreams(self) -> Values:
        """The upstream gradient by its name, ``dy``; of several outputs one for each, in their order."""
        if isinstance(self.upstream, dict):
            return self.upstream
        return {} if self.upstream is None else {"dy": self.upstream}

    def with_upstreams(self, named: Values) -> Case:
        """Return a copy with other upstream gradients, by the names of ``upstreams``."""
        return self.with_changes(upstream=named if isinstance(self.upstream, dict) else named.get("dy"))

    def with_changes(self, **changes: Unpack[_Changes]) -> Case:
        """Return a copy with some of ``arguments, inputs, parameters, upstream, hidden`` replaced.

        Raises TypeError for any other field.
        """
        if unknown := set(changes) - set(_Changes.__annotations__):
            message = f"a case has no '{min(unknown)}'; it has {', '.join(_Changes.__annotations__)}"
            raise TypeError(message)
        copy = Case()
        copy._fill(**{**vars(self), **changes})
        return copy

    def as_data(self) -> list[Value]:
        """Return the case as a tree that can be stored."""
        return [self.arguments, self.inputs, self.parameters, self.upstream, self.hidden]

    @classmethod
    def from_data(cls, data: list[Value]) -> Case:
        """Rebuild a case from ``as_data``."""
        arguments, inputs, parameters, upstream, hidden = data
        return cls(arguments).with_changes(inputs=inputs, parameters=parameters, upstream=upstream, hidden=hidden)

    def describe(self) -> str:
        """Describe what a student needs to reproduce it: ``in_features=4, x (7, 4)``."""
        arguments = [f"{name}={_brief(value)}" for name, value in self.arguments.items() if name != "rng"]
        inputs = [f"{name} {_brief(value)}" for name, value in self.inputs.items()]
        return ", ".join(arguments + inputs)


def _brief(value: object) -> str:
    shape = getattr(getattr(value, "array", value), "shape", None)
    if shape is not None:
        return str(tuple(shape))
    text = str(value) if not isinstance(value, list) else f"[{len(value)} items]"
    if isinstance(value, New):
        given = [
            *map(_brief, value.args),
            *(f"{name}={_brief(each)}" for name, each in value.kwargs.items() if name != "rng"),
        ]
        text = f"{value.name.rpartition('.')[2]}({', '.join(given)})"
    return text if len(text) <= 40 else text[:37] + "…"  # noqa: PLR2004
