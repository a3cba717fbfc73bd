"""The exercise L2Penalty: a penalty for large weights, and its gradient."""

from autograder.checks import Case, Exercise, Ref, in_float32, judge_float32, judge_unchanged, mutated

from .parameters import look_at

PENALTY = "the penalty matches the reference"
ADDED = "the gradient of the penalty is added"

SHAPES = [(4, 3), (3,), (2, 3, 2, 2), (2,), (3, 1), (1,), (1, 4), (2, 3, 1)]
"""Of the parameters: matrices, also with one row or column, kernels, and between them biases without penalty."""


def penalty_cases(rng):
    for count, weight_decay in [(2, 0.3), (len(SHAPES), 0.05), (5, 2.0)]:
        weights, gradients, others = ([rng.normal(size=shape) for shape in SHAPES[:count]] for _ in range(3))
        hidden = {"gradients": gradients, "others": others}
        yield Case({"weight_decay": weight_decay}, weights=weights).with_changes(hidden=hidden)


single = in_float32(penalty_cases)

l2_penalty = Exercise("L2Penalty", "class", ("forward", "backward"), support_files=("parameters",))


def penalized(subject, case):
    """Parameters with gradients, and their penalty."""
    parameters = subject.keep("support.parameters", case.inputs["weights"], case.hidden["gradients"])
    return parameters, subject.make("L2Penalty", Ref(parameters.handle), case.arguments["weight_decay"])


def check(name, *, cases=penalty_cases, part="backward", weight=1, **more):
    needs = ("forward", "backward") if part == "backward" else (part,)
    return l2_penalty.check(name, cases=cases, part=part, weight=weight, needs=needs, **more)


@check(PENALTY, part="forward", weight=4)
def price(subject, case):
    return {"the penalty": penalized(subject, case)[1].call("forward")}


check(
    "float32 stays float32",
    cases=single,
    part="forward",
    judge=judge_float32,
    after=(PENALTY,),
    mutation=mutated("return super().forward().astype('float64')"),
)(price)
check(
    "stays on the device",
    part="forward",
    after=(PENALTY,),
    backend="stand-in",
    mutation=mutated("return float(super().forward())"),
)(price)


@check(ADDED, weight=4)
def slopes_of_price(subject, case):
    parameters, penalty = penalized(subject, case)
    penalty.call("forward")
    penalty.call("backward")
    return look_at(subject, parameters, "grads", "the gradient of parameter")


@check("follows weights that change", after=(PENALTY, ADDED))
def price_twice(subject, case):
    parameters, penalty = penalized(subject, case)
    penalty.call("forward")
    penalty.call("backward")
    subject.run("support.write", Ref(parameters.handle), case.hidden["others"])
    seen = {"the penalty of other weights": penalty.call("forward")}
    penalty.call("backward")
    return {**seen, **look_at(subject, parameters, "grads", "after both calls, the gradient of parameter")}


@check(
    "weights are not modified",
    expect=lambda case: {f"parameter {i}": x for i, x in enumerate(case.inputs["weights"])},
    judge=judge_unchanged,
    after=(ADDED,),
    mutation=mutated("super().backward()", "for p in self.parameters: p.data *= 0.9", method="backward"),
)
def weights_afterwards(subject, case):
    parameters, penalty = penalized(subject, case)
    penalty.call("forward")
    penalty.call("backward")
    return look_at(subject, parameters, "data", "parameter")


check(
    "float32 gradients stay float32",
    cases=single,
    judge=judge_float32,
    after=(ADDED,),
    mutation=mutated(
        "super().backward()", "for p in self.parameters: p.grad = p.grad.astype('float64')", method="backward"
    ),
)(slopes_of_price)
check(
    "backward stays on the device",
    after=(ADDED,),
    backend="stand-in",
    mutation=mutated("super().backward()", "float(self.parameters[0].grad.sum())", method="backward"),
)(slopes_of_price)
