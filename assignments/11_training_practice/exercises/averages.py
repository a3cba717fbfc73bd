"""The exercises Ensemble and TestTimeAugmentation: means of probabilities over models and over views."""

import math

from autograder.checks import Case, Exercise, New, Ref, Rng, habits, models_keep_theirs, mutated

MEAN = "gives the mean of the probabilities"
AGAIN, ANEW = "in evaluation it gives the same, and a second call too", "every call computes anew"
MODES = "a model computes in the mode that it is in, and stays in it"


def numbers_of_a_row(shape):
    return math.prod(shape[1:])


def models(in_features, classes, sizes):
    """Models of one seed each, with scores of different size."""
    return [New("support.Scores", in_features, classes, size=size, rng=Rng(seed)) for seed, size in enumerate(sizes, 3)]


def several_models(rng):
    """One model and several, of which one is much surer than the others; batch 1; images; scores beyond exp's range."""
    for shape, classes, sizes in [
        ((1, 3), 2, (2.0,)),
        ((5, 4), 3, (1.0, 8.0, 2.0)),
        ((4, 3), 6, (0.5, 30.0, 1.0, 2.0, 1.0)),
        ((6, 1, 2, 3), 4, (2.0, 0.3)),
        ((3, 2), 5, (900.0, 2.0)),
    ]:
        yield Case({"models": models(numbers_of_a_row(shape), classes, sizes)}, x=rng.normal(size=shape))


def several_views(rng):
    """One view and several, the input among them or not, views that would give something else in a row; images."""
    mirrored, rolled, scaled = New("support.Mirrored"), New("support.Rolled", 1), New("support.Scaled", -1.5)
    for shape, classes, size, views in [
        ((1, 3), 2, 2.0, [New("support.Scaled", 1.0)]),
        ((5, 4), 3, 4.0, [New("support.Scaled", 1.0), scaled, rolled]),
        ((4, 3), 6, 3.0, [scaled, scaled, mirrored, rolled]),
        ((6, 1, 2, 3), 4, 2.0, [rolled, mirrored]),
        ((3, 2), 5, 900.0, [mirrored, scaled]),
    ]:
        yield Case(
            {"model": New("support.Scores", numbers_of_a_row(shape), classes, size=size, rng=Rng(3)), "views": views},
            x=rng.normal(size=shape),
        )


ensemble = Exercise("Ensemble", "class", ("forward",), support_files=("scores", "returned"))
augmented = Exercise("TestTimeAugmentation", "class", ("forward",), support_files=("scores", "returned"))


def in_modes(cases):
    """The same cases with models whose scores are smaller in training, and depend on the other rows."""

    def moody(one):
        return New(one.name, *one.args, **{**one.kwargs, "in_training": 0.2})

    def changed(rng):
        for case in list(cases(rng))[1:4]:
            given = case.arguments
            models = {"models": [moody(one) for one in given["models"]]} if "models" in given else {}
            yield case.with_changes(arguments={**given, **(models or {"model": moody(given["model"])})})

    return changed


def modes_of(made, paths, when):
    """In words, the mode of every model."""
    return {
        f"the mode of {path} {when}": "training" if made.get(f"{path}.training") else "evaluation" for path in paths
    }


def asked(exercise, subject, case):
    """The object in the dtype of x (or of what stands for it in the worker), after a call, and its answer."""
    made = subject.make(exercise.name, **case.arguments)
    made.call("astype", str(getattr(case.inputs["x"], "dtype", "float64")))
    return made, {"y": made.call("forward", case.inputs["x"])}


def made_ahead(subject, case):
    """The arguments with models that are made already, and these by their path in the object."""

    def made(one):
        return subject.make(one.name, *one.args, **one.kwargs)

    given = case.arguments
    if "model" in given:
        models = {"model": made(given["model"])}
        return {**given, "model": Ref(models["model"].handle)}, models
    models = {f"models.{i}": made(one) for i, one in enumerate(given["models"])}
    return {**given, "models": [Ref(one.handle) for one in models.values()]}, models


def with_others(cases):
    """The cases, each with other inputs of the same shape."""
    return lambda rng: [
        case.with_changes(hidden={"other": rng.normal(size=case.inputs["x"].shape)}) for case in cases(rng)
    ]


REMEMBERS = (
    "if xs[0] is not getattr(self, 'last', None):",
    "    self.last, self.kept = xs[0], super().forward(*xs)",
    "return 1 * self.kept",
)


def add_checks(exercise, cases, of_models):
    """The checks of both exercises; of_models(case): paths of the models in the object."""

    def answer(subject, case):
        return asked(exercise, subject, case)[1]

    exercise.check(MEAN, cases=cases, weight=4)(answer)

    @exercise.check(
        AGAIN,
        cases=cases,
        after=(MEAN,),
        mutation=mutated(
            "self.calls = getattr(self, 'calls', 0) + 1",
            "return super().forward(*xs) / self.calls",
            method="forward",
        ),
    )
    def again(subject, case):
        made, first = asked(exercise, subject, case)
        made.call("eval")
        return {**first, "y of a second call": made.call("forward", case.inputs["x"])}

    @exercise.check(ANEW, cases=with_others(cases), after=(MEAN,), mutation=mutated(*REMEMBERS, method="forward"))
    def anew(subject, case):
        """The same array with other numbers, then models with other parameters."""
        made, x = subject.make(exercise.name, **case.arguments), subject.put(case.inputs["x"])
        made.call("forward", x)
        subject.overwrite(x, case.hidden["other"])
        seen = {"y where the same array holds other numbers": made.call("forward", x)}
        for path in of_models(case):
            made.write(f"{path}.V.data", -made.get(f"{path}.V.data"))
        return seen | {"y where the parameters are others": made.call("forward", x)}

    def watched(subject, case, watch):
        arguments, models = made_ahead(subject, case)
        watch(models)
        subject.make(exercise.name, **arguments).call("forward", case.inputs["x"])

    models_keep_theirs(exercise, watched, cases=cases, names=of_models, after=(MEAN,))

    @exercise.check(MODES, cases=in_modes(cases), after=(MEAN,))
    def modes(subject, case):
        made, seen = asked(exercise, subject, case)
        paths = of_models(case)
        seen = {"y in training mode": seen["y"], **modes_of(made, paths, "afterwards")}
        made.call("eval")
        seen |= {"y in evaluation mode": made.call("forward", case.inputs["x"])}
        made.set(f"{paths[-1]}.training", value=True)
        seen |= {f"y with {paths[-1]} in training mode": made.call("forward", case.inputs["x"])}
        return seen | modes_of(made, paths, "at last")

    habits(exercise, answer, cases=cases, after=(MEAN,))


add_checks(ensemble, several_models, lambda case: [f"models.{i}" for i in range(len(case.arguments["models"]))])
add_checks(augmented, several_views, lambda _: ["model"])
