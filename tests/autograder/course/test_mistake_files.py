"""The text format of planted mistakes: what each line means, what is refused, and what an edit does to a source."""

import ast
import re
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.course import mistake_files
from autograder.course.mistake_files import entries, read_mistakes
from autograder.spec import Edit, Mistake, SpecError

ROOT = Path(__file__).resolve().parents[3]


def only(text):
    [entry] = entries(text, "A.md")
    return entry


def edits_of(text):
    return only(f"## name\n{text}\n").edits


def read(tmp_path, text):
    path = tmp_path / "Linear.md"
    path.write_text(text, encoding="utf-8")
    return read_mistakes(path)


# --- what the lines mean ---------------------------------------------------------------------


def test_the_example_of_the_documentation_is_a_mistake(tmp_path):
    text = textwrap.dedent(mistake_files.__doc__.split("::\n\n")[1].split("\n\nA heading")[0])
    [mistake] = read(tmp_path, text)
    assert mistake == Mistake(
        "adds a repeated id only once",
        (Edit(("scatter_add(self.W.grad, ids, dy)",), ("self.W.grad[ids] += dy",)),),
        "Fancy-index assignment keeps one of several equal ids. Use a scatter-add.",
        "gradients match numerical differences",
    )


def test_every_mistake_of_the_course_is_read():
    for path in ROOT.glob("solutions/*/mistakes/*.md"):
        assert len(read_mistakes(path)) == path.read_text(encoding="utf-8").count("\n## ")


def test_an_entry_knows_its_line():
    found = list(entries("# Linear\n\n% a comment\n\n## one\n- a\n\n## two\n- b\n", "A.md"))
    assert [(entry.name, entry.line) for entry in found] == [("one", 5), ("two", 8)]


def test_a_file_without_entries_has_none():
    assert list(entries("", "A.md")) == list(entries("# Linear\n\n% none yet\n", "A.md")) == []


def test_a_hint_of_several_lines_is_one_paragraph():
    assert only("## name\n> Sum over\n>the batch, \n> not the features.\n").hint == (
        "Sum over the batch, not the features."
    )


def test_a_key_may_come_twice_and_its_value_may_hold_colons_and_stars():
    entry = only("## name\ntrue: mistake: averages\ntrue: factor *\nalso:\ncaught by:  accumulates \n")
    assert entry.fields == {"true": ["mistake: averages", "factor *"], "also": [""], "caught by": ["accumulates"]}


def test_consecutive_lines_are_one_text_and_keep_their_indentation():
    assert edits_of("- if a:\n-     b\n+ if c:\n+     d\n+ e") == [(["if a:", "    b"], ["if c:", "    d", "e"])]


def test_an_empty_line_ends_a_pair():
    assert edits_of("- a\n+ b\n\n- c\n+ d") == [(["a"], ["b"]), (["c"], ["d"])]
    assert edits_of("- a\n\n- c") == [(["a"], []), (["c"], [])]


def test_a_minus_after_a_plus_begins_the_next_pair():
    assert edits_of("- a\n+ b\n- c\n+ d") == [(["a"], ["b"]), (["c"], ["d"])]


def test_without_plus_lines_the_text_is_deleted():
    assert edits_of("- a\n- b") == [(["a", "b"], [])]


def test_a_sign_alone_is_an_empty_line_and_the_space_after_a_sign_is_no_text():
    assert edits_of("- a\n-\n- b\n+ c\n+\n+d") == [(["a", "", "b"], ["c", "", "d"])]
    assert edits_of("--x\n+ -x") == [(["-x"], ["-x"])]


def test_a_comment_is_left_out_wherever_it_stands():
    assert edits_of("% why\n- a\n% and why\n- b\n+ c") == [(["a", "b"], ["c"])]


