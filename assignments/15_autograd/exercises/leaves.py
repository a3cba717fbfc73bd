"""Node: zero_grad and detach."""

from autograder.checks import Ref

from .backward import FIXED, all_gradients, graphs, made, sums
from .nodes import node


@node.check(
    "zero_grad forgets the gradient and leaves its array alone",
    cases=lambda rng: list(graphs(rng))[:3],
    part="zero_grad",
    needs=("record", "backward", "zero_grad"),
    expect=lambda case: {"grad": "None", "the array that was the gradient": sums(case)["the gradients"][0]},
)
def forgotten(subject, case):
    graph = made(subject, case)
    graph.call("backward", len(case.arguments["graph"]) - 1, case.inputs["dy"])
    before = subject.keep("support.gradient", Ref(graph.handle), 0)
    first = subject.keep("support.chosen_node", Ref(graph.handle), 0)
    first.call("zero_grad")
    now = first.get("grad")
    return {"grad": "None" if now is None else "a value", "the array that was the gradient": before.fetch()}


def detached(subject, case):
    model = subject.make("Node", case.inputs["data"])
    graph = subject.make("support.Graph", Ref(subject.keep("support.heir", Ref(model.handle)).handle), FIXED[2])
    last = subject.keep("support.chosen_node", Ref(graph.handle), 3)
    leaf = last.keep("detach")
    words = subject.run("support.leaf", Ref(leaf.handle), Ref(last.handle))
    graph.keep("extended", 3).call("backward", case.inputs["dy"])
    first = subject.keep("support.gradient", Ref(graph.handle), 0).fetch()
    later = last.keep("detach").get("grad")
    return {
        **words,
        "the numbers": leaf.get("data"),
        "the gradient of the graph's own leaf": first,
        "the gradient of one detached after backward": "None" if later is None else "a value",
    }


node.check(
    "detach makes a leaf of the same numbers, and leaves the graph alone",
    cases=lambda rng: list(graphs(rng))[:3],
    part="detach",
    needs=("record", "backward", "detach"),
    expect=lambda case: {
        "the node": "a new one",
        "the parents": "none",
        "the pullback": "none",
        "the gradient": "None",
        "the class": "that of the node",
        "the past of the node itself": "kept",
        "the numbers": 4 * case.inputs["data"],
        "the gradient of one detached after backward": "None",
        "the gradient of the graph's own leaf": 2 * all_gradients(FIXED[2], [(3, case.inputs["dy"])])[0],
    },
)(detached)
