"""What an OptimizerExercise and a ScheduleExercise say about implementations that are incorrect in one way."""

import numpy as np
import pytest

from autograder.checks import Case, OptimizerExercise, Points, Quadratic, ScheduleExercise, Speed
from autograder.subject import LocalSubject
from dlkit import Optimizer, Parameter, Schedule

MATCHES = "20 steps match the reference"


class Momentum(Optimizer):
    def __init__(self, parameters, lr):
        super().__init__(parameters, lr)
        self.velocity = self.new_state()

    def step(self):
        for parameter, velocity in zip(self.parameters, self.velocity, strict=True):
            velocity *= 0.9  # noqa: PLW2901
            velocity += parameter.grad  # noqa: PLW2901
            parameter.data -= self.lr * velocity


exercise = OptimizerExercise(
    "Momentum",
    cases=lambda _: [Case({"lr": 0.1}), Case({"lr": 0.02})],
    points=Points(step=2, speed=1),
    quadratic=Quadratic({"lr": 0.02}, 200, 1e-3),
    speed=Speed(Case({"lr": 0.1}, parameter=(9, 2), gradient=(9, 2)), at_most=3),
)


def asked(check, kind, *, of=exercise, right=Momentum):
    """The mismatch of the first case that a class fails at one check; None where it passes."""
    reference, subject = (LocalSubject.live({of.name: each}, of.support) for each in (right, kind))
    check = of.find(check)
    rng = np.random.default_rng(0)
    for case in check.cases(rng, reference):
        expected = check.expect(reference, case, rng) if check.expect else check.observe(reference, case)
        found = check.judge(check.observe(subject.on(check.backend or "numpy"), case), expected, case)
        if found:
            return found
    return None


@pytest.mark.parametrize("check", [check.name for check in exercise.checks])
def test_a_right_optimizer_passes_every_check(check):
    assert asked(check, Momentum) is None


def test_the_first_wrong_step_is_named():
    class Late(Momentum):
        steps = 0

        def step(self):
            super().step()
            self.steps += 1
            if self.steps == 3:
                self.parameters[1].data[2] += 0.5

    found = asked(MATCHES, Late)
    assert found.name == "parameter 1 after step 3"
    assert found.sentence.startswith("parameter 1 after step 3 is wrong in 1 of 4 entries")
    assert found.index == (2,)


def test_state_that_two_optimizers_share_is_found():
    class Shared(Momentum):
        memory = None

        def __init__(self, parameters, lr):
            super().__init__(parameters, lr)
            if Shared.memory is None:
                Shared.memory = self.velocity
            self.velocity = Shared.memory

    assert asked("two optimizers do not disturb each other", Shared).kind == "value"


def test_a_new_array_is_distinguished_from_a_wrong_one():
    class Rebinding(Momentum):
        def step(self):
            for parameter, velocity in zip(self.parameters, self.velocity, strict=True):
                velocity[...] = 0.9 * velocity + parameter.grad
                parameter.data = parameter.data - self.lr * velocity

    assert asked(MATCHES, Rebinding) is None
    found = asked("parameters are updated in place", Rebinding)
    assert found.kind == "changed"
    assert "step() made a new array" in found.sentence


def test_state_in_float64_is_named():
    class Wide(Momentum):
        def __init__(self, parameters, lr):
            super().__init__(parameters, lr)
            self.velocity = [np.zeros(parameter.shape) for parameter in parameters]

    found = asked("float32 stays float32", Wide)
    assert (found.kind, found.sentence) == (
        "dtype", "self.velocity: expected float32 like the parameters, got float64. Use self.new_state().",
    )  # fmt: skip


def test_another_shape_or_no_array_is_a_mismatch_and_no_crash():
    class Growing(Momentum):
        def step(self):
            self.parameters[0].data = np.zeros(7)
            self.parameters[-1].data = "none"

    for check in exercise.checks:
        if check.name != "gradients are not modified" and not check.budget and not check.backend:
            assert asked(check.name, Growing) is not None, check.name


def test_a_road_that_leaves_the_numbers_behind_does_not_descend():
    class Uphill(Momentum):
        def step(self):
            self.lr = -abs(self.lr) * 1e30
            super().step()

    found = asked(exercise.checks[-2].name, Uphill)
    assert "is 22 at the start and inf after" in found.sentence


class Moments(Optimizer):
    def __init__(self, parameters, lr, rates=(0.9, 0.99), weight_decay=0.0):
        super().__init__(parameters, lr)
        self.rates, self.weight_decay = rates, weight_decay
        self.m, self.v = self.new_state(), self.new_state()

    def step(self):
        first, second = self.rates
        for i, parameter in enumerate(self.parameters):
            g = parameter.grad + self.weight_decay * parameter.data
            self.m[i] = first * self.m[i] + g
            self.v[i] = second * self.v[i] + g * g
            parameter.data -= self.lr * self.m[i] / (1 + self.v[i])