@pytest.mark.parametrize("key", ["replace all", "replace methods"])
def test_a_block_of_code_is_the_source_as_it_stands(key):
    entry = only(f"## name\n{key}:\n```python\ndef f(x):\n\n    return x\n```\n> After it.\n")
    assert (entry.replaces, entry.source) == (key, "def f(x):\n\n    return x\n")
    assert (entry.edits, entry.fields, entry.hint) == ([], {}, "After it.")


def test_what_looks_like_the_format_is_code_within_a_block():
    code = "## no heading\n- a\n+ b\n> c\n% d\nkey: value\n# e\n"
    found = list(entries(f"## name\nreplace all:\n```python\n{code}```\n\n## next\n- a\n", "A.md"))
    assert [(entry.name, entry.line, entry.source) for entry in found] == [("name", 1, code), ("next", 13, None)]


@pytest.mark.parametrize("character", ["\f", "\v", "\x1c", "\x85", "\u2028"])
def test_only_a_newline_ends_a_line(character):
    assert edits_of(f'- "a{character}b"\n+ c') == [([f'"a{character}b"'], ["c"])]
    with pytest.raises(SpecError, match="line 3:"):
        list(entries(f"## {character}a\n- b{character}c\nodd\n", "A.md"))


def test_a_file_from_windows_is_read_alike(tmp_path):
    text = "## name\n> Hint.\n- a\n-     b\n+ c\n"
    (tmp_path / "A.md").write_bytes(text.replace("\n", "\r\n").encode())
    assert read_mistakes(tmp_path / "A.md") == read(tmp_path, text)


def test_without_caught_by_no_check_is_named(tmp_path):
    [mistake] = read(tmp_path, "## name\n> Hint.\n- a\n")
    assert (mistake.caught_by, mistake.whole) == (None, None)


def test_a_mistake_may_be_a_whole_source(tmp_path):
    [mistake] = read(tmp_path, "## name\n> Hint.\nreplace all:\n```\ndef f(x): pass\n```\n")
    assert mistake == Mistake("name", (), "Hint.", None, "def f(x): pass\n")
    assert mistake.apply("anything", "f") == "def f(x): pass\n"


# --- what is refused -------------------------------------------------------------------------

