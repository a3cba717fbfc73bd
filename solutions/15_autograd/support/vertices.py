"""Graphs of nodes that have parents and nothing else."""

from collections.abc import Sequence


class Vertex:
    """A node of a graph."""

    def __init__(self, parents: Sequence["Vertex"] = ()) -> None:
        self.parents = tuple(parents)


def vertices(parents: Sequence[Sequence[int]]) -> list[Vertex]:
    """The nodes of a graph in order: of each, the numbers of its parents, which come before it."""
    made: list[Vertex] = []
    for numbers in parents:
        made.append(Vertex([made[number] for number in numbers]))
    return made


def last(made: Sequence[Vertex]) -> Vertex:
    """The last of them."""
    return made[-1]


def places(made: Sequence[Vertex], order: object) -> list[int] | str:
    """Which of the nodes are in the list, by their numbers; −1 for anything else."""
    if not isinstance(order, list):
        return type(order).__name__
    number_of = {id(node): number for number, node in enumerate(made)}
    return [number_of.get(id(each), -1) for each in order]
