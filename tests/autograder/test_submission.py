import json
import os

import pytest

from autograder.report import MOST_TEXT
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


def test_several_files_of_other_names_are_one_where_they_hold_the_same_work(tmp_path, layers, work):
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(work)
    found = read_submission(tmp_path, layers)
    assert (found.file, found.problems) == ("one.py", [])
    assert [(one.path, one.kind) for one in found.set_aside] == [("two.py", "other")]


def test_an_empty_folder_is_reported(tmp_path, layers):
    (tmp_path / "image.png").write_bytes(b"x")
    with pytest.raises(SubmissionError, match=r"^There is no notebook and no Python file here. Hand in layers.ipynb"):
        read_submission(tmp_path, layers)


def test_files_of_which_none_is_the_assignment_are_named(tmp_path, layers):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("x = 1")
    with pytest.raises(SubmissionError, match=r"^None of the files defines an exercise of 02_layers \(a.py, b.py\)"):
        read_submission(tmp_path, layers)


def test_a_missing_file_is_reported(tmp_path, layers):
    with pytest.raises(SubmissionError, match=r"layers.py does not exist. Check the name and the folder."):
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


# --- several files with work -----------------------------------------------------------------


@pytest.fixture
def lay(tmp_path):
    """Write files, each saved at its own time; the folder."""

    def write(**files):
        for name, (text, saved) in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            os.utime(path, (saved, saved))
        return tmp_path

    return write


def test_of_two_files_with_work_the_one_saved_last_counts_and_the_report_says_so(lay, layers, work, filled, swapped):
    other = filled(ReLU=swapped("ReLU"))
    for first, last, chosen in [(9000, 100, "layers.py"), (100, 9000, "layers.ipynb")]:
        folder = lay(**{"layers.py": (work, first), "layers.ipynb": (other, last)})
        found = read_submission(folder, layers)
        (left,) = {"layers.py", "layers.ipynb"} - {chosen}
        assert found.file == chosen
        (problem,) = found.problems
        assert problem.sentence == (
            f"{chosen} was graded, which has the latest time; {left} holds different work. "
            "To have another file graded, hand it in alone."
        )
        assert [(one.path, one.kind) for one in found.set_aside] == [(left, "hand-in")]
        assert "holds different work from" in found.set_aside[0].reason


@pytest.fixture
def variants(filled, swapped):
    """Notebooks with three different Tanh."""
    return [filled(Tanh=swapped("Tanh", *change)) for change in ((), [("1", "2")], [("1", "3")])]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["layers.ipynb", "layers (1).ipynb"], "layers (1).ipynb"),
        (["layers.ipynb", "layers-1.ipynb", "layers-2.ipynb"], "layers-2.ipynb"),
        (["layers (2).ipynb", "layers (10).ipynb"], "layers (10).ipynb"),
        (["layers-1.ipynb", "layers-1 (1).ipynb"], "layers-1 (1).ipynb"),
        (["Layers.IPYNB", "layers_v2.ipynb"], "layers_v2.ipynb"),
    ],
)
def test_the_number_in_a_name_says_which_is_newer_whatever_the_times_are(lay, layers, variants, names, chosen):
    files = {name: (variants[n], 9000 - 1000 * n) for n, name in enumerate(names)}
    found = read_submission(lay(**files), layers)
    assert found.file == chosen
    assert "which has the highest number in its name" in found.problems[-1].sentence


@pytest.mark.parametrize("copy", ["layers-Copy1.ipynb", "layers - Copy.ipynb", "layers copy 2.ipynb"])
@pytest.mark.parametrize("copied", [True, False])
def test_of_a_copy_and_its_original_the_one_saved_last_counts(lay, layers, variants, copy, copied):
    files = {"layers.ipynb": (variants[0], 5000), copy: (variants[1], 6000 if copied else 4000)}
    assert read_submission(lay(**files), layers).file == (copy if copied else "layers.ipynb")


def test_at_the_same_time_the_plainest_name_counts(lay, layers, variants):
    files = {"layers_amy.ipynb": (variants[0], 5001), "layers.ipynb": (variants[1], 5000)}
    found = read_submission(lay(**files), layers)
    assert found.file == "layers.ipynb"
    assert "which has the simplest name, at the same time; layers_amy.ipynb holds" in found.problems[-1].sentence


