"""topological_order: of any graph, of deep ones, of ones with many ways."""

from autograder.checks import Case, Exercise, Ref, SubjectRaisedError, judge_words, mutated_function

ORDER = "every node once, after all its parents"
DEEP, WAYS = "chains of 10,000 nodes", "a graph with 2²⁰⁰ ways"
CORRECT = "parents first, every node once"

order = Exercise("topological_order", "function", ("topological_order",), support_files=("vertices",))


def random_graphs(rng):
    """A leaf, chains, graphs in which nodes are shared, occur twice, or are reached by a short and a long way."""
    graphs = [
        [[]],
        [[], [0], [1]],
        [[], [], [0, 1], [2, 0]],
        [[], [0, 0], [1, 0]],
        [[], [0], [1], [2], [3, 0], [0, 4]],
        [[], [0], [0], [1, 2], [2, 1], [4, 3]],
        [[], [0], [1], [2, 1]],
        [[], [0], [1], [1, 2]],
        [[], [0], [1], [0, 2], [3, 1]],
    ]
    for n in (6, 9, 15, 30, 30):
        graphs.append([[int(p) for p in rng.integers(i, size=rng.integers(1, 4) if i > 2 else 0)] for i in range(n)])
        graphs[-1][-1] = [int(p) for p in rng.permutation(n - 1)[:3]]
    for parents in graphs:
        yield Case({"parents": parents})


def reached(graph):
    """Numbers of all nodes below the last one, and its own."""
    found, waiting = set(), [len(graph) - 1]
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting.extend(graph[number])
    return found


def parents_come_first(order, graph):
    seen = set()
    for number in order:
        if not seen.issuperset(graph[number]):
            return False
        seen.add(number)
    return True


def word_for(order, graph):
    """A word for what is wrong with an order, as numbers, of everything below the last node."""
    if not isinstance(order, list) or not all(isinstance(number, int) for number in order):
        return "no list"
    wanted, found = reached(graph), set(order)
    wrong = {
        "foreign": not found.issubset(range(len(graph))),
        "unrelated": not found.issubset(wanted),
        "twice": len(found) < len(order),
        "missing": len(order) < len(wanted),
    }
    if any(wrong.values()):
        return next(word for word, holds in wrong.items() if holds)
    if parents_come_first(order, graph):
        return CORRECT
    return "opposite" if parents_come_first(order[::-1], graph) else "early"


def asked(subject, graph):
    """In words: what is wrong with the order of all nodes below the last one; the worker says which nodes it has."""
    made = subject.keep("support.vertices", graph)
    root = subject.keep("support.last", Ref(made.handle))
    try:
        found = subject.keep("topological_order", Ref(root.handle))
    except SubjectRaisedError as error:
        if error.unwritten:
            raise
        return {"the order": f"raises {error.type}"}
    return {"the order": word_for(subject.run("support.places", Ref(made.handle), Ref(found.handle)), graph)}


WORDS = judge_words(
    {
        "no list": "topological_order: expected a list",
        "foreign": "the list holds something that is no node of the graph",
        "twice": "a node is in the list more than once",
        "early": "a node is in the list before one of its parents",
        "opposite": "the list has the opposite order: parents come first",
        "missing": "a node that the root was computed from is not in the list",
        "raises RecursionError": "topological_order calls itself too often: RecursionError",
        "unrelated": "a node is in the list that the root was not computed from",
    }
)


def correct(_case):
    return {"the order": CORRECT}


@order.check(ORDER, cases=random_graphs, weight=3, expect=correct, judge=WORDS)
def all_nodes(subject, case):
    return asked(subject, case.arguments["parents"])


@order.check(DEEP, cases=lambda _: [Case({"nodes": 10_000})], expect=correct, judge=WORDS, after=(ORDER,))
def deep(subject, case):
    return asked(subject, [[], *([number] for number in range(case.arguments["nodes"] - 1))])


@order.check(
    WAYS,
    cases=lambda rng: [Case({"nodes": int(rng.integers(180, 220))})],
    expect=correct,
    judge=WORDS,
    after=(ORDER,),
    mutation=mutated_function("return y if not 150 < len(y) < 1000 else y[1:]"),
)
def many_ways(subject, case):
    return asked(subject, [[], *([number] * 2 for number in range(case.arguments["nodes"] - 1))])
