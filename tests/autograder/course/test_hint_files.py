"""Hints in a notebook's source, and as they are released."""

import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.course import hint_files
from autograder.course.hint_files import hints_in, read_hints, released_hints, written_hints
from autograder.spec import SpecError

ROOT = Path(__file__).resolve().parents[3]
CELL = '# %% [markdown] hints="Linear"\n'


def test_the_example_of_the_documentation_is_read():
    text = textwrap.dedent(hint_files.__doc__.split("::\n\n")[1].split("\n\nEach part")[0])
    assert hints_in(text, "layers.py") == {
        "Linear": {
            "forward": [
                "Over which axis do x and W agree, so that it can be summed away?",
                "y = x W + b, that is yₙⱼ = Σᵢ xₙᵢ Wᵢⱼ + bⱼ; (N, I) (I, O) + (O,) → (N, O)",
                "Store x, which backward needs. One matrix product, nothing transposed.",
            ]
        }
    }


def test_cells_may_stand_anywhere_between_others():
    text = (
        "# %%\nimport numpy\n\n"
        f"{CELL}# ### forward\n# 1. Look.\n\n# %%\n# ### no hint\nx = 1\n\n"
        '# %% [markdown] tags=["a"] hints="ReLU"\n# ### backward\n# 1. Mask.\n# %% [markdown]\n# 1. no hint either\n'
    )
    assert hints_in(text, "a.py") == {"Linear": {"forward": ["Look."]}, "ReLU": {"backward": ["Mask."]}}


def test_a_hint_may_have_several_lines_and_a_cell_empty_ones():
    text = f"{CELL}#\n# ### forward\n#\n# 1. Sum\n#    over 2\n# axes.\n#\n# 2. Then\n# ### backward\n# 1. Back."
    assert hints_in(text, "a.py") == {"Linear": {"forward": ["Sum over 2 axes.", "Then"], "backward": ["Back."]}}


def test_a_cell_goes_on_after_a_line_without_a_sign():
    text = f"{CELL}# ### forward\n# 1. Look.\n\n# 2. Sum.\n\n\n# ### backward\n# 1. Back.\n\n\n# %%\nx = 1\n"
    assert hints_in(text, "a.py") == {"Linear": {"forward": ["Look.", "Sum."], "backward": ["Back."]}}


def test_without_cells_of_hints_there_are_none(tmp_path):
    assert hints_in('# %% [markdown]\n# hints="Linear" is what such a cell has\n', "a.py") == {}
    assert hints_in("", "a.py") == read_hints(tmp_path / "none.py") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{CELL}# ### forward\n# 1. a\n\n{CELL}", "a.py, line 5: hints for Linear are in two cells"),
        (f"{CELL}# Look.\n", "a.py, line 2: hints for Linear: begin with '### ' and the name of a part: '# Look.'"),
        (f"{CELL}# 1. Look.\n", "a.py, line 2: hints for Linear: begin with '### '"),
        (f"{CELL}# ### forward\n# Look.\n", "a.py, line 3: .*: a hint begins with its number, '1. ': '# Look.'"),
        (f"{CELL}# ### forward\n# 2. a\n", "a.py, line 3: .*: number the hints 1, 2, 3; this is number 1: '# 2. a'"),
        (f"{CELL}# ### forward\n# 1. a\n# 1. b\n", "a.py, line 4: .* this is number 2: '# 1. b'"),
        (f"{CELL}# ### f\n# 1. a\n# ### g\n# 2. b\n", "a.py, line 5: .* this is number 1"),
        (f"{CELL}# ### f\n# 1. a\n# ### f\n# 2. b\n", "a.py, line 4: .*: each part begins once, with '### '"),
        (f"{CELL}# ### f\n# 1. a\n# ### to the back\n", "a.py, line 4: .*: each part begins once, with '### '"),
        (f"{CELL}# ### f\n# 1. a\n# ## g\n", "a.py, line 4: .*: each part begins once"),
        (f"{CELL}# ### f\n# 1. a\n\nx = 1\n", "a.py, line 5: .*: a cell of hints consists of comments: 'x = 1'"),
        ("\n# %% [markdown] hints='A'\n", "a.py, line 2: a cell of hints begins with '# %% .markdown. hints=\"NAME\"'"),
        ('# %% hints="A"\n', "a.py, line 1: a cell of hints begins with"),
        ('#%% [markdown] hints="A"\n', "a.py, line 1: a cell of hints begins with"),
        ('# %% [markdown] hints="layers.A"\n', "a.py, line 1: a cell of hints begins with"),
    ],
)  # fmt: skip
def test_a_cell_that_is_written_otherwise_is_refused_with_its_line(text, message):
    with pytest.raises(SpecError, match=f"^{message}"):
        hints_in(text, "a.py")


def test_a_source_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "a.py").write_bytes(b"# \xff")
    with pytest.raises(SpecError, match=r"a\.py is not UTF-8 text"):
        read_hints(tmp_path / "a.py")


words = st.sampled_from(["Sum", "over", "2", "axes:", "Σᵢ", "xᵢ", "+", "-", "%", "1.", "(N, I)", "“a”", "hints="])
sentences = st.lists(words, max_size=5).map(lambda more: " ".join(["Look", *more]))
parts = st.dictionaries(st.sampled_from(["forward", "backward", "step_2"]), st.lists(sentences, max_size=4), min_size=1)
hints_of_exercises = st.dictionaries(st.sampled_from(["Linear", "ReLU", "one_hot"]), parts)


@settings(max_examples=30)
@given(hints_of_exercises, st.sampled_from(["", "#", "#  "]))
def test_what_is_written_in_cells_is_read_as_it_is(hints, between):
    lines = []
    for name, of_parts in hints.items():
        lines += [f'# %% [markdown] hints="{name}"']
        for part, texts in of_parts.items():
            lines += [f"# ### {part}", *(f"# {i}. {text}" for i, text in enumerate(texts, 1)), between]
    assert hints_in("\n".join(lines), "a.py") == hints


def test_what_is_released_is_read_as_it_was(tmp_path):
    hints = {"Linear": {"forward": ["“Σᵢ xᵢ”\n\\", "b"], "backward": []}, "ReLU": {}}
    (tmp_path / "hints.json").write_text(written_hints(hints), encoding="utf-8")
    assert released_hints(tmp_path / "hints.json") == hints


def test_released_hints_end_in_a_newline_and_keep_their_characters():
    assert written_hints({"A": {"f": ["Σᵢ xᵢ"]}}) == '{\n "A": {\n  "f": [\n   "Σᵢ xᵢ"\n  ]\n }\n}\n'


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"A": {"f": [1]}}', b'{"A": {"f": ["\xff"]}}', b"\xff"])
def test_a_file_that_release_did_not_write_is_refused(tmp_path, content):
    path = tmp_path / "02_layers" / "hints.json"
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        SpecError, match=r"^02_layers/hints\.json cannot be read \(.+\): get the assignment again$"
    ) as e:
        released_hints(path)
    assert str(tmp_path) not in str(e.value)


def test_the_hints_of_the_course_are_released_as_they_are_written():
    for folder in sorted((ROOT / "solutions").iterdir()):
        hints = read_hints(folder / f"{folder.name[3:]}.py")
        assert hints
        assert released_hints(ROOT / "assignments" / folder.name / "hints.json") == hints
