"""Class 27: what is handed in, before any of it runs.  A whole class is graded once; everybody is looked at.

Two hard links to one file cannot be distinguished from two files, so a hard link into another student's folder, which
only somebody who may write there or read it can make, is read as a file.
"""

import json
import os
import stat
import unicodedata
import zipfile
from types import SimpleNamespace

import pytest

from autograder.classroom.finding import discover
from autograder.cli import main
from autograder.report import Status, read_report
from autograder.submission import own_earlier
from tests.autograder.conftest import small_course  # noqa: F401 - a fixture

TOKEN = "a secret of the machine"  # noqa: S105 - none
HONEST = [
    "bob",
    "BOB",
    unicodedata.normalize("NFC", "Zoë"),
    unicodedata.normalize("NFD", "Zoë"),
    "new\nline",
    "quote'\"`",
    "; touch owned; $(touch owned) `touch owned` | touch owned",
    "--out=elsewhere",
    "windows\\..\\..",
    "%2e%2e%2fdots",
    "<script>alert(1)<script>",
    "\x1b[2J\x1b]0;title\x07",
    "\u202eright to left",
    "l" * 255,
]


def linked_file(folder, place):
    (folder / "layers.py").symlink_to(place.parent / "bob/02_layers/layers.py")


def linked_secret(folder, place):
    (folder / "layers.py").symlink_to(place.parents[1] / "secret.py")


def linked_relatively(folder, place):
    (folder / "layers.ipynb").symlink_to("../../../secret.py")


def linked_device(folder, place):
    (folder / "layers.py").symlink_to("/dev/zero")


def linked_process(folder, place):
    (folder / "layers.py").symlink_to("/proc/self/environ")


def loop(folder, place):
    (folder / "layers.py").symlink_to("layers.py")


def linked_folder(folder, place):
    folder.rmdir()
    folder.symlink_to("../bob/02_layers")


def linked_folder_of_the_machine(folder, place):
    folder.rmdir()
    folder.symlink_to(place.parents[1] / "elsewhere")


def linked_student(folder, place):
    folder.rmdir()
    place.rmdir()
    place.symlink_to("bob")


def pipe(folder, place):
    os.mkfifo(folder / "layers.py")


def unix_socket(folder, place):
    os.mknod(folder / "layers.py", stat.S_IFSOCK | 0o666)


def folder_by_its_name(folder, place):
    (folder / "layers.py").mkdir()


def large(folder, place):
    with (folder / "layers.ipynb").open("wb") as file:
        file.truncate(500 << 20)


def deep(folder, place):
    (folder / "layers.ipynb").write_text('{"cells":' + "[" * 100_000)


def deep_code(folder, place):
    (folder / "layers.py").write_text("x = " + "(" * 100_000)


def no_text(folder, place):
    (folder / "layers.py").write_bytes(b"\xff\xfe\x00class Tanh:")