moments = OptimizerExercise(
    "Moments",
    cases=lambda _: [Case({"lr": 0.1}), Case({"lr": 0.02, "rates": (0.5, 0.7), "weight_decay": 0.2})],
    points=1,
    quadratic=Quadratic({"lr": 0.1}, 200, 0.5),
    zeros=("rates", "weight_decay"),
    states=("m", "v"),
)
ZEROS, NAMES = "a hyperparameter of zero does no harm", "the state has the names of the docstring"


@pytest.mark.parametrize("check", [ZEROS, NAMES])
def test_what_an_author_asks_for_is_passed_and_proved(check):
    assert asked(check, Moments, of=moments, right=Moments) is None
    names = {"Moments": Moments}
    exec(moments.find(check).mutation.replace("{name}", "Moments"), names)  # noqa: S102 - trusted text
    assert asked(MATCHES, names["Moments"], of=moments, right=Moments) is None
    assert asked(check, names["Moments"], of=moments, right=Moments) is not None


def test_every_argument_that_may_be_zero_is_zero_once():
    cases = moments.find(ZEROS).cases(np.random.default_rng(0), None)
    assert [(case.arguments["rates"], case.arguments["weight_decay"]) for case in cases] == [
        ((0.0, 0.7), 0.2),
        ((0.5, 0.0), 0.2),
        ((0.5, 0.7), 0.0),
    ]


def test_a_hyperparameter_of_zero_that_does_harm_is_found():
    class Harmed(Moments):
        def step(self):
            if not self.rates[0]:
                self.lr *= 2
            super().step()

    assert asked(ZEROS, Harmed, of=moments, right=Moments).name == "parameter 0 after step 1"


def test_exchanged_names_are_found():
    class Exchanged(Moments):
        def step(self):
            self.m, self.v = self.v, self.m
            super().step()
            self.m, self.v = self.v, self.m

    found = asked(NAMES, Exchanged, of=moments, right=Moments)
    assert found.sentence == (
        "self.m holds what the docstring calls self.v: the updates are correct, the names are exchanged"
    )


def test_state_that_is_kept_elsewhere_or_in_another_form_is_right():
    class Elsewhere(Moments):
        def step(self):
            self.m, self.v = getattr(self, "kept", (self.m, self.v))
            super().step()
            self.kept, self.m, self.v = (self.m, self.v), {"steps": 1}, [2 * v for v in self.v]

    assert asked(MATCHES, Elsewhere, of=moments, right=Moments) is None
    assert asked(NAMES, Elsewhere, of=moments, right=Moments) is None


class Halved(Schedule):
    def rate(self, t):
        return self.base / 2**t


halved = ScheduleExercise("Halved", cases=lambda _: [Case(lr=0.8)], points=1)


@pytest.mark.parametrize("check", [check.name for check in halved.checks])
def test_a_right_schedule_passes_every_check(check):
    assert asked(check, Halved, of=halved, right=Halved) is None


def test_the_first_wrong_rate_is_named():
    class Early(Schedule):
        def rate(self, t):
            return self.base / 2 ** (t + (t > 3))

    found = asked("every learning rate matches the reference", Early, of=halved, right=Halved)
    assert found.name == "the learning rate after 4 steps"


def test_a_rate_that_is_a_numpy_number_is_named():
    class Heavy(Schedule):
        def rate(self, t):
            return np.float64(self.base) / 2**t

    found = asked("the learning rate is an ordinary number", Heavy, of=halved, right=Halved)
    assert "float64, which turns float32 into float64" in found.sentence


def test_a_rate_made_from_the_last_one_depends_on_the_order():
    class Chained(Schedule):
        def rate(self, t):
            return self.optimizer.lr / 2 if t else self.base

    assert asked("every learning rate matches the reference", Chained, of=halved, right=Halved) is None
    assert asked("rate(t) can be called in any order", Chained, of=halved, right=Halved).kind == "value"


def test_the_trial_leads_one_parameter():
    check = exercise.find("fast enough")
    subject = LocalSubject.live({"Momentum": Momentum}, exercise.support)
    [case] = check.cases(np.random.default_rng(0), subject)
    trial = check.trial(subject, case)
    trial.renew(case)
    trial.go()
    expected = case.inputs["parameter"] - 0.1 * case.inputs["gradient"]
    np.testing.assert_allclose(trial.collect()["the parameter"], expected, rtol=1e-6)
    assert Parameter(expected).data.dtype == np.float32
