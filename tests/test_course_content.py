"""Rules for the files of every assignment: the public interface, one file per topic, one file of mistakes each."""

import ast
import textwrap
from pathlib import Path

import pytest

from autograder.checks.support import packaged_support_files
from autograder.course import catalogue
from autograder.course.assignment_folder import released_files

ROOT = Path(__file__).resolve().parents[1]
ASSIGNMENTS = sorted(path.parent.name for path in ROOT.glob("solutions/*/assignment.py"))
LONGEST_LINE, LONGEST_FILE, LONGEST_CODE_IN_TEXT = 120, 300, 2
VAGUE = {"shared", "common", "utils", "helpers", "misc"}

each_assignment = pytest.mark.parametrize("name", ASSIGNMENTS)


def folder_of(name):
    return ROOT / "solutions" / name


def exercises_of(name):
    return catalogue.load(name, ROOT).assignment.exercises


def authored(name):
    """The files with checks, and ``assignment.py``."""
    return [folder_of(name) / "assignment.py", *sorted((folder_of(name) / "exercises").glob("*.py"))]


def inner_imports(text):
    """The imports of a file from any module of the autograder but ``autograder.checks``."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        for module in modules:
            allowed = module == "autograder.checks" and isinstance(node, ast.ImportFrom)
            if module.split(".")[0] == "autograder" and not allowed:
                yield f"line {node.lineno} imports {module}; autograder.checks has the public names"


def bypasses(text):
    """Where a file builds a check by hand, reaches into an exercise, or gives points that ``assignment.py`` gives."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called == "Check":
                yield f"line {node.lineno} builds a Check; exercise.check adds one"
            if called == "find":
                yield f"line {node.lineno} finds a check; write its function out and use that twice"
            if called == "Points" or any(keyword.arg == "points" for keyword in node.keywords):
                yield f"line {node.lineno} gives points; they belong in assignment.py"
        elif (
            isinstance(node, ast.Attribute) and node.attr == "checks" and getattr(node.value, "id", "") != "autograder"
        ):
            yield f"line {node.lineno} touches the list of checks; exercise.check adds one"


def code_in_text(text):
    """The string literals of a file that define a function or a class of three lines or more."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        try:
            body = ast.parse(textwrap.dedent(node.value).replace("{name}", "name")).body
        except (SyntaxError, ValueError):
            continue
        for made in body:
            lines = (made.end_lineno or 0) - made.lineno + 1
            if isinstance(made, ast.FunctionDef | ast.ClassDef) and lines > LONGEST_CODE_IN_TEXT:
                yield f"line {node.lineno} holds {made.name} as text; put it into a file of support/ or use mutated()"


RULES = [inner_imports, bypasses, code_in_text]


@each_assignment
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_exercises_are_written_with_the_public_interface(name, rule):
    paths = authored(name) if rule is inner_imports else authored(name)[1:]
    found = [f"{path.name}, {each}" for path in paths for each in rule(path.read_text(encoding="utf-8"))]
    assert found == []


@each_assignment
def test_files_of_exercises_are_short_and_named_by_their_topic(name):
    for path in authored(name)[1:]:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= LONGEST_FILE, f"{path.name} has {len(lines)} lines; give each topic a file"
        assert path.stem not in VAGUE, f"name {path.name} after what is in it"
        assert not lines[0].startswith('"""Checks of '), f"say in one sentence what is in {path.name}"


@each_assignment
def test_no_line_of_the_files_that_students_get_is_too_long(name):
    """Prose of notebooks aside, whose cells wrap."""
    lines = [
        (path.name, number, len(line))
        for path in released_files(folder_of(name))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    ]
    assert [f"{file}, line {number}: {n} characters" for file, number, n in lines if n > LONGEST_LINE] == []


@each_assignment
def test_every_exercise_has_mistakes_and_every_file_belongs_to_an_exercise(name):
    names = {exercise.name for exercise in exercises_of(name)}
    assert {path.stem for path in (folder_of(name) / "mistakes").iterdir()} == names
    for kind in ("mistakes", "variants", "published"):
        files = {path.name for path in folder_of(name).glob(f"{kind}/*") if path.name != "__pycache__"}
        known = {f"{exercise}.{'md' if kind == 'mistakes' else 'py'}" for exercise in names}
        assert files <= known, f"{kind}/ has files that no exercise is named as"


@each_assignment
def test_every_support_file_is_used(name):
    used = {file for exercise in exercises_of(name) for file in exercise.support_files}
    own = {path.stem for path in folder_of(name).glob("support/*.py")}
    assert own <= used
    assert used - own <= set(packaged_support_files())


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (inner_imports, "from autograder.spec.comparison import Mismatch"),
        (inner_imports, "from autograder.checks.judges import judge_float32"),
        (inner_imports, "from autograder import subject"),
        (inner_imports, "import autograder.checks"),
        (bypasses, "norms.checks.append(one)"),
        (bypasses, "from autograder import spec\nspec.Check('a', 'b', 1.0)"),
        (bypasses, "norms.find('the result matches the reference').observe"),
        (bypasses, "LayerExercise('Linear', points=Points(forward=1))"),
        (bypasses, "OUTLINE = Points(forward=1)"),
        (code_in_text, "support = '''\nclass Double:\n    def __call__(self, x):\n        return 2 * x\n'''"),
        (code_in_text, "mutation = 'def {name}(x):\\n    y = x\\n    return y\\n'"),
    ],
)
def test_each_rule_is_seen_to_refuse_something(rule, text):
    assert list(rule(text))


def test_the_rules_let_the_ordinary_form_pass():
    text = (ROOT / "solutions/02_layers/exercises/sequential.py").read_text(encoding="utf-8")
    assert [each for rule in RULES for each in rule(text)] == []


def test_no_two_exercises_have_the_same_name():
    """``check(Adam)`` and ``autograder hint Adam`` find an exercise by its name alone."""
    owners = {}
    for name in ASSIGNMENTS:
        for exercise in exercises_of(name):
            owners.setdefault(exercise.name, []).append(name)
    assert {name: where for name, where in owners.items() if len(where) > 1} == {}
