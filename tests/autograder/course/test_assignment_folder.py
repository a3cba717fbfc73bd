"""An assignment's folder: what is taken from which file, what is refused, and how its modules are loaded."""

import importlib
import sys
from pathlib import Path

import pytest

from autograder.course.assignment_folder import released_files, specified
from autograder.spec import Edit, SpecError

NAME = "16_graphs"
ASSIGNMENT = """\
from autograder.spec import Outline, Points

OUTLINE = Outline(
    title="Graphs",
    points={"degree": 2, "Gather": Points(forward=1, backward=3)},
    questions={"why": 2.5},
    earlier=("02_layers",),
)
"""
GATHER = """\
from autograder.spec import Exercise

gather = Exercise("Gather", "layer", ("forward", "backward"), support="shared = 1")
"""
DEGREE = """\
from autograder.spec import Exercise

degree = Exercise("degree", "function", ("degree",))
"""
A_CHECK = """\
from autograder.spec import Case

@gather.check("is right", cases=lambda rng: [Case()], part="forward")
def is_right(subject, case):
    return {}
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with two exercises; ``write`` adds a file to one."""
    root = tmp_path / "solutions" / NAME
    write(root, {"assignment.py": ASSIGNMENT, "exercises/gathering.py": GATHER, "exercises/degrees.py": DEGREE})
    return root


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def of(folder, *, official=True):
    return specified(NAME, folder, official=official)


def refused(folder, message, *, official=True):
    with pytest.raises(SpecError, match=f"^{message}"):
        of(folder, official=official)


# --- what is taken from which file -----------------------------------------------------------


def test_an_assignment_is_put_together_from_its_files(folder):
    write(
        folder,
        {
            "graphs.py": '# %% [markdown] hints="Gather"\n# ### forward\n# 1. Index.\n',
            "mistakes/degree.md": "## counts twice\n> Count once.\n- 1\n+ 2\n",
            "variants/degree.py": "def slow(graph):\n    return 1\n",
        },
    )
    assignment = of(folder)
    assert (assignment.name, assignment.title, assignment.earlier) == (NAME, "Graphs", ("02_layers",))
    assert [(question.name, question.points) for question in assignment.questions] == [("why", 2.5)]
    degree, gather = assignment.exercises
    assert (degree.name, gather.name) == ("degree", "Gather")
    assert (degree.points.by_part, gather.points.by_part) == ({"degree": 2}, {"forward": 1, "backward": 3})
    assert gather.hints == {"forward": ["Index."]}
    assert [(mistake.name, mistake.edits) for mistake in degree.mistakes] == [
        ("counts twice", (Edit(("1",), ("2",)),)),
    ]
    assert degree.variants["slow"] == "def degree(graph):\n    return 1\n"
    assert (degree.hints, gather.mistakes, gather.variants, gather.published) == ({}, (), {}, {})


def test_students_get_hints_from_their_own_file(folder):
    write(folder, {"hints.json": '{"Gather": {"forward": ["Index."]}}', "graphs.py": '# %% hints="nonsense"\n'})
    assert of(folder, official=False).exercise("Gather").hints == {"forward": ["Index."]}


def test_exercises_come_in_the_order_of_the_outline_whatever_their_files_are_called(folder):
    names = [exercise.name for exercise in of(folder).exercises]
    (folder / "exercises/degrees.py").rename(folder / "exercises/zz.py")
    assert [exercise.name for exercise in of(folder).exercises] == names == ["degree", "Gather"]


def test_support_is_the_exercises_own_and_that_of_the_files_it_names(folder):
    files = {"exercises/gathering.py": GATHER.replace("support=", 'support_files=("two", "one"), support=')}
    write(folder, {**files, "support/one.py": "one = 1\n", "support/two.py": "two = 2\n", "support/three.py": "3\n"})
    assert of(folder).exercise("Gather").support == "shared = 1\n\ntwo = 2\n\n\none = 1\n"
    assert of(folder).exercise("degree").support == ""


