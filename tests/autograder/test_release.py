import ast
import json
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pytest

from autograder.authoring.release import release, stale
from autograder.cli import main
from autograder.course import catalogue
from autograder.course.answers import Answers, StoredAnswers, read_stored, store
from autograder.spec import Case, SpecError
from autograder.spec.comparison import agree
from tests.sampling import some

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    "layers.ipynb",
    "layers.py",
    "assignment.py",
    "exercises/activations.py",
    "support/stacks.py",
    "hints.json",
    "cases.npz",
)
FOLDER = "assignments/02_layers"


def test_releasing_twice_changes_nothing(own_course):
    before = {name: (own_course / FOLDER / name).read_bytes() for name in FILES}
    assert release(own_course, "02_layers") == []
    assert {name: (own_course / FOLDER / name).read_bytes() for name in FILES} == before
    assert sorted({name.partition("/")[0] for name in FILES}) == sorted(p.name for p in (own_course / FOLDER).iterdir())


def test_releasing_anew_gives_the_same_texts_and_answers(own_course):
    before = {name: (own_course / FOLDER / name).read_bytes() for name in FILES}
    old = read_stored(own_course / FOLDER / "cases.npz")
    shutil.rmtree(own_course / FOLDER)
    written = [path.relative_to(own_course / FOLDER).as_posix() for path in release(own_course, "02_layers")]
    assert set(FILES) <= set(written)
    for name in FILES[:-1]:
        assert (own_course / FOLDER / name).read_bytes() == before[name]
    assert read_stored(own_course / FOLDER / "cases.npz").found.keys() == old.found.keys()


def test_what_is_committed_is_what_the_sources_give(root):
    text = (root / FOLDER / "layers.py").read_text()
    assert "### BEGIN SOLUTION" not in text
    assert "class Linear(Layer):" in text


@pytest.mark.parametrize("name", some(FILES, of=3))
def test_a_file_that_is_missing_or_changed_is_stale(own_course, name):
    assert stale(own_course, "02_layers") == []
    path = own_course / FOLDER / name
    if name == "cases.npz":
        answers = read_stored(path)
        (_, expected), *_ = answers.found["Tanh", "forward matches the reference"]
        expected["y"] = expected["y"] + 1e-3
        store(path, answers)
    else:
        path.write_text(path.read_text() + "\n")
    sentence = f"02_layers: {name} is out of date: run autograder release 02_layers"
    assert stale(own_course, "02_layers") == [sentence]
    path.unlink()
    assert stale(own_course, "02_layers") == [sentence]
    assert release(own_course, "02_layers") == [path]
    assert stale(own_course, "02_layers") == []


def test_a_change_of_the_last_bit_is_not_stale(own_course):
    path = own_course / FOLDER / "cases.npz"
    answers = read_stored(path)
    for _, expected in answers.found["Tanh", "forward matches the reference"]:
        expected["y"] = np.nextafter(expected["y"], 2)
    store(path, answers)
    assert stale(own_course, "02_layers") == []


def test_the_command_line_says_what_is_stale(own_course, capsys):
    assert main(["release", "--check", "--course", str(own_course)]) == 0
    (own_course / FOLDER / "layers.py").write_text("x = 1\n")
    assert main(["release", "--check", "--course", str(own_course)]) == 1
    assert "layers.py is out of date" in capsys.readouterr().out
    assert (own_course / FOLDER / "layers.py").read_text() == "x = 1\n"
    assert main(["release", "02", "--course", str(own_course)]) == 0
    assert main(["release", "--check", "--course", str(own_course)]) == 0


# --- the notebook ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def notebook(root):
    return nbformat.read(root / FOLDER / "layers.ipynb", as_version=4)


def test_the_notebook_is_valid_and_has_no_outputs(notebook):
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    assert notebook.metadata["dlkit"] == {"assignment": "02_layers"}
    assert len({cell["id"] for cell in notebook.cells}) == len(notebook.cells)


def test_nbgrader_accepts_its_metadata(notebook):
    from nbgrader.preprocessors import CheckCellMetadata
    from nbgrader.validator import Validator

    CheckCellMetadata().preprocess(notebook, {})
    assert Validator()._get_type_changed_cells(notebook) == []


def test_nbgrader_sees_no_cell_changed(notebook):
    from nbgrader.validator import Validator

    assert Validator()._get_changed_cells(notebook) == []


def test_every_exercise_has_a_solution_cell_and_a_locked_check_with_its_points(notebook, root):
    assignment = catalogue.load("02_layers", root).assignment
    graded = {
        cell.metadata["nbgrader"]["grade_id"]: cell.metadata["nbgrader"]
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    }
    for exercise in assignment.exercises:
        fields = graded[f"check_{exercise.name}"]
        assert (fields["grade"], fields["solution"], fields["locked"], fields["points"]) == (
            True,
            False,
            True,
            exercise.total,
        )
        assert graded[exercise.name]["solution"]
    for question in assignment.questions:
        assert (graded[question.name]["grade"], graded[question.name]["points"]) == (True, question.points)
    assert not any(fields["locked"] for name, fields in graded.items() if not name.startswith("check_"))


