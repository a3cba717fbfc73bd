"""The audit runs what it has to, once: up to the check that catches, and nothing that was found sound before."""

import shutil
from dataclasses import replace

import pytest

from autograder.authoring import audit as auditing
from autograder.authoring.audit import Audit, Piece, audit, pieces
from autograder.authoring.auditing import audit_all
from autograder.authoring.proved import Proved
from autograder.authoring.release import stale
from autograder.authoring.variant_runs import VariantRuns, with_preconditions
from autograder.cli import main
from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.launcher import open_launcher
from autograder.isolation.worker import Worker
from autograder.report import Status
from autograder.spec import Assignment, Check
from autograder.submission import Submission
from dlkit.extraction import Extraction

NAME = "02_layers"
FLATTEN = Piece(NAME, "Flatten")


@pytest.fixture
def looked_at(monkeypatch):
    """Names of the pieces that are audited, one after the other in this process."""
    found = []
    look_at = auditing.look_at

    def noted(root, piece, launcher, **options):
        found.append(piece.exercise or piece.assignment)
        return look_at(root, piece, launcher, **options)

    monkeypatch.setattr("autograder.authoring.auditing.look_at", noted)
    return found


@pytest.fixture
def audited(own_course):
    """Audit the course as it is now, with what was remembered of it."""

    def run(*options):
        catalogue.load.cache_clear()
        proved = Proved(own_course, options)
        return audit_all(own_course, [NAME], jobs=1, seed=3, proved=proved)

    return run


def test_what_was_found_sound_is_not_audited_again(audited, looked_at):
    first = audited()
    assert looked_at == [NAME, "Tanh", "Flatten"]
    looked_at.clear()
    assert audited() == first
    assert looked_at == []


def test_another_seed_is_another_audit(audited, looked_at):
    audited()
    looked_at.clear()
    audited(5)
    assert looked_at == [NAME, "Tanh", "Flatten"]


def test_of_a_changed_mistake_its_exercise_alone_is_audited(audited, looked_at, own_course):
    audited()
    looked_at.clear()
    path = own_course / f"solutions/{NAME}/mistakes/Flatten.md"
    path.write_text(f"{path.read_text()}\n")
    audited()
    assert looked_at == [NAME, "Flatten"]  # cases.npz holds mistakes, so the whole is looked at, too


@pytest.mark.parametrize("file", ["layers.py", "assignment.py"])
def test_a_changed_file_of_the_assignment_concerns_every_exercise(audited, looked_at, own_course, file):
    audited()
    looked_at.clear()
    path = own_course / f"solutions/{NAME}/{file}"
    path.write_text(f"{path.read_text()}\n")
    audited()
    assert looked_at == [NAME, "Tanh", "Flatten"]


def test_what_was_not_sound_is_audited_until_it_is(own_course, looked_at):
    def audited():
        return audit_all(own_course, [NAME], jobs=1, seed=3, stale=stale, proved=Proved(own_course)).failures

    (own_course / f"assignments/{NAME}/cases.npz").write_bytes(b"")
    (failure,) = audited()
    assert "cases.npz is out of date" in failure
    looked_at.clear()
    assert audited() == [failure]
    assert looked_at == [NAME]


