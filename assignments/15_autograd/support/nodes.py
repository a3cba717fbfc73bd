"""Graphs of Nodes, made by record with linear pullbacks; the switch of recording."""

from collections.abc import Callable, Sequence
from typing import Any


def switched(recording: Any, *, on: bool) -> None:
    """Set the switch of recording, whatever an earlier block left."""
    type(recording).on = on


def heir(node: Any) -> Any:
    """A node of a class of its own below that of this node, with its numbers."""
    return type("Heir", (type(node),), {})(node.data)


def pullback(slopes: Sequence[float], calls: list[int], number: int) -> Callable[[Any], tuple[Any, ...]]:
    """A function that returns dy times each slope, and counts its calls."""

    def pull(dy: Any) -> tuple[Any, ...]:
        calls[number] += 1
        return tuple(dy * slope for slope in slopes)

    return pull


def sharing(count: int) -> Callable[[Any], tuple[Any, ...]]:
    """A function that returns dy itself for every parent."""
    return lambda dy: (dy,) * count


class Graph:
    """Nodes in order, and how often the pullback of each was called.

    pairs: of each node its parents, which come before it, each with a slope;  shared: pullbacks return dy itself.
    """

    def __init__(self, model: Any, pairs: Sequence[Sequence[Sequence[Any]]], *, shared: bool = False) -> None:
        self.nodes: list[Any] = []
        self.calls = [0] * len(pairs)
        for number, arrows in enumerate(pairs):
            parents = [self.nodes[parent] for parent, _ in arrows]
            data = model.data * (1.0 + number)
            if not arrows:
                self.nodes.append(type(model)(data))
                continue
            slopes = [slope for _, slope in arrows]
            pull = sharing(len(parents)) if shared else pullback(slopes, self.calls, number)
            self.nodes.append(parents[0].record(data, parents, pull))

    def backward(self, number: int, dy: Any = None) -> None:
        """Go backward from one node."""
        self.nodes[number].backward(*(() if dy is None else (dy,)))

    def grads(self) -> list[Any]:
        """The gradient of every node."""
        return [node.grad for node in self.nodes]

    def counted(self) -> list[int]:
        """How often each pullback was called."""
        return self.calls

    def remaining(self) -> int:
        """How many nodes still have parents."""
        return sum(bool(node.parents) for node in self.nodes)

    def past(self, number: int, dy: Any) -> str:
        """A word for what the pullback of a node does now."""
        pull = self.nodes[number].pull
        if pull is None:
            return "no pullback"
        try:
            pull(dy)
        except RuntimeError:
            return "raises RuntimeError"
        return "computes"

    def extended(self, number: int) -> Any:
        """A new node that was computed from one of them."""
        node = self.nodes[number]
        return node.record(node.data * 2.0, (node,), lambda dy: (dy * 2.0,))


def line(model: Any, nodes: int) -> Graph:
    """So many nodes, each computed from the one before with slope 1."""
    return Graph(model, [[], *([(number, 1.0)] for number in range(nodes - 1))])


def recorded(first: Any, second: Any, data: Any) -> tuple[Any, Any]:
    """What record makes of two parents in a list, and the pullback that it was given."""

    def pull(dy: Any) -> tuple[Any, Any]:
        return dy, -dy

    return first.record(data, [first, second], pull), pull


def remembered(made: tuple[Any, Any], parents: Sequence[Any]) -> dict[str, str]:
    """In words: what the new node remembers."""
    node, pull = made
    found = node.parents
    right = isinstance(found, tuple) and [id(each) for each in found] == [id(each) for each in parents]
    return {
        "the parents": "none"
        if found == ()
        else "a tuple of the given ones"
        if right
        else "others than the given ones",
        "the pullback": "none" if node.pull is None else "the given one" if node.pull is pull else "another",
        "the gradient": "None" if node.grad is None else "a value",
        "the class": "that of the node" if type(node) is type(parents[0]) else "another",
        "the node": "a new one" if all(node is not each for each in parents) else "one of its parents",
    }


def numbers(made: tuple[Any, Any]) -> Any:
    """The array of the new node."""
    return made[0].data


def leaf(node: Any, source: Any) -> dict[str, str]:
    """In words: whether a node is a leaf of the same class."""
    return {
        "the node": "a new one" if node is not source else "the same one",
        "the parents": "none" if node.parents == () else "some",
        "the pullback": "none" if node.pull is None else "one",
        "the gradient": "None" if node.grad is None else "a value",
        "the class": "that of the node" if type(node) is type(source) else "another",
        "the past of the node itself": "kept" if source.parents else "gone",
    }


def same(array: Any) -> Any:
    """The array itself."""
    return array


def gradient(graph: Graph, number: int) -> Any:
    """The gradient of one node: the array itself."""
    return graph.nodes[number].grad


def chosen_node(graph: Graph, number: int) -> Any:
    """One node."""
    return graph.nodes[number]
