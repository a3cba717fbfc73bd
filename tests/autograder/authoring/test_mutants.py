"""Mutants of references: how they are made, how they are caught, and which are recorded as equivalent."""

import ast
import json
import textwrap
from pathlib import Path

import pytest

from autograder.authoring.mutation.equivalents import as_entry, read_equivalents
from autograder.authoring.mutation.mutants import OPERATORS, mutants_of
from autograder.authoring.mutation.source_text import SourceText
from autograder.authoring.mutation.survivors import find_survivors
from autograder.course import catalogue
from autograder.spec import SpecError

ROOT = Path(__file__).resolve().parents[3]

EXAMPLES = [(operator, example) for operator in OPERATORS for example in operator.examples()]


def applied(operator, before):
    source = SourceText(before, solutions_only=False)
    nodes = [node for node in ast.walk(source.tree) if isinstance(node, ast.expr | ast.stmt | ast.keyword)]
    found = [source.changed(change) for node in nodes for change in operator.changes(node, source)]
    return [changed[0] for changed in found if changed]


@pytest.mark.parametrize(
    ("operator", "example"), EXAMPLES, ids=[f"{operator.name}: {example.before}" for operator, example in EXAMPLES]
)
def test_an_operator_makes_what_its_example_says(operator, example):
    assert applied(operator, example.before) == list(example.after)


def test_every_operator_has_an_example_and_a_name_of_its_own():
    assert all(any(example.after for example in operator.examples()) for operator in OPERATORS)
    assert len({operator.name for operator in OPERATORS}) == len(OPERATORS)


SOURCE = '''class Shift(Layer):
    """Add something: β."""

    def __init__(self, by):
        self.by = by + 1

    def forward(self, x):
        ### BEGIN SOLUTION
        β, _ = self.by, "β"; y = x + β
        return y
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        y = dy * (x := 1)
        return y
        ### END SOLUTION
'''


def test_only_what_students_write_is_changed():
    lines = {number for number, line in enumerate(SOURCE.splitlines()) if "by + 1" in line or "def " in line}
    mutants = list(mutants_of(SOURCE))
    assert mutants
    for mutant in mutants:
        after = mutant.source.splitlines()
        assert all(after[number] == SOURCE.splitlines()[number] for number in lines)


def test_places_are_found_behind_letters_of_two_bytes():
    (mutant,) = [mutant for mutant in mutants_of(SOURCE) if mutant.what == "drops the term β in forward"]
    assert '"β"; y = x\n' in mutant.source


def test_no_two_mutants_are_the_same_program_and_none_is_the_reference():
    prints = [ast.dump(ast.parse(mutant.source)) for mutant in mutants_of(SOURCE)]
    assert prints == [mutant.fingerprint for mutant in mutants_of(SOURCE)]
    assert len({*prints, ast.dump(ast.parse(SOURCE))}) == len(prints) + 1


def test_the_text_of_an_entry_gives_the_mutant_again(tmp_path):
    (tmp_path / "equivalent").mkdir()
    for mutant in mutants_of(SOURCE):
        entry = as_entry(mutant, SOURCE).replace("\n>\n", "\n> Nobody can see it.\n")
        (tmp_path / "equivalent/Shift.md").write_text(f"# Shift\n\n{entry}")
        (found,) = read_equivalents(tmp_path, "Shift", SOURCE)
        assert (found.stale, found.fingerprint) == ("", mutant.fingerprint)


def test_an_entry_of_a_line_that_occurs_twice_shows_the_lines_around_it():
    (mutant,) = [mutant for mutant in mutants_of(SOURCE) if mutant.what == "flips the sign of y in forward"]
    entry = as_entry(mutant, SOURCE).splitlines()
    assert entry[2:] == [
        '- β, _ = self.by, "β"; y = x + β',
        "- return y",
        '+ β, _ = self.by, "β"; y = x + β',
        "+ return -y",
    ]


def test_an_entry_without_a_reason_is_refused(tmp_path):
    (tmp_path / "equivalent").mkdir()
    mutant = next(mutants_of(SOURCE))
    (tmp_path / "equivalent/Shift.md").write_text(as_entry(mutant, SOURCE))
    with pytest.raises(SpecError, match=r"equivalent/Shift.md, line 1: “.*” has no reason"):
        read_equivalents(tmp_path, "Shift", SOURCE)


