"""The benchmarks run and give rows; ``make bench`` reports what they measure, never a test."""

import ast
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sampling import nightly

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "name", ["workers", *map(nightly, ["grading", "command", "watch", "references", "recurrent", "engine"])]
)
def test_a_table_has_rows_or_says_why_not(name):
    command = [sys.executable, "-m", "benchmarks", name, "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    tables = json.loads(done.stdout)
    assert tables
    for table in tables:
        assert table["rows"] or "Install the extra" in table["note"]
        assert all(math.isfinite(row["measured"]) for row in table["rows"])


def test_a_row_says_whether_its_target_is_met():
    from benchmarks.table import Row

    assert Row("time", 2.0, "ms", 3.0).met is True
    assert Row("time", 4.0, "ms", 3.0).met is False
    assert Row("memory", 0.5, "×", 1.1, 0.9).met is False
    assert Row("only reported", 0.5, "×").met is None


@pytest.mark.nightly
def test_the_class_for_the_peers_is_classified_correctly_here():
    command = [sys.executable, "-m", "benchmarks", "peers", "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    ((row,),) = (table["rows"] for table in json.loads(done.stdout))
    assert row["classified correctly"] == "20 of 20"


def test_every_submission_for_the_peers_parses_and_the_wrong_ones_differ():
    from benchmarks.peers_assignment import COURSE, MISTAKES, RIGHT_HERE, students

    for name, bodies in students().items():
        for exercise, (forward, backward) in (bodies or {}).items():
            ast.parse(COURSE.layer(exercise, forward, backward))
        assert (bodies != RIGHT_HERE) is (name in MISTAKES or bodies is None)


def test_a_larger_class_for_the_peers_hands_in_the_same_work_again():
    from benchmarks.peers_assignment import CLASS, students, written_as

    first, larger = students(), students(2 * CLASS + 1)
    assert len(first) == CLASS
    assert len(larger) == 2 * CLASS + 1
    assert all(work == first[written_as(student)] for student, work in larger.items())
    assert written_as("averages-dW") == "averages-dW"
    assert written_as("averages-dW-3") == "averages-dW"


def test_the_cost_of_a_hand_in_is_compared_with_its_target_and_with_the_earlier_version_s():
    from benchmarks.cost import Cost, row

    now, earlier = Cost(first=4.0, further=1.0), Cost(first=10.0, further=7.0)
    assert row("02_layers", now, earlier, 2.5) == [
        "02_layers", "4.00 s", "1.00 s", "2.00 s", "8.00 s", "0.25", "met",
    ]  # fmt: skip
    assert row("02_layers", now, None, 1.5)[-3:] == ["", "", "MISSED (1.5 s)"]


@pytest.mark.skipif(sys.platform != "linux", reason="the time of workers is added up on Linux only")
def test_the_cpu_time_of_a_command_includes_a_grandchild_that_outlives_it():
    busy = "import time\nwhile time.process_time() < 0.2: pass"
    program = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {busy!r}])"
    measure = f"from benchmarks.cost import *; print(cpu_seconds([sys.executable, '-c', {program!r}], ROOT))"
    done = subprocess.run([sys.executable, "-c", measure], cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(done.stdout) > 0.2


def test_an_earlier_version_that_does_not_exist_is_refused_in_a_sentence(capsys):
    from benchmarks.cost import version

    with pytest.raises(SystemExit) as refused, version("no-such-commit"):
        pass
    assert refused.value.code == 2
    assert "neither a folder nor a commit" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["grading", "--before", "HEAD"], ["cost", "--class", "100"]])
def test_an_option_of_one_table_is_refused_with_another(options, capsys):
    from benchmarks.__main__ import main

    with pytest.raises(SystemExit) as refused:
        main(options)
    assert refused.value.code == 2
    assert "name it" in capsys.readouterr().err


def test_every_trick_parses_and_says_which_attack_it_is():
    from benchmarks.tricks_submissions import CONTROLS, TRICKS

    for trick in [*CONTROLS.values(), *TRICKS]:
        assert trick.title
        assert trick.beside in CONTROLS
        for source in trick.sources():
            ast.parse(source)
    numbers = [trick.number for trick in TRICKS]
    assert all(number[0].isdigit() for number in numbers)
    assert len(set(numbers)) == len(numbers)


def test_a_trick_replaces_the_classes_and_leaves_the_released_notebook_alone():
    from benchmarks.tricks_assignment import for_nbgrader
    from benchmarks.tricks_graders import submission
    from benchmarks.tricks_submissions import TRICKS

    released = for_nbgrader()
    before = json.dumps(released)
    for trick in TRICKS:
        sources = [
            cell["source"] for cell in submission(released, "somebody", trick, "KNOWN_Y, KNOWN_DX = {}, {}\n")["cells"]
        ]
        assert all(text in sources for text in trick.classes().values())
        assert not any("STUDENT" in source for source in sources)
    assert json.dumps(released) == before


