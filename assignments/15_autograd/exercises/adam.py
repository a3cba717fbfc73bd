"""Adam, of parameters and of tensors."""

import numpy as np

from autograder.checks import Case, OptimizerExercise, Quadratic, Ref, mutated


def settings(_rng):
    yield Case({"lr": 0.001})
    yield Case({"lr": 0.1, "betas": (0.7, 0.9), "eps": 0.2})
    yield Case({"lr": 0.05, "betas": (0.8, 0.99), "eps": 0.02})


# The quadratic: as for the Adam of 04.
adam = OptimizerExercise(
    "TensorAdam", cases=settings, quadratic=Quadratic({"lr": 0.1}, 300, 1e-3), support_files=("parameters", "tensors")
)


def some_unused(rng):
    """Tensors of which some have no gradient, the first, the last or one in the middle."""
    for unused in (0, 1, 2):
        arrays = [rng.normal(size=shape) for shape in ((3,), (2, 2), ())]
        grads = [rng.normal(size=each.shape) for each in arrays]
        grads[unused] = None
        yield Case({"lr": 0.1, "eps": 0.1}, arrays=arrays, grads=grads)


def after_one_step(case):
    found = []
    for x, g in zip(case.inputs["arrays"], case.inputs["grads"], strict=True):
        found.append(x if g is None else x - 0.1 * g / (np.abs(g) + 0.1))
    return {"the tensors": found}


@adam.check(
    "a tensor without a gradient stays where it is",
    cases=some_unused,
    expect=after_one_step,
    mutation=mutated(
        "super().step()", "for p in self.parameters:", "    if p.grad is None: p.data -= 0.01", method="step"
    ),
)
def without_gradients(subject, case):
    tensors = subject.keep("support.tensors", case.inputs["arrays"], case.inputs["grads"])
    subject.make("TensorAdam", Ref(tensors.handle), **case.arguments).call("step")
    return {"the tensors": subject.run("support.arrays_of", Ref(tensors.handle))}
