"""Every attack twice: against this project, where it comes to nothing, and without its defence, where it succeeds."""

import pytest

from autograder.verdict import Status
from tests.hostile.attacks import machine, verdict
from tests.hostile.harness import against_naive, let_loose, strays

ATTACKS = [*verdict.ATTACKS, *machine.ATTACKS]


@pytest.fixture(scope="session")
def full_marks(graders, honest):
    report = graders().grade(honest)
    assert report.status is Status.PASSED
    return report.points


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_an_attack_earns_nothing_and_harms_nothing(attack, graders, world, tmp_path, in_force, honest, full_marks):
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


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_the_same_attack_succeeds_without_its_defence(attack, graders, world, tmp_path):
    if attack.stopped_by:
        outcome = let_loose(attack, world, tmp_path / "mallory", graders(*attack.stopped_by))
    else:
        outcome = against_naive(attack, world, tmp_path / "mallory")
    assert attack.succeeds(outcome), outcome.said
