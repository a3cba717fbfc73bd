"""Checks of 05_regularization: penalty."""

from autograder.checks import Exercise, Points, Ref
from autograder.checks.judges import judge_float32, judge_unchanged
from autograder.checks.mutation import mutated
from autograder.spec import Check
from autograder.spec.comparison import compare_all

from .shared import DEVICE, FLOAT32, look_at, penalty_cases, single

PENALTY = "the penalty matches the reference"


ADDED = "the gradient of the penalty is added"


CHANGING = "follows weights that change"


ALONE = "weights are not modified"


def penalized(subject, case):
    """Parameters with gradients, and the penalty of them."""
    parameters = subject.keep("support.parameters", case.inputs["weights"], case.hidden["gradients"])
    return parameters, subject.make("L2Penalty", Ref(parameters.handle), case.arguments["weight_decay"])


def price(subject, case):
    return {"the penalty": penalized(subject, case)[1].call("forward")}


def slopes_of_price(subject, case):
    parameters, penalty = penalized(subject, case)
    penalty.call("forward")
    penalty.call("backward")
    return look_at(subject, parameters, "grads", "the gradient of parameter")


def price_twice(subject, case):
    parameters, penalty = penalized(subject, case)
    penalty.call("forward")
    penalty.call("backward")
    subject.run("support.write", Ref(parameters.handle), case.hidden["others"])
    seen = {"the penalty of other weights": penalty.call("forward")}
    penalty.call("backward")
    return {**seen, **look_at(subject, parameters, "grads", "after both calls, the gradient of parameter")}


def weights_afterwards(subject, case):
    parameters, penalty = penalized(subject, case)
    penalty.call("forward")
    penalty.call("backward")
    return look_at(subject, parameters, "data", "parameter")


def penalty_check(name, part, weight, observe, judge=compare_all, *, cases=penalty_cases, mutation="", **more):
    return Check(
        name,
        part,
        weight,
        lambda rng, _: list(cases(rng)),
        observe,
        judge,
        needs=("forward", "backward") if part == "backward" else (part,),
        mutation=mutation,
        **more,
    )


l2_penalty = Exercise(
    "L2Penalty",
    "class",
    ("forward", "backward"),
    Points(forward=2, backward=2),
    [
        penalty_check(PENALTY, "forward", 4.0, price),
        penalty_check(
            FLOAT32,
            "forward",
            1.0,
            price,
            judge_float32,
            cases=single,
            after=(PENALTY,),
            mutation=mutated("return super().forward().astype('float64')"),
        ),
        penalty_check(
            DEVICE,
            "forward",
            1.0,
            price,
            after=(PENALTY,),
            backend="stand-in",
            mutation=mutated("return float(super().forward())"),
        ),
        penalty_check(ADDED, "backward", 4.0, slopes_of_price),
        penalty_check(
            CHANGING,
            "backward",
            1.0,
            price_twice,
            after=(PENALTY, ADDED),
        ),
        penalty_check(
            ALONE,
            "backward",
            1.0,
            weights_afterwards,
            judge_unchanged,
            expect=lambda _s, case, _r: {f"parameter {i}": x for i, x in enumerate(case.inputs["weights"])},
            after=(ADDED,),
            mutation=mutated("super().backward()", "for p in self.parameters: p.data *= 0.9", method="backward"),
        ),
        penalty_check(
            "float32 gradients stay float32",
            "backward",
            1.0,
            slopes_of_price,
            judge_float32,
            cases=single,
            after=(ADDED,),
            mutation=mutated(
                "super().backward()", "for p in self.parameters: p.grad = p.grad.astype('float64')", method="backward"
            ),
        ),
        penalty_check(
            "backward stays on the device",
            "backward",
            1.0,
            slopes_of_price,
            after=(ADDED,),
            backend="stand-in",
            mutation=mutated("super().backward()", "float(self.parameters[0].grad.sum())", method="backward"),
        ),
    ],
    support_files=("parameters",),
)