def test_the_script_and_the_notebook_hold_the_same_code(notebook, root):
    script = (root / FOLDER / "layers.py").read_text()
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert ast.dump(ast.parse(script)) == ast.dump(ast.parse(code))


# --- nothing of the solution gets out --------------------------------------------------------


def solution_lines(text):
    """Lines of the solution regions that are long enough to be unique."""
    kept, inside = [], False
    for line in text.splitlines():
        if "### END SOLUTION" in line:
            inside = False
        if inside and len(line.strip(" #")) >= 20:
            kept.append(line.strip(" #"))
        if "### BEGIN SOLUTION" in line:
            inside = True
    return kept


def test_nothing_of_a_solution_is_released(root):
    for name in [path.parent.name for path in (root / "assignments").glob("*/assignment.py")]:
        folder, module = root / "assignments" / name, name.partition("_")[2]
        source = (root / "solutions" / name / f"{module}.py").read_text()
        given = "\n".join(source.split("### BEGIN SOLUTION")[0::1][:1]) + "".join(
            part.partition("### END SOLUTION")[2] for part in source.split("### BEGIN SOLUTION")[1:]
        )
        repairs = [e.published for e in catalogue.load(name, root).assignment.exercises]
        given += "\n".join(text for published in repairs for text in published.values())
        secrets = [line for line in solution_lines(source) if line not in given]
        cells = json.loads((folder / f"{module}.ipynb").read_text())["cells"]
        files = [
            path for path in folder.rglob("*") if path.suffix in (".py", ".json") and path.parent.name != "published"
        ]
        released = [path.read_text() for path in files]
        released += ["".join(cell["source"]) for cell in cells]
        assert secrets
        assert [line for line in secrets if any(line in text for text in released)] == []


def test_what_is_released_holds_no_mistake_no_hint_of_one_and_no_variant(root):
    for folder in (path.parent for path in (root / "assignments").glob("*/assignment.py")):
        assert {path.name for path in folder.iterdir() if path.is_dir()} <= {"exercises", "support", "published"}
        text = "\n".join(path.read_text() for path in folder.rglob("*.*") if path.suffix in (".py", ".json"))
        for exercise in catalogue.load(folder.name, root).assignment.exercises:
            for mistake in exercise.mistakes:
                assert mistake.hint not in text
            for variant in exercise.variants.values():
                assert variant not in text


def test_released_files_are_the_authors_own_and_no_line_is_long(root):
    for folder in (path.parent for path in (root / "assignments").glob("*/assignment.py")):
        for path in folder.rglob("*.py"):
            if path.parent != folder or path.name == "assignment.py":
                inside = path.relative_to(root / "assignments")
                assert path.read_text() == (root / "solutions" / inside).read_text()
                assert max(map(len, path.read_text().splitlines())) <= 120, inside


def test_the_public_checks_behave_the_same(small_course, tmp_path):
    shutil.copytree(small_course / "assignments", tmp_path / "assignments")
    ours, theirs = (catalogue.load("02_layers", folder) for folder in (small_course, tmp_path))
    assert (ours.official, theirs.official) == (True, False)
    for mine, yours in zip(ours.assignment.exercises, theirs.assignment.exercises, strict=True):
        assert [(c.name, c.part, mine.points_of(c)) for c in mine.checks] == [
            (c.name, c.part, yours.points_of(c)) for c in yours.checks
        ]
        assert yours.mistakes == ()
        assert not yours.variants
    with pytest.raises(SpecError, match="the references of 02_layers are not available"):
        theirs.reference  # noqa: B018
    with pytest.raises(SpecError, match="no solution to release from"):
        release(tmp_path, "02_layers")


@pytest.mark.parametrize("name", catalogue.names(ROOT))
def test_every_assignment_is_whole_where_the_solutions_are_not(name, tmp_path):
    shutil.copytree(ROOT / "assignments" / name, tmp_path / "assignments" / name)
    ours, theirs = (catalogue.load(name, folder).assignment for folder in (ROOT, tmp_path))
    assert [exercise.name for exercise in theirs.exercises] == [exercise.name for exercise in ours.exercises]
    for mine, yours in zip(ours.exercises, theirs.exercises, strict=True):
        assert [(check.name, yours.points_of(check)) for check in yours.checks] == [
            (check.name, mine.points_of(check)) for check in mine.checks
        ]


# --- what a wrong source says ----------------------------------------------------------------


