"""What the autograder's tests share: one zygote, one assignment without training and timing, and ways to hand in."""

import copy
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder.authoring.release import release
from autograder.cli import main
from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.worker import Worker, Zygote
from autograder.report import Status
from autograder.spec import Assignment
from autograder.submission import Submission, read_submission
from dlkit.extraction import Extraction, take
from tests.autograder.postgres import postgres  # noqa: F401 - a fixture
from tests.limits import limits

ROOT = Path(__file__).resolve().parents[2]
NEIGHBOURS = frozenset({"Linear", "Flatten", "gradient_norms"})
QUICK = limits(0.3, memory_mb=1024)


@pytest.fixture(scope="session", autouse=True)
def interruptible():
    """A background job of a shell ignores Ctrl-C, and so would all that it starts; at a terminal it does not."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def zygote():
    with Zygote() as zygote:
        yield zygote


@pytest.fixture
def worker(zygote):
    with Worker(zygote, QUICK) as worker:
        yield worker


@pytest.fixture
def load(worker):
    """Load source text into the worker; what failed is returned."""
    return lambda source: worker.ask("load", name="work", chunks=[["work.py", 1, source]])


@pytest.fixture(scope="session")
def layers():
    """02_layers without what trains and what is timed."""
    return untimed(catalogue.load("02_layers", ROOT))


def untimed(loaded, names=None):
    assignment = loaded.assignment
    exercises = [
        replace(exercise, checks=[check for check in exercise.checks if check.part != "speed"])
        for exercise in assignment.exercises
        if not exercise.capstone and (names is None or exercise.name in names)
    ]
    lean = Assignment(
        assignment.name,
        title=assignment.title,
        exercises=exercises,
        questions=assignment.questions,
        earlier=assignment.earlier,
    )
    return replace(loaded, assignment=lean)


@pytest.fixture(scope="session")
def grader(layers, zygote):
    return Grader(layers, zygote, Options(seed=7, limits=QUICK))


@pytest.fixture(scope="session")
def full_marks(layers):
    return {
        exercise.name: round(sum(exercise.points_of(check) for check in exercise.checks), 2)
        for exercise in layers.assignment.exercises
    }


@pytest.fixture(scope="session")
def hand_in(layers):
    """Make the submission of somebody who wrote the reference, but for these exercises (name → source)."""

    def make(*extra, **sources):
        chunks = [
            replace(chunk, source=sources[chunk.defines[0]]) if chunk.defines and chunk.defines[0] in sources else chunk
            for chunk in layers.reference.chunks
        ]
        for source in extra:
            chunks += take([("scratch", 1, source)]).chunks
        return Submission("layers.ipynb", Extraction(tuple(chunks)), "")

    return make


@pytest.fixture(scope="session")
def swapped(layers):
    """The reference's source of an exercise with some text replaced, which must be there."""

    def make(name, *pairs):
        source = layers.source_of(layers.assignment.exercise(name))
        for old, new in pairs:
            assert old in source
            source = source.replace(old, new)
        return source

    return make


@pytest.fixture(scope="session")
def grade(grader, hand_in):
    """Grade these exercises, with some correct neighbours (all where none is given); the results by name."""

    def run(*extra, **sources):
        some = replace_grader(grader, frozenset(sources) | NEIGHBOURS if sources else None)
        return by_name(some.grade(hand_in(*extra, **sources)))

    return run


def replace_grader(grader, only):
    """The same grader, with its expected answers, for some exercises."""
    other = copy.copy(grader)
    other.limit_to(only)
    return other


def by_name(report):
    return SimpleNamespace(report=report, **{result.name: result for result in report.exercises})


@pytest.fixture(scope="session")
def grade_file(grader, layers):
    """Read and grade a file or a folder; the results by name."""
    return lambda path: by_name(grader.grade(read_submission(path, layers)))


@pytest.fixture(scope="session")
def first_wrong():
    """The first verdict of an exercise that is neither passed nor skipped."""
    return lambda result: next(v for v in result.verdicts if v.status not in (Status.PASSED, Status.SKIPPED))


@pytest.fixture(scope="session")
def others_untouched(full_marks):
    """Assert that every other exercise that was graded has full marks."""

    def check(found, *names):
        earned = {result.name: result.points for result in found.report.exercises if result.name not in names}
        assert len(earned) >= len(NEIGHBOURS) - len(names)
        assert earned == {name: full_marks[name] for name in earned}

    return check


# --- courses of a test's own -----------------------------------------------------------------


def percent_cells(text):
    return ["# %%" + part for part in text.split("# %%")[1:]]


def write_trimmed(folder, names):
    """Write a course with 02_layers alone, and of its exercises these alone."""
    solution, target = ROOT / "solutions/02_layers", folder / "solutions/02_layers"
    kept = []
    for cell in percent_cells((solution / "layers.py").read_text()):
        called = cell.partition("\ncheck(")[2].partition(")")[0] or cell.partition('hints="')[2].partition('"')[0]
        if (
            'question="' in cell
            or "train_spirals" in cell
            or "gradient_norms" in cell
            or (called and called not in names)
        ):
            continue
        kept.append(cell)
    shutil.copytree(solution, target, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "assignments").mkdir()
    (target / "layers.py").write_text("".join(kept))
    outline = (target / "assignment.py").read_text()
    lines = [line for line in outline.splitlines() if not line.startswith("        ") or line.split('"')[1] in names]
    (target / "assignment.py").write_text("\n".join(line for line in lines if "questions=" not in line) + "\n")
    return folder


def write_assignment(folder, exercises, **outline):
    """Write an assignment of these exercises, the source of a file, with these arguments of its outline."""
    (folder / "exercises").mkdir(parents=True, exist_ok=True)
    given = ", ".join(f"{name}={value!r}" for name, value in outline.items())
    (folder / "assignment.py").write_text(f"from autograder.checks import Outline\n\nOUTLINE = Outline({given})\n")
    (folder / "exercises/own.py").write_text(exercises)
    (folder / "hints.json").write_text("{}")


@pytest.fixture(scope="session")
def small_course(tmp_path_factory):
    """A released course of Tanh and Flatten, with solutions; not to be changed."""
    folder = write_trimmed(tmp_path_factory.mktemp("small"), ["Tanh", "Flatten"])
    release(folder, "02_layers")
    return folder


@pytest.fixture
def autograder(capsys):
    """Run the command line; exit status, stdout and stderr."""

    def run(*arguments):
        status = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture
def own_course(small_course, tmp_path):
    """The same course, to be changed."""
    shutil.copytree(small_course, tmp_path / "course")
    return tmp_path / "course"


@pytest.fixture(scope="session")
def trimmed(tmp_path_factory):
    """Make a released course of some exercises of 02_layers."""

    def make(*names):
        folder = write_trimmed(tmp_path_factory.mktemp("trimmed"), list(names))
        release(folder, "02_layers")
        return folder

    return make
