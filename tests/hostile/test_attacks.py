"""Every attack twice: against this project, where it comes to nothing, and without its defence, where it succeeds."""

import pytest

from autograder.report import Status
from tests.hostile.attacks import machine, task, verdict
from tests.hostile.harness import against_naive, let_loose, strays, why_not_here
from tests.sampling import some

ATTACKS = [*verdict.ATTACKS, *machine.ATTACKS, *task.ATTACKS]


@pytest.fixture(scope="session")
def full_marks(graders, honest):
    report = graders().grade(honest)
    assert report.status is Status.PASSED
    return report.points


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_an_attack_earns_nothing_and_harms_nothing(attack, graders, world, tmp_path, in_force, honest, full_marks):  # noqa: PLR0917 - fixtures
    if attack.stopped_by and not in_force & set(attack.stopped_by):
        pytest.skip(f"this machine lacks what stops it: {' and '.join(attack.stopped_by)}")
    grader = graders()
    outcome = let_loose(attack, world, tmp_path / "mallory", grader)
    assert not attack.succeeds(outcome)
    assert outcome.earned == 0
    assert Status.BROKEN not in {result.status for result in outcome.report.exercises}
    assert world.is_untouched
    assert not strays()
    assert attack.said in outcome.said
    if attack.tried:
        assert world.fill(attack.tried) in outcome.report.tried
    assert grader.grade(honest).points == full_marks


@pytest.mark.parametrize("attack", some(ATTACKS, of=4))
def test_the_same_attack_succeeds_without_its_defence(attack, graders, world, tmp_path):
    if reason := why_not_here(attack):
        pytest.skip(reason)
    if attack.stopped_by:
        without = graders(*attack.stopped_by, *attack.in_the_way)
        outcome = let_loose(attack, world, tmp_path / "mallory", without)
    else:
        outcome = against_naive(attack, world, tmp_path / "mallory")
    assert attack.succeeds(outcome), outcome.said


ALONE = [(attack, layer) for attack in ATTACKS if len(attack.stopped_by) > 1 for layer in attack.stopped_by]


@pytest.mark.parametrize(("attack", "layer"), ALONE, ids=lambda part: str(part).replace(" ", "-"))
def test_each_layer_that_stops_an_attack_does_so_alone(attack, layer, graders, world, tmp_path, in_force):  # noqa: PLR0917 - fixtures
    if layer not in in_force:
        pytest.skip(f"this machine lacks {layer}")
    others = {*attack.stopped_by, *attack.in_the_way} - {layer}
    outcome = let_loose(attack, world, tmp_path / "mallory", graders(*others))
    assert not attack.succeeds(outcome), outcome.said
    assert world.is_untouched
