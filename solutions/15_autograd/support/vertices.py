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


def chain(nodes: int) -> list[Vertex]:
    """So many nodes, each with the one before as its parent."""
    return vertices([[], *([number] for number in range(nodes - 1))])


def ladder(nodes: int) -> list[Vertex]:
    """So many nodes, each with the one before as its parent twice."""
    return vertices([[], *([number, number] for number in range(nodes - 1))])


def last(made: Sequence[Vertex]) -> Vertex:
    """The last of them."""
    return made[-1]


def reached(root: Vertex) -> set[int]:
    """Identities of all nodes below one, and its own."""
    found: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) not in found:
            found.add(id(node))
            waiting.extend(node.parents)
    return found


def verdict(made: Sequence[Vertex], order: object) -> str:
    """A word for what is wrong with the order of everything below the last node."""
    if not isinstance(order, list):
        return "no list"
    known, wanted = {id(node) for node in made}, reached(made[-1])
    found = [id(node) for node in order]
    wrong = {
        "foreign": not known.issuperset(found),
        "unrelated": not wanted.issuperset(found),
        "twice": len(set(found)) < len(found),
        "missing": len(found) < len(wanted),
    }
    if any(wrong.values()):
        return next(word for word, holds in wrong.items() if holds)
    if sorted_parents_first(order):
        return "parents first, every node once"
    return "opposite" if sorted_parents_first(order[::-1]) else "early"


def sorted_parents_first(order: Sequence[Vertex]) -> bool:
    """Whether every node comes after its parents."""
    seen: set[int] = set()
    for node in order:
        if any(id(parent) not in seen for parent in node.parents):
            return False
        seen.add(id(node))
    return True
