"""A stub comes back, and every byte outside of it stays what it was."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.learner.cells import notebook_sources, script_source
from dlkit.extraction import extract
from tests.sampling import examples

STUB = re.compile(r"class Tanh\(.*?(?=\n\n\n|\n# %%|\Z)", re.DOTALL)


@pytest.fixture
def notebook(mine):
    (mine / "assignments/02_layers/layers.py").unlink()
    return mine / "assignments/02_layers/layers.ipynb"


def fill(notebook, name, source, **layout):
    """Write an exercise in a notebook, as Jupyter saves it unless a layout is given."""
    content = json.loads(notebook.read_text())
    for cell in content["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == name:
            cell["source"] = source.splitlines(keepends=True)
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["4 µm\n"]}]
    notebook.write_text(json.dumps(content, **{"indent": 1, "ensure_ascii": False, **layout}) + "\n")


def kept(file):
    return sorted(path.name for path in file.parent.glob(f"{file.name}.*.bak"))


# --- scripts ---------------------------------------------------------------------------------


def test_one_exercise_of_a_script(autograder, write, script):
    original = script.read_text()
    write.right("Flatten")
    with_flatten = script.read_text()
    write.right("Tanh")
    mine = script.read_text()
    status, out, err = autograder("reset", "Tanh", "--yes")
    assert (status, err) == (0, "")
    assert "The old text is in layers.py.1.bak." in out
    assert script.read_text() == with_flatten != original
    assert script.with_name("layers.py.1.bak").read_text() == mine


def test_one_part_of_a_script(autograder, write, script):
    write.right("Tanh")
    before = script.read_text()
    assert autograder("reset", "Tanh.backward", "--yes")[0] == 0
    found = {c.defines[0]: c.source for c in extract(script).chunks if c.defines}["Tanh"]
    forward, _, backward = found.partition("    def backward")
    assert "return self.y" in forward
    assert backward.endswith("raise NotImplementedError()")
    assert before.split("class Tanh")[0] == script.read_text().split("class Tanh")[0]
    assert before.split("check(Tanh)")[1] == script.read_text().split("check(Tanh)")[1]


def test_a_part_that_was_deleted_comes_back(autograder, write, script):
    write.right("Tanh")
    text = script.read_text()
    begin = text.index("    def backward", text.index("class Tanh"))
    script.write_text(text[:begin].rstrip() + text[text.index("\n\n\n", begin) :])
    assert autograder("reset", "Tanh.backward", "--yes")[0] == 0
    found = {c.defines[0]: c.source for c in extract(script).chunks if c.defines}["Tanh"]
    assert "return self.y" in found
    assert found.endswith("def backward(self, dy):\n        # YOUR CODE HERE\n        raise NotImplementedError()")


def test_a_part_keeps_the_indentation_of_its_class(autograder, script):
    text = STUB.sub(
        "class Tanh(Layer):\n  def forward(self, x):\n    return x\n  def backward(self, dy):\n    return dy",
        script.read_text(),
        count=1,
    )
    script.write_text(text)
    assert autograder("reset", "Tanh.forward", "--yes")[0] == 0
    found = {c.defines[0]: c.source for c in extract(script).chunks if c.defines}["Tanh"]
    assert "  def forward(self, x):\n" in found
    assert found.endswith("  def backward(self, dy):\n    return dy")


def test_a_whole_assignment(autograder, write, mine, script):
    write.right("Tanh")
    text = script.read_text()
    assert autograder("reset", "02_layers", "--yes")[0] == 0
    assert script.read_bytes() == (mine / ".autograder/released/02_layers/layers.py").read_bytes()
    assert script.with_name("layers.py.1.bak").read_text() == text
    assert not script.with_suffix(".ipynb").exists()


def test_a_whole_assignment_whose_files_are_gone(autograder, mine, script):
    script.unlink()
    status, out, _ = autograder("reset", "02", "--yes")
    assert status == 0
    assert ".bak" not in out
    for name in ("layers.py", "layers.ipynb"):
        assert (script.parent / name).read_bytes() == (mine / ".autograder/released/02_layers" / name).read_bytes()


def test_backups_are_numbered_and_none_is_overwritten(autograder, write, script):
    texts = []
    for change in ("1", "2", "3"):
        write.wrong("Tanh", ("dx = 1 - dx", f"dx = {change} - dx"))
        texts.append(script.read_text())
        autograder("reset", "Tanh", "--yes")
    assert kept(script) == ["layers.py.1.bak", "layers.py.2.bak", "layers.py.3.bak"]
    assert [script.with_name(name).read_text() for name in kept(script)] == texts


def test_a_stub_that_is_there_already_changes_nothing(autograder, script):
    before = script.read_bytes()
    status, out, _ = autograder("reset", "Tanh", "--yes")
    assert (status, out) == (0, "Tanh is already the stub: nothing was changed.\n")
    assert script.read_bytes() == before
    assert kept(script) == []


def test_an_exercise_that_does_not_parse_can_be_reset_and_its_neighbours_stay(autograder, script, write):
    original = script.read_text()
    write.right("Tanh")
    broken = script.read_text().replace("dx = 1 - dx", "dx = (1 - dx")
    assert broken != original
    script.write_text(broken)
    assert autograder("reset", "Tanh", "--yes")[0] == 0
    assert script.read_text() == original
    script.write_text(broken)
    status, _, err = autograder("reset", "Tanh.forward", "--yes")
    assert status == 2
    assert "Tanh does not parse, so forward cannot be found in it. Reset all of Tanh." in err


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_ends_of_lines_and_the_mark_of_the_encoding_stay(autograder, script, write, ends, mark):
    write.right("Tanh")
    before = mark + script.read_text().replace("\n", ends).encode()
    script.write_bytes(before)
    assert autograder("reset", "Tanh", "--yes")[0] == 0
    after = script.read_bytes()
    begin, end = before.index(b"class Tanh"), before.index(b"# %%" + ends.encode() + b"check(Tanh)")
    assert after.startswith(before[:begin])
    assert after.endswith(before[end:])
    assert b"NotImplementedError" in after[begin : len(after) - len(before[end:])]


AROUND = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x00\x0c\x1a", exclude_categories=["Cs"]), max_size=60
).map(lambda text: "".join(f"# {line}\n" for line in text.split("\n")))


@settings(max_examples=examples(20, 60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=AROUND,
    after=AROUND,
    body=st.sampled_from(["return x", "if x:\n            return {'a': [x]}", '"""\nat the margin\n"""']),
)
def test_everything_outside_of_the_exercise_is_byte_identical_in_a_script(script, loaded, before, after, body):
    from autograder.learner.resetting import plan

    mine = f"class Tanh(Layer):\n    def forward(self, x):\n        {body}\n"
    text = f"import numpy as np\n{before}\n{mine}{after}\nx = 1"
    script.write_bytes(text.encode())
    (change,) = plan(loaded, loaded.assignment.exercise("Tanh"), None)
    new = change.content
    head, tail = f"import numpy as np\n{before}\n".encode(), f"{after}\nx = 1".encode()
    assert new.startswith(head)
    assert new.endswith(tail)
    stub = new[len(head) : len(new) - len(tail)].decode()
    assert stub.startswith("class Tanh(Layer):")
    assert stub.endswith("raise NotImplementedError()\n")


# --- notebooks -------------------------------------------------------------------------------

LAYOUTS = [{}, {"indent": None, "separators": (",", ":")}, {"indent": 4, "ensure_ascii": True}, {"indent": "\t"}]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_exercise_of_a_notebook(autograder, notebook, solution, layout):
    before = json.loads(notebook.read_text())
    fill(notebook, "Tanh", solution("Tanh"), **layout)
    filled = notebook.read_text()
    status, out, _ = autograder("reset", "Tanh", "--yes")
    assert status == 0
    assert "layers.ipynb holds the stub of Tanh again. The old text is in layers.ipynb.1.bak." in out
    after = notebook.read_text()
    content = json.loads(after)
    assert [cell["source"] for cell in content["cells"]] == [cell["source"] for cell in before["cells"]]
    fill(notebook, "Tanh", "".join(source_of(before, "Tanh")), **layout)
    assert after == notebook.read_text()  # as if the stub had been saved there by Jupyter
    assert notebook.with_name("layers.ipynb.1.bak").read_text() == filled


def source_of(content, name):
    return next(c["source"] for c in content["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == name)


def test_what_shares_the_cell_stays(autograder, notebook, solution):
    around = ["# π\n", "%matplotlib inline\n", "import math\n"], ["\n", "\n", "print('a \\\\ b', \"ä\")"]
    source = "".join(around[0]) + solution("Tanh") + "\n" + "".join(around[1])
    fill(notebook, "Tanh", source)
    before = notebook.read_text()
    assert autograder("reset", "Tanh", "--yes")[0] == 0
    found = source_of(json.loads(notebook.read_text()), "Tanh")
    assert found[:3] == around[0]
    assert found[-3:] == around[1]
    begin = before.index('"class Tanh')
    assert notebook.read_text().startswith(before[:begin])
    assert notebook.read_text().endswith(before[before.index("\"print('a") :])


def test_one_part_of_a_notebook(autograder, notebook, solution):
    fill(notebook, "Tanh", solution("Tanh"))
    assert autograder("reset", "Tanh.forward", "--yes")[0] == 0
    found = "".join(source_of(json.loads(notebook.read_text()), "Tanh"))
    forward, _, backward = found.partition("    def backward")
    assert forward.rstrip().endswith("raise NotImplementedError()")
    assert backward.rstrip().endswith("return dx")


def test_a_whole_notebook(autograder, notebook, solution, mine):
    fill(notebook, "Tanh", solution("Tanh"))
    assert autograder("reset", "02_layers", "--yes")[0] == 0
    assert notebook.read_bytes() == (mine / ".autograder/released/02_layers/layers.ipynb").read_bytes()


def test_both_files_are_reset_where_both_hold_work(autograder, mine, solution):
    folder = mine / "assignments/02_layers"
    fill(folder / "layers.ipynb", "Tanh", solution("Tanh"))
    (folder / "layers.py").write_text(STUB.sub(lambda _: solution("Tanh"), (folder / "layers.py").read_text(), count=1))
    status, out, _ = autograder("reset", "Tanh", "--yes")
    assert (status, out.count(".1.bak")) == (0, 2)


JSON_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\x0c\x00\x1a"), max_size=40)


@settings(max_examples=examples(30, 80), deadline=None)
@given(
    cells=st.lists(st.tuples(st.sampled_from(["code", "markdown"]), JSON_TEXT), max_size=4),
    around=st.tuples(JSON_TEXT, JSON_TEXT),
    layout=st.sampled_from(LAYOUTS),
    as_list=st.booleans(),
    new=st.sampled_from(["def f():\n    pass\n", "def f():\n    return 'é 😀 \\\\ \"'\n"]),
)
def test_everything_outside_of_the_lines_is_byte_identical_in_a_notebook(cells, around, layout, as_list, new):
    above, below = ("".join(f"# {line}\n" for line in text.split("\n")) for text in around)
    source = f"{above}def f():\n    return '😀'\n{below}"
    lines = source.splitlines(keepends=True) if as_list else source
    content = {"cells": [{"cell_type": kind, "source": text, "metadata": {}} for kind, text in cells]}
    content["cells"].append({"cell_type": "code", "id": "mine", "source": lines, "outputs": ["def f"]})
    content["cells"].append({"cell_type": "code", "source": [], "outputs": []})
    content["metadata"] = {"source": "not this one"}
    whole = json.dumps(content, **layout)
    number, found = next((n, s) for n, s in notebook_sources(whole) if s.text == source)
    assert number == len(cells) + 1
    first = next(i for i, line in enumerate(found.lines(), 1) if line.startswith("def f"))
    after = found.replaced(first, first + 1, new)
    wanted = source.replace("def f():\n    return '😀'\n", new, 1)
    changed = json.loads(after)
    told = changed["cells"][len(cells)]["source"]
    assert ("".join(told) if as_list else told) == wanted
    changed["cells"][len(cells)]["source"] = lines
    assert changed == content
    begin = next(i for i, (a, b) in enumerate(zip(whole + "\0", after + "\1", strict=False)) if a != b)
    at = whole.index('"mine"')
    assert begin > at
    tail = whole[whole.index('"outputs"', at) :]
    assert after.endswith(tail)


def test_a_script_is_its_own_source():
    source = script_source("a\r\nb\nc")
    assert source.lines() == ["a\r\n", "b\n", "c"]
    assert source.replaced(3, 3, "x\ny\n") == "a\r\nb\nx\r\ny"


# --- wrong usage -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Conv2d", "--yes"], "There is no assignment or exercise 'Conv2d'. Assignments are: 02_layers."),
        (["Tanh.sideways", "--yes"], "Tanh has no part 'sideways'."),
        ([], "issing argument"),
    ],
)
def test_wrong_usage_is_one_sentence(autograder, mine, arguments, sentence):
    status, out, err = autograder("reset", *arguments)
    assert (status, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_nothing_is_reset_unasked(autograder, write, script):
    write.right("Tanh")
    before = script.read_bytes()
    status, _, err = autograder("reset", "Tanh")
    assert status == 2
    assert "Pass --yes" in err
    assert script.read_bytes() == before
    assert kept(script) == []


def test_an_exercise_that_is_not_in_the_file_is_reported(autograder, script):
    script.write_text(STUB.sub("", script.read_text(), count=1))
    status, _, err = autograder("reset", "Tanh", "--yes")
    assert status == 2
    assert "layers.py does not define Tanh. Reset the whole assignment to get it back." in err


def test_where_no_stub_is_left_a_folder_can_be_named(autograder, write, mine, script, tmp_path, monkeypatch):  # noqa: PLR0917 - fixtures
    from autograder.learner import state
    from dlkit import course

    monkeypatch.setattr(course, "installed", lambda: None)
    released = mine / ".autograder/released/02_layers"
    released.rename(tmp_path / "as released")
    state.change(mine, lambda known: setattr(known, "source", ""))
    write.right("Tanh")
    status, _, err = autograder("reset", "Tanh", "--yes")
    assert status == 2
    assert err.endswith("Name a folder with 02_layers as released: --from FOLDER.\n")
    assert autograder("reset", "Tanh", "--yes", "--from", tmp_path / "as released")[0] == 0
    assert "raise NotImplementedError()" in STUB.search(script.read_text())[0]


def test_a_file_that_cannot_be_written_is_as_it_was(autograder, write, script, monkeypatch):
    write.right("Tanh")
    before = script.read_bytes()

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("autograder.learner.resetting.write_atomically", fail)
    status, _, err = autograder("reset", "Tanh", "--yes")
    assert status == 2
    assert "cannot be reset (No space left on device) and was not changed." in err
    assert script.read_bytes() == before


def test_in_the_course_itself_the_stub_is_made_from_the_solution(autograder, own_course, monkeypatch, solution):
    monkeypatch.chdir(own_course)
    file = own_course / "assignments/02_layers/layers.py"
    original = file.read_text()
    file.write_text(STUB.sub(lambda _: solution("Tanh"), original, count=1))
    (own_course / "assignments/02_layers/layers.ipynb").unlink()
    assert autograder("reset", "02_layers", "--yes", "--course", own_course)[0] == 0
    assert file.read_text() == original
