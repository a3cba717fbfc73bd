from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.course.answers import generator
from autograder.isolation.tree import New, Rng, decode, encode
from autograder.measuring import Speed
from autograder.spec import Assignment, Case, Check, Edit, Exercise, Mistake, Points, SpecError

weights = st.floats(0.01, 100)


def a_check(name, part="forward", weight=1.0, **more):
    return Check(name, part, weight, lambda *_: [], lambda *_: {}, lambda *_: None, **more)


def an_exercise(name="Thing", *checks, **points):
    return Exercise(name, "layer", ("forward", "backward"), Points(**(points or {"forward": 2})), list(checks))


@settings(deadline=None)
@given(st.lists(weights, min_size=1, max_size=12), st.lists(weights, max_size=5), st.integers(1, 4000))
def test_points_of_checks_add_up_to_the_hundredth(forward, backward, hundredths):
    checks = [a_check(f"f{i}", "forward", w) for i, w in enumerate(forward)]
    checks += [a_check(f"b{i}", "backward", w) for i, w in enumerate(backward)]
    exercise = an_exercise("Thing", *checks, forward=hundredths / 100, backward=1 / 3)
    shares = [Decimal(str(exercise.points_of(check))) for check in checks[: len(forward)]]
    assert sum(shares) == Decimal(hundredths) / 100
    assert all(share >= 0 for share in shares)


def test_a_check_of_twice_the_weight_has_twice_the_points():
    first, second = a_check("one", weight=2), a_check("two", weight=1)
    exercise = an_exercise("Thing", first, second, forward=3)
    assert (exercise.points_of(first), exercise.points_of(second)) == (2, 1)


@pytest.mark.parametrize("points", [0, -1, float("nan")])
def test_points_must_be_more_than_nothing(points):
    with pytest.raises(SpecError, match=r"points for 'forward' are .* greater than zero"):
        Points(forward=points)


def test_an_exercise_named_twice_is_refused():
    with pytest.raises(SpecError, match="02_layers: exercises named twice: A, B"):
        Assignment("02_layers", title="Layers", exercises=[an_exercise(name) for name in "BABAC"])


def test_an_assignment_finds_its_exercises_and_an_exercise_its_checks():
    exercise = an_exercise("Thing", a_check("is right"))
    assignment = Assignment("16_graph_nets", title="Graphs", exercises=[exercise])
    assert assignment.module == "graph_nets"
    assert assignment.exercise("Thing") is exercise
    assert exercise.find("is right") is exercise.checks[0]
    with pytest.raises(SpecError, match="16_graph_nets has no exercise 'Thin'; it has: Thing"):
        assignment.exercise("Thin")
    with pytest.raises(SpecError, match="Thing has no check 'x'; it has: is right"):
        exercise.find("x")


def test_a_function_exercise_is_no_class():
    function = Exercise("norms", "function", ("norms",), Points(norms=1))
    assert (function.is_class, an_exercise().is_class) == (False, True)


def test_a_mistake_is_the_source_with_its_edits():
    mistake = Mistake("doubles", (Edit(("x + 1",), ("2 * x",)), Edit(("return",), ("y =",))), hint="no")
    assert mistake.apply("def f(x):\n    return x + 1", "f") == "def f(x):\n    y = 2 * x"


@pytest.mark.parametrize(("source", "count"), [("y = x", 0), ("y = x + 1 + (x + 1)", 2)])
def test_an_edit_must_find_its_text_exactly_once(source, count):
    with pytest.raises(SpecError, match=f"f: mistake 'doubles': its text occurs {count} times, not once: 'x \\+ 1'"):
        Mistake("doubles", (Edit(("x + 1",), ("2 * x",)),), hint="no").apply(source, "f")


def test_a_mistake_may_be_a_whole_source():
    whole = Mistake("other", hint="no", whole="def f(x): return 0")
    assert whole.apply("def f(x): return x", "f") == "def f(x): return 0"


def test_a_mistake_must_parse():
    with pytest.raises(SpecError, match=r"f: mistake 'halves' does not parse: .*, line 1"):
        Mistake("halves", (Edit(("1",), ("(",)),), hint="no").apply("y = 1", "f")


# --- cases -----------------------------------------------------------------------------------


