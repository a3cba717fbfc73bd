"""What stands around an optimizer's step: clipping, and gradients accumulated over pieces of a batch."""

from autograder.checks import MATCHES, Case, FunctionExercise, Memory, New, Ref, Rng, Setting, TrainingStepExercise

SHORTENED = "gradients are shortened in place"


def clipping_cases(rng):
    """Gradients far too long, a little too long, and short enough; then those of a single parameter."""
    every = [(0.1, (3, 4)), (3, (4,)), (1, (2, 1, 3))]
    for length, drawn in [(40.0, every), (1.5, every), (0.5, every), (2.5, every[:1])]:
        gradients = [scale * rng.normal(size=shape) for scale, shape in drawn]
        norm = sum((g * g).sum() for g in gradients) ** 0.5
        max_norm = float(rng.uniform(0.5, 3))
        gradients = [g * (length * max_norm / norm) for g in gradients]
        yield Case({"max_norm": max_norm}).with_changes(hidden={"gradients": gradients})


def with_gradients(subject, case):
    zeros = [0 * gradient for gradient in case.hidden["gradients"]]
    return {"parameters": subject.keep("support.parameters", zeros, case.hidden["gradients"])}


def gradients_after(objects):
    parameters = objects["parameters"]
    count = parameters.call("__len__")
    return {"the clipped gradients": [parameters.get(f"{i}.grad") for i in range(count)]}


clip = FunctionExercise(
    "clip_gradient_norm",
    cases=clipping_cases,
    setting=Setting(with_gradients, gradients_after),
    writes=True,
    support_files=("parameters",),
)


@clip.check(SHORTENED, cases=clipping_cases, after=(MATCHES,))
def shortened(subject, case):
    """What the gradients are after the call, and what is in the arrays that they were before."""
    objects = with_gradients(subject, case)
    given = Ref(objects["parameters"].handle)
    arrays = subject.keep("support.grads", given)
    subject.run("clip_gradient_norm", given, **case.arguments)
    return {"the arrays of the gradients": arrays.fetch(), **gradients_after(objects)}


def accumulation_cases(rng):
    """Batches that divide evenly, that do not, one larger than the data, and pieces of one sample."""
    for samples, size, every in [(24, 4, 3), (23, 4, 2), (7, 5, 3), (5, 1, 2)]:
        x, y = rng.normal(size=(samples, 3)), rng.normal(size=(samples, 1))
        yield Case({"size": size, "every": every}, x=x, y=y).with_changes(hidden={"hidden": 4})


def perceptron(case):
    in_features, hidden = case.inputs["x"].shape[1], case.hidden.get("hidden", 2048)
    return {"model": New("support.Perceptron", in_features, hidden, rng=Rng(5))}


# The whole batch at once takes about ten times the reference's memory.
accumulate = TrainingStepExercise(
    "accumulate_gradients",
    cases=accumulation_cases,
    networks=perceptron,
    stale=True,
    memory=Memory(Case({"size": 64, "every": 16}, x=(1024, 32), y=(1024, 1)), at_most=4.0),
)