@pytest.mark.parametrize("name", catalogue.names(ROOT))
def test_recorded_mutants_of_the_course_still_apply(name):
    loaded = catalogue.load(name, ROOT)
    recorded = {path.stem for path in (loaded.folder / "equivalent").glob("*")}
    assert recorded <= {exercise.name for exercise in loaded.assignment.exercises}
    for exercise in loaded.assignment.exercises:
        found = read_equivalents(loaded.folder, exercise.name, loaded.source_of(exercise))
        assert [entry.stale for entry in found if entry.stale] == []
        assert len({entry.fingerprint for entry in found}) == len(found)


# --- a course of one exercise ----------------------------------------------------------------

NOTEBOOK = '''# %%
from dlkit import array_module

# %%
def clipped(x, top):
    """x, but no more than top."""
    ### BEGIN SOLUTION
    y = array_module(x).minimum(x, top)
    return y + 0
    ### END SOLUTION


# %%
check(clipped)

# %%
def doubled(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %%
check(doubled)
'''
ASSIGNMENT = """from autograder.checks import Outline
OUTLINE = Outline(title="Clips", points={"clipped": 1, "doubled": 1})
"""
EXERCISES = """import numpy as np
from autograder.checks import Case, FunctionExercise

clipped = FunctionExercise("clipped", cases=lambda rng: [Case(x=rng.normal(size=(3, 2)), top=np.array(0.1))])
doubled = FunctionExercise("doubled", cases=lambda rng: [Case(x=rng.normal(size=(3, 2)))])
"""


@pytest.fixture
def course(tmp_path):
    """A course whose reference of one exercise has survivors: it adds a zero."""
    folder = tmp_path / "solutions/15_clips"
    (folder / "exercises").mkdir(parents=True)
    (tmp_path / "assignments").mkdir()
    (folder / "clips.py").write_text(NOTEBOOK)
    (folder / "assignment.py").write_text(ASSIGNMENT)
    (folder / "exercises/clips.py").write_text(EXERCISES)
    catalogue.load.cache_clear()
    return tmp_path


CLIPPED = frozenset({"clipped"})


def record(course, text):
    (course / "solutions/15_clips/equivalent").mkdir(exist_ok=True)
    (course / "solutions/15_clips/equivalent/clipped.md").write_text(textwrap.dedent(text))


def test_survivors_are_listed(course):
    found = find_survivors(course, ["15_clips"], seed=1, jobs=2)
    assert found.failures == []
    assert found.exercises == 2
    assert found.mutants == found.caught + len(found.survivors)
    assert "## drops the term 0\n>\n- return y + 0\n+ return y\n" in [survivor.entry for survivor in found.survivors]
    assert {survivor.file for survivor in found.survivors} == {"solutions/15_clips/equivalent/clipped.md"}


def test_a_mutant_that_never_ends_is_caught(course):
    path = course / "solutions/15_clips/clips.py"
    loop = "    while x[0, 0] > 9:\n        x = x - 1\n    return 2 * x\n"
    path.write_text(path.read_text().replace("    return 2 * x\n", loop))
    found = find_survivors(course, ["15_clips"], seed=1, only=frozenset({"doubled"}))
    assert found.failures == []
    entries = [survivor.entry for survivor in found.survivors]
    assert any(entry.startswith("## drops while x[0, 0] > 9:") for entry in entries)  # it never runs in the reference
    assert not any(entry.startswith("## writes < for > in") for entry in entries)


@pytest.fixture
def with_branch(course):
    """The same course, its function with a branch for larger arrays than the cases have; its checks may be added to."""
    source, checks = (course / "solutions/15_clips" / file for file in ("clips.py", "exercises/clips.py"))
    branch = "    if len(x) > 9:\n        return x + x\n    return 2 * x\n"
    source.write_text(source.read_text().replace("    return 2 * x\n", branch))

    def find(*added):
        checks.write_text("\n".join([checks.read_text(), *added]))
        catalogue.load.cache_clear()
        return find_survivors(course, ["15_clips"], seed=1, only=frozenset({"doubled"}))

    return find


MINUS = "+ return x - x"


