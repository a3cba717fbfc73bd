"""Node: backward along any graph."""

import numpy as np

from autograder.checks import Case, Ref, SubjectRaisedError, judge_float32, mutated

from .nodes import node

SUMS = "gradients are sums over all uses"


def all_gradients(graph, seeds):
    """Gradients at every node: seeds, the gradient at some nodes, times the slopes along all ways."""
    found = []
    for changed in range(len(graph)):
        moved = []
        for number, arrows in enumerate(graph):
            moved.append(float(number == changed) + sum(moved[parent] * slope for parent, slope in arrows))
        found.append(sum(moved[start] * np.asarray(dy, float) for start, dy in seeds))
    return found


def slope(rng):
    return float(rng.choice([-1, 1]) * rng.uniform(0.4, 1.5))


def random_graph(rng, n):
    """Two leaves and nodes computed from up to three others; the last one uses three, so that all ways differ."""
    graph = [[], []]
    graph += [[(int(p), slope(rng)) for p in rng.integers(number, size=rng.integers(1, 4))] for number in range(2, n)]
    graph[-1] = [*graph[-1], (n - 2, slope(rng)), (0, slope(rng))]
    return graph


def needed(graph):
    """The graph without nodes that the last one was not computed from."""
    kept = {len(graph) - 1}
    for number in reversed(range(len(graph))):
        if number in kept:
            kept.update(parent for parent, _ in graph[number])
    places = {number: place for place, number in enumerate(sorted(kept))}
    return [[(places[parent], each) for parent, each in graph[number]] for number in sorted(kept)]


FIXED = [
    [[], [(0, 2.0)]],
    [[], [(0, 3.0), (0, -1.0)]],
    [[], [], [(0, 2.0), (1, 3.0)], [(2, 1.0), (0, 1.0)]],
    [[], [(0, 1.5)], [(1, -2.0)], [(2, 0.5), (0, 2.0)], [(0, 1.0), (3, 4.0)]],
    [[], [(0, 2.0)], [(0, 3.0), (1, 1.0)], [(1, -1.0), (2, 2.0)], [(2, 1.0), (3, 1.0)]],
    [[], [(0, 2.0)], [(1, 3.0)], [(2, 1.0), (1, -1.0)]],
    [[], [(0, 2.0)], [(1, 3.0)], [(1, -1.0), (2, 1.0)]],
]


def graphs(rng):
    """Shared nodes, short ways beside long ones, random graphs; arrays of several shapes, a number."""
    drawn = [*FIXED, *(needed(random_graph(rng, n)) for n in (5, 8, 12))]
    for graph, shape in zip(drawn, [(3,), (2, 2), ()] * 4, strict=False):
        yield Case({"graph": graph}, data=rng.normal(size=shape), dy=rng.normal(size=shape))


def made(subject, case, **how):
    model = subject.make("Node", case.inputs["data"])
    return subject.make("support.Graph", Ref(model.handle), case.arguments["graph"], **how)


def from_the_end(subject, case):
    graph = made(subject, case)
    graph.call("backward", len(case.arguments["graph"]) - 1, case.inputs["dy"])
    return {"the gradients": graph.call("grads"), "calls of each pullback": np.array(graph.call("counted"))}


def sums(case):
    graph = case.arguments["graph"]
    return {
        "the gradients": all_gradients(graph, [(len(graph) - 1, case.inputs["dy"])]),
        "calls of each pullback": np.array([int(bool(arrows)) for arrows in graph]),
    }


def backward(name, **how):
    """A check of backward; all but the first are made where gradients are sums."""
    rest = {} if name == SUMS else {"after": (SUMS,)}
    return node.check(name, part="backward", needs=("record", "backward"), **rest, **how)


backward(SUMS, cases=graphs, weight=5, expect=sums)(from_the_end)


def sizes(rng):
    for shape in ((), (1,), (1, 1)):
        yield Case({"graph": FIXED[2]}, data=rng.normal(size=shape))
    for shape in ((2,), (1, 3), (0,)):
        yield Case({"graph": FIXED[2]}, data=rng.normal(size=shape)).with_changes(hidden={"refused": True})


def from_one(case):
    if "refused" in case.hidden:
        return {"backward() without dy": "raises ValueError"}
    return {"the gradients": all_gradients(case.arguments["graph"], [(3, np.ones(case.inputs["data"].shape))])}


@backward("without dy it starts from 1, if there is one number", cases=sizes, weight=2, expect=from_one)
def started(subject, case):
    graph = made(subject, case)
    if "refused" not in case.hidden:
        graph.call("backward", 3)
        return {"the gradients": graph.call("grads")}
    try:
        graph.call("backward", 3)
    except SubjectRaisedError as error:
        if error.unwritten:
            raise
        return {"backward() without dy": f"raises {error.type}"}
    return {"backward() without dy": "starts from something"}