def test_checks_that_need_what_is_secret_are_told(own_course):
    path = own_course / "solutions/02_layers/exercises/activations.py"
    path.write_text(
        path.read_text() + "\nfrom pathlib import Path\n(Path(__file__).parents[1] / 'mistakes').iterdir().__next__()\n"
    )
    with pytest.raises(SpecError, match=r"02_layers/exercises/activations\.py does not load"):
        release(own_course, "02_layers")
    path.write_text(path.read_text().replace(".iterdir().__next__()", ".is_dir() or tanh.checks.pop()"))
    with pytest.raises(SpecError, match="its checks differ when mistakes and variants are not available"):
        release(own_course, "02_layers")


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        (
            "layers.py",
            "check(Flatten)",
            "check(Flaten)",
            "the notebook checks Flaten, which assignment.py does not list",
        ),
        (
            "layers.py",
            "check(Flatten)",
            "pass",
            "cells: the notebook has \\['Tanh'\\], assignment.py \\['Tanh', 'Flatten'\\]",
        ),
        (
            "layers.py",
            "# ## 2.9 Flatten",
            '# %% [markdown] question="why"',
            "the notebook has the question 'why', which assignment.py does not list",
        ),
    ],
)
def test_a_source_that_does_not_fit_its_spec_is_reported(own_course, file, old, new, sentence):
    path = own_course / "solutions/02_layers" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(SpecError, match=sentence):
        release(own_course, "02_layers")


def test_an_earlier_assignment_that_is_not_there_is_named(own_course):
    path = own_course / "solutions/02_layers/assignment.py"
    path.write_text(path.read_text().replace("title=", 'earlier=("01_foundations",), title='))
    with pytest.raises(SpecError, match="02_layers: earlier= names 01_foundations, which is not in solutions/: copy"):
        release(own_course, "02_layers")


# --- stored answers --------------------------------------------------------------------------


def test_answers_come_back_from_their_file(tmp_path, layers):
    answers = Answers(layers, 11)
    found = {
        (exercise.name, check.name): answers.of(exercise, check)
        for exercise in layers.assignment.exercises[-2:]
        for check in exercise.checks
    }
    store(tmp_path / "cases.npz", StoredAnswers(found, 11))
    back = read_stored(tmp_path / "cases.npz")
    assert back.seed == 11
    assert list(back.found) == list(found)
    for key, pairs in found.items():
        for (case, expected), (other_case, other) in zip(pairs, back.found[key], strict=True):
            assert case.describe() == other_case.describe()
            assert repr(case.as_data()) == repr(other_case.as_data())
            assert repr(expected) == repr(other)


def test_answers_are_drawn_once(layers):
    answers = Answers(layers, 1)
    exercise = layers.assignment.exercises[0]
    assert answers.of(exercise, exercise.checks[0]) is answers.of(exercise, exercise.checks[0])


def test_stored_answers_know_no_reference(layers):
    with pytest.raises(SpecError, match="the reference of Linear is not available"):
        StoredAnswers({}, 1).reference(layers.assignment.exercise("Linear"))


def test_objects_cannot_be_stored(tmp_path):
    from autograder.spec import Case

    with pytest.raises(TypeError, match="dtype object cannot cross"):
        store(tmp_path / "cases.npz", StoredAnswers({("A", "b"): [(Case(x=np.array([object()])), {})]}, 1))


@pytest.mark.parametrize("name", catalogue.names(ROOT))
def test_the_public_cases_of_an_assignment_are_small(name):
    exercises = len(catalogue.load(name, ROOT).assignment.exercises)
    assert (ROOT / "assignments" / name / "cases.npz").stat().st_size <= max(300_000, 17_500 * exercises)


def test_equal_arrays_are_stored_once(tmp_path):
    x = np.random.default_rng(0).normal(size=5000)
    many = {("A", str(i)): [(Case(x=x.copy()), {"y": x.copy()})] for i in range(9)}
    store(tmp_path / "cases.npz", StoredAnswers(many, 1, "01_a"))
    assert (tmp_path / "cases.npz").stat().st_size < 1.2 * x.nbytes
    found = read_stored(tmp_path / "cases.npz")
    assert (found.seed, found.assignment, list(found.found)) == (1, "01_a", list(many))
    for ((case, expected),) in found.found.values():
        assert np.array_equal(case.inputs["x"], x)
        assert np.array_equal(expected["y"], x)


def test_what_needs_no_reference_is_not_stored_and_drawn_where_it_is_needed():
    loaded = catalogue.load("05_regularization", ROOT)
    stored = read_stored(ROOT / "assignments/05_regularization/cases.npz")
    exercise = loaded.assignment.exercise("gaussian_noise")
    drawn = [check for check in exercise.checks if check.redrawn]
    assert len(drawn) >= 3
    ours = Answers(loaded, stored.seed)
    for check in drawn:
        assert (exercise.name, check.name) not in stored.found
        for (case, expected), (mine, also) in zip(stored.of(exercise, check), ours.of(exercise, check), strict=True):
            assert np.array_equal(case.inputs["x"], mine.inputs["x"])
            assert agree(expected, also)


def test_stored_gradients_come_without_the_slopes_that_prove_them(own_course, layers):
    exercise, check = layers.assignment.exercise("Tanh"), "gradients match numerical differences"
    ((_, proved), *_) = Answers(layers, 1).of(exercise, exercise.find(check))
    assert [name for name, _, _ in proved["_slopes"]] == ["dx", "dx"]
    (own_course / FOLDER / "cases.npz").unlink()
    release(own_course, "02_layers")
    ((_, stored), *_) = read_stored(own_course / FOLDER / "cases.npz").found["Tanh", check]
    assert stored["_slopes"] == []
    assert set(stored) == {"dx", "_slopes"}