def test_students_get_these_files(folder):
    write(folder, dict.fromkeys(["support/a.py", "published/degree.py", "exercises/shared.py"], ""))
    write(folder, dict.fromkeys(["mistakes/degree.md", "variants/degree.py", "graphs.py", "support/a.txt"], ""))
    assert [path.relative_to(folder).as_posix() for path in released_files(folder)] == [
        "assignment.py", "exercises/degrees.py", "exercises/gathering.py", "exercises/shared.py", "published/degree.py",
        "support/a.py",
    ]  # fmt: skip


# --- code in files of its own ----------------------------------------------------------------

VARIANTS = '''\
"""Gather that is correct, and slow; plain."""

import numpy as np

from dlkit import Layer


class Slow(Layer):
    """Row by row."""

    # why it is slow
    def forward(self, x):
        # a loop
        return np.stack([row for row in x])  # of rows

    # at the end


class Plain(
    Layer,
):
    # before the first method
    def forward(self, x):
        text = """
not indented
"""
        return x

'''


def test_variants_are_the_bodies_of_their_classes_with_their_comments(folder):
    write(folder, {"variants/Gather.py": VARIANTS})
    gather = of(folder).exercise("Gather")
    assert gather.variants["slow"] == (
        "# why it is slow\ndef forward(self, x):\n    # a loop\n    return np.stack([row for row in x])  # of rows\n"
    )
    assert gather.variants["plain"] == (
        '# before the first method\ndef forward(self, x):\n    text = """\nnot indented\n"""\n    return x\n'
    )
    assert set(gather.variants) == {"slow", "plain"}


def test_a_function_is_named_as_its_exercise_and_keeps_decorators_and_comments(folder):
    text = (
        "import functools\n\n\n"
        "@functools.cache\ndef slow(\n    graph,\n):  # slow(ly)\n    # one by one\n    return 1\n"
        "\n\ndef steep(graph): return 2\n"
    )
    write(folder, {"variants/degree.py": text})
    degree = of(folder).exercise("degree")
    assert degree.variants["slow"] == (
        "@functools.cache\ndef degree(\n    graph,\n):  # slow(ly)\n    # one by one\n    return 1\n"
    )
    assert degree.variants["steep"] == "def degree(graph): return 2\n"


PUBLISHED = '''\
class Gather:
    def forward(
        self,
        x: "a colon: here" = {1: [2]},
    ) -> dict:
        # comment

        y = x  # another
        return y
        # the end is cut

    def backward(self, dy):
        """Its docstring
        is left out."""
        # and no comment
        def forward():
            return 1

        return dy
'''


def test_published_bodies_come_without_head_and_docstring_and_keep_their_comments(folder):
    write(folder, {"published/Gather.py": PUBLISHED})
    assert of(folder).exercise("Gather").published == {
        "forward": "# comment\n\ny = x  # another\nreturn y\n",
        "backward": "# and no comment\ndef forward():\n    return 1\n\nreturn dy\n",
    }


def test_of_a_repair_that_is_a_function_the_function_is_published(folder):
    write(folder, {"published/degree.py": "import math\n\n\ndef degree(graph):\n    return math.pi\n"})
    assert of(folder).exercise("degree").published == {"degree": "return math.pi\n"}


def test_lines_are_counted_as_python_counts_them(folder):
    write(folder, {"published/degree.py": '# a\u2028b\fc\x1cd\ndef degree(graph):\n    return "e\u2028f"\n'})
    assert of(folder).exercise("degree").published == {"degree": 'return "e\u2028f"\n'}


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "OUTLINE = {}\n"])
def test_an_assignment_has_an_outline(folder, text):
    write(folder, {"assignment.py": text})
    refused(folder, "16_graphs/assignment.py defines no OUTLINE$")


def test_two_exercises_have_two_names(folder):
    write(folder, {"exercises/more.py": DEGREE})
    refused(folder, "16_graphs/exercises: exercises named twice: degree$")


