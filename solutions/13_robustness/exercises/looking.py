"""The exercise grad_cam: features weighted by the gradient of one score."""

from autograder.checks import Case, FunctionExercise, Ref, Rng, Setting

CLASSES = 4


def images(rng):
    """One image and several, not square; classes that repeat and that differ; one channel; both modes of the head."""
    for number, (shape, channels) in enumerate(
        [((1, 3, 4), 2), ((5, 4, 3), 3), ((4, 2, 5), 1), ((6, 1, 2), 5), ((3, 4, 4), 4)]
    ):
        case = Case({}, x=rng.normal(size=shape), classes=rng.integers(CLASSES, size=shape[0]))
        yield case.with_changes(hidden={"channels": channels, "training": number % 2 == 1})


def body_and_head(subject, case):
    x, channels = case.inputs["x"], case.hidden["channels"]
    _, height, width = x.shape
    made = {
        "body": subject.make("support.Maps", channels, rng=Rng(5)),
        "head": subject.make("support.Reader", channels * height * width, CLASSES, rng=Rng(6)),
    }
    for layer in made.values():
        layer.call("astype", str(getattr(x, "dtype", "float64")))
        layer.call("train" if case.hidden["training"] else "eval")
        subject.run("support.leave_gradients", Ref(layer.handle), Rng(1))
    return made


def left(made):
    """Modes, gradients."""
    body, head = made["body"], made["head"]
    modes = {
        f"the mode of the {name} afterwards": "training" if layer.get("training") else "evaluation"
        for name, layer in made.items()
    }
    return {
        **modes,
        "the gradient of the body's a afterwards": body.get("a.grad"),
        "the gradient of the head's W afterwards": head.get("W.grad"),
    }


looking = FunctionExercise(
    "grad_cam",
    cases=images,
    setting=Setting(body_and_head, left),
    float32=True,
    support_files=("maps",),
)
