"""Random expressions: how they are drawn, that failing ones are cut down, and what is said about them."""

import numpy as np
import pytest

from autograder.checks import RANDOM, FunctionExercise, draw_expression, random_expressions
from autograder.checks.expressions import HIGHEST, LONGEST, LOWEST, Drawn, Step, expression_of, shrink
from autograder.checks.support import packaged_support
from autograder.subject import LocalSubject
from tests.autograder.checks.engine import Tape, value_and_grad

SEEDS = range(40)
AT_THE_END = {"mul", "mean", "add"}
"""Operations that make one number of the results."""


@pytest.fixture(scope="module")
def expressions():
    return [draw_expression(np.random.default_rng(seed)) for seed in SEEDS]


def test_expressions_have_up_to_thirty_operations_and_end_in_one_number(expressions):
    lengths = [len(each.steps) for each in expressions]
    assert all(each.values()[-1].size == 1 for each in expressions)
    assert max(lengths) <= LONGEST + 2
    assert np.mean(lengths) > 20


def test_operands_stay_between_their_limits(expressions):
    for drawn in expressions:
        values = drawn.values()
        drawing = [number for number, step in enumerate(drawn.steps) if step.name not in AT_THE_END]
        for step in drawn.steps[: max(drawing) + 1]:
            if step.name != "affine":
                operands = [values[place] for place in step.places]
                assert min(x.min() for x in operands) > LOWEST - 0.1
                assert max(x.max() for x in operands) < HIGHEST + 0.1


def test_no_operand_is_near_a_kink_or_a_tie(expressions):
    for drawn in expressions:
        values = drawn.values()
        for step in drawn.steps:
            operands = [values[place] for place in step.places]
            if step.name == "maximum":
                assert abs(operands[0] - operands[1]).min() > 0.02
            if step.name == "relu":
                assert abs(operands[0]).min() > 0.02


def test_every_operation_broadcasting_and_reuse_occur(expressions):
    names = {step.name for drawn in expressions for step in drawn.steps}
    assert names >= {"add", "mul", "maximum", "matmul", "power", "exp", "log", "tanh", "relu", "sum", "mean"}
    assert names >= {"reshape", "transpose", "getitem", "concatenate", "affine"}
    stretched = reused = 0
    for drawn in expressions:
        values = drawn.values()
        used = [place for step in drawn.steps for place in step.places]
        reused += len(used) > len(set(used))
        stretched += any(
            step.name in ("add", "mul", "maximum") and len({values[place].shape for place in step.places}) > 1
            for step in drawn.steps
        )
    assert reused == len(expressions)
    assert stretched > len(expressions) / 2


def test_every_input_is_used(expressions):
    for drawn in expressions:
        used = {place for step in drawn.steps for place in step.places}
        assert used >= set(range(len(drawn.inputs)))


def test_differences_agree_with_an_engine(expressions):
    for drawn in expressions[:10]:
        _, grads = value_and_grad(support()["Expression"](drawn.as_data()), *drawn.inputs)
        for grad, slope in zip(grads, drawn.gradients(), strict=True):
            assert abs(grad - slope).max() < 1e-7 * max(1, abs(slope).max())


def support():
    names = {}
    exec(packaged_support("expressions"), names)  # noqa: S102 - trusted text
    return names


def exercise_of():
    exercise = FunctionExercise("value_and_grad", cases=lambda _rng: [], outputs=("value", "grads"))
    random_expressions(exercise)
    return exercise


def said_of(tape, seed=0):
    """What is said about the first expression that an engine fails; empty where it passes all."""
    check = exercise_of().find(RANDOM)
    names = {"value_and_grad": lambda f, *arrays: value_and_grad(f, *arrays, tape=tape)}
    subject = LocalSubject.live(names, packaged_support("expressions"))
    for case in check.cases(np.random.default_rng(seed), subject):
        mismatch = check.judge(check.observe(subject, case), {}, case)
        if mismatch:
            return mismatch.sentence
    return ""


@pytest.mark.parametrize("seed", range(3))
def test_a_correct_engine_passes(seed):
    assert said_of(Tape, seed) == ""


def test_a_wrong_slope_is_reported_as_that_operation_alone():
    class Wrong(Tape):
        def tanh(self):
            y = super().tanh()
            pull = y.pull
            y.pull = lambda dy: (pull(dy)[0] * 1.01,)
            return y

    said = said_of(Wrong)
    assert said.startswith("the smallest expression that fails is t1 = a.tanh()")
    assert "da is wrong" in said


def test_a_wrong_broadcast_is_reported_with_the_shapes():
    class Wrong(Tape):
        @staticmethod
        def fitted(dy, shape):
            return dy.sum(axis=tuple(range(dy.ndim - len(shape))))

    said = said_of(Wrong)
    assert "expected shape" in said
    assert said.count("t") < 60


def test_an_error_is_reported_with_its_type():
    class Wrong(Tape):
        def log(self):
            message = "no logarithm here"
            raise ValueError(message)

    assert "raises ValueError: no logarithm here" in said_of(Wrong)


def test_what_shows_only_where_a_node_is_used_twice_is_reported_with_both_uses():
    class Wrong(Tape):
        def backward(self, dy=None):
            order, waiting = [], [self]
            while waiting:
                node = waiting.pop()
                if node not in order:
                    order.append(node)
                    waiting += node.parents
            self.grad = np.ones_like(self.data) if dy is None else dy
            for node in order:
                for parent, d in zip(node.parents, node.pull(node.grad) if node.pull else (), strict=True):
                    parent.grad = d if parent.grad is None else parent.grad + d

    said = said_of(Wrong)
    assert said
    assert said.count(";") <= 8


def test_shrinking_ends_at_the_first_step_that_fails_with_leaves_for_its_operands():
    x = np.array([1.0, 1.2])
    steps = (
        Step("exp", (0,), {}),
        Step("affine", (1,), {"factor": 0.3, "shift": 0.5}),
        Step("log", (2,), {}),
        Step("add", (3, 2), {}),
        Step("sum", (4,), {}),
    )
    smallest = shrink(Drawn((x,), steps), lambda part: any(step.name == "log" for step in part.steps))
    assert [step.name for step in smallest.steps] == ["log", "sum"]
    assert smallest.said() == "t1 = a.log(); t2 = t1.sum(), with a (2,)"


def test_a_case_holds_the_whole_expression():
    check = exercise_of().find(RANDOM)
    case = check.cases(np.random.default_rng(5), None)[-1]
    drawn = expression_of(case)
    assert drawn.as_data() == case.arguments["steps"]
    assert drawn.values()[-1].size == 1


def test_what_is_not_a_pair_is_reported():
    check = exercise_of().find(RANDOM)
    subject = LocalSubject.live({"value_and_grad": lambda _f, *_: 3.0}, packaged_support("expressions"))
    case = check.cases(np.random.default_rng(0), subject)[0]
    mismatch = check.judge(check.observe(subject, case), {}, case)
    assert mismatch.sentence.endswith("no pair of the value and the gradients was returned")