def test_the_values_of_a_check_of_speed_are_compared(with_branch, course):
    assert MINUS in str(with_branch().survivors)
    outline = course / "solutions/15_clips/assignment.py"
    outline.write_text(
        ASSIGNMENT.replace("Outline\n", "Outline, Points\n").replace('d": 1}', 'd": Points(doubled=1, speed=1)}')
    )
    found = with_branch(
        "from autograder.checks import Speed",
        "cases = lambda rng: [Case(x=rng.normal(size=(3, 2)))]",
        'doubled = FunctionExercise("doubled", cases=cases, speed=Speed(Case(x=(30, 2)), at_most=9.0))',
    )
    assert found.failures == []
    assert MINUS not in str(found.survivors)


def test_a_check_that_fails_itself_is_reported_and_has_not_passed(with_branch):
    found = with_branch(
        "def judge(seen, expected, case):",
        "    return None if seen['y'].any() else seen['nothing']",
        "",
        "@doubled.check('is not zero', cases=lambda rng: [Case(x=np.ones(30))], judge=judge)",
        "def large(subject, case):",
        "    return {'y': subject.run('doubled', case.inputs['x'])}",
    )
    assert MINUS not in str(found.survivors)
    sentence = "the check “is not zero” raised KeyError: 'nothing' on the mutant that writes - for + in x + x"
    assert f"15_clips: doubled: {sentence}" in found.failures


def test_a_seed_gives_the_same_survivors_again(course):
    first, second = (find_survivors(course, ["15_clips"], seed=4, jobs=jobs) for jobs in (1, 2))
    assert first == second


def test_a_recorded_mutant_is_not_listed_whatever_its_layout(course):
    record(course, "# clipped\n\n## adds nothing\n> y + 0 is y.\n- return y + 0\n+ return (y)\n")
    found = find_survivors(course, ["15_clips"], seed=1, only=CLIPPED)
    assert (found.equivalent, found.failures) == (1, [])
    assert not any("+ return y\n" in survivor.entry for survivor in found.survivors)


def test_a_recorded_mutant_that_a_check_catches_is_stale(course):
    record(course, "## adds one\n> I thought so.\n- return y + 0\n+ return y + 1\n")
    (failure,) = find_survivors(course, ["15_clips"], seed=1, only=CLIPPED).failures
    assert failure == (
        "15_clips: clipped: “adds one” is recorded as equivalent, but “the result matches the reference” catches it: "
        "delete the entry"
    )


def test_a_recorded_mutant_whose_text_is_gone_is_stale(course):
    record(course, "## adds less\n> It was so.\n- return y - 0\n+ return y\n")
    (failure,) = find_survivors(course, ["15_clips"], seed=1, only=CLIPPED).failures
    assert failure.startswith("15_clips: equivalent/clipped.md, line 1: “adds less”: clipped: mistake 'adds less': its")


def test_a_record_file_of_no_exercise_is_reported(course):
    record(course, "# clipped\n")
    folder = course / "solutions/15_clips/equivalent"
    (folder / "clipped.md").rename(folder / "clip.md")
    (failure,) = find_survivors(course, ["15_clips"], seed=1).failures
    assert failure == "15_clips: equivalent/clip.md is not named after an exercise of this assignment"


def test_the_command_prints_entries_to_paste_and_exits_with_one(course, autograder):
    status, out, err = autograder("audit", "--mutants", "clipped", "--seed", 1, "--course", course)
    assert status == 1
    assert out.startswith("% solutions/15_clips/equivalent/clipped.md\n\n## ")
    assert "1 exercises, " in err
    assert err.rstrip().endswith("0 failures; seed 1.")
    status, out, _ = autograder("audit", "--mutants", "doubled", "--json", "--seed", 1, "--course", course)
    assert status == 0
    assert (json.loads(out)["exercises"], json.loads(out)["survivors"]) == (1, [])


def test_a_capstone_is_left_out_unless_it_is_named(course):
    path = course / "solutions/15_clips/exercises/clips.py"
    change = (
        "from dataclasses import replace\n"
        "doubled = replace(doubled, checks=[replace(check, capstone=True, cpu_s=1.0) for check in doubled.checks])\n"
    )
    path.write_text(path.read_text() + change)
    only = frozenset({"doubled"})
    assert find_survivors(course, ["15_clips"], seed=1, only=only).exercises == 0
    found = find_survivors(course, ["15_clips"], seed=1, only=only, named=only)
    assert (found.exercises, found.survivors) == (1, [])
    assert found.caught == found.mutants > 0
