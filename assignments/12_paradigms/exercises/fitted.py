"""What is the same of every class that learns with fit: what it finds, a second fit, its habits."""

from itertools import pairwise

from autograder.checks import habits

AGAIN = "begins anew, and changes nothing that the first one found"


def found_by(exercise, method, look):
    """A function that makes an object, calls one method, and returns the attributes that it set.

    The constructor's arguments are hidden in the case under "made with"; the case's arguments are those of the call.
    """

    def run(subject, case):
        made = subject.make(exercise.name, **case.hidden.get("made with", {}))
        made.call(method, *case.inputs.values(), **case.arguments)
        return {name: made.get(name) for name in look}

    return run


def found_again(exercise, method, look):
    """The same in a second call, after one with other rows, whose results are looked at before and after."""

    def run(subject, case):
        made = subject.make(exercise.name, **case.hidden.get("made with", {}))
        made.call(method, *case.hidden["before"], **case.hidden["before with"])
        kept = {name: made.keep("__getattribute__", name) for name in look}
        first = {f"{name} of the first call": thing.fetch() for name, thing in kept.items()}
        made.call(method, *case.inputs.values(), **case.arguments)
        now = {name: made.get(name) for name in look}
        return {**now, **first, **{f"{name}, after the second": kept[name.split()[0]].fetch() for name in first}}

    return run


def one_after_another(cases, count=3):
    """Cases that follow another one, of other rows, that the same object can learn from: with no more groups."""

    def groups(case):
        return case.hidden.get("made with", {}).get("k", 0)

    def pairs(rng):
        drawn = list(cases(rng))
        fitting = [(first, second) for first, second in pairwise(drawn) if groups(first) <= groups(second)]
        for first, second in fitting[:count]:
            hidden = {**second.hidden, "before": list(first.inputs.values()), "before with": dict(first.arguments)}
            yield second.with_changes(hidden=hidden)

    return pairs


def add_fit(
    exercise, method, name, *, cases, look, judge=None, among=("inputs", "float32", "device"), alone=None, needs=()
):
    """The checks of one method that learns.

    look: attributes that are compared; alone: those of them that are compared in float32, all by default; needs: other
    parts that it may use.
    """
    at = {"part": method, "needs": (*needs, method), "judge": judge}
    exercise.check(name, cases=cases, weight=5, **at)(found_by(exercise, method, look))
    again = found_again(exercise, method, look)
    exercise.check(f"a second {method} {AGAIN}", cases=one_after_another(cases), after=(name,), **at)(again)
    prefix = "" if method == "fit" else f"{method}: "
    for habit in among:
        seen = look if habit != "float32" else alone or look
        run = found_by(exercise, method, seen)
        wide = (f"super().{method}(*args, **kwargs)", f"self.{look[0]} = self.{look[0]}.astype('float64')")
        habits(
            exercise, run, cases=cases, after=(name,), part=method, among=(habit,), prefix=prefix, to_float64=wide
        )  # fmt: skip