def test_what_the_outline_lists_is_in_a_file(folder):
    (folder / "exercises/degrees.py").unlink()
    refused(folder, "16_graphs/assignment.py lists degree, but no file of 16_graphs/exercises/ defines it$")


def test_what_is_in_a_file_and_not_listed_is_not_part_of_the_assignment(folder):
    write(folder, {"exercises/more.py": DEGREE.replace('"degree"', '"degree_of"')})
    assert [exercise.name for exercise in specified(NAME, folder, official=True).exercises] == ["degree", "Gather"]


@pytest.mark.parametrize("stray", ["mistakes/gather.md", "mistakes/Gathr.md", "variants/gather.py", "published/x.py"])
def test_a_file_is_named_exactly_as_its_exercise(folder, stray):
    write(folder, {stray: ""})
    refused(folder, f"16_graphs/{stray} is not named after an exercise of 16_graphs/exercises/: rename it$")


def test_files_of_the_system_are_not_looked_at(folder):
    write(folder, {"mistakes/._Gather.md": "\0", "mistakes/notes.txt": "", "variants/.Gather.py": "("})
    assert of(folder).exercise("Gather").mistakes == ()


def test_hints_belong_to_an_exercise_of_the_outline(folder):
    write(folder, {"graphs.py": '# %% [markdown] hints="Gathr"\n# ### forward\n# 1. Index.\n'})
    refused(folder, "16_graphs: there are hints for Gathr, which assignment.py does not list$")


def test_hints_belong_to_a_part(folder):
    write(folder, {"graphs.py": '# %% [markdown] hints="Gather"\n# ### froward\n# 1. Index.\n'})
    refused(folder, "Gather: hints for 'froward' are ")


def test_students_have_the_file_of_hints(folder):
    refused(folder, r"16_graphs/hints\.json cannot be read \(No such file or directory\)", official=False)


def test_points_and_checks_are_of_the_same_parts(folder):
    write(folder, {"exercises/gathering.py": GATHER + A_CHECK})
    refused(
        folder,
        "Gather: assignment.py gives points for forward, backward, but its checks belong to forward: "
        "'backward' is in only one of them$",
    )
    write(folder, {"assignment.py": ASSIGNMENT.replace("forward=1, backward=3", "forward=1")})
    assert of(folder).exercise("Gather").find("is right")


def test_support_that_is_named_is_there(folder):
    write(folder, {"exercises/gathering.py": GATHER.replace("support=", 'support_files=("one",), support=')})
    refused(folder, "Gather: support/one.py does not exist$")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("Gather", "import math\nx = 1\n", "line 2: only classes named Plain, Slow, Bulky, Steep, Frozen belong here"),
        ("Gather", "class slow:\n    x = 1\n", "line 1: only classes named Plain, Slow"),
        ("Gather", "class Fast:\n    x = 1\n", "line 1: only classes named Plain, Slow"),
        ("Gather", "def Slow():\n    pass\n", "line 1: only classes named Plain, Slow"),
        ("degree", "class slow:\n    pass\n", "line 1: only functions named plain, slow, bulky, steep, frozen"),
        ("degree", "\ndef Slow():\n    pass\n", "line 2: only functions named plain, slow"),
        ("degree", "async def slow():\n    pass\n", "line 1: only functions named plain, slow"),
        ("Gather", "class Slow:\n    a = 1\nclass Slow:\n    b = 1\n", "line 3: 'Slow' is defined twice$"),
        ("degree", "def slow():\n    pass\ndef slow():\n    pass\n", "line 3: 'slow' is defined twice$"),
        ("Gather", 'class Slow:\n    """Nothing else."""\n', "line 1: 'Slow' has no body on separate lines$"),
        ("Gather", "class Slow: pass\n", "line 1: 'Slow' has no body on separate lines$"),
        ("degree", "import math\n\ndef slow(:\n", "line 3: does not parse .invalid syntax.$"),
    ],
)
def test_a_variant_is_a_class_or_a_function_of_its_name(folder, file, text, message):
    write(folder, {f"variants/{file}.py": text})
    refused(folder, rf"variants/{file}\.py, {message}")


