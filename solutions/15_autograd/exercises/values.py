"""Value: slopes of every operation, and backward along any graph."""

import math

import numpy as np

from autograder.checks import Case, Exercise, Ref, SubjectRaisedError, judge_words

STEP = 5e-4
FORMULAS = {
    "add": lambda x, y: x + y,
    "mul": lambda x, y: x * y,
    "power": lambda x, n: x**n,
    "exp": math.exp,
    "log": math.log,
    "tanh": math.tanh,
    "relu": lambda x: max(x, 0.0),
}
BINARY = ("add", "mul")
PARTS = (*FORMULAS, "backward")

value = Exercise("Value", "class", PARTS, depends=("topological_order",), support_files=("scalars",))


def slope(formula, given, place):
    """By differences of fourth order."""

    def at(by):
        return formula(*(x + by * (i == place) for i, x in enumerate(given)))

    return (8 * (at(STEP) - at(-STEP)) - (at(2 * STEP) - at(-2 * STEP))) / (12 * STEP)


def expected(case):
    """The value and the slopes by differences, where the case does not state them."""
    name, given = case.hidden["method"], list(case.inputs.values())
    count = 2 if name in BINARY else 1
    slopes = case.hidden.get("slopes") or [slope(FORMULAS[name], given, place) for place in range(count)]
    return {
        "the value": float(FORMULAS[name](*given)),
        **{f"the slope of operand {place}": slopes[place] for place in range(count)},
        "the number of slopes": count,
        "the parents": "the operands, in their order",
        "the operands": "as they were",
    }


def observed(subject, case):
    name, (x, *others) = case.hidden["method"], case.inputs.values()
    first = subject.make("Value", x)
    operands = [first, *(subject.make("Value", y) for y in others if name in BINARY and "plain" not in case.hidden)]
    given = [Ref(each.handle) for each in operands[1:]] or others
    made = first.keep(name, *given)
    slopes = made.get("slopes")
    return {
        "the value": made.get("data"),
        **{f"the slope of operand {place}": each for place, each in enumerate(slopes)},
        "the number of slopes": len(slopes),
        "the parents": subject.run(
            "support.parents_of", Ref(made.handle), [Ref(each.handle) for each in operands], others
        ),
        "the operands": subject.run("support.untouched", [Ref(each.handle) for each in operands], [x, *others]),
    }


def points_for(name, rng):
    """Operands of one operation: of both signs and sizes, plain numbers, the exponents 0, 1 and 2, and zero."""
    for sign in (-1, 1, -1):
        x = float(rng.uniform(0.3, 3)) * (1 if name in ("log", "power") else sign)
        if name in BINARY:
            yield {"x": x, "y": float(rng.normal())}, {}
            yield {"x": x, "y": float(rng.normal())}, {"plain": True}
        elif name == "power":
            yield {"x": x, "n": float(rng.uniform(-3, 3))}, {}
        else:
            yield {"x": x}, {}
    if name == "power":
        for x, n in ((-1.7, 3), (-0.6, 2), (0.0, 2), (0.0, 1), (-2.0, -1)):
            yield {"x": x, "n": n}, {}
        yield {"x": 1.3, "n": 0}, {"slopes": [0.0]}
        yield {"x": 0.0, "n": 0}, {"slopes": [0.0]}
    if name == "relu":
        yield {"x": 0.0}, {"slopes": [0.0]}


def cases_of(name):
    def draw(rng):
        for inputs, hidden in points_for(name, rng):
            yield Case(**inputs).with_changes(hidden={"method": name, **hidden})

    return draw


for each in FORMULAS:
    value.check(f"{each}: value, slopes and parents", cases=cases_of(each), part=each, needs=(each,), expect=expected)(
        observed
    )

# --- backward --------------------------------------------------------------------------------

SUMS = "gradients are sums over all ways"
BACK = "backward"


def all_gradients(slopes, starts):
    """Gradients of the sum of some nodes at every node, by pushing small changes forward."""
    found = []
    for changed in range(len(slopes)):
        moved = []
        for number, pairs in enumerate(slopes):
            moved.append(float(number == changed) + sum(moved[parent] * each for parent, each in pairs))
        found.append(sum(moved[start] for start in starts))
    return found


def random_slopes(rng, n):
    """A graph: for each node its parents with the slope of each."""
    graph = [[] for _ in range(n)]
    for number in range(2, n):
        for parent in rng.integers(number, size=rng.integers(1, 4)):
            graph[number].append((int(parent), float(rng.normal())))
    graph[-1] = [(int(parent), float(rng.normal())) for parent in rng.permutation(n - 1)[:3]]
    return graph


