"""Files as they arrive: of other formats, encodings and names, and in the middle of a merge."""

import json

import pytest

from dlkit.extraction import extract
from dlkit.reading import ExtractionError, parse, read

SOURCE = "class A:\n    '''Größe'''\n    x = 1\n"


def notebook(*sources):
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources]
    return {"cells": cells, "metadata": {"dlkit": {"assignment": "02_layers"}}, "nbformat": 4, "nbformat_minor": 5}


def sources(document):
    return [(cell.kind, cell.source) for cell in document.cells if cell.source]


# --- content decides -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["work.ipynb", "work.IPYNB", "work.ipynb.json", "work.ipynb.txt", "work.json", "work.py", "work"]
)
def test_a_notebook_of_any_name_is_read_as_one(name):
    document = parse(name, json.dumps(notebook(SOURCE)).encode())
    assert sources(document) == [("code", SOURCE)]
    assert document.metadata == {"dlkit": {"assignment": "02_layers"}}


@pytest.mark.parametrize("name", ["work.py", "work.PY", "work.py.txt", "work.txt"])
def test_a_script_of_any_name_is_read_as_one(name):
    assert sources(parse(name, SOURCE.encode())) == [("code", SOURCE)]


def test_a_script_that_begins_with_a_brace_is_no_notebook():
    assert sources(parse("work.py", b"{1, 2}\n")) == [("code", "{1, 2}\n")]
    assert sources(parse("work.py", b'{"a": 1}\n')) == [("code", '{"a": 1}\n')]


def test_a_web_page_saved_as_a_notebook_is_named_as_one():
    with pytest.raises(ExtractionError, match=r"^work.ipynb is a web page, not a notebook. Download the notebook"):
        parse("work.ipynb", b"<!DOCTYPE html>\n<html></html>")


def test_half_a_notebook_under_another_name_is_not_read_as_a_script():
    half = json.dumps(notebook(SOURCE))[:-20]
    with pytest.raises(ExtractionError, match=r"^work.json is not a notebook: its JSON does not parse"):
        parse("work.json", half.encode())


# --- older formats ---------------------------------------------------------------------------


def old(version):
    cells = [
        {"cell_type": "heading", "level": 1, "source": ["Layers"]},
        {"cell_type": "code", "language": "python", "input": ["import numpy as np\n", "A = 1"], "outputs": []},
        {"cell_type": "markdown", "source": "Why?"},
        "nonsense",
    ]
    more = [{"cell_type": "code", "input": "B = 2"}]
    return {"metadata": {"name": "w"}, "nbformat": version, "worksheets": [{"cells": cells}, {"cells": more}, 3]}


@pytest.mark.parametrize("version", [2, 3])
def test_notebooks_of_old_formats_are_read(version):
    document = parse("work.ipynb", json.dumps(old(version)).encode())
    assert sources(document) == [
        ("markdown", "Layers"),
        ("code", "import numpy as np\nA = 1"),
        ("markdown", "Why?"),
        ("code", "B = 2"),
    ]
    assert json.loads(document.text)["nbformat"] == 4


# --- encodings -------------------------------------------------------------------------------

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", ["work.py", "work.ipynb"])
def test_unicode_of_every_kind_is_read(tmp_path, name, encoding):
    text = SOURCE if name == "work.py" else json.dumps(notebook(SOURCE), ensure_ascii=False)
    (tmp_path / name).write_bytes(text.encode(encoding))
    assert sources(read(tmp_path / name)) == [("code", SOURCE)]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "iso-8859-15", "gbk"])
def test_a_script_is_read_by_its_coding_line(encoding):
    text = f"#!/usr/bin/env python\n# -*- coding: {encoding} -*-\nA = '{'é' if encoding != 'gbk' else '層'}'\n"
    assert sources(parse("work.py", text.encode(encoding))) == [("code", text)]


@pytest.mark.parametrize("encoding", ["rot13", "unicode_escape", "punycode", "utf-16", "nonsense", "utf-7"])
def test_a_coding_line_names_no_codec_that_does_work_of_its_own(encoding):
    text = f"# coding: {encoding}\nA = 1\n"
    assert sources(parse("work.py", text.encode())) == [("code", text)]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"A = '\xe9'\n", "work.py is not UTF-8 text (byte 5). Save it as UTF-8."),
        (b"# coding: nonsense\nA = '\xe9'\n", "work.py is not UTF-8 text (byte 24). Save it as UTF-8."),
        (b"\xff\xfeA", "work.py is not UTF-16 text (byte 2). Save it as UTF-8."),
        (b"A\0=\0\x001\0\xd8", "work.py is not UTF-16 text (byte 6). Save it as UTF-8."),
        (b" \n", "work.py is empty. Save your work and hand it in again."),
    ],
)
def test_what_is_no_text_is_refused_in_one_sentence(data, sentence):
    with pytest.raises(ExtractionError) as error:
        parse("work.py", data)
    assert str(error.value) == sentence


# --- conflicts -------------------------------------------------------------------------------


def test_a_conflict_in_a_script_is_reported_with_its_lines():
    text = "A = 1\n<<<<<<< HEAD\nB = 2\n||||||| base\n=======\nB = 3\n>>>>>>> theirs\n"
    for ends in ("\n", "\r\n"):
        with pytest.raises(ExtractionError) as error:
            parse("work.py", text.replace("\n", ends).encode())
        assert str(error.value) == (
            "work.py contains an unresolved Git conflict (lines 2, 4, 5, 7). Keep one version, delete the marker "
            "lines, and hand it in again."
        )


def test_one_marker_that_was_left_in_a_notebook_is_reported_with_its_line():
    lines = json.dumps(notebook(SOURCE), indent=1).split("\n")
    lines.insert(4, "<<<<<<< HEAD")
    with pytest.raises(ExtractionError, match=r"^work.ipynb contains an unresolved Git conflict \(line 5\). Keep one"):
        parse("work.ipynb", "\n".join(lines).encode())


def test_of_many_conflicts_the_first_lines_are_named():
    with pytest.raises(ExtractionError, match=r"\(lines 1, 2, 3, 4, 5, 6, …\)"):
        parse("work.py", b"<<<<<<< HEAD\n=======\n>>>>>>> theirs\n" * 3)


def test_a_line_that_underlines_is_no_conflict():
    text = '"""\nLayers\n=======\n"""\nA = 1 << 2\n'
    assert sources(parse("work.py", text.encode())) == [("code", text)]


# --- scripts of nbconvert --------------------------------------------------------------------


def test_a_script_that_nbconvert_made_falls_into_its_cells(tmp_path):
    head = "#!/usr/bin/env python\n# coding: utf-8\n\n"
    text = head + "# In[ ]:\n\n\nA = 1\n\n\n# In[12]:\n\n\nB = (\n\n\n# In[13]:\n\nC = 3\n"
    (tmp_path / "work.py").write_text(text)
    found = extract(tmp_path / "work.py")
    assert {"A", "C"} <= found.defined
    assert "B" not in found.defined
    assert [cell.line for cell in read(tmp_path / "work.py").cells] == [1, 5, 11, 17]