BLOCK = "```\npass\n```"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# Linear\n\nodd\n\n## a\n- a", "A.md, line 3: begin with '## ' and the name of a mistake; .*: 'odd'"),
        ("##a\n- a", "A.md, line 1: begin with '## '"),
        ("### a\n", "A.md, line 1: begin with '## '"),
        ("```\n## a\n```\n", "A.md, line 1: begin with '## '"),
        ("## \n- a", "A.md, line 1: write a name for the mistake after"),
        ("% a\n## b\n- a\n\n##  \n", "A.md, line 5: write a name for the mistake after"),
        ("## a\n- b\n\n## c\n- d\n\n## a\n- e", "A.md, line 7: “a” is already used in line 1"),
        ("## a\nodd\n", "A.md, line 2: expected a line that begins with '- ', .* got 'odd'"),
        ("## a\n- b\n## c\n> d\n### e\n", "A.md, line 5: expected a line that begins with"),
        ("## a\nCaught by: b\n", "A.md, line 2: expected a line that begins with"),
        ("## a\ncaught by:b\n", "A.md, line 2: expected a line that begins with"),
        ("## a\n - b\n", "A.md, line 2: expected a line that begins with"),
        ("## a\n> b\n+ c\n", r"A.md, line 3: '\+' lines replace '-' lines, which must come first"),
        ("## a\n- b\n\n+ c\n", r"A.md, line 4: '\+' lines replace"),
        (f"## a\n{BLOCK}\n", "A.md, line 2: write 'replace all:' or 'replace methods:' before a block of code"),
        (f"## a\nreplace all:\n{BLOCK}\n{BLOCK}\n", "A.md, line 6: write 'replace all:' .*, once per mistake"),
        (
            "## a\nreplace all:\n```\nx\n\n## b\n- c\n",
            "A.md, line 3: the block of code has no end: close it with three",
        ),
        ("## a\n\nreplace all:\n- b\n+ c\n", "A.md, line 1: 'replace all:' has no block of code"),
        ("## a\nreplace all: x = 1\n", "A.md, line 2: 'replace all:' must be alone on its line"),
        (f"## a\nreplace all:\nreplace methods:\n{BLOCK}\n", "A.md, line 3: 'replace methods:' must be .*, once"),
    ],
)
def test_an_entry_is_refused_with_its_line(text, message):
    with pytest.raises(SpecError, match=f"^{message}"):
        list(entries(text, "A.md"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("true: b\n- b\n> Hint.", "unknown key 'true:'; expected 'caught by:' or 'replace all:'"),
        ("caught by: b\ncaught by: c\n- b\n> Hint.", "'caught by:' names one check"),
        ("caught by:\n- b\n> Hint.", "'caught by:' names one check"),
        ("> Hint.", "write either '-' and '.' lines, or 'replace all:' with a block of code"),
        (f"> Hint.\n- b\n+ c\nreplace all:\n{BLOCK}", "write either"),
        (f"> Hint.\nreplace methods:\n{BLOCK}", "write either"),
        ("- b\n+ c", " ?has no hint: write after '> ' what a student who makes this mistake needs to know"),
        (">\n- b\n+ c", " ?has no hint"),
    ],
)
def test_a_mistake_is_refused_with_the_line_of_its_heading(tmp_path, text, message):
    with pytest.raises(SpecError, match=f"^Linear.md, line 6: “a”:? ?{message}"):
        read(tmp_path, f"# Linear\n\n## first\n> Hint.\n- b\n## a\n{text}\n")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "A.md").write_bytes("## größer\n".encode("latin-1"))
    with pytest.raises(SpecError, match=f"{tmp_path.name}/A.md is not UTF-8 text .byte 5.: save it as UTF-8"):
        read_mistakes(tmp_path / "A.md")


# --- what an edit does -----------------------------------------------------------------------

SOURCE = """\
class Linear:
    def forward(self, x):
        for row in x:
            if row:
                y = row @ self.W

                self.y.append(y)
        return y

    def backward(self, dy):
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.T
"""


def applied(text, source=SOURCE):
    entry = only(f"## name\n{textwrap.dedent(text)}")
    return Mistake("name", entry.made_edits(), "Hint.").apply(source, "Linear")


def test_a_block_gets_the_indentation_of_its_place():
    assert applied("- if row:\n-     y = row @ self.W\n+ if all(row):\n+     z = row\n+     y = z\n") == SOURCE.replace(
        "            if row:\n                y = row @ self.W\n",
        "            if all(row):\n                z = row\n                y = z\n",
    )


def test_a_text_may_begin_and_end_in_the_middle_of_a_line():
    assert applied("- dy.sum(axis=0)\n+ dy.mean(axis=0)\n") == SOURCE.replace("dy.sum(axis=0)", "dy.mean(axis=0)")
    assert applied("- in x:\n-     if\n+ in x[1:]:\n+     if not\n") == SOURCE.replace(
        "in x:\n            if", "in x[1:]:\n            if not"
    )


def test_a_text_may_end_further_left_than_it_begins():
    assert applied("-         self.y.append(y)\n- return y\n+         self.y = y\n+ return self.y\n") == SOURCE.replace(
        "        self.y.append(y)\n        return y\n", "        self.y = y\n        return self.y\n"
    )


def test_an_empty_line_within_a_text_has_no_indentation():
    assert applied("- y = row @ self.W\n-\n- self.y.append(y)\n+ y = row\n+\n+ self.y += [y]\n") == SOURCE.replace(
        "y = row @ self.W\n\n                self.y.append(y)", "y = row\n\n                self.y += [y]"
    )