def graphs(rng):
    """A leaf, a product and sum as in the text, a square, a short way beside a long one, random graphs."""
    fixed = [
        [[]],
        [[], [], [(0, 2.0), (1, 3.0)], [(2, 1.0), (0, 1.0)]],
        [[], [(0, 3.0), (0, 3.0)]],
        [[], [(0, 1.5)], [(1, -2.0)], [(2, 0.5), (0, 2.0)], [(0, 1.0), (3, 4.0)]],
        [[], [(0, 2.0)], [(0, 3.0), (1, 1.0)], [(1, -1.0), (2, 2.0)], [(2, 1.0), (3, 1.0)]],
        [[], [(0, 2.0)], [(1, 3.0)], [(2, 1.0), (1, -1.0)]],
        [[], [(0, 2.0)], [(1, 3.0)], [(1, -1.0), (2, 1.0)]],
    ]
    for graph in [*fixed, *(random_slopes(rng, n) for n in (5, 8, 12, 20))]:
        yield Case({"graph": graph})


def sums(case):
    graph = case.arguments["graph"]
    starts = case.hidden.get("starts", [len(graph) - 1])
    return {"the gradients": np.array(all_gradients(graph, starts))}


def ran(subject, case):
    graph = case.arguments["graph"]
    model = subject.make("Value", 1.0)
    made = subject.keep("support.values", Ref(model.handle), graph)
    for start in case.hidden.get("starts", [len(graph) - 1]):
        subject.keep("support.chosen", Ref(made.handle), start).call("backward")
    return {"the gradients": subject.run("support.grads_of", Ref(made.handle))}


value.check(SUMS, cases=graphs, part=BACK, needs=(BACK,), weight=4, expect=sums)(ran)


def several_starts(rng):
    """The same node twice, another node first, two nodes side by side."""
    for graph in list(graphs(rng))[1:8]:
        last = len(graph.arguments["graph"]) - 1
        for starts in ([last, last], [last - 1, last], [last, last - 1, last]):
            yield graph.with_changes(hidden={"starts": starts})


value.check(
    "another call adds its gradients", cases=several_starts, part=BACK, needs=(BACK,), expect=sums, after=(SUMS,)
)(ran)


def first_of(subject, make, *given):
    """The gradient of the first of the Values that a function of support makes, or the error."""
    model = subject.make("Value", 1.0)
    made = subject.keep(make, Ref(model.handle), *given)
    try:
        subject.keep("support.chosen", Ref(made.handle), -1).call("backward")
    except SubjectRaisedError as error:
        if error.unwritten:
            raise
        return {"the gradient of the first": f"raises {error.type}"}
    return {"the gradient of the first": subject.keep("support.chosen", Ref(made.handle), 0).get("grad")}


@value.check(
    "chains of 10,000 operations",
    cases=lambda _: [Case({"nodes": 10_000})],
    part=BACK,
    needs=(BACK,),
    expect=lambda _: {"the gradient of the first": 1.0},
    after=(SUMS,),
)
def long_chain(subject, case):
    return first_of(subject, "support.value_chain", case.arguments["nodes"])


@value.check(
    "a graph with 2¹⁰⁰ ways",
    cases=lambda _: [Case({"nodes": 100})],
    part=BACK,
    needs=(BACK,),
    expect=lambda _: {"the gradient of the first": 1.0},
    after=(SUMS,),
)
def shared(subject, case):
    graph = [[], *([(number, 0.5), (number, 0.5)] for number in range(case.arguments["nodes"]))]
    return first_of(subject, "support.values", graph)


@value.check(
    "data and slopes stay as they were",
    cases=lambda rng: list(graphs(rng))[-2:],
    part=BACK,
    needs=(BACK,),
    expect=lambda _: {"data and slopes": "as they were"},
    judge=judge_words({"changed": "backward changes data, parents or slopes: it adds to grad alone"}),
    after=(SUMS,),
)
def kept(subject, case):
    model = subject.make("Value", 1.0)
    made = subject.keep("support.values", Ref(model.handle), case.arguments["graph"])
    subject.keep("support.chosen", Ref(made.handle), -1).call("backward")
    return {"data and slopes": subject.run("support.as_made", Ref(made.handle), case.arguments["graph"])}