BACKWARD = "\n    def backward(self, dy):\n        return dy\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'class Gather:\n    def forward(self, x):\n        """D."""\n' + BACKWARD,
            r"published/Gather\.py, line 2: 'forward' has no",
        ),
        (
            'class Gather:\n    def forward(self, x): """D."""; return x\n' + BACKWARD,
            r"published/Gather\.py, line 2: 'forward' has",
        ),
        (
            "class Gather:\n    def forward(self, x): return x\n" + BACKWARD,
            r"published/Gather\.py, line 2: 'forward' has no body",
        ),
        (
            "class Gather:\n    def forward(self, x):\n        return x\n",
            "Gather: a repair has published code for every",
        ),
        (
            "def forward(x):\n    return x\n\n\ndef backward(dy):\n    return dy\n",
            "Gather: a repair has published code",
        ),
        ("x = (\n", r"published/Gather\.py, line 1: does not parse \('\(' was never closed\)"),
        ("x = '\0'\n", r"published/Gather\.py.*: does not parse \(source code .* null bytes\)"),
    ],
)
def test_published_code_has_a_body_for_every_part(folder, text, message):
    write(folder, {"published/Gather.py": text})
    refused(folder, message)


@pytest.mark.parametrize("name", ["variants/degree.py", "published/degree.py", "support/one.py", "graphs.py"])
def test_a_file_that_is_no_text_is_refused(folder, name):
    write(folder, {"exercises/gathering.py": GATHER.replace("support=", 'support_files=("one",), support=')})
    write(folder, {"support/one.py": "", name: ""})
    (folder / name).write_bytes(b"x = '\xfc'\n")
    refused(
        folder, f"{Path(folder.name, name).parts[-2]}/{Path(name).name} is not UTF-8 text .byte 5.: save it as UTF-8$"
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"assignment.py": "x = (\n"}, r"16_graphs/assignment\.py does not load \(SyntaxError: .*, line 1\)\)$"),
        ({"assignment.py": "x = 1\n\ny\n"}, r"16_graphs/assignment\.py does not load \(line 3: NameError: name 'y' is"),
        (
            {"exercises/a.py": "from .b import x\n", "exercises/b.py": "\nx = 1 / 0\n"},
            r"16_graphs/exercises/b\.py does not load \(line 2: ZeroDivisionError: division by zero\)$",
        ),
        (
            {"exercises/a.py": "from .missing import x\n"},
            r"16_graphs/exercises/a\.py does not load \(line 1: .*No module named '16_graphs\.exercises\.missing'\)$",
        ),
        (
            {"exercises/a.py": "from ..support import b\n"},
            r"16_graphs/exercises/a\.py does not load \(.*'16_graphs\.support'\)$",
        ),
        (
            {"exercises/a.py": "import importlib\nimportlib.import_module('json.nothing')\n"},
            r".*a\.py does not load \(l",
        ),
    ],
)
def test_a_file_that_does_not_load_is_named_with_its_line(folder, files, message):
    write(folder, files)
    refused(folder, message)


def test_an_error_of_the_specification_is_said_as_it_is(folder):
    write(folder, {"assignment.py": ASSIGNMENT.replace("forward=1", "forward=0")})
    refused(folder, "points for 'forward' are 0; they must be greater than zero$")


# --- how modules are loaded ------------------------------------------------------------------


def test_files_of_exercises_import_each_other(folder):
    write(folder, {"exercises/gathering.py": GATHER.replace('"shared = 1"', "WORDS") + "from .zz import LATER\n"})
    write(folder, {"exercises/shared.py": 'from .zz import LATER\n\nWORDS = f"{LATER} = 1"\n'})
    write(folder, {"exercises/zz.py": 'from autograder.spec import Case\n\nLATER = "later"\n'})
    write(folder, {"exercises/gathering.py": "from .shared import WORDS\n" + GATHER.replace('"shared = 1"', "WORDS")})
    assert of(folder).exercise("Gather").support == "later = 1"


def test_an_exercise_that_another_file_imports_is_one_exercise(folder):
    write(folder, {"exercises/more.py": "from .degrees import degree\n"})
    assert len(of(folder).exercises) == 2


def test_two_courses_with_an_assignment_of_one_name_lie_side_by_side(folder, tmp_path):
    other = tmp_path / "other" / NAME
    write(other, {"assignment.py": ASSIGNMENT, "exercises/degrees.py": DEGREE})
    for place, number in ((folder, 1), (other, 2)):
        write(
            place,
            {
                "exercises/shared.py": f"NUMBER = {number}\n",
                "exercises/gathering.py": "from .shared import NUMBER\n"
                + (GATHER + A_CHECK).replace("return {}", 'return {"number": NUMBER}'),
                "assignment.py": ASSIGNMENT.replace("forward=1, backward=3", "forward=1"),
            },
        )
    first, second = of(folder), of(other)
    again = of(folder)
    numbers = [
        assignment.exercise("Gather").checks[0].observe(None, None)["number"] for assignment in (first, second, again)
    ]
    assert numbers == [1, 2, 1]


def test_a_changed_file_is_seen_when_it_is_loaded_again(folder):
    write(folder, {"exercises/shared.py": 'WORD = "one"\n'})
    write(folder, {"exercises/gathering.py": "from .shared import WORD\n" + GATHER.replace('"shared = 1"', "WORD")})
    before = of(folder)
    write(folder, {"exercises/shared.py": 'WORD = "two"\n'})  # as long, and within the same second
    after = of(folder)
    assert [assignment.exercise("Gather").support for assignment in (before, after)] == ["one", "two"]
    (folder / "exercises/shared.py").unlink()
    refused(folder, r"16_graphs/exercises/gathering\.py does not load \(line 1: ModuleNotFoundError")


def test_no_bytecode_is_written_and_none_is_read(folder, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    of(folder)
    assert [path for path in folder.rglob("*") if path.name == "__pycache__" or path.suffix == ".pyc"] == []
    source = folder / "exercises/degrees.py"
    cached = Path(importlib.util.cache_from_source(str(source)))
    import py_compile

    text = source.read_text(encoding="utf-8")
    source.write_text("raise SystemExit('bytecode was read')\n", encoding="utf-8")
    py_compile.compile(str(source), str(cached), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    source.write_text(text, encoding="utf-8")
    assert of(folder).exercise("degree")


@pytest.mark.parametrize("place", ["exercises", "."])
def test_modules_beside_the_sources_are_not_found(folder, place):
    import py_compile

    write(folder, {"elsewhere.py": "X = 1\n"})
    py_compile.compile(str(folder / "elsewhere.py"), str(folder / place / "hidden.pyc"))
    dots = "." if place == "exercises" else ".."
    write(folder, {"exercises/a.py": f"from {dots}hidden import X\n"})
    refused(
        folder, r"16_graphs/exercises/a\.py does not load \(line 1: ModuleNotFoundError: No module named '.*hidden'"
    )


def test_nothing_is_left_that_finds_modules(folder):
    before = list(sys.meta_path)
    of(folder)
    write(folder, {"assignment.py": "1 / 0\n"})
    refused(folder, r"16_graphs/assignment\.py does not load")
    assert sys.meta_path == before


def test_the_names_of_a_course_are_no_names_of_the_process(folder):
    write(folder, {"exercises/json.py": "NUMBER = 1\n", "exercises/numpy.py": "", "exercises/a.py": "import json\n"})
    of(folder)
    import json

    assert json.loads("1") == 1
    assert "exercises" not in sys.modules
