"""Costs against the author's plain version, which stands in ``variants/`` and which nobody's hand-in can change."""

import shutil

import pytest

from autograder.authoring import calibration
from autograder.authoring.audit import audit
from autograder.authoring.release import release
from autograder.checks import Case, Memory, Scaling, Speed
from autograder.cli import main
from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.measuring import yardstick
from autograder.report import Footprint, Status, Timing
from autograder.spec import SpecError
from autograder.submission import Submission
from dlkit.extraction import Extraction

NAME = "16_graphs"
LEAN = "sparing with memory"
SOURCE = '''

# %%
def doubled(x):
    """Every number of x twice.  x, y (n,)."""
    ### BEGIN SOLUTION
    return x + x
    ### END SOLUTION


# %% [markdown] hints="doubled"
# ### doubled
# 1. What is twice a number?
# 2. yₙ = 2 xₙ
# 3. Add each number to itself.

# %%
check(doubled)

# %% [markdown]
# **Question 1.**'''
EXERCISE = """
doubled = FunctionExercise(
    "doubled",
    cases=lambda rng: [Case(x=rng.normal(size=n)) for n in (5, 8)],
    memory=Memory(Case(x=(1 << 20,)), at_most=0.5, against="frozen"),
)
"""
MISTAKES = """## squares
> Twice is not squared.
- x + x
+ x * x

## keeps
> Add each number to itself.
- x + x
+ x + 0

## triples
> One number too many.
- x + x
+ x + x + x
"""
FROZEN = """def frozen(x):
    first, second, third = x + 0, x + 0, x + 0
    return first + second + third - x


"""
PLAIN = """def plain(x):
    return 2 * x


"""
BULKY = """def bulky(x):
    first, second = x + 0, x + 0
    return first + second
"""


