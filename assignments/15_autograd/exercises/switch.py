"""no_grad: blocks within which nothing is recorded."""

from autograder.checks import Case, Code, Exercise, Ref, SubjectRaisedError

BLOCKS = "recording is off within a block and as before after it"
RAISES = "an error in the block ends it, and is passed on"

blocks = Exercise("no_grad", "function", ("no_grad",), support_files=("nodes",))
NESTED = [["enter"], ["enter", "leave"], ["enter", "enter", "leave", "leave"], ["enter", "leave", "enter", "leave"]]
NESTED += [["enter", "enter", "leave", "enter", "leave", "leave"], ["enter", "enter", "enter", "leave", "leave"]]


def sequences(_rng):
    """Blocks are made when they are entered; then those that are nested again, with all of them made beforehand."""
    for steps in NESTED:
        yield Case({"steps": steps})
    for steps in NESTED[2:]:
        yield Case({"steps": steps}).with_changes(hidden={"made": "beforehand"})


def states(case):
    """Whether recording is on, at the start and after each step."""
    depth, found = 0, [True]
    for step in case.arguments["steps"]:
        depth += 1 if step == "enter" else -1
        found.append(depth == 0)
    return {"recording is on, step by step": found}


def followed(subject, case):
    """Enter and leave blocks, the last error being one of the block's own."""
    switch = subject.make("Recording")
    subject.run("support.switched", Ref(switch.handle), on=True)
    ahead = case.arguments["steps"].count("enter") if "made" in case.hidden else 0
    made = [subject.keep("no_grad") for _ in range(ahead)]
    opened, found = [], [switch.get("on")]
    error = (Code("ValueError"), Code("ValueError('of the block')"), None)
    try:
        for step in case.arguments["steps"]:
            if step == "enter":
                opened.append(made.pop() if made else subject.keep("no_grad"))
                opened[-1].call("__enter__")
            else:
                opened.pop().call("__exit__", *(error if "error" in case.hidden else (None,) * 3))
            found.append(switch.get("on"))
    finally:
        subject.run("support.switched", Ref(switch.handle), on=True)
    return {"recording is on, step by step": found}


blocks.check(BLOCKS, cases=sequences, weight=2, expect=states)(followed)


def with_errors(rng):
    for case in list(sequences(rng))[1:]:
        yield case.with_changes(hidden={**case.hidden, "error": True})


@blocks.check(
    RAISES,
    cases=with_errors,
    weight=2,
    after=(BLOCKS,),
    expect=lambda case: {**states(case), "the error": "passed on"},
)
def errors(subject, case):
    try:
        seen = followed(subject, case)
    except SubjectRaisedError as error:
        if error.unwritten:
            raise
        return {"recording is on, step by step": "an error when the block was left", "the error": "another"}
    switch = subject.make("Recording")
    manager = subject.keep("no_grad")
    manager.call("__enter__")
    swallowed = manager.call("__exit__", Code("ValueError"), Code("ValueError('of the block')"), None)
    subject.run("support.switched", Ref(switch.handle), on=True)
    return {**seen, "the error": "swallowed" if swallowed else "passed on"}
