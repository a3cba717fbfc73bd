"""The texts of the project use none of the wordings in ``phrases.toml``."""

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ["autograder", "benchmarks", "dlkit", "docs", "fuzz", "solutions", "tests"]
PLACES = [*FOLDERS, "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "README.md"]
KINDS = {".py", ".md", ".html", ".css", ".js", ".toml", ".yml", ".yaml", ".sh", ""}
NOT_OURS = (
    "tests/phrases.toml",
    "tests/test_plain_english.py",
    "tests/autograder/classroom/handins/",
    "dlkit/datasets/data/LICENSE-PYTHON-MANUAL.md",
)
CODE_OF_OTHERS = ("tests/diagnosis/unseen/", "tests/solutions/alternatives/", "tests/solutions/strangers/")
PHRASES = tomllib.loads((ROOT / "tests/phrases.toml").read_text(encoding="utf-8"))["phrase"]

LINE_END = re.compile(r"""["']?\n[ \t]*(?:[#>|*] ?)?(?:f?["'])?""")
ANY = re.compile(rf"(?<![a-z])(?=[a-z])(?:{'|'.join(phrase['pattern'] for phrase in PHRASES)})".replace(" ", " +"))
"""Finds a text that uses one of them, in a sixth of the time that looking for one after the other takes."""
KEPT = re.compile(rf"\b(?:{'|'.join(name for phrase in PHRASES for name in phrase.get('keeps', []))})\b")
CODE = re.compile(r"^```.*?^```|^[-+] .*?$", re.MULTILINE | re.DOTALL)

each_phrase = pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase["say"])


def blanked(found: re.Match) -> str:
    """Spaces of the same length, so that positions stay what they are."""
    return " " * len(found[0])


def one_line(text: str) -> str:
    """The text as a reader reads it: lower case, names as words, and no line ends within a sentence."""
    return LINE_END.sub(blanked, KEPT.sub(blanked, text.lower()).replace("_", " "))


def tracked() -> list[str]:
    """The project's files; in a copy without its repository, every file."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", *PLACES], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0:
        return listed.stdout.decode().split("\0")[:-1]
    files = [path for place in PLACES for path in ((ROOT / place).rglob("*") if place in FOLDERS else [ROOT / place])]
    return [path.relative_to(ROOT).as_posix() for path in files]


@cache
def texts() -> dict[str, tuple[str, str]]:
    """Every text of the project by its path: as it is, and in one line, empty where no phrase is used."""
    read = {}
    for path in tracked():
        if Path(path).suffix not in KINDS or path.startswith(NOT_OURS) or not (ROOT / path).is_file():
            continue
        text = (ROOT / path).read_text(encoding="utf-8")
        line = one_line(CODE.sub(blanked, text) if path.startswith(CODE_OF_OTHERS) else text)
        read[path] = (text, line if ANY.search(line) else "")
    return read


def found_in(line: str, phrase: dict) -> list[re.Match]:
    return list(re.finditer(phrase["pattern"].replace(" ", " +"), line))


@each_phrase
def test_no_text_uses_the_phrase(phrase):
    uses = [
        f"{path}:{text.count(chr(10), 0, use.start()) + 1}: “{' '.join(use[0].split())}”: say {phrase['say']}"
        for path, (text, line) in texts().items()
        for use in found_in(line, phrase)
    ]
    assert not uses, "\n".join(uses)


@each_phrase
def test_the_phrase_is_found_where_it_must_be_and_nowhere_else(phrase):
    assert not re.search("[A-Z]", re.sub(r"\\.", "", phrase["pattern"])), "texts are searched in lower case"
    assert phrase["finds"], "an example shows what is meant"
    assert phrase["allows"], "an example shows what is not meant"
    assert [sentence for sentence in phrase["finds"] if not found_in(one_line(sentence), phrase)] == []
    assert [sentence for sentence in phrase["finds"] if not ANY.search(one_line(sentence))] == []
    assert [sentence for sentence in phrase["allows"] if found_in(one_line(sentence), phrase)] == []


@pytest.mark.parametrize(
    "text",
    [
        "its shape is\nwanted",
        "    # its shape is\n    # wanted",
        '    "its shape is "\n    "wanted"',
        '    f"{shape} is "\n    f"wanted"',
        "> its shape is\n> wanted",
        "ITS SHAPE IS WANTED",
        "def test_a_shape_is_wanted():",
    ],
)
def test_a_phrase_is_found_across_line_ends_and_in_names(text):
    assert found_in(one_line(text), {"pattern": r"\bis wanted\b"})


def test_texts_of_every_kind_and_place_are_read_and_those_of_others_are_not():
    assert {Path(path).suffix for path in texts()} >= {".py", ".md", ".html", ".css"}
    assert {path.split("/")[0] for path in texts()} >= set(PLACES)
    assert not [path for path in texts() if path.startswith(NOT_OURS)]
