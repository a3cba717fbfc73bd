"""Sheets that somebody else wrote: read as the standard library reads them, kept byte by byte, changed cell by cell."""

import codecs
import csv
import io

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from autograder.export.errors import ExportError
from autograder.export.sheet import Sheet, read_sheet

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufeff")
cells = st.one_of(st.text(letters, max_size=8), st.text(st.sampled_from('",;\t\r\n aé山'), max_size=6))
tables = st.lists(st.lists(cells, min_size=1, max_size=4), min_size=1, max_size=5)


def write(rows, separator, end, quoting):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator, lineterminator=end, quoting=quoting).writerows(rows)
    return file.getvalue()


written = st.builds(
    write,
    tables.map(lambda rows: [["Student", "ID", "Grade"], *rows]),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
marks = st.sampled_from([(b"", "utf-8"), (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le")])


@settings(deadline=None, max_examples=150)
@given(written, marks)
@example('a,b\r\n"x ""y"" z",é\r\n', (codecs.BOM_UTF8, "utf-8"))
@example("a,b\n1,2", (b"", "utf-8"))
@example("a,b\n1,", (b"", "utf-8"))
def test_what_is_not_changed_is_kept_byte_by_byte(text, mark):
    content = mark[0] + text.encode(mark[1])
    assert Sheet(content).content() == content


@settings(deadline=None, max_examples=150)
@given(written)
def test_cells_are_those_that_the_standard_library_reads(text):
    sheet = Sheet(text.encode())
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=sheet.separator))
    mine = [sheet.row(i) for i in range(sheet.height)]
    assert [row if row != [""] else [] for row in mine] == [row if row != [""] else [] for row in read]


@settings(deadline=None, max_examples=150)
@given(written, cells, st.data())
def test_one_changed_cell_changes_that_cell_alone(text, value, data):
    sheet = Sheet(text.encode())
    row = data.draw(st.integers(1, sheet.height - 1))
    assume(sheet.row(row) != [""])
    column = data.draw(st.integers(0, len(sheet.row(row)) - 1))
    before = [sheet.row(i) for i in range(sheet.height)]
    sheet.put(row, column, value)
    assume([cell for cell in [*before[row][:column], value, *before[row][column + 1 :]] if cell])
    after = Sheet(sheet.content())
    before[row][column] = value
    assert [after.row(i) for i in range(after.height)] == before


def test_quotation_marks_and_ends_of_lines_stay_as_they_were():
    content = b'"Student";ID;"Grade"\r\n"Lovelace; Ada";7;"1"\n Hopper ;8;2\r\n'
    sheet = Sheet(content)
    sheet.put(1, 2, "5")
    sheet.put(2, 2, "6")
    assert sheet.content() == b'"Student";ID;"Grade"\r\n"Lovelace; Ada";7;"5"\n Hopper ;8;6\r\n'


def test_a_cell_is_quoted_where_it_must_be():
    sheet = Sheet(b"a,b\n1,\n")
    sheet.put(1, 1, 'x, "y"\nz')
    assert sheet.content() == b'a,b\n1,"x, ""y""\nz"\n'
    assert Sheet(sheet.content()).cell(1, 1) == 'x, "y"\nz'


def test_a_row_that_is_too_short_is_filled_up():
    sheet = Sheet(b"a,b,c\n1\n")
    assert sheet.cell(1, 2) == ""
    sheet.put(1, 2, "9")
    assert sheet.content() == b"a,b,c\n1,,9\n"


@pytest.mark.parametrize(
    ("content", "separator"),
    [
        (b"a,b;c\n", ","),
        (b'"a,b,c";d\n', ";"),
        (b"a\tb,c\td\n", "\t"),
        (b"sep=;\r\na,b;c\r\n", ";"),
        (b'"a\nb";c\n', ";"),
    ],
)
def test_the_separator_is_found(content, separator):
    sheet = Sheet(content)
    assert sheet.separator == separator
    assert sheet.content() == content


def test_an_older_encoding_is_kept():
    content = "Student,Note\nZoë Müller,\n".encode("cp1252")
    sheet = Sheet(content)
    assert sheet.cell(1, 0) == "Zoë Müller"
    sheet.put(1, 1, "é")
    assert sheet.content() == "Student,Note\nZoë Müller,é\n".encode("cp1252")
    with pytest.raises(ExportError, match="cannot represent the feedback"):
        sheet.put(1, 1, "山")


BAD = {
    "missing": (None, "cannot be read (No such file or directory). Name the sheet that you downloaded with --sheet."),
    "empty": (b"", "is empty. Download the sheet again."),
    "a workbook": (b"PK\x03\x04...", "is a workbook, not a CSV file. Save it as CSV UTF-8 first."),
    "an open quotation": (b'a,b\n"x,1\n', "a quotation mark in row 2 is never closed. Download the sheet again."),
    "no text": (
        b"\x81\x8d\xff,\x90",
        "the encoding of the text is unknown. Save the sheet as CSV UTF-8 first.",
    ),
}


@pytest.mark.parametrize(("content", "sentence"), BAD.values(), ids=BAD.keys())
def test_what_is_no_sheet_is_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "sheet.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExportError) as caught:
        read_sheet(path)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)
