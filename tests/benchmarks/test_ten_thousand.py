"""The class of ten thousand: its kinds, what is noticed of a run, and the arithmetic of the replay."""

import ast
import os
from collections import Counter

import pytest

from autograder.submission import read_submission
from benchmarks import replay as replays
from benchmarks.replay import AHEAD, EXAMINE_S, NETWORK, PARTS, WORKERS, Recorded, Station, compared, fed, grid, replay
from benchmarks.ten_thousand import checked
from benchmarks.ten_thousand_class import ASSIGNMENT, CORRECT, FULL, HOSTILE, WRONG, kinds, make_class, make_course
from benchmarks.ten_thousand_watch import Watch

# --- the replay ------------------------------------------------------------------------------


def seconds(recorded, workers, hand_ins):
    """Seconds from the first hand-in that is sent to the last report."""
    found = replay(recorded, workers, hand_ins)
    return found.total_s - found.ready_s


def test_one_worker_takes_the_sum_of_all_durations():
    assert seconds(Recorded([0.1, 0.3, 0.2]), 1, 6) == pytest.approx(1.2)
    assert replay(Recorded([0.1, 0.3, 0.2]), 1, 6).limit == "the workers"


def test_one_worker_waits_for_the_first_hand_in_and_the_run_for_the_last_report():
    cost = Recorded([0.5], client_s=0.02, scheduler_s=0.004, hand_in_bytes=NETWORK / 100, report_bytes=NETWORK / 200)
    assert seconds(cost, 1, 7) == pytest.approx(7 * 0.5 + 0.02 + 0.004 + 0.015)


def test_as_many_workers_as_hand_ins_take_as_long_as_the_longest():
    assert seconds(Recorded([0.1, 0.3, 0.2]), 3, 3) == pytest.approx(0.3)
    assert seconds(Recorded([0.2]), 1000, 500) == pytest.approx(0.2)


def test_equal_hand_ins_are_shared_equally():
    assert seconds(Recorded([0.2]), 4, 40) == pytest.approx(10 * 0.2)


@pytest.mark.parametrize(
    ("cost", "limit", "each"),
    [
        ({"client_s": 0.01}, "the run", 0.01),
        ({"scheduler_s": 0.02}, "the scheduler", 0.02),
        ({"hand_in_bytes": NETWORK / 100, "report_bytes": NETWORK / 200}, "the network", 0.015),
    ],
)
def test_with_infinitely_many_workers_what_they_share_limits_the_pace(cost, limit, each):
    recorded = Recorded([0.1], **cost)
    found = replay(recorded, 10_000, 1000)
    assert found.limit == limit
    assert each * 1000 <= found.total_s - found.ready_s <= each * 1000 + 0.1 + 1e-9
    assert fed(recorded) == pytest.approx(0.1 / each)


def test_the_number_of_workers_that_are_fed_divides_the_two_limits():
    recorded = Recorded([0.1], client_s=0.01)
    assert replay(recorded, 5, 2000).limit == "the workers"
    assert replay(recorded, 5, 2000).rate == pytest.approx(5 / 0.1, rel=0.01)
    assert replay(recorded, 20, 2000).limit == "the run"
    assert replay(recorded, 20, 2000).rate == pytest.approx(1 / 0.01, rel=0.02)


def test_the_course_is_sent_to_every_worker_before_it_begins():
    assert replay(Recorded([0.1], course_bytes=NETWORK), 3, 1).ready_s == pytest.approx(3 + EXAMINE_S)


def test_no_more_than_a_few_hand_ins_for_each_worker_are_on_the_way(monkeypatch):
    most, there = 0, 0

    class Counting(Station):
        def serve(self, now, seconds):
            nonlocal most, there
            there += 1 if seconds == 0.02 and self.places == 1 else 0
            most = max(most, there)
            return super().serve(now, seconds)

    monkeypatch.setattr(replays, "Station", Counting)
    replay(Recorded([1e9], client_s=0.04), 3, AHEAD * 3)
    assert most == AHEAD * 3 * 2, "each is sent once, and comes back once"


def test_parts_multiply_the_pace_where_the_run_limits_it():
    made = grid("Title", Recorded([0.1], client_s=0.01))
    assert [row[0] for row in made.rows] == [str(workers) for workers in WORKERS]
    last = dict(zip(made.header, made.rows[-1], strict=True))
    assert last["busiest"] == "the run"
    assert float(last[f"in {PARTS} parts"]) > 0.8 * PARTS * float(last["hand-ins a second"])
    assert "feeds 10 workers" in made.note


def test_the_replay_is_compared_with_what_was_measured():
    recorded = {1: Recorded([0.1], rate=10.0), 2: Recorded(10 * [0.2], rate=10.0)}
    (table, *grids) = compared(recorded, Recorded([0.0], client_s=0.02, scheduler_s=0.001, rate=100.0))
    assert [row.measured for row in table.rows[:2]] == pytest.approx([1, 1])
    assert all(row.met for row in table.rows[:2])
    assert len(grids) == 2
    assert "feeds 10 workers" in grids[0].note, "no part is slower than the pace of the whole"


