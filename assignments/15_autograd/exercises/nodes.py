"""Node, and its record."""

from autograder.checks import Case, Exercise, Ref

node = Exercise(
    "Node",
    "class",
    ("record", "backward", "zero_grad", "detach"),
    depends=("topological_order", "no_grad"),
    support_files=("nodes",),
)
REMEMBERS = "record remembers how a node was computed"


def shapes(rng):
    for shape in ((2, 3), (4,), ()):
        yield Case(first=rng.normal(size=shape), second=rng.normal(size=2), data=rng.normal(size=shape))


def recorded(subject, case, *, on=True):
    switch = subject.make("Recording")
    subject.run("support.switched", Ref(switch.handle), on=on)
    try:
        first = subject.keep("support.heir", Ref(subject.make("Node", case.inputs["first"]).handle))
        second = subject.make("Node", case.inputs["second"])
        made = subject.keep("support.recorded", Ref(first.handle), Ref(second.handle), case.inputs["data"])
        words = subject.run("support.remembered", Ref(made.handle), [Ref(first.handle), Ref(second.handle)])
    finally:
        subject.run("support.switched", Ref(switch.handle), on=True)
    return {**words, "the numbers": subject.run("support.numbers", Ref(made.handle))}


def as_recorded(case):
    return {
        "the class": "that of the node",
        "the node": "a new one",
        "the numbers": case.inputs["data"],
        "the parents": "a tuple of the given ones",
        "the pullback": "the given one",
        "the gradient": "None",
    }


node.check(REMEMBERS, cases=shapes, part="record", needs=("record",), weight=2, expect=as_recorded)(recorded)
node.check(
    "while recording is off, record makes leaves",
    cases=shapes,
    part="record",
    needs=("record",),
    expect=lambda case: {**as_recorded(case), "the parents": "none", "the pullback": "none"},
    after=(REMEMBERS,),
)(lambda subject, case: recorded(subject, case, on=False))