def test_a_case_survives_being_stored():
    case = Case(
        {"layers": [New("Linear", 2, rng=Rng(3))], "size": (2, 3)},
        parameters={"W": np.ones((2, 2))},
        x=np.arange(3.0),
        labels=np.array([1, 2]),
    ).with_changes(upstream=np.ones(3), hidden={"seed": 4})
    arrays = []
    back = Case.from_data(decode(encode(case.as_data(), arrays), arrays, markers=True))
    assert back.arguments == case.arguments
    assert list(back.inputs) == ["x", "labels"]
    assert back.inputs["labels"].tolist() == [1, 2]
    assert back.parameters["W"].tolist() == [[1, 1], [1, 1]]
    assert back.upstream.tolist() == [1, 1, 1]
    assert back.hidden == {"seed": 4}


def test_a_case_with_changes_leaves_the_first_as_it_was():
    case = Case({"a": 1}, x=1.0)
    other = case.with_changes(inputs={"x": 2.0}, upstream=3)
    assert (case.inputs, case.upstream) == ({"x": 1.0}, None)
    assert (other.arguments, other.inputs, other.upstream) == ({"a": 1}, {"x": 2.0}, 3)


def test_a_case_describes_itself_without_its_numbers():
    case = Case({"in_features": 4, "rng": Rng(0), "layers": [1, 2], "text": "y" * 99}, x=np.zeros((7, 4)))
    assert case.describe() == f"in_features=4, layers=[2 items], text={'y' * 37}…, x (7, 4)"


# --- checks of an author's own ---------------------------------------------------------------


def test_a_decorated_function_becomes_a_check():
    exercise = an_exercise("Thing", forward=1, backward=1)

    @exercise.check("looks right", cases=lambda rng: iter([Case(x=rng.normal())]), part="forward", weight=2)
    def observe(subject, case):
        return {"y": case.inputs["x"]}

    (check,) = exercise.checks
    assert (check.name, check.part, check.weight, check.needs) == ("looks right", "forward", 2, ("forward", "backward"))
    (case,) = check.cases(np.random.default_rng(0), None)
    seen = observe(None, case)
    assert check.judge(seen, seen, case) is None
    assert check.judge({"y": seen["y"] + 1}, seen, case).name == "y"


def test_a_generator_depends_on_the_seed_and_on_every_name():
    draws = {
        generator(seed, *names).integers(1 << 60)
        for seed, names in [(1, ("a", "b")), (2, ("a", "b")), (1, ("b", "a")), (1, ("a",)), (1, ("a", "c"))]
    }
    assert len(draws) == 5
    assert generator(1, "a").integers(1 << 60) == generator(1, "a").integers(1 << 60)


def test_a_speed_case_is_drawn_in_its_dtype_whatever_draws_it():
    labels = lambda rng: rng.integers(0, 3, size=5)
    speed = Speed(Case(scores=lambda rng: rng.normal(size=(5, 3)), x=(4, 2), labels=labels), at_most=2.0)
    first = speed.run.draw(np.random.default_rng(0))
    again = speed.run.draw(np.random.default_rng(1), first.with_changes(upstream=np.zeros((4, 2))))
    for case in (first, again):
        assert [case.inputs[name].dtype.name for name in ("scores", "x", "labels")] == ["float32", "float32", "int64"]
    assert again.upstream.dtype == np.float32
    assert not np.array_equal(first.inputs["x"], again.inputs["x"])


def test_a_speed_case_has_no_arrays():
    speed = Speed(Case({"n": 3}, x=np.zeros((4, 2))), at_most=2.0)
    with pytest.raises(SpecError, match=r"measured \(n=3, x \(4, 2\)\) has a shape for “x”, or a function of rng"):
        speed.run.draw(np.random.default_rng(0))


def test_a_case_is_changed_by_making_another():
    case = Case({"n": 2}, x=1.0)
    other = case.with_changes(inputs={"x": 2.0})
    assert (case.inputs, other.inputs, other.arguments) == ({"x": 1.0}, {"x": 2.0}, {"n": 2})
    with pytest.raises(TypeError, match="a case has no 'imputs'; it has arguments, inputs, parameters"):
        case.with_changes(imputs={"x": 2.0})
    with pytest.raises(AttributeError, match="cannot assign to field 'inputs'"):
        case.inputs = {}
