"""What a LayerExercise checks of layers with several outputs, and of those whose constructor calls a part."""

import numpy as np
import pytest

from autograder.checks import Case, LayerExercise, Points, Speed
from autograder.diagnosis.probing import dependences
from autograder.diagnosis.reproduce import snippet
from autograder.subject import LocalSubject
from dlkit import Layer, Parameter, array_module

FORWARD, GRADIENTS = "forward matches the reference", "gradients match numerical differences"


class Leaky(Layer):
    """y = x w + s where the mask is true, and the state s goes on as s²."""

    def __init__(self, features):
        self.w = Parameter(self.first(features))

    def first(self, features):
        return np.full(features, 0.5)

    def forward(self, x, state, mask):
        self.x, self.state, self.mask = x, state, mask
        return array_module(x).where(mask, x * self.w.data + state, 0 * x), state * state

    def backward(self, dy, dend):
        dy = array_module(dy).where(self.mask, dy, 0 * dy)
        self.w.grad += (dy * self.x).sum(axis=0)
        return dy * self.w.data, dy + 2 * dend * self.state


def cases(rng):
    for rows, features in [(3, 2), (4, 3)]:
        x, state = rng.normal(size=(2, rows, features))
        yield Case({"features": features}, x=x, state=state, mask=np.arange(rows * features).reshape(rows, -1) % 3 > 0)


exercise = LayerExercise(
    "Leaky",
    cases=cases,
    points=Points(first=1, forward=2, backward=2, speed=1),
    has_parameters=True,
    outputs=("y", "end"),
    made_with=("first",),
    speed=Speed(Case({"features": 2}, x=(3, 2), state=(3, 2), mask=lambda rng: rng.random((3, 2)) > 0.5), at_most=3),
)


def asked(check, kind):
    """The mismatch of the first case that a class fails at one check; None where it passes."""
    reference, subject = (LocalSubject.live({"Leaky": each}, "") for each in (Leaky, kind))
    check = exercise.find(check)
    rng = np.random.default_rng(0)
    for case in check.cases(rng, reference):
        expected = check.expect(reference, case, rng) if check.expect else check.observe(reference, case)
        found = check.judge(check.observe(subject.on(check.backend or "numpy"), case), expected, case)
        if found:
            return found
    return None


@pytest.mark.parametrize("check", [check.name for check in exercise.checks if not check.backend])
def test_a_right_layer_passes_every_check(check):
    assert asked(check, Leaky) is None


@pytest.mark.parametrize("output", [0, 1])
def test_the_output_that_is_wrong_is_named(output):
    class Wrong(Leaky):
        def forward(self, *xs):
            outputs = list(super().forward(*xs))
            outputs[output] = outputs[output] + 1
            return tuple(outputs)

    found = asked(FORWARD, Wrong)
    assert found.name == ("y", "end")[output]
    assert found.sentence.startswith(f"{found.name} is wrong in")


@pytest.mark.parametrize("change", [lambda y, _: y, lambda y, end: (y, end, end), lambda y, _: (y,)])
def test_a_missing_output_and_one_too_many_are_wrong(change):
    class Counting(Leaky):
        def forward(self, *xs):
            return change(*super().forward(*xs))

    assert asked(FORWARD, Counting).kind == "missing"


def test_a_list_of_the_outputs_will_do():
    class Listing(Leaky):
        def forward(self, *xs):
            return list(super().forward(*xs))

        def backward(self, *dys):
            return list(super().backward(*dys))

    assert asked(FORWARD, Listing) is None
    assert asked(GRADIENTS, Listing) is None


def test_each_upstream_gradient_belongs_to_its_output():
    class Exchanging(Leaky):
        def backward(self, dy, dend):
            return super().backward(dend, dy)

    assert asked(GRADIENTS, Exchanging).name == "dx"

    class Ignoring(Leaky):
        def backward(self, dy, dend):
            return super().backward(dy, 0 * dend)

    assert asked(GRADIENTS, Ignoring).name == "dstate"


def test_an_upstream_gradient_that_was_written_to_is_named():
    class Writing(Leaky):
        def backward(self, dy, dend):
            returned = super().backward(dy, dend)
            dend *= 0
            return returned

    found = asked("the upstream gradient is not modified", Writing)
    assert (found.kind, found.name) == ("changed", "dend")


def test_a_second_output_in_double_precision_is_found():
    class Wide(Leaky):
        def forward(self, *xs):
            y, end = super().forward(*xs)
            return y, end.astype(np.float64)

    assert asked("float32 stays float32", Wide).name == "end"


def test_nothing_is_asked_before_the_constructors_part_is_written():
    assert exercise.parts == ("first", "forward", "backward")
    assert all("first" in check.needs for check in exercise.checks)


