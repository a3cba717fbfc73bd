import json

import pytest

from autograder.submission import SubmissionError, read_submission


@pytest.fixture
def stub(root):
    return (root / "assignments/02_layers/layers.py").read_text()


@pytest.fixture
def filled(root, swapped):
    """The released notebook, as text, with these exercises written."""

    def make(**sources):
        notebook = json.loads((root / "assignments/02_layers/layers.ipynb").read_text())
        for cell in notebook["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id")
            if name in sources:
                cell["source"] = sources[name]
        return json.dumps(notebook)

    return make


@pytest.fixture
def work(swapped):
    return "from dlkit import Layer, array_module\n\n\n" + swapped("Tanh")


def test_a_folder_with_one_file_is_that_file(tmp_path, layers, work, filled):
    (tmp_path / "layers.py").write_text(work)
    assert read_submission(tmp_path, layers).file == "layers.py"
    (tmp_path / "layers.py").unlink()
    (tmp_path / "layers.ipynb").write_text(filled())
    assert read_submission(tmp_path, layers).file == "layers.ipynb"


def test_other_files_beside_it_do_not_matter(tmp_path, layers, work):
    for name in ("layers.py", "notes.py", "old.ipynb", "data.csv"):
        (tmp_path / name).write_text(work)
    assert read_submission(tmp_path, layers).file == "layers.py"


def test_one_file_of_another_name_is_taken(tmp_path, layers, work):
    (tmp_path / "layers (2) final.py").write_text(work)
    found = read_submission(tmp_path, layers)
    assert found.file == "layers (2) final.py"
    assert "Tanh" in found.extraction.defined


def test_several_files_of_other_names_are_too_many(tmp_path, layers, work):
    for name in ("one.py", "two.ipynb"):
        (tmp_path / name).write_text(work)
    with pytest.raises(
        SubmissionError, match=r"There is no layers.ipynb and no layers.py here, but 2 other files. Hand in one"
    ):
        read_submission(tmp_path, layers)


def test_an_empty_folder_is_told(tmp_path, layers):
    (tmp_path / "image.png").write_bytes(b"x")
    with pytest.raises(SubmissionError, match=r"but no file of the kind. Hand in one of the two names."):
        read_submission(tmp_path, layers)


def test_a_missing_file_is_told(tmp_path, layers):
    with pytest.raises(SubmissionError, match=r"layers.py is not there. Check the name and the folder."):
        read_submission(tmp_path / "layers.py", layers)


def test_of_two_files_the_one_that_differs_from_the_stub_counts(tmp_path, layers, work, filled, stub):
    (tmp_path / "layers.py").write_text(stub)
    (tmp_path / "layers.ipynb").write_text(filled(Tanh=work))
    assert read_submission(tmp_path, layers).file == "layers.ipynb"
    (tmp_path / "layers.ipynb").write_text(filled())
    (tmp_path / "layers.py").write_text(work)
    assert read_submission(tmp_path, layers).file == "layers.py"


def test_two_files_that_mean_the_same_are_one(tmp_path, layers, filled, stub):
    (tmp_path / "layers.ipynb").write_text(filled())
    (tmp_path / "layers.py").write_text(stub)
    assert read_submission(tmp_path, layers).file == "layers.ipynb"


def test_layout_and_comments_do_not_make_two_files_differ(tmp_path, layers, filled, swapped):
    tanh = swapped("Tanh")
    cells = [
        {"cell_type": "code", "metadata": {}, "source": tanh.replace("self.y * self.y", "self.y*self.y  # square")}
    ]
    (tmp_path / "layers.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "layers.py").write_text(f"\n\n{tanh}\nprint(3)\n")
    assert read_submission(tmp_path, layers).file == "layers.ipynb"


def test_two_files_that_both_hold_work_are_one_too_many(tmp_path, layers, work, filled, swapped):
    (tmp_path / "layers.py").write_text(work)
    (tmp_path / "layers.ipynb").write_text(filled(ReLU=swapped("ReLU")))
    with pytest.raises(
        SubmissionError, match=r"Both layers.ipynb and layers.py hold work, and they differ. Keep the one"
    ):
        read_submission(tmp_path, layers)


def test_two_files_of_which_one_cannot_be_read_are_one_too_many(tmp_path, layers, work):
    (tmp_path / "layers.py").write_text(work)
    (tmp_path / "layers.ipynb").write_text("{")
    with pytest.raises(SubmissionError, match=r"Both layers.ipynb and layers.py hold work"):
        read_submission(tmp_path, layers)


def test_a_deep_nest_in_one_of_two_files_is_no_crash(tmp_path, layers, work, filled):
    deep = "class Tanh:\n    x = " + "1 + " * 900 + "1"
    (tmp_path / "layers.py").write_text(deep)
    (tmp_path / "layers.ipynb").write_text(filled(Tanh=work))
    with pytest.raises(SubmissionError, match=r"Both layers.ipynb and layers.py hold work"):
        read_submission(tmp_path, layers)


def test_the_hash_is_of_the_text(tmp_path, layers, work):
    (tmp_path / "layers.py").write_text(work)
    first = read_submission(tmp_path, layers).sha256
    assert first == read_submission(tmp_path / "layers.py", layers).sha256
    (tmp_path / "layers.py").write_text(work + "\n# more\n")
    assert first != read_submission(tmp_path, layers).sha256


@pytest.mark.parametrize(
    ("source", "answered"),
    [
        ("YOUR ANSWER HERE", False),
        ("  ", False),
        ("By a quarter.", True),
        (["By a\n", "quarter."], True),
        ([3, None], True),
        (None, True),
    ],
)
def test_whether_a_question_was_answered_is_known(tmp_path, layers, filled, source, answered):
    (tmp_path / "layers.ipynb").write_text(filled(vanishing_gradients=source))
    first, second = read_submission(tmp_path, layers).written
    assert (first.name, first.max_points, second.answered) == ("vanishing_gradients", 3, False)
    assert first.answered is answered


@pytest.mark.parametrize("metadata", [None, [], 3, {"nbgrader": None}, {"nbgrader": []}, {"nbgrader": {"grade_id": 3}}])
def test_a_cells_metadata_of_no_sense_is_passed_over(tmp_path, layers, work, metadata):
    cells = [{"cell_type": "code", "metadata": metadata, "source": work}, 3, None]
    (tmp_path / "layers.ipynb").write_text(json.dumps({"cells": cells}))
    assert not any(answer.answered for answer in read_submission(tmp_path, layers).written)


ANSWERED = """
# %% [markdown]
# **Question 2.** *(2 points)* Replace every ReLU by nothing.

# %% [markdown]
# It is one matrix.
"""


def test_an_answer_in_a_script_belongs_to_the_question_before_it_whatever_became_of_the_others(tmp_path, layers, work):
    (tmp_path / "layers.py").write_text(work + ANSWERED)
    written = read_submission(tmp_path, layers).written
    assert [(answer.name, answer.answered) for answer in written] == [
        ("vanishing_gradients", False),
        ("why_nonlinear", True),
    ]