def archive(folder, place):
    with zipfile.ZipFile(folder / "layers.ipynb", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../../bob/02_layers/layers.py", "0" * (10 << 20))


def archive_beside(folder, place):
    archive(folder, place)
    (folder / "layers.ipynb").rename(folder / "layers.zip")


def no_right_to_look(folder, place):
    (folder / "layers.py").write_text("x = 1")
    folder.chmod(0)


NO_ORDINARY_FILE = "is not an ordinary file. Hand in the file itself"
ANOTHER_PLACE = "is a link to another place. Hand in the folder itself"
HOSTILE = {
    linked_file: ANOTHER_PLACE,
    linked_secret: ANOTHER_PLACE,
    linked_relatively: ANOTHER_PLACE,
    linked_device: ANOTHER_PLACE,
    linked_process: ANOTHER_PLACE,
    loop: NO_ORDINARY_FILE,
    linked_folder: ANOTHER_PLACE,
    linked_folder_of_the_machine: ANOTHER_PLACE,
    linked_student: ANOTHER_PLACE,
    pipe: NO_ORDINARY_FILE,
    unix_socket: NO_ORDINARY_FILE,
    folder_by_its_name: "nothing was handed in for 02_layers",
    large: "has 500 MB",
    deep: "its JSON does not parse",
    deep_code: "defines none of the exercises",
    no_text: "layers.py defines none of the exercises",
    archive: "layers.ipynb is no",
    archive_beside: "layers.zip holds a file whose name leads elsewhere (../../bob/02_layers/layers.py)",
}
if os.geteuid() != 0:
    HOSTILE[no_right_to_look] = "cannot be read (Permission denied)"


def tree(folder):
    """Every path beneath with its size, kind and content's time."""
    return {
        str(path.relative_to(folder)): ((status := path.lstat()).st_mode, status.st_size, status.st_mtime_ns)
        for path in folder.rglob("*")
        if "graded" not in path.relative_to(folder).parts
    }


@pytest.fixture(scope="module")
def graded(small_course, tmp_path_factory):  # noqa: F811
    """A class, graded by the command: its folder, what was there before and after, and what was printed."""
    base = tmp_path_factory.mktemp("class")
    right = (small_course / "solutions/02_layers/layers.py").read_text()
    (base / "secret.py").write_text(f"# {TOKEN}\n{right}")
    (base / "elsewhere").mkdir()
    (base / "elsewhere/layers.py").write_text(f"# {TOKEN}\n{right}")
    (base / "really").mkdir()
    (base / "submitted").symlink_to("really")  # an instructor's own link is not a student's
    (base / "here").mkdir()
    for name in HONEST:
        (base / "really" / name / "02_layers").mkdir(parents=True, exist_ok=True)
        (base / "really" / name / "02_layers/layers.py").write_text(right)
    (base / "really/own_link/work").mkdir(parents=True)
    (base / "really/own_link/work/layers.py").write_text(right)
    (base / "really/own_link/02_layers").symlink_to("work")
    for trick in HOSTILE:
        folder = base / "really" / trick.__name__ / "02_layers"
        folder.mkdir(parents=True)
        trick(folder, folder.parent)
    before = tree(base)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(base / "here")
        command = ["grade", str(base / "submitted"), "--out", str(base / "graded"), "--course", str(small_course)]
        assert main([*command, "--jobs", "2", "--isolation", "none", "--assignment", "02_layers"]) == 1
    yield base, before, tree(base)
    if no_right_to_look in HOSTILE:
        (base / "really/no_right_to_look/02_layers").chmod(0o700)


def report_of(graded, student):
    return read_report(graded[0] / "graded/reports" / student / "02_layers.json")


@pytest.mark.parametrize("student", [*HONEST, "own_link"], ids=ascii)
def test_an_honest_student_of_any_name_has_full_marks(graded, student):
    report = report_of(graded, student)
    assert report.student == student
    assert report.status is Status.PASSED
    assert report.points == report.max_points > 0


@pytest.mark.parametrize("trick", HOSTILE, ids=lambda trick: trick.__name__)
def test_what_is_no_file_of_ones_own_earns_nothing_but_a_sentence(graded, trick):
    report = report_of(graded, trick.__name__)
    assert report.points == 0
    assert report.max_points > 0
    (problem,) = report.problems
    assert HOSTILE[trick] in problem.sentence
    assert problem.sentence.endswith((".", "02_layers"))
    assert "\n" not in problem.sentence
    assert len(problem.sentence) < 300


def test_nothing_is_written_but_what_was_asked_for(graded):
    base, before, after = graded
    assert after == before
    written = {path.relative_to(base / "graded").parts[0] for path in (base / "graded").rglob("*")}
    assert written == {
        "run.json",
        "class.json",
        "times.json",
        "reports",
        "pages",
        "02_layers.html",
        "index.html",
        "totals",
    }
    everybody = {*HONEST, "own_link", *(trick.__name__ for trick in HOSTILE)}
    for folder in ("reports", "pages"):
        assert {path.name for path in (base / "graded" / folder).iterdir()} == everybody


def test_no_secret_comes_out(graded):
    for path in (graded[0] / "graded").rglob("*"):
        assert not path.is_symlink()
        assert path.is_dir() or TOKEN not in path.read_text()


def test_no_name_is_markup_in_the_page_of_the_class(graded):
    text = (graded[0] / "graded/02_layers.html").read_text()
    assert "<script>alert" not in text
    assert "\x1b" not in text


def test_no_name_steers_the_terminal(graded, small_course, capsys):  # noqa: F811
    assert main(["report", str(graded[0] / "graded")]) == 0
    printed = capsys.readouterr()
    assert "\x1b[2J" not in printed.out + printed.err
    assert "\x1b]0" not in printed.out + printed.err
    assert "\u202e" not in printed.out + printed.err


def test_what_is_found_lies_where_it_was_looked_for(graded, small_course):  # noqa: F811
    found = discover(graded[0] / "submitted", small_course)
    assert {os.path.commonpath([entry.path, graded[0] / "submitted"]) for entry in found} == {
        str(graded[0] / "submitted")
    }


@pytest.mark.parametrize("earlier", ["linked", "own"])
def test_earlier_work_that_is_a_link_is_not_taken(small_course, tmp_path, earlier):  # noqa: F811
    reference = [["reference", 1, "x = 1"]]
    later = SimpleNamespace(
        root=small_course, earlier={"layers": reference}, assignment=SimpleNamespace(earlier=("02_layers",))
    )
    right = (small_course / "solutions/02_layers/layers.py").read_text()
    (tmp_path / "bob/02_layers").mkdir(parents=True)
    (tmp_path / "bob/02_layers/layers.py").write_text(right)
    home = tmp_path / "mallory"
    home.mkdir()
    if earlier == "linked":
        (home / "02_layers").symlink_to(tmp_path / "bob/02_layers")
    else:
        (home / "02_layers").mkdir()
        (home / "02_layers/layers.py").write_text(right)
    taken = own_earlier(home, later, home.resolve())["layers"]
    assert (taken == reference) == (earlier == "linked")


def test_modules_beside_the_work_are_never_imported(small_course, tmp_path):  # noqa: F811
    """Class 23 as a folder is handed in; the files that were run one by one are in ``attacks.machine``."""
    folder = tmp_path / "in/mallory/02_layers"
    folder.mkdir(parents=True)
    (folder / "layers.py").write_text("from dlkit import Layer\nimport numpy as np\nclass Tanh(Layer): pass\n")
    for name in ("numpy.py", "dlkit.py", "autograder.py", "conftest.py", "sitecustomize.py", "x.pth", "unittest.py"):
        (folder / name).write_text(f"import os; os.mkdir({str(tmp_path / 'owned')!r})\n")
    out = tmp_path / "graded"
    command = ["grade", str(tmp_path / "in"), "--out", str(out), "--course", str(small_course), "--isolation", "none"]
    assert main([*command, "--jobs", "1"]) == 0
    assert not (tmp_path / "owned").exists()
    assert json.loads((out / "reports/mallory/02_layers.json").read_text())["exercises"]
    assert read_report(out / "reports/mallory/02_layers.json").points == 0