def test_inputs_of_a_measured_run_are_drawn_anew_with_every_upstream_gradient():
    reference = LocalSubject.live({"Leaky": Leaky}, "")
    check = exercise.find("fast enough")
    rng = np.random.default_rng(0)
    (case,) = check.cases(rng, reference)
    fresh = check.budget.run.draw(rng, case)
    assert list(fresh.upstreams) == ["dy", "dend"]
    for name, dy in fresh.upstreams.items():
        assert (dy.dtype, dy.shape) == (np.float32, case.upstreams[name].shape)
        assert (dy != case.upstreams[name]).all()


def test_a_case_with_several_upstream_gradients_survives_being_stored():
    case = Case(x=np.zeros(2)).with_changes(upstream={"dy": np.ones(2), "dend": np.ones(3)})
    assert list(Case.from_data(case.as_data()).upstreams) == ["dy", "dend"]
    assert Case().upstreams == {}
    assert list(Case().with_changes(upstream=np.ones(1)).upstreams) == ["dy"]


def test_what_each_gradient_depends_on_is_found_for_masks_and_every_upstream_gradient():
    reference = LocalSubject.live({"Leaky": Leaky}, "")
    check = exercise.find(GRADIENTS)
    found = set(dependences(check, reference, check.cases(np.random.default_rng(0), reference)))
    assert {("dx", "dy"), ("dx", "mask"), ("dstate", "dend"), ("dstate", "mask")} <= found
    assert ("dx", "dend") not in found


def test_the_lines_that_show_a_mistake_again_give_backward_every_gradient():
    class Ignoring(Leaky):
        def backward(self, dy, dend):
            return super().backward(dy, 0 * dend)

    reference, subject = (LocalSubject.live({"Leaky": each}, "") for each in (Leaky, Ignoring))
    check = exercise.find(GRADIENTS)
    lines = snippet(exercise, check, check.cases(np.random.default_rng(0), reference), subject, reference)
    assert "layer.forward(x, state, mask); print(layer.backward(dy, dend), layer.w.grad)" in lines
    names = {"np": np, "Leaky": Ignoring}
    exec(lines, names)  # noqa: S102 - the lines are what is tested
    assert {"dy", "dend"} <= names.keys()


# --- an array given to the constructor --------------------------------------------------------


class Mixing(Layer):
    """y = A x, where A is given."""

    def __init__(self, matrix):
        self.matrix = matrix

    def forward(self, x):
        return self.matrix @ x

    def backward(self, dy):
        return self.matrix.T @ dy


def mixtures(rng):
    matrix = rng.normal(size=(3, 3))
    for batch, features in [(2, 4), (3, 1), (2, 5)]:
        yield Case({"matrix": matrix.copy()}, x=rng.normal(size=(batch, 3, features)))


mixing = LayerExercise("Mixing", cases=mixtures, points=Points(forward=1, backward=1))


@pytest.mark.parametrize("check", mixing.checks, ids=lambda check: check.name)
def test_an_array_among_the_arguments_has_the_dtype_and_the_device_of_the_inputs(check):
    reference = LocalSubject.live({"Mixing": Mixing}, "")
    rng = np.random.default_rng(0)
    for case in check.cases(rng, reference):
        expected = check.expect(reference, case, rng) if check.expect else check.observe(reference, case)
        assert check.judge(check.observe(reference.on(check.backend or "numpy"), case), expected, case) is None


def test_inputs_of_other_sizes_are_those_of_equal_arguments():
    *_, (*_, other) = [
        mixing.find("a second call forgets the first").cases(
            np.random.default_rng(0), LocalSubject.live({"Mixing": Mixing}, "")
        )
    ]
    assert other.hidden["first"]["x"].shape == (3, 3, 1)


def test_a_layer_that_knows_its_input_by_its_identity_is_found():
    class Remembers(Leaky):
        def forward(self, *xs):
            if not (hasattr(self, "given") and all(x is y for x, y in zip(xs, self.given, strict=True))):
                self.given, self.found = xs, super().forward(*xs)
            return self.found

    assert asked(FORWARD, Remembers) is None
    found = asked("a second call forgets the first", Remembers)
    assert found.name.endswith(" of the second call")
    found = asked("parameters are read anew in every call", Remembers)
    assert found.name == "y"


def test_an_output_that_is_kept_from_an_earlier_call_is_found_where_no_gradient_shows_it():
    class Keeps(Leaky):
        def forward(self, *xs):
            y = super().forward(*xs)
            if xs[0] is not getattr(self, "given", None):
                self.given, self.found = xs[0], y
            return self.found

    found = asked("a second call forgets the first", Keeps)
    assert found.name == "y of the second call"
