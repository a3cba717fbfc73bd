import ast
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlkit.extraction import Extraction, ExtractionError, extract, newest, take
from dlkit.reading import MAX_BYTES
from tests.sampling import examples


def cell(source, kind="code"):
    return {"cell_type": kind, "metadata": {}, "source": source, "outputs": [], "execution_count": None}


def notebook(*cells, **more):
    cells = [one if isinstance(one, dict) else cell(one) for one in cells]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more})


@pytest.fixture
def extracted(tmp_path):
    """Write a file and read it."""

    def read(content, name="work.py"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return extract(path)

    return read


def of(*cells):
    """Take from cells, each numbered."""
    return take([(f"cell {number}", 1, source) for number, source in enumerate(cells, 1)])


def needed(found, name):
    """The text of every statement that a name needs."""
    return [found.chunks[number].source for number in found.slice(name)]


def sources(found):
    return [chunk.source for chunk in found.chunks]


def places(found):
    return [(chunk.label, chunk.line, chunk.defines) for chunk in found.chunks]


# --- what is taken ---------------------------------------------------------------------------


def test_imports_definitions_and_simple_assignments_are_taken_in_order():
    found = of("import numpy as np\nA = 3", "class B:\n    x = 1\n\n\ndef c():\n    return A", "async def d(): pass")
    assert places(found) == [
        ("cell 1", 1, ("np",)),
        ("cell 1", 2, ("A",)),
        ("cell 2", 1, ("B",)),
        ("cell 2", 5, ("c",)),
        ("cell 3", 1, ("d",)),
    ]
    assert found.defined == {"np", "A", "B", "c", "d"}


@pytest.mark.parametrize(
    "source",
    [
        "C = np.sqrt(2 / np.pi)",
        "SIZES = [(1, 2), (3, 4)]",
        "TABLE = {name: len(name) for name in ('a', 'b')}",
        "A, (B, C) = 1, (2, 3)",
        "A: int = 3",
        "Linear = earlier('layers.Linear')",
        "xp = array_module(3)",
        "EPS = float('1e-3')",
        "f = np.vectorize",
        "@np.vectorize\ndef f(x):\n    return x",
        "if np.__version__ > '2':\n    A = 1\nelse:\n    A = 2",
        "try:\n    import numpy.linalg\nexcept ImportError:\n    A = None",
    ],
)
def test_this_is_kept_as_it_stands(source):
    found = of("import numpy as np", source)
    assert sources(found)[1:] == [source]


@pytest.mark.parametrize(
    "source",
    [
        "print(3)",
        "check(Linear)",
        "plt.plot(x, y)",
        "model = train(x, y)",
        "layer = Linear(3, 4)",
        "loss = model.forward(x).mean()",
        "history = fit(model)",
        "for i in range(10**9): pass",
        "while True: pass",
        "with open('x') as file: text = 1",
        "assert False",
        "del A",
        "A += 1",
        "1 + 1",
        "None",
        "Layer",
        "check(Layer)",
        "check('Layer')",
        "layer = Layer()\nlayer.forward(3)",
        "for kind in [Layer]:\n    plt.plot(kind().forward(3))",
        "np.save('x.npy', Layer().forward(3))",
        "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.plot(Layer().forward(np.zeros(3)))",
        "raise ValueError",
        "A = (b := 3)",
        "if __name__ == '__main__':\n    import sys",
        "if __name__ == '__main__':\n    main()\nelse:\n    A = 1",
        "if A:\n    run()",
        "try:\n    import numpy\nexcept ImportError:\n    print('no')",
        "A = [f() for f in functions]",
    ],
)
def test_what_an_exercise_does_not_need_is_no_part_of_its_slice(source):
    found = of("import numpy as np\n\n\nclass Layer:\n    def forward(self, x):\n        return np.exp(x)", source)
    assert needed(found, "Layer") == [chunk.source for chunk in found.chunks[:2]]


def test_one_line_may_hold_several_statements():
    found = of("A = 1; print(A); B = 2  # both", "s = 'ééééééé'; print(s)")
    assert sources(found) == ["A = 1", "print(A)", "B = 2", "s = 'ééééééé'", "print(s)"]


def test_the_last_of_two_definitions_comes_last():
    found = of("class A:\n    x = 1", "class A:\n    x = 2")
    names = {}
    for source in sources(found):
        exec(source, names)  # noqa: S102 - our own text
    assert names["A"].x == 2
    assert [chunk.label for chunk in found.chunks] == ["cell 1", "cell 2"]


def test_decorators_belong_to_what_they_decorate():
    found = of("\nimport functools\n\n@functools.cache\n@functools.wraps(len)\ndef f():\n    pass")
    assert found.chunks[1].line == 4
    assert found.chunks[1].source.startswith("@functools.cache\n@functools.wraps(len)\ndef f")


def test_a_definition_keeps_its_comments_and_blank_lines():
    source = "class A:\n    # why\n\n    def f(self):  # here\n        return 1\n\n        # after"
    assert sources(of(source + "\n\nprint(A)")) == [source.rpartition("\n\n")[0], "print(A)"]


# --- what may be imported --------------------------------------------------------------------


def test_imports_from_elsewhere_are_noted_with_their_package():
    found = of(
        "import torch.nn as nn, math\nimport scipy.linalg\nfrom sklearn.svm import SVC as S, NuSVC\n"
        "from . import own\nfrom .near import thing\nimport matplotlib.pyplot as plt"
    )
    assert sources(found) == ["import math"]
    assert found.refused == {
        "nn": "torch",
        "scipy": "scipy",
        "S": "sklearn",
        "NuSVC": "sklearn",
        "own": "a relative import",
        "thing": "near",
        "plt": "matplotlib",
    }


def test_the_standard_library_numpy_and_dlkit_may_be_imported():
    lines = ["from numpy.linalg import norm", "import dlkit", "from collections import deque", "import cupy"]
    assert sources(of("\n".join(lines))) == lines


# --- notebooks as they really are ------------------------------------------------------------


@pytest.mark.parametrize(
    "magic",
    [
        "%matplotlib inline",
        "!ls -l",
        "!echo it's",
        "files = !ls",
        "value = %timeit -o 1",
        "np?",
        "np.zeros??",
        "?np",
        "%time print('x')",
        "%load_ext autoreload",
    ],
)
def test_a_magic_costs_only_its_line(magic):
    found = of(f"import numpy as np\n{magic}\nA = 1\n{magic}\ndef f():\n    return A")
    assert [place for place in places(found) if place[2]] == [
        ("cell 1", 1, ("np",)),
        ("cell 1", 3, ("A",)),
        ("cell 1", 5, ("f",)),
    ]
    assert found.broken == ()


@pytest.mark.parametrize("magic", ["%%bash", "%%html", "%%writefile work.py", "%%javascript", "%%script false"])
def test_a_cell_that_is_not_python_is_left_out(magic):
    found = of(f"{magic}\nA = 1", "B = 2")
    assert (found.defined, found.broken) == ({"B"}, ())


@pytest.mark.parametrize("magic", ["%%time", "%%timeit -n 1", "%%capture out", "%%prun"])
def test_a_cell_that_is_only_watched_is_taken(magic):
    assert places(of(f"{magic}\nA = 1")) == [("cell 1", 2, ("A",))]


def test_a_magic_within_a_block_leaves_the_block_whole():
    found = of("def f(x):\n    if x:\n        %time x\n    return 3\n!ls")
    names = {}
    exec(sources(found)[0], names)  # noqa: S102 - our own text
    assert names["f"](1) == 3


@pytest.mark.parametrize("magics", ["", "%matplotlib inline\n!ls\n", "x = !ls\n"])
def test_lines_of_a_string_that_look_like_magics_are_kept(magics):
    text = 'TEXT = """\n%matplotlib inline\n!ls\nx = %time\nnp?\n"""'
    assert sources(of(magics + text)) == [text]


def test_a_cell_of_very_many_magics_is_read():
    found = of("!ls\n" * 500 + "A = 1")
    assert places(found) == [("cell 1", 501, ("A",))]


def test_a_broken_cell_costs_only_what_it_defines():
    found = of("A = 1", "class Linear(Layer):\n    def forward(self x):\n        pass\n\ndef g(): pass", "B = 2")
    assert found.defined == {"A", "B"}
    (broken,) = found.broken
    assert (broken.label, broken.defines) == ("cell 2", ("Linear", "g"))
    assert broken.reason.startswith("line 2: ")


def test_cells_are_numbered_as_a_reader_counts_them(extracted):
    found = extracted(notebook(cell("# title", "markdown"), "A = 1", cell("raw", "raw"), "def ("), "work.ipynb")
    assert places(found) == [("cell 2", 1, ("A",))]
    assert found.broken[0].label == "cell 4"


def test_a_source_may_be_a_list_of_lines(extracted):
    found = extracted(notebook(cell(["A = 1\n", "B = 2", 3, None])), "work.ipynb")
    assert found.defined == {"A", "B"}


@pytest.mark.parametrize(
    "odd",
    [
        None,
        3,
        "cell",
        [],
        {},
        {"cell_type": "code"},
        {"cell_type": ["code"], "source": "B = 1"},
        cell(None),
        cell(3),
        cell({"a": 1}),
        cell([[1]]),
    ],
    ids=repr,
)
def test_cells_of_no_sense_are_passed_over(extracted, odd):
    text = json.dumps({"cells": [odd, cell("A = 1")], "metadata": []})
    found = extracted(text, "work.ipynb")
    assert found.defined == {"A"}
    assert found.metadata == {}


def test_the_notebooks_metadata_is_given(extracted):
    found = extracted(notebook(metadata={"dlkit": {"assignment": "02_layers"}}), "work.ipynb")
    assert found.metadata == {"dlkit": {"assignment": "02_layers"}}


# --- percent files ---------------------------------------------------------------------------

PERCENT = """# ---
# jupyter: {}
# ---

# %% [markdown]
# # Title
# class NotThis: x = (

# %%
A = 1


def f(
# %% [md] tags=["x"]
'''not (taken'''
#%%
class B:
    pass
"""


def test_a_percent_file_is_cut_into_cells_with_the_files_line_numbers(extracted):
    found = extracted(PERCENT)
    assert places(found) == [("work.py", 17, ("B",))]
    (broken,) = found.broken
    assert (broken.label, broken.defines) == ("work.py", ("f",))
    assert broken.reason.startswith("line 13: ")


def test_a_plain_python_file_is_one_cell(extracted):
    assert places(extracted("A = 1\n\ndef f():\n    pass\n")) == [("work.py", 1, ("A",)), ("work.py", 3, ("f",))]


@pytest.mark.parametrize("ending", ["\r\n", "\r", "\n"])
def test_line_endings_make_no_difference(extracted, ending):
    text = "# %%\nA = 1\n\n\ndef f():\n    return '''a\nb'''\n%matplotlib inline\n"
    expected = extracted(text)
    for found in (
        extracted(text.replace("\n", ending)),
        extracted(notebook(text.replace("\n", ending)), "work.ipynb"),
    ):
        assert sources(found) == sources(expected)
        assert [chunk.line for chunk in found.chunks] == [2, 5]


@pytest.mark.parametrize("separator", ["\u2028", "\x0c", "\x1c", "\x85", "\x0b"])
def test_only_ends_of_lines_end_a_line(extracted, separator):
    text = f'# %%\ns = "a{separator}b"\n\n# c{separator}A = 1\nB = 2\n'
    assert places(extracted(text)) == [("work.py", 2, ("s",)), ("work.py", 5, ("B",))]


def test_a_byte_order_mark_is_no_part_of_the_text(extracted):
    assert extracted(b"\xef\xbb\xbf# %%\nA = 1\n").defined == {"A"}
    assert extracted(b"\xef\xbb\xbf" + notebook("A = 1").encode(), "work.ipynb").defined == {"A"}


def test_a_zero_byte_breaks_its_cell_alone(extracted):
    found = extracted("# %%\nA = 1\n# %%\nB = '\0'\ndef f(): pass\n")
    assert found.defined == {"A"}
    assert found.broken[0].defines == ("f",)


# --- what cannot be read ---------------------------------------------------------------------

UNREADABLE = [
    (b"", "work.py is empty. Save your work and hand it in again."),
    (b" \n\t\n", "work.py is empty."),
    (b"A = '\xe9'", "work.py is not UTF-8 text (byte 5). Save it as UTF-8."),
    (b"\xff\xfeA", "work.py is not UTF-16 text (byte 2). Save it as UTF-8."),
]
NO_NOTEBOOK = [
    ("{", "work.ipynb is not a notebook: its JSON does not parse (Expecting property name"),
    ("A = 1", "work.ipynb is not a notebook: its JSON does not parse"),
    ("[" * 100_000, "work.ipynb is not a notebook: its JSON does not parse"),
    ('{"cells": [' + "[" * 100_000 + "]" * 100_000 + "]}", "work.ipynb is not a notebook: its JSON does not parse"),
    ('{"cells": ' + "1" * 5000 + "}", "work.ipynb is not a notebook: its JSON does not parse"),
    ("[]", "work.ipynb is not a notebook: it has no list of cells. Save it again from Jupyter (nbformat 4)."),
    ("null", "it has no list of cells"),
    ('{"worksheets": [{"cells": []}]}', "it has no list of cells"),
    ('{"worksheets": [3, {"cells": 4}]}', "it has no list of cells"),
    ('{"cells": {"0": 1}}', "it has no list of cells"),
]


@pytest.mark.parametrize(("content", "sentence"), UNREADABLE)
def test_a_file_that_is_not_text_is_reported_in_one_sentence(extracted, content, sentence):
    with pytest.raises(ExtractionError) as error:
        extracted(content)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize(("content", "sentence"), NO_NOTEBOOK, ids=[text[:20] for text, _ in NO_NOTEBOOK])
def test_a_file_that_is_not_a_notebook_is_reported_in_one_sentence(extracted, content, sentence):
    with pytest.raises(ExtractionError) as error:
        extracted(content, "work.ipynb")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(
        ExtractionError, match=r"work.py cannot be read \(No such file or directory\). Check that it exists"
    ):
        extract(tmp_path / "work.py")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_reported(tmp_path):
    (tmp_path / "work.py").write_text("A = 1")
    (tmp_path / "work.py").chmod(0)
    with pytest.raises(ExtractionError, match="Permission denied"):
        extract(tmp_path / "work.py")


def test_links_pipes_and_folders_are_no_submissions(tmp_path):
    (tmp_path / "real.py").write_text("A = 1")
    (tmp_path / "link.py").symlink_to(tmp_path / "real.py")
    (tmp_path / "dangling.py").symlink_to(tmp_path / "nowhere.py")
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    for name in ("link", "dangling", "folder", "pipe"):
        with pytest.raises(ExtractionError, match=rf"{name}.py is not an ordinary file. Hand in the file itself"):
            extract(tmp_path / f"{name}.py")


def test_a_file_of_25_megabytes_is_refused(tmp_path):
    path = tmp_path / "work.ipynb"
    with path.open("wb") as file:
        file.truncate(25 << 20)
    with pytest.raises(ExtractionError, match=f"has 25 MB; at most {MAX_BYTES >> 20} MB are read. Clear its outputs"):
        extract(path)


@pytest.mark.parametrize(
    "source",
    [
        "(" * 5000 + ")" * 5000,
        "A = " + "-" * 50_000 + "1",
        "A = 1; B = " + "1 + " * 900 + "1",
        "A = " + "[" * 150 + "]" * 150,
        "x" * 100_000 + " = 1",
    ],
    ids=["parentheses", "signs", "sums", "lists", "a long name"],
)
def test_a_deep_nest_costs_at_most_its_cell(source):
    found = of(source, "C = 1")
    assert "C" in found.defined
    assert isinstance(found, Extraction)


# --- anything --------------------------------------------------------------------------------

pieces = st.lists(
    st.sampled_from(
        [
            "class A:\n",
            "    def f(self):\n",
            "        return 1\n",
            "A = 1",
            "\n",
            "\r",
            "\r\n",
            "%x",
            "!ls",
            "'''",
            '"',
            "(",
            ")",
            "# %%",
            " [markdown]",
            "import os",
            ";",
            "\\",
            "\t",
            "é",
            "\u2028",
            "\x0c",
            "\0",
            "@d\n",
            "if 1:\n",
            "?",
            "%%time\n",
        ]
    ),
    max_size=25,
).map("".join)


@settings(deadline=None, max_examples=examples(60, 300))
@given(st.lists(st.one_of(pieces, st.text(max_size=60)), max_size=4))
def test_any_text_gives_statements_that_parse(cells):
    found = of(*cells)
    for chunk in found.chunks:
        ast.parse(chunk.source)
        assert chunk.line >= 1


@settings(deadline=None, max_examples=examples(50, 150))
@given(
    st.one_of(
        pieces.map(str.encode),
        st.binary(max_size=100),
        st.text(max_size=80).map(lambda t: t.encode("utf-8", "replace")),
    )
)
def test_any_file_is_read_or_refused_in_one_sentence(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("any")
    for name in ("work.py", "work.ipynb"):
        (folder / name).write_bytes(data)
        try:
            found = extract(folder / name)
        except ExtractionError as error:
            assert name in str(error)  # noqa: PT017 - either outcome is right
        else:
            assert all(chunk.source for chunk in found.chunks)


@settings(deadline=None, max_examples=100)
@given(
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text(max_size=10), pieces),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(["cells", "cell_type", "source", "metadata", "dlkit", "nbgrader"]), inner, max_size=4
            ),
        ),
        max_leaves=12,
    )
)
def test_any_json_is_read_or_refused_in_one_sentence(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("any") / "work.ipynb"
    path.write_text(json.dumps({"cells": value}))
    try:
        assert isinstance(extract(path), Extraction)
    except ExtractionError as error:
        assert "work.ipynb" in str(error)  # noqa: PT017 - either outcome is right


# --- the newest ------------------------------------------------------------------------------


def test_the_file_saved_last_is_the_newest(tmp_path):
    assert newest(tmp_path, "work") is None
    (tmp_path / "work.py").write_text("A = 1")
    assert newest(tmp_path, "work") == tmp_path / "work.py"
    (tmp_path / "work.ipynb").write_text("{}")
    os.utime(tmp_path / "work.ipynb", (1, 1))
    assert newest(tmp_path, "work") == tmp_path / "work.py"
    os.utime(tmp_path / "work.py", (0, 0))
    assert newest(tmp_path, "work") == tmp_path / "work.ipynb"