def test_a_memory_that_cannot_be_read_is_none(audited, looked_at, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    audited()
    for path in (tmp_path / "state/dlkit-course/audits").iterdir():
        path.write_text("{")
    looked_at.clear()
    assert audited().failures == []
    assert looked_at == [NAME, "Tanh", "Flatten"]


def test_the_command_audits_everything_where_told(own_course, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "autograder.authoring.auditing.audit_all", lambda *_, **options: asked.append(options) or Audit()
    )
    assert main(["audit", "--course", str(own_course)]) == 0
    assert main(["audit", "--all", "--course", str(own_course)]) == 0
    assert isinstance(asked[0]["proved"], Proved)
    assert asked[1]["proved"] is None


def test_pieces_are_the_assignment_and_each_exercise(small_course):
    assert pieces(small_course, [NAME]) == [Piece(NAME), Piece(NAME, "Tanh"), FLATTEN]
    assert pieces(small_course, [NAME], frozenset({"Flatten"})) == [Piece(NAME), FLATTEN]


# --- shorter runs ----------------------------------------------------------------------------


@pytest.fixture
def grader(small_course, zygote):
    return Grader(catalogue.load(NAME, small_course), zygote, Options(seed=3))


@pytest.fixture
def runs(grader):
    found = VariantRuns(grader)
    yield found
    found.close()


@pytest.fixture
def tanh(grader):
    return grader.loaded.assignment.exercise("Tanh")


@pytest.fixture
def wrong(grader, tanh):
    """A Tanh whose forward is halved: its forward and all that rests on it fail."""
    source = grader.loaded.source_of(tanh)
    changed = source.replace("self.y = ", "self.y = 0.5 * ")
    assert changed != source
    return grader.loaded.variant(tanh, changed)


def test_a_run_ends_at_the_first_check_that_fails(runs, tanh, wrong):
    whole = runs.run(tanh, wrong, tanh.checks)
    short = runs.run(tanh, wrong, tanh.checks, ends_at_failure=True)
    failed = [verdict.check for verdict in whole.verdicts if verdict.status is Status.FAILED]
    assert len(failed) > 1
    assert short.verdicts[-1].check == failed[0]
    assert [v.status for v in short.verdicts] == [v.status for v in whole.verdicts[: len(short.verdicts)]]


def test_a_check_brings_those_that_it_comes_after(tanh):
    last = next(check for check in reversed(tanh.checks) if check.after)
    chosen = with_preconditions(tanh, [last])
    assert {*last.after, last.name} <= {check.name for check in chosen}
    assert [check for check in tanh.checks if check in chosen] == chosen


def test_one_worker_serves_many_variants_and_forgets_each(runs, grader, tanh, wrong, monkeypatch):
    started = []
    monkeypatch.setattr("autograder.grading.workplace.Worker", lambda *given: started.append(given) or Worker(*given))
    right = grader.loaded.variant(tanh, grader.loaded.source_of(tanh))
    for chunks, status in (
        (wrong, Status.FAILED),
        (right, Status.PASSED),
        (wrong, Status.FAILED),
    ):
        assert runs.run(tanh, chunks, tanh.checks[:1]).verdicts[0].status is status
    assert len(started) == 1


def test_a_variant_that_ends_its_worker_leaves_a_fresh_one_to_the_next(runs, grader, tanh):
    source = grader.loaded.source_of(tanh)
    ending = grader.loaded.variant(tanh, source.replace("self.y = ", "import os; os._exit(1); self.y = "))
    assert runs.run(tanh, ending, tanh.checks[:1]).verdicts[0].status is Status.FAILED
    right = grader.loaded.variant(tanh, source)
    assert {verdict.status for verdict in runs.run(tanh, right, tanh.checks).verdicts} == {Status.PASSED}


def test_one_failed_training_is_enough(runs, grader, tanh, wrong):
    first: Check = tanh.checks[0]
    trained = []

    def observe(subject, case):
        trained.append(case)
        return first.observe(subject, case)

    capstone = replace(tanh, checks=[replace(first, capstone=True, cpu_s=3.0, observe=observe)])
    cases = len(grader.answers.of(tanh, first))
    assert cases > 1
    assert runs.run(capstone, wrong, capstone.checks, ends_at_failure=True).verdicts[0].status is Status.FAILED
    assert len(trained) == 1
    trained.clear()
    right = grader.loaded.variant(tanh, grader.loaded.source_of(tanh))
    assert runs.run(capstone, right, capstone.checks).verdicts[0].status is Status.PASSED
    assert len(trained) == 1


def test_a_whole_audit_in_pieces_finds_what_it_found_in_one(small_course, tmp_path):
    shutil.copytree(small_course, tmp_path / "course")
    whole = audit(tmp_path / "course", [NAME], seed=3)
    assert audit_all(tmp_path / "course", [NAME], jobs=2, seed=3) == whole


def test_a_capstone_that_reaches_its_goal_is_trained_once(small_course, zygote):
    loaded = catalogue.load(NAME, small_course)
    tanh = loaded.assignment.exercise("Tanh")
    first, trained = tanh.checks[0], []

    def observe(subject, case):
        trained.append(case)
        return first.observe(subject, case)

    capstone = replace(tanh, checks=[replace(first, capstone=True, cpu_s=3.0, observe=observe)])
    assignment = Assignment(NAME, title="", exercises=[capstone], questions=[], earlier=())
    grader = Grader(replace(loaded, assignment=assignment), zygote, Options(seed=3))
    grader.answers.of(capstone, capstone.checks[0])
    trained.clear()
    report = grader.grade(Submission("layers.py", Extraction(loaded.reference.chunks), ""))
    assert report.status is Status.PASSED
    assert len(trained) == 1


def test_a_sample_tries_one_mistake_of_a_capstone_and_counts_the_others(root):
    name = "train_with_noisy_labels"
    whole = catalogue.load("03_losses", root).assignment.exercise(name).mistakes
    found = audit_all(root, ["03_losses"], jobs=1, seed=3, only=frozenset({name}), sample=True)
    assert (found.mistakes, found.caught, found.left_out) == (1, 1, len(whole) - 1)
    assert found.failures == []


def test_a_sample_tries_some_mistakes_and_one_for_every_check_that_they_are_meant_for(root):
    options = {"jobs": 1, "seed": 3, "only": frozenset({"GELU"})}
    whole, part = (audit_all(root, ["02_layers"], sample=sample, **options) for sample in (False, True))
    assert part.mistakes == part.caught == auditing.SAMPLED < whole.mistakes
    assert 0 < part.mutations < whole.mutations
    assert part.mistakes + part.mutations + part.left_out + part.slow_variants == (
        whole.mistakes + whole.mutations + whole.slow_variants
    )
    exercise = catalogue.load("02_layers", root).assignment.exercise("GELU")
    with open_launcher() as launcher:
        loaded = catalogue.load("02_layers", root)
        auditor = auditing._Auditor(Grader(loaded, launcher, Options(seed=3)), Audit(), sample=True)
        meant = {auditor._meant(exercise, mistake).name for mistake in exercise.mistakes}
        assert {auditor._meant(exercise, mistake).name for mistake in auditor._sampled(exercise)} == meant
    assert whole.left_out == 0