def test_an_untouched_file_is_no_rival_of_work_under_any_name(lay, layers, filled, swapped, stub):
    files = {"layers.py": (stub, 9000), "layers (3).ipynb": (filled(), 9000), "checks.py": ("Tanh = 1", 9000),
             "old/my homework.ipynb": (filled(Tanh=swapped("Tanh")), 10)}  # fmt: skip
    found = read_submission(lay(**files), layers)
    assert (found.file, found.notes) == ("my homework.ipynb", [])
    assert sorted((one.path, one.kind) for one in found.set_aside) == [
        ("layers (3).ipynb", "handed out"),
        ("layers.py", "handed out"),
    ]


def test_files_of_systems_and_of_the_course_are_never_the_hand_in(lay, layers, work):
    names = ("._layers.ipynb", "__MACOSX/layers.py", ".ipynb_checkpoints/layers-checkpoint.ipynb", "checks.py",
             "checks (1).py", ".git/layers.py", "venv/layers.py", "__pycache__/layers.py")  # fmt: skip
    with pytest.raises(SubmissionError, match="There is no notebook and no Python file here"):
        read_submission(lay(**dict.fromkeys(names, (work, 5))), layers)


def test_work_counts_beside_a_file_that_cannot_be_read_and_the_report_says_so(lay, layers, work):
    found = read_submission(lay(**{"layers.py": (work, 5), "layers.ipynb": ("{", 6), "notes.json": ("[", 7)}), layers)
    assert found.file == "layers.py"
    (problem,) = found.problems
    assert problem.sentence.startswith(
        "layers.py was graded. In addition, layers.ipynb is not a notebook: its JSON does"
    )
    assert [(one.path, one.kind) for one in found.set_aside] == [("layers.ipynb", "hand-in"), ("notes.json", "other")]


def test_a_file_that_cannot_be_read_beside_a_stub_is_what_was_handed_in(lay, layers, stub):
    folder = lay(**{"layers.py": (stub, 5), "layers.ipynb": ("{", 6)})
    with pytest.raises(SubmissionError, match=r"^layers.ipynb is not a notebook"):
        read_submission(folder, layers)


def test_an_empty_file_beside_a_stub_is_not_what_was_handed_in(lay, layers, stub):
    assert read_submission(lay(**{"layers.py": (stub, 5), "scratch.py": ("", 6)}), layers).file == "layers.py"


@pytest.mark.parametrize("deep", ["1 + " * 900 + "1", "0x" + "f" * 5000])
def test_code_that_python_itself_cannot_print_is_no_crash_in_one_of_two_files(lay, layers, work, filled, deep):
    folder = lay(**{"layers.py": (f"class Tanh:\n    x = {deep}", 9000), "layers.ipynb": (filled(Tanh=work), 10)})
    found = read_submission(folder, layers)
    assert found.file == "layers.py"
    assert "holds different work" in found.problems[-1].sentence


def test_a_file_of_another_assignment_is_not_taken_for_this_one(lay, layers, work):
    losses = "Linear = earlier('layers.Linear')\n\nclass MeanSquaredError:\n    pass\n\nclass Huber:\n    pass\n"
    found = read_submission(lay(**{"homework.py": (losses, 9000), "layers.py": (work, 5)}), layers)
    assert (found.file, found.notes) == ("layers.py", [])
    assert [(one.path, one.kind) for one in found.set_aside] == [("homework.py", "hand-in")]
    assert "belongs to 03_losses, not to 02_layers" in found.set_aside[0].reason


def test_a_folder_of_another_assignment_in_a_whole_repository_is_not_looked_into(lay, layers, work):
    files = {"assignments/03_losses/layers.py": (work, 9000), "assignments/02_layers/layers.py": (work, 5)}
    found = read_submission(lay(**files), layers)
    assert (found.file, found.set_aside) == ("layers.py", [])


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
    assert written[1].text == "It is one matrix."


def test_an_answer_is_kept_as_text_with_the_hash_of_all_of_it(tmp_path, layers, filled):
    texts = ("By a *quarter*:\n\n- $4^{-20}$", "x" * (MOST_TEXT + 1), "x" * (MOST_TEXT + 2))
    found = []
    for source in texts:
        (tmp_path / "layers.ipynb").write_text(filled(vanishing_gradients=source))
        found.append(read_submission(tmp_path, layers).written[0])
    assert found[0].text == texts[0]
    assert found[1].text == found[2].text == "x" * MOST_TEXT
    assert len({answer.sha256 for answer in found}) == 3
