"""Graphs of Values, made by their constructor."""

from collections.abc import Sequence
from typing import Any


def values(model: Any, graph: Sequence[Sequence[Sequence[Any]]]) -> list[Any]:
    """Values of the model's class: of each its parents, which come before it, with their slopes."""
    made: list[Any] = []
    for number, pairs in enumerate(graph):
        parents, slopes = [made[parent] for parent, _ in pairs], [slope for _, slope in pairs]
        made.append(type(model)(float(number), tuple(parents), tuple(slopes)))
    return made


def value_chain(model: Any, nodes: int) -> list[Any]:
    """So many Values, each computed from the one before with slope 1."""
    return values(model, [[], *([(number, 1.0)] for number in range(nodes - 1))])


def chosen(made: Sequence[Any], number: int) -> Any:
    """One of them."""
    return made[number]


def grads_of(made: Sequence[Any]) -> Any:
    """The gradient of each."""
    import numpy as np

    return np.array([each.grad for each in made])


def as_made(made: Sequence[Any], graph: Sequence[Sequence[Sequence[Any]]]) -> str:
    """Whether data, parents and slopes are still those of the graph."""
    for number, (node, pairs) in enumerate(zip(made, graph, strict=True)):
        same = node.data == number and list(node.slopes) == [slope for _, slope in pairs]
        parents = [id(made[parent]) for parent, _ in pairs]
        if not same or [id(parent) for parent in node.parents] != parents:
            return "changed"
    return "as they were"


def parents_of(made: Any, operands: Sequence[Any], numbers: Sequence[float]) -> str:
    """Whether the parents are the operands; a number that was no Value has become one."""
    parents = made.parents
    if not isinstance(parents, tuple):
        return "no tuple"
    if [id(each) for each in parents[: len(operands)]] != [id(each) for each in operands]:
        return "others than the operands"
    rest = parents[len(operands) :]
    plain = [] if len(operands) > 1 else list(numbers)
    fits = all(type(each) is type(made) and each.data == number for each, number in zip(rest, plain, strict=False))
    return "the operands, in their order" if fits and len(rest) <= len(plain) else "others than the operands"


def untouched(operands: Sequence[Any], numbers: Sequence[float]) -> str:
    """Whether operands are leaves with their numbers and no gradient."""
    same = all(
        each.data == number and each.grad == 0 and not each.parents
        for each, number in zip(operands, numbers, strict=False)
    )
    return "as they were" if same else "changed"