def test_whole_lines_are_deleted_with_their_indentation():
    assert applied("- self.b.grad += dy.sum(axis=0)\n") == SOURCE.replace("        self.b.grad += dy.sum(axis=0)\n", "")
    assert applied("- if row:\n-     y = row @ self.W\n-\n-     self.y.append(y)\n+ pass\n\n- return y\n") == (
        SOURCE.replace(SOURCE[SOURCE.index("if row") : SOURCE.index("return y")], "pass\n        ").replace(
            "        return y\n", ""
        )
    )


def test_a_part_of_a_line_is_deleted_without_its_line():
    assert applied("- .T\n") == SOURCE.replace(".T", "")
    assert applied("- .sum(axis=0)\n") == SOURCE.replace(".sum(axis=0)", "")


def test_the_last_line_may_be_deleted_without_a_newline_after_it():
    assert ast.dump(ast.parse(applied("- return dy @ self.W.T\n", SOURCE.rstrip("\n")))) == ast.dump(
        ast.parse(SOURCE.replace("        return dy @ self.W.T\n", ""))
    )


@pytest.mark.parametrize(
    ("text", "count"), [("self.W", 2), ("self.V", 0), ("return y\n-\n- def forward", 0), ("row:\n-   y =", 0)]
)
def test_a_text_occurs_exactly_once(text, count):
    with pytest.raises(SpecError, match=rf"^Linear: mistake 'name': its text occurs {count} times, not once: '"):
        applied(f"- {text}\n+ z\n")


def test_further_lines_tell_which_of_two_places_is_meant():
    source = "def f(x):\n    y = 1\n    if x:\n        y = 1\n        z = 2\n    return y\n"
    assert applied("- y = 1\n- z = 2\n+ y = 3\n", source) == source.replace(
        "        y = 1\n        z = 2\n", "        y = 3\n"
    )
    assert applied("- y = 1\n- if x:\n+ if y:\n", source) == source.replace("    y = 1\n    if x:\n", "    if y:\n")


def test_text_that_overlaps_itself_occurs_twice():
    with pytest.raises(SpecError, match="occurs 2 times"):
        applied("- a + a\n+ b\n", "y = a + a + a\n")


@pytest.mark.parametrize("second", ["- y = row @ self.W", "- row @ self", "- @ self.W\n-\n- self.y", "- y = row @"])
def test_edits_that_overlap_are_refused(second):
    with pytest.raises(SpecError, match=r"^Linear: mistake 'name': two of its edits overlap; make them one$"):
        applied(f"- y = row @\n+ y = x @\n\n{second}\n+ z\n")


def test_edits_that_touch_are_no_overlap():
    assert applied("- y = row\n+ y = x\n\n- @ self.W\n+ * self.W\n", "y = row@ self.W\n") == "y = x* self.W\n"


def test_every_edit_is_found_in_the_text_as_it_was():
    source = "y = x\nreturn y\n"
    assert applied("- = x\n+ = x\n+ y += noise\n\n- return y\n+ y = x\n+ return y\n", source) == (
        "y = x\ny += noise\ny = x\nreturn y\n"
    )
    with pytest.raises(SpecError, match="occurs 0 times"):
        applied("- = x\n+ = x\n+ y += noise\n\n- y += noise\n", source)


def test_what_does_not_parse_is_refused():
    with pytest.raises(SpecError, match=r"^Linear: mistake 'name' does not parse: .*, line 12$"):
        applied("- self.W.T\n+ (self.W.T\n")


# --- any program, any lines ------------------------------------------------------------------


@st.composite
def programs(draw, names=None):
    """Lines of a program of nested blocks.  Without names every line is another one."""
    lines = []

    def name():
        return f"v{draw(st.integers(0, names)) if names else len(lines):04}"

    def block(depth):
        for _ in range(draw(st.integers(1, 3))):
            kind = draw(st.sampled_from(["simple", "simple", "blank", "if", "while"]))
            if kind == "blank":
                lines.append("")
            margin = "    " * depth
            if kind in ("if", "while") and depth < 4:
                lines.append(f"{margin}{kind} {name()}:")
                block(depth + 1)
            else:
                lines.append(f"{margin}{name()} = {name()}")

    for _ in range(2):
        block(0)
    return lines