@pytest.fixture(scope="module")
def small_assignment(tmp_path_factory):
    """A course as ``autograder new`` begins it."""
    folder = tmp_path_factory.mktemp("new")
    (folder / "assignments").mkdir()
    assert main(["new", NAME, "--course", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def course(small_assignment, tmp_path_factory):
    """A course of one function whose memory is measured against a plain version; its variants can be others."""

    def make(variants=FROZEN + PLAIN + BULKY, limit="0.5"):
        catalogue.load.cache_clear()
        folder = tmp_path_factory.mktemp("frozen") / "course"
        shutil.copytree(small_assignment, folder)
        for file, old, new in (
            ("graphs.py", "\n# %% [markdown]\n# **Question 1.**", SOURCE),
            ("exercises/parabola.py", "Case, ", "Case, FunctionExercise, Memory, "),
            ("assignment.py", "backward=2),\n", "backward=2),\n        'doubled': Points(doubled=1, memory=1),\n"),
        ):
            path = folder / "solutions" / NAME / file
            text = path.read_text()
            assert text.count(old) == 1, (file, old)
            path.write_text(text.replace(old, new))
        checks = folder / "solutions" / NAME / "exercises/parabola.py"
        checks.write_text(checks.read_text() + EXERCISE.replace("0.5", limit))
        for file, text in (("mistakes/doubled.md", MISTAKES), ("variants/doubled.py", variants)):
            path = folder / "solutions" / NAME / file
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return folder

    return make


@pytest.fixture(scope="module")
def sound(course):
    """The course as it should be, released."""
    folder = course()
    release(folder, NAME)
    return folder


def graded(loaded, zygote, source):
    """The verdict about memory on a hand-in of this function."""
    exercise = loaded.assignment.exercise("doubled")
    grader = Grader(loaded, zygote, Options(seed=2, only=frozenset({"doubled"})))
    chunks = loaded.variant(exercise, source) if loaded.official else source
    report = grader.grade(Submission("graphs.py", Extraction(chunks), ""))
    return next(verdict for verdict in report.exercises[0].verdicts if verdict.check == LEAN)


def body(*lines):
    return "\n    ".join(["def doubled(x):", *lines]) + "\n"


@pytest.mark.parametrize(
    ("lines", "status", "least"),
    [
        (["return 2 * x"], Status.PASSED, 0.2),
        (["a, b, c = x + 0, x + 0, x + 0", "return a + b + c - x"], Status.FAILED, 0.9),
    ],
    ids=["one array", "as plainly as the frozen version"],
)
def test_memory_is_a_multiple_of_the_frozen_versions(sound, zygote, lines, status, least):
    verdict = graded(catalogue.load(NAME, sound), zygote, body(*lines))
    assert verdict.status is status
    assert verdict.measurement.against == "frozen"
    assert least < verdict.measurement.value < least + 0.2
    assert "× the plain version’s memory" in verdict.measurement.words


def test_a_hand_in_cannot_replace_the_frozen_version(sound, zygote):
    """Whatever it defines, the frozen version runs in another process, from the author's text."""
    hoard = "def frozen(x):\n    return [x + n for n in range(50)]\n\n\n"
    verdict = graded(
        catalogue.load(NAME, sound), zygote, hoard + body("a, b, c = x + 0, x + 0, x + 0", "return a + b + c - x")
    )
    assert verdict.status is Status.FAILED
    assert verdict.measurement.value > 0.9


def test_a_better_solution_leaves_the_limit_where_it_was(course, zygote):
    """The figures belong to the frozen version: with another solution they are the same."""
    found = []
    for solution in ("x + x", "(x + 1) + (x - 1)"):
        folder = course()
        path = folder / "solutions" / NAME / "graphs.py"
        path.write_text(path.read_text().replace("return x + x", f"return {solution}"))
        found.append(graded(catalogue.load(NAME, folder), zygote, body("return 2 * x")).measurement)
    assert found[0].reference_peak == pytest.approx(found[1].reference_peak, rel=0.1)
    assert found[0].value == pytest.approx(found[1].value, rel=0.1)


def test_a_student_without_it_is_measured_against_its_stored_figures(sound, zygote, tmp_path):
    author = catalogue.load(NAME, sound)
    shutil.copytree(sound / "assignments" / NAME, tmp_path / "assignments" / NAME)
    loaded = catalogue.load(NAME, tmp_path)
    assert not loaded.official
    assert not list((tmp_path / "assignments" / NAME).glob("variants"))
    exercise = author.assignment.exercise("doubled")
    for lines, status in (
        (["return 2 * x"], Status.PASSED),
        (["a, b, c = x + 0, x + 0, x + 0", "return a + b + c - x"], Status.FAILED),
    ):
        verdict = graded(loaded, zygote, author.variant(exercise, body(*lines)))
        assert verdict.status is status
        assert verdict.measurement.estimated
        assert verdict.measurement.against == "frozen"


def test_stored_figures_are_those_of_the_frozen_version(sound):
    stored = yardstick.read(sound / "assignments" / NAME).find("doubled", LEAN)
    assert stored.peak > 3.5 * 4 * (1 << 20)  # four arrays, where the reference makes one
    assert not calibration.is_stale(catalogue.load(NAME, sound))


def test_another_frozen_version_is_measured_again(course):
    folder = course(FROZEN.replace("third = x + 0, x + 0, x + 0", "third = x + 0, x + 0, x + 0.0") + PLAIN + BULKY)
    first, second = course(), folder
    hashes = []
    for one in (first, second):
        loaded = catalogue.load(NAME, one)
        exercise = loaded.assignment.exercise("doubled")
        check = exercise.find(LEAN)
        hashes.append(calibration._hash(loaded, exercise, check, check.budget))
    assert hashes[0] != hashes[1]


# --- the audit -------------------------------------------------------------------------------


def failures(folder):
    release(folder, NAME)
    return audit(folder, [NAME], seed=3, only=frozenset({"doubled"})).failures


def test_a_limit_against_the_frozen_version_is_proved_from_both_sides(sound):
    found = audit(sound, [NAME], seed=3, only=frozenset({"doubled"}))
    assert found.failures == []
    (margin,) = found.margins
    assert margin.plain < margin.limit < margin.wasteful


def test_there_must_be_a_frozen_version(course):
    folder = course(PLAIN + BULKY)
    with pytest.raises(SpecError, match="has no such variant"):
        release(folder, NAME)


def test_a_frozen_version_that_is_as_good_as_the_solution_proves_nothing(course):
    found = failures(
        course(
            FROZEN.replace("x + 0, x + 0, x + 0", "x, x, x").replace("first + second + third - x", "first + x")
            + PLAIN
            + BULKY
        )
    )
    assert any("the reference" in each or "the solution fails" in each for each in found), found


def test_half_hearted_code_must_exceed_the_limit(course):
    found = failures(
        course(
            FROZEN + PLAIN + BULKY.replace("first, second = x + 0, x + 0\n    return first + second", "return x * 2")
        )
    )
    assert any("the bulky variant is passed" in each for each in found), found


# --- limits and words ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Speed, Memory])
@pytest.mark.parametrize("limit", [0.81, 1.0, 1.24])
def test_a_limit_keeps_clear_of_the_frozen_version(kind, limit):
    with pytest.raises(SpecError, match="is too close to the frozen version"):
        kind(Case(x=(2,)), at_most=limit, against="frozen")
    assert kind(Case(x=(2,)), at_most=limit).against == "reference"


@pytest.mark.parametrize(("limit", "improves"), [(0.8, True), (0.1, True), (1.25, False), (3.0, False)])
def test_a_limit_below_one_asks_for_less_than_the_frozen_version(limit, improves):
    assert Speed(Case(x=(2,)), at_most=limit, against="frozen").improves is improves
    assert not Speed(Case(x=(2,)), at_most=limit).improves


def test_costs_are_compared_with_one_of_two():
    with pytest.raises(SpecError, match="against 'reference' or 'frozen', not 'yesterday'"):
        Memory(Case(x=(2,)), at_most=2.0, against="yesterday")


def test_growth_is_compared_with_nothing():
    assert Scaling(lambda n: Case(x=(n,)), (1, 2, 4, 8), at_most=1.0).against == "reference"


def test_words_say_what_was_compared():
    assert Timing(0.5, 0.75, [0.5], against="frozen").words == "0.50 × the plain version (limit 0.75)"
    assert Timing(2.7, 2.0, [2.7]).words == "2.7 × the reference (limit 2.0)"
    figures = Footprint(0.31, 0.5, 3_100_000, 10_000_000, against="frozen")
    assert figures.words.startswith("0.31 × the plain version’s memory")