def sharing_graphs(rng):
    for case in graphs(rng):
        plain = [[(parent, 1.0) for parent, _ in arrows] for arrows in case.arguments["graph"]]
        yield case.with_changes(arguments={"graph": plain})


@backward("pullbacks may return dy itself for several parents", cases=sharing_graphs, expect=lambda case: {
    "the gradients": sums(case)["the gradients"], "dy": case.inputs["dy"]})  # fmt: skip
def shared(subject, case):
    dy = subject.put(case.inputs["dy"])
    graph = made(subject, case, shared=True)
    graph.call("backward", len(case.arguments["graph"]) - 1, dy)
    return {"the gradients": graph.call("grads"), "dy": subject.run("support.same", dy)}


def extended_graphs(rng):
    for case in list(graphs(rng))[:6]:
        more = rng.normal(size=case.inputs["dy"].shape)
        yield case.with_changes(inputs={**case.inputs, "more": more})


def of_two(case):
    first = sums(case)["the gradients"][0]
    return {"the gradient of a leaf": first + 3 * case.inputs["more"], "its gradient before": first}


@backward("gradients of several graphs add up in new arrays", cases=extended_graphs, expect=of_two)
def several(subject, case):
    graph = made(subject, case)
    graph.call("backward", len(case.arguments["graph"]) - 1, case.inputs["dy"])
    before = subject.keep("support.gradient", Ref(graph.handle), 0)
    graph.keep("extended", 0).call("backward", case.inputs["more"])
    graph.call("backward", 0, case.inputs["more"])
    return {"the gradient of a leaf": graph.call("grads")[0], "its gradient before": before.fetch()}


GIVEN_UP = "the graph is given up, and a second backward raises"
RAISED = "raises RuntimeError"


def given_up(case):
    arrows = case.arguments["graph"]
    return {
        "nodes that still have parents": 0,
        "the pullbacks": [RAISED if each else "no pullback" for each in arrows],
        "the same backward again": RAISED,
        "backward through a node of the graph": RAISED,
    }


def again(call):
    try:
        call()
    except SubjectRaisedError as error:
        if error.unwritten:
            raise
        return f"raises {error.type}"
    return "adds silently"


@backward(GIVEN_UP, cases=lambda rng: list(graphs(rng))[1:6], weight=2, expect=given_up)
def once(subject, case):
    graph, dy, count = made(subject, case), case.inputs["dy"], len(case.arguments["graph"])
    graph.call("backward", count - 1, dy)
    return {
        "nodes that still have parents": graph.call("remaining"),
        "the pullbacks": [graph.call("past", number, dy) for number in range(count)],
        "the same backward again": again(lambda: graph.call("backward", count - 1, dy)),
        "backward through a node of the graph": again(lambda: graph.keep("extended", count - 1).call("backward", dy)),
    }


@backward(
    "chains of 10,000 operations",
    cases=lambda rng: [Case({"nodes": 10_000}, data=rng.normal(size=2), dy=rng.normal(size=2))],
    expect=lambda case: {"the gradient of the first": case.inputs["dy"]},
)
def deep(subject, case):
    model = subject.make("Node", case.inputs["data"])
    graph = subject.keep("support.line", Ref(model.handle), case.arguments["nodes"])
    try:
        graph.call("backward", -1, case.inputs["dy"])
    except SubjectRaisedError as error:
        if error.unwritten:
            raise
        return {"the gradient of the first": f"raises {error.type}"}
    return {"the gradient of the first": subject.keep("support.gradient", Ref(graph.handle), 0).fetch()}


def single(rng):
    for case in list(graphs(rng))[:3]:
        yield case.with_changes(inputs={name: x.astype("float32") for name, x in case.inputs.items()})
    yield Case({"graph": FIXED[2]}, data=rng.normal(size=1).astype("float32"), dy=None)


def only_gradients(case):
    dy = np.ones(1) if case.inputs["dy"] is None else case.inputs["dy"]
    return {"the gradients": all_gradients(case.arguments["graph"], [(len(case.arguments["graph"]) - 1, dy)])}


def gradients_alone(subject, case):
    return {"the gradients": from_the_end(subject, case)["the gradients"]}


WIDE = mutated("super().backward(*dy)", "self.grad = self.grad.astype('float64')", method="backward")
COPIED = mutated("super().backward(*dy)", "__import__('numpy').asarray(self.grad)", method="backward")
backward("float32 stays float32", cases=single, expect=only_gradients, judge=judge_float32, mutation=WIDE)(
    gradients_alone
)
backward("stays on the device", cases=graphs, expect=only_gradients, backend="stand-in", mutation=COPIED)(
    gradients_alone
)
