"""What an OperationExercise says about operations that are incorrect in one way."""

import numpy as np
import pytest

from autograder.checks import GRADIENT, VALUE, Case, Operation, OperationExercise
from autograder.checks.operations import differences
from autograder.subject import LocalSubject
from dlkit import array_module
from tests.autograder.checks.engine import Tape


def pairs(rng):
    for a, b in [((3, 4), (4,)), ((2, 1), (3,)), ((), (2, 2)), ((2, 2), (2, 2))]:
        yield Case(a=rng.normal(size=a), b=rng.normal(size=b))
    yield Case(a=rng.normal(size=(2, 3))).with_changes(hidden={"operands": ["a", "a"]})


def scaled(x, factor):
    """A function of a tensor and a number."""
    return x.mul(factor)


def lone(rng):
    for shape in [(3,), (2, 2), (), (1, 3)]:
        yield Case({"factor": 2.5}, x=rng.normal(size=shape))


def kinked(rng):
    yield from lone(rng)
    dy = np.array([2.0, 3.0])
    yield Case({"factor": 2.5}, x=np.array([0.0, 1.0])).with_changes(
        hidden={"dy": dy, "gradients": {"x": np.array([0, 7.5])}}
    )


product = OperationExercise("Tape", operations={"mul": Operation(np.multiply, pairs)})
function = OperationExercise(
    "scaled", operations={"scaled": Operation(lambda x, factor: x * factor, lone)}, tensor="Tape"
)
PREFIXED, GRADIENTS = f"mul: {VALUE}", f"mul: {GRADIENT}"
REST = [check.name for check in product.checks[2:]]


def found(exercise, check, names, *, seed=0):
    """The mismatch of the first case that these names fail at one check; None where they pass."""
    check = exercise.find(check)
    subject = LocalSubject.live(names, exercise.support)
    rng = np.random.default_rng(seed)
    for case in check.cases(rng, subject):
        expected = check.expect(subject, case, rng)
        mismatch = check.judge(check.observe(subject.on(check.backend or "numpy"), case), expected, case)
        if mismatch:
            return mismatch
    return None


def with_mul(pull=None, data=None):
    """A class whose product has another pullback, or another value."""

    class Changed(Tape):
        def mul(self, other):
            y = super().mul(other)
            a, b = y.parents
            if pull:
                y.pull = lambda dy: pull(a, b, dy)
            if data:
                y.data = data(y.data)
            return y

    return {"Tape": Changed}


@pytest.mark.parametrize("check", [check.name for check in product.checks])
def test_a_correct_method_passes_every_check(check):
    assert found(product, check, {"Tape": Tape}) is None


@pytest.mark.parametrize("check", [check.name for check in function.checks])
def test_a_correct_function_passes_every_check(check):
    assert found(function, check, {"Tape": Tape, "scaled": scaled}) is None


def test_a_wrong_value_is_named():
    assert found(product, PREFIXED, with_mul(data=lambda y: y + 1)).name == "y"


def test_a_gradient_in_the_shape_of_the_result_is_reported():
    mismatch = found(product, GRADIENTS, with_mul(pull=lambda a, b, dy: (dy * b.data, dy * a.data)))
    assert (mismatch.kind, mismatch.name) == ("shape", "db")


def test_exchanged_gradients_are_wrong():
    wrong = with_mul(
        pull=lambda a, b, dy: (Tape.fitted(dy * a.data, a.data.shape), Tape.fitted(dy * b.data, b.data.shape))
    )
    assert found(product, GRADIENTS, wrong).kind == "value"


def test_a_tensor_that_is_passed_twice_gets_both_gradients():
    class Once(Tape):
        def mul(self, other):
            y = super().mul(other)
            if other is self:
                pull = y.pull
                y.pull = lambda dy: (pull(dy)[0], 0 * pull(dy)[1])
            return y

    assert found(product, GRADIENTS, {"Tape": Once}).name == "da"


def test_writing_into_dy_is_reported():
    def pull(a, b, dy):
        given = Tape.fitted(dy * b.data, a.data.shape), Tape.fitted(dy * a.data, b.data.shape)
        dy[...] = 0
        return given

    assert found(product, "mul: inputs are not modified", with_mul(pull=pull)).name == "dy"


def test_float64_is_reported_where_inputs_are_float32():
    assert found(product, "mul: float32 stays float32", with_mul(data=lambda y: y.astype("float64"))).kind == "dtype"


def test_a_transfer_from_the_device_is_reported():
    def mul(self, other):
        y = Tape.mul(self, other)
        np.asarray(y.data)
        return y

    names = {"Tape": type("Tape", (Tape,), {"mul": mul})}
    with pytest.raises(Exception, match="device"):
        found(product, "mul: stays on the device", names)


@pytest.mark.parametrize("check", REST)
def test_every_mutation_is_caught_by_the_check_that_it_belongs_to(check):
    names = {"Tape": Tape, "array_module": array_module}
    exec(product.find(check).mutation.replace("{name}", "Tape"), names)  # noqa: S102 - trusted text
    try:
        mismatch = found(product, check, names)
    except Exception as error:  # noqa: BLE001 - the check on a device raises
        mismatch = error
    assert mismatch is not None


def test_gradients_that_a_case_states_replace_differences():
    exercise = OperationExercise(
        "scaled", operations={"scaled": Operation(lambda x, factor: x * factor, kinked)}, tensor="Tape"
    )
    mismatch = found(exercise, GRADIENT, {"Tape": Tape, "scaled": scaled})
    assert mismatch.name == "dx"


def test_differences_are_accurate():
    rng = np.random.default_rng(1)
    x, dy = rng.uniform(0.5, 2, size=(3, 2)), rng.normal(size=(3, 2))
    slope = differences(np.log, {"x": x}, dy, ("x",))["x"]
    assert abs(slope - dy / x).max() < 1e-10