@st.composite
def ranges(draw, lines, of=slice(None)):
    """A range of lines that begins and ends with one that is not empty; of: the lines to choose from."""
    full = [i for i, line in enumerate(lines) if line][of]
    begin, last = sorted((draw(st.sampled_from(full)), draw(st.sampled_from(full))))
    return begin, last + 1


def changed(draw, lines):
    """Other lines of the same structure: new names, and statements and empty lines between."""
    found = []
    for line in lines:
        found.append(line.replace("v", draw(st.sampled_from(["w", "u", "v"]))))
        margin = line[: len(line) - len(line.lstrip())]
        if line and not line.endswith(":"):
            found += draw(st.sampled_from([[], [f"{margin}more = 1"], ["", f"{margin}if more:", f"{margin}    pass"]]))
    return found


def dedented(*blocks):
    """Blocks without the indentation that all of their lines share."""
    margin = min(len(line) - len(line.lstrip()) for block in blocks for line in block if line)
    return [[line[margin:] for line in block] for block in blocks]


def as_text(old, new):
    return "".join(f"{sign} {line}".rstrip() + "\n" for sign, lines in (("-", old), ("+", new)) for line in lines)


@settings(max_examples=50)
@given(st.data())
def test_an_edit_of_dedented_lines_is_a_replacement_of_these_lines(data):
    lines = data.draw(programs())
    begin, end = data.draw(ranges(lines))
    new = changed(data.draw, lines[begin:end])
    expected = "\n".join([*lines[:begin], *new, *lines[end:]]) + "\n"
    found = applied(as_text(*dedented(lines[begin:end], new)), "\n".join(lines) + "\n")
    assert ast.dump(ast.parse(found)) == ast.dump(ast.parse(expected))
    assert found == expected


@settings(max_examples=50)
@given(st.data())
def test_two_edits_are_two_replacements(data):
    lines = data.draw(programs())
    between = data.draw(st.integers(1, sum(map(bool, lines)) - 1))
    (a, b), (c, d) = (data.draw(ranges(lines, of)) for of in (slice(between), slice(between, None)))
    first, second = changed(data.draw, lines[a:b]), changed(data.draw, lines[c:d])
    texts = [as_text(*dedented(lines[a:b], first)), as_text(*dedented(lines[c:d], second))]
    expected = "\n".join([*lines[:a], *first, *lines[b:c], *second, *lines[d:]]) + "\n"
    assert applied("\n".join(data.draw(st.permutations(texts))), "\n".join(lines) + "\n") == expected


@settings(max_examples=50)
@given(st.data())
def test_deleted_lines_are_gone(data):
    lines = data.draw(programs())
    begin, end = data.draw(ranges(lines))
    [old] = dedented(lines[begin:end])
    [(start, stop, text)] = Edit(tuple(old)).places(source := "\n".join(lines) + "\n")
    assert source[:start] + text + source[stop:] == "".join(f"{line}\n" for line in lines[:begin] + lines[end:])


@settings(max_examples=50)
@given(st.data())
def test_lines_that_occur_often_are_found_at_every_place(data):
    lines = data.draw(programs(names=1))
    begin, end = data.draw(ranges(lines))
    [old] = dedented(lines[begin:end])
    source = "\n".join(lines) + "\n"
    here = len("".join(f"{line}\n" for line in lines[:begin]))
    margin = re.match(" *", lines[begin])[0][len(re.match(" *", old[0])[0]) :]
    found = Edit(tuple(old), ("new",)).places(source)
    assert (here + len(margin), here + len("\n".join(lines[begin:end])), "new") in found