def test_what_is_recorded_is_read_again(tmp_path):
    recorded = {1: Recorded([0.1, 0.2], client_s=0.02, rate=10.0), 2: Recorded([0.2], rate=20.0)}
    passing = Recorded([0.0], scheduler_s=0.001, course_bytes=7, rate=100.0)
    replays.save(tmp_path / "file", recorded, passing)
    assert replays.saved(tmp_path / "file") == (recorded, passing)


# --- the class -------------------------------------------------------------------------------


def test_a_class_has_every_kind_in_its_share_and_no_two_files_alike(tmp_path):
    found = Counter(kind.name for kind in kinds(10_000))
    assert set(found) == {kind.name for kind in [*CORRECT, *WRONG, *HOSTILE]}
    assert sum(found[kind.name] for kind in CORRECT) == 4500
    assert sum(found[kind.name] for kind in HOSTILE) == 2000
    assert found["never ends"] == 20
    made = make_class(tmp_path / "in", 60)
    files = [path.read_text() for path in (tmp_path / "in").glob(f"*/{ASSIGNMENT}/*.py")]
    assert len(set(files)) == len(made) == 60


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("center"))


def test_every_kind_but_one_parses_and_is_graded_as_the_exercise(course, tmp_path):
    from autograder.course import catalogue

    loaded = catalogue.load(ASSIGNMENT, course)
    assert [exercise.name for exercise in loaded.assignment.exercises] == ["center"]
    for kind in [*CORRECT, *WRONG, *HOSTILE]:
        source = kind.source("amy")
        if kind.name == "is no Python":
            with pytest.raises(SyntaxError):
                ast.parse(source)
            continue
        ast.parse(source)
        path = tmp_path / "center.py"
        path.write_text(source)
        assert read_submission(path, loaded).sha256
        assert kind.points == (FULL if kind in CORRECT else 0)


# --- what is noticed of a run ----------------------------------------------------------------


@pytest.fixture
def finished(tmp_path):
    """A made-up run of two students, and what was seen of it."""
    from autograder.report import ExerciseResult, Report, Status, Verdict
    from autograder.writing import write_atomically

    made = dict(zip(("amy", "bo"), (CORRECT[0], WRONG[0]), strict=True))

    def write(student, points, status=Status.PASSED):
        verdict = Verdict("check", "whole", status, points, FULL)
        report = Report(student=student, assignment=ASSIGNMENT, exercises=[ExerciseResult("center", [verdict])])
        write_atomically(tmp_path / "reports" / student / f"{ASSIGNMENT}.json", report)

    write("amy", FULL)
    write("bo", 0.0, Status.FAILED)
    for page in ("index.html", f"{ASSIGNMENT}.html", *(f"pages/{name}/{ASSIGNMENT}.html" for name in made)):
        write_atomically(tmp_path / page, "page")
    watch = Watch(tmp_path, 2)
    assert watch.look() == 2
    return watch, made, write


def missed(watch, made):
    watch.look()
    return {row.what: row.measured for row in checked(watch, made) if row.met is False}


def test_a_run_in_order_has_nothing_to_report(finished):
    watch, made, _ = finished
    assert missed(watch, made) == {}
    assert watch.twice() == []


def test_what_is_lost_twice_wrong_or_not_drawn_is_found(finished):
    from autograder.report import Status

    watch, made, write = finished
    write("amy", 1.0)
    (watch.out / "pages/bo" / f"{ASSIGNMENT}.html").unlink()
    (watch.out / "reports/.torn.1.part").touch()
    assert missed(watch, made) == {
        "marks other than the kind's": 1, "reports written twice": 1, "pages missing": 1,
        "files half-written": 1, "reports of nobody": 1,
    }  # fmt: skip
    write("amy", FULL, Status.BROKEN)
    (watch.out / "reports/bo" / f"{ASSIGNMENT}.json").unlink()
    found = missed(watch, made)
    assert (found["broken"], found["hand-ins without one report"]) == (1, 1)


def test_pace_and_memory_are_of_what_was_seen(tmp_path):
    watch = Watch(tmp_path, 100)
    watch.samples["run"] = [(5, 900.0), (12, 50.0), (15, 52.0), (18, 51.0), (90, 60.0)]
    assert (watch.around("run", 0.1, 0.2), watch.around("run", 0.8, 1.0), watch.peak("run")) == (51.0, 60.0, 900.0)
    for number in range(5):
        path = tmp_path / "reports" / f"s{number}" / f"{ASSIGNMENT}.json"
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, (100 + 2 * number, 100 + 2 * number))
    assert watch.look() == 5
    assert (watch.first_s, watch.last_s, watch.rate()) == (100, 108, 0.5)