def test_what_a_trick_earned_is_its_mark_less_the_control_s():
    from benchmarks.tricks import Column, cell, rows_of
    from benchmarks.tricks_graders import Marks
    from benchmarks.tricks_submissions import VICTIM, Trick

    tricks = [Trick("9", "patches"), Trick("19", "writes", harms=True), Trick("37", "slow", beside="forward")]
    honest = {VICTIM: 10.0, "z-honest": 10.0}
    marks = {**honest, VICTIM: 0.0, "stub": 1.0, "forward": 4.0, "wrong": 1.0, "t009": 10.0, "t019": None, "t037": 4.0}
    column = Column(Marks(dict(honest), 10.0), Marks(marks, 10.0))
    assert [cell(column, trick, "a grader") for trick in tricks] == [
        "+9 of 9",
        "0; no mark; a neighbour's mark went from 10 to 0",
        "0",
    ]
    assert rows_of({"a grader": column, "another": Column(failure="absent")}, tricks)[-2:] == [
        ["", "tricks that earned something", "1 of 3", ""],
        ["", "honest neighbours: alone → beside the tricks", "10 → 0, 10 → 10", ""],
    ]


def test_a_grid_prints_its_cells_and_gives_them_as_data(capsys):
    from benchmarks.table import Grid, print_table

    grid = Grid("Title", ["attack", "here"], [["1", "[0 of 2]"]], "below")
    print_table(grid)
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("Title", "attack", "[0 of 2]", "below"))
    assert grid.as_data() == {"title": "Title", "rows": [{"attack": "1", "here": "[0 of 2]"}], "note": "below"}


def test_every_exercise_that_is_timed_has_four_honest_implementations_and_a_loop_beside_its_variants():
    from autograder.course import catalogue
    from benchmarks.honest import LOOPING, WASTEFUL, timed
    from tests.solutions.strangers import RIGHT

    written = {(right.exercise, right.name) for rights in RIGHT.values() for right in rights}
    assert written >= LOOPING | WASTEFUL
    assert not LOOPING & WASTEFUL
    names = timed()
    assert len(names) == 36
    young = {
        exercise.name
        for one in (
            "08_embeddings",
            "09_attention",
            "10_generative",
            "11_training_practice",
            "14_performance",
            "15_autograd",
        )
        for exercise in catalogue.load(one, ROOT).assignment.exercises
    }
    for name in names:
        honest = [title for exercise, title in written - LOOPING if exercise == name]
        assert len(honest) >= (2 if name in young else 4), name
    with_variants_alone = {"MultiMargin", "Triplet", "Momentum", "Adam", "MultiHeadAttention", "RoPE", "RMSNorm"}
    with_variants_alone |= {"PositionwiseFeedForward", "generate", "fine_tune", "BernoulliLikelihood", "sparse_coding"}
    with_variants_alone |= {"AdamInPlace", "train_fast", "value_and_grad"}
    assert {exercise for exercise, _ in LOOPING} == set(names) - with_variants_alone


def test_honest_code_that_fails_and_a_loop_that_passes_are_reported():
    from autograder.checks import Case
    from autograder.measuring import Speed
    from benchmarks.honest import SLOW, Graded, speed_row

    def graded(name, ratio, *failed):
        return Graded(name, {Speed.name: ratio}, failed)

    speed = Speed(Case(x=(2, 3)), at_most=4.0)
    right = [graded("einsum", 2.0), graded(SLOW, 8.0, Speed.name), graded("row by row", 10.0, Speed.name)]
    assert speed_row("ReLU", speed, right) == ["ReLU", "4", "einsum", "2.00", "2.00", SLOW, "8.00", "2.00", ""]
    wrong = [graded("einsum", 5.0, Speed.name), graded(SLOW, 3.0), Graded("where", {}, ("float32 stays float32",))]
    assert speed_row("ReLU", speed, wrong)[-1] == (
        "einsum fails: fast enough; where was not measured; the variant Slow passes"
    )


def test_the_rule_decides_without_noise_and_leaves_the_limit_itself_open():
    from autograder.report import Pace
    from benchmarks.near_limit import Decision, decided, shares

    quiet = [[1.0] * 5]
    assert decided(quiet, 0.5, 3) == [Decision(Pace.UNDER, 5)] * 3
    assert decided(quiet, 0.9, 1) == [Decision(Pace.UNDER, 15)]
    assert decided(quiet, 1.1, 1) == [Decision(Pace.OVER, 15)]
    noisy = [[0.7, 0.8, 1.0, 1.2, 1.3], [1.3, 1.2, 1.0, 0.8, 0.7]]
    assert decided(noisy, 1.0, 1) == [Decision(Pace.OPEN, 75)]
    mixed = [Decision(Pace.UNDER, 15), Decision(Pace.UNDER, 15), Decision(Pace.OPEN, 75), Decision(Pace.OVER, 30)]
    assert shares(mixed) == ["50.0 %", "25.0 %", "25.0 %", "22", "62"]


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "rows"), [("honest", 1), ("near_limit", 18)])
def test_the_tables_of_speed_limits_have_rows(name, rows):
    command = [sys.executable, "-m", "benchmarks", name, "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)[0]["rows"]) == rows
