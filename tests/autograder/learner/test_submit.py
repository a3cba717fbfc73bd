"""What is packed unpacks into what ``grade`` takes, and what strangers pack does no harm."""

import hashlib
import json
import stat
import struct
import zipfile

import pytest

from autograder.learner.records import Manifest
from autograder.submission import SubmissionError, read_submission
from autograder.submission.archive import MAX_MEMBER, MAX_MEMBERS, ArchiveError, listing, members

FILE = "02_layers/layers.py"


# --- packing ---------------------------------------------------------------------------------


def test_the_zip_holds_the_file_and_a_manifest_and_unpacks_into_what_grade_takes(autograder, write, mine, tmp_path):
    write.right("Tanh")
    write.wrong("Flatten", ("return dy.reshape(self.shape)", "raise NotImplementedError"))
    status, out, err = autograder("submit", "02_layers", "--yes")
    assert (status, err) == (0, "")
    script = mine / "assignments" / FILE
    with zipfile.ZipFile(mine / "02_layers.zip") as archive:
        assert archive.namelist() == ["02_layers/hand-in.json", FILE]
        assert archive.read(FILE) == script.read_bytes()
        manifest = json.loads(archive.read("02_layers/hand-in.json"))
        archive.extractall(tmp_path / "submitted/amara")
    assert manifest["files"] == [
        {
            "name": "layers.py",
            "size": script.stat().st_size,
            "sha256": hashlib.sha256(script.read_bytes()).hexdigest(),
        }
    ]
    assert manifest["exercises"] == [
        {"name": "Tanh", "state": "written"},
        {"name": "Flatten", "state": "partly written"},
    ]
    assert "Flatten.backward still raises NotImplementedError, or does nothing." in manifest["warnings"]
    assert "Not checked since the last change: Tanh, Flatten." in manifest["warnings"]
    assert "partly written: Flatten" in out

    (tmp_path / "submitted/bo").mkdir()
    (tmp_path / "submitted/bo/02_layers.zip").write_bytes((mine / "02_layers.zip").read_bytes())
    (tmp_path / "submitted/cleo/02_layers").mkdir(parents=True)
    (tmp_path / "submitted/cleo/02_layers/from the portal (2).zip").write_bytes((mine / "02_layers.zip").read_bytes())
    status, out, _ = autograder(
        "grade", tmp_path / "submitted", "--out", tmp_path / "graded", "--json", "--isolation", "none", "--course", mine
    )
    reports = {report["student"]: report for report in json.loads(out)["reports"]}
    assert sorted(reports) == ["amara", "bo", "cleo"]
    results = [report["exercises"] for report in reports.values()]
    assert results[0] == results[1] == results[2]
    assert {v["status"] for v in results[0][0]["verdicts"]} == {"passed"}
    assert {report["submission_sha256"] for report in reports.values()} == {manifest["files"][0]["sha256"]}


def test_the_same_work_packs_to_the_same_bytes(autograder, write, mine, tmp_path):
    import os

    write.right("Tanh")
    autograder("submit", "--yes", "--to", tmp_path / "one.zip")
    os.utime(mine / "assignments" / FILE, (1, 1))
    autograder("submit", "02", "--yes", "--to", tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        for member in archive.infolist():
            assert (member.date_time, member.compress_type) == ((1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED)
            assert stat.S_ISREG(member.external_attr >> 16)


def test_a_folder_is_as_good_as_a_name(autograder, mine, tmp_path):
    autograder("submit", "--yes", "--to", tmp_path)
    assert (tmp_path / "02_layers.zip").is_file()


def test_nothing_is_packed_unasked(autograder, mine):
    status, out, err = autograder("submit")
    assert status == 2
    assert "not written: Tanh, Flatten" in out
    assert err == "autograder: Nothing was changed: there is nobody to ask. Pass --yes to continue without asking.\n"
    assert not (mine / "02_layers.zip").exists()
    status, out, _ = autograder("submit", "--json")
    assert (status, json.loads(out)["packed"]) == (0, False)
    assert not (mine / "02_layers.zip").exists()


@pytest.mark.parametrize(("answer", "there"), [(True, True), (False, False)])
def test_the_answer_decides(autograder, mine, monkeypatch, answer, there):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answer)
    status = autograder("submit")[0]
    assert (status, (mine / "02_layers.zip").exists()) == (0 if answer else 1, there)


def test_warnings_say_what_was_hardly_meant(autograder, script, solution):
    text = script.read_text().replace("import numpy as np", "import numpy as np\nimport scipy", 1)
    before, tanh, after = text.partition("class Tanh(Layer):")
    after = after.replace("# YOUR CODE HERE\n        raise NotImplementedError()", "return scipy.special.tanh(x)", 1)
    script.write_text(before + tanh + after + "\n# %%\nclass Half:\n    def (\n")
    manifest = json.loads(autograder("submit", "--json")[1])["manifest"]
    warned = " ".join(manifest["warnings"])
    assert "scipy comes from scipy, which an exercise may not import." in warned
    assert "does not parse" in warned
    assert "matplotlib" not in warned
    assert "Tanh.backward still raises NotImplementedError" in warned


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["99"], "There is no assignment '99'"),
        (["--to", "hand-in.tar"], "hand-in.tar is neither a folder nor a name that ends in .zip."),
        (["--yes", "--to", "assignments/02_layers/layers.py/x.zip"], "cannot be written"),
        (["nowhere/layers.py"], "layers.py does not exist. Check the name and the folder."),
    ],
)
def test_wrong_usage_is_one_sentence(autograder, script, arguments, sentence):
    status, _, err = autograder("submit", *arguments)
    assert status == 2
    assert sentence in err
    assert err.count("\n") == 1


# --- zips of strangers -----------------------------------------------------------------------


@pytest.fixture
def packed(tmp_path):
    """Make a zip of (name, data) or (ZipInfo, data)."""

    def make(*entries, compression=zipfile.ZIP_STORED, name="hand-in.zip"):
        with zipfile.ZipFile(tmp_path / name, "w", compression) as archive:
            for member, data in entries:
                archive.writestr(member, data)
        return tmp_path / name

    return make


def info(name, mode=stat.S_IFREG | 0o644):
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    member.external_attr = mode << 16
    return member


@pytest.mark.parametrize(
    "name",
    ["../layers.py", "02_layers/../../x.py", "/etc/passwd", "..\\layers.py", "C:\\x.py", "C:/x.py", "02_layers/.."],
)
def test_a_name_that_leads_elsewhere_is_refused(packed, name):
    path = packed((FILE, "x = 1"), (info(name), "x"))
    with pytest.raises(ArchiveError, match="whose name leads elsewhere"):
        members(path, [FILE])


def test_a_name_with_an_end_in_its_middle_is_refused(packed):
    path = packed((FILE, "x"), ("02_layers/layers.py#.txt", "y"))
    path.write_bytes(path.read_bytes().replace(b"layers.py#", b"layers.py\0"))
    with pytest.raises(ArchiveError, match="whose name leads elsewhere"):
        members(path, [FILE])


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(packed, kind):
    path = packed((info(FILE, kind | 0o777), "/etc/passwd"))
    with pytest.raises(ArchiveError, match="holds a link or a device"):
        members(path, [FILE])


def test_a_bomb_is_refused_before_it_is_unpacked(packed):
    path = packed((FILE, b"\0" * (MAX_MEMBER + 1)), compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 16
    with pytest.raises(ArchiveError, match="holds a file of more than 20 MB"):
        members(path, [FILE])


def test_a_bomb_with_a_header_that_lies_gives_no_more_than_it_says(packed):
    path = packed((FILE, b"\0" * (MAX_MEMBER + 1)), compression=zipfile.ZIP_DEFLATED)
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", MAX_MEMBER + 1), struct.pack("<I", 100)))
    with pytest.raises(ArchiveError, match="cannot be read as a zip file"):
        members(path, [FILE])


def test_two_files_of_one_name_are_refused(packed):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = packed((FILE, "x = 1"), (FILE, "x = 2"))
    with pytest.raises(ArchiveError, match="two files of one name"):
        members(path, [FILE])


def test_too_many_files_are_refused_before_they_are_listed(packed):
    path = packed(*((f"{i}", "") for i in range(MAX_MEMBERS + 1)))
    with pytest.raises(ArchiveError, match=f"more than {MAX_MEMBERS} files"):
        members(path, [FILE])


def test_unusual_compression_is_refused(packed):
    path = packed((FILE, b"x" * 100), compression=zipfile.ZIP_LZMA)
    with pytest.raises(ArchiveError, match="packed in an unusual way"):
        members(path, [FILE])


def test_a_password_is_refused(packed):
    path = packed((FILE, "x = 1"))
    data = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + at] |= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="is locked with a password"):
        members(path, [FILE])


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", b"PK\x05\x06" + b"\xff" * 18])
def test_a_file_that_is_not_a_zip_is_reported_in_a_sentence(tmp_path, content):
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"x\.zip cannot be read as a zip file .* autograder submit\."):
        members(path, [FILE])


def test_a_spoiled_byte_is_noticed(packed):
    path = packed((FILE, b"a whole file of text " * 40))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"whole", b"wrong", 1))
    with pytest.raises(ArchiveError, match="cannot be read as a zip file"):
        members(path, [FILE])


def test_nothing_is_written_where_a_zip_is_read(packed, tmp_path):
    path = packed((FILE, "x = 1"), ("02_layers/extra.py", "y"))
    before = sorted(tmp_path.rglob("*"))
    assert members(path, [FILE]) == {FILE: b"x = 1"}
    assert sorted(tmp_path.rglob("*")) == before


def test_a_hand_in_without_the_file_says_what_is_missing(packed, loaded):
    path = packed(("readme.md", "x = 1"), ("02_layers/assignment.py", "from autograder.checks import Outline"))
    with pytest.raises(
        SubmissionError, match=r"^There is no notebook and no Python file in hand-in.zip. Hand in layers"
    ):
        read_submission(path, loaded)


@pytest.fixture
def whole(small_course):
    """The text of a whole hand-in that is right."""
    return (small_course / "solutions/02_layers/layers.py").read_text()


PLACES = {
    "without a folder": "layers.py",
    "in its folder": "02_layers/layers.py",
    "a folder too many": "amara/02_layers/02_layers/layers.py",
    "with backslashes": "02_layers\\layers.py",
    "in a folder of another name": "homework/my layers (3).py",
    "with a name of a format more": "02_layers/layers.py.txt",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["02_layers.zip", "02_layers (1).zip", "layers.zip", "work.ZIP"])
def test_the_work_in_a_zip_is_found_wherever_it_lies(packed, loaded, whole, place, name):
    beside = [("__MACOSX/02_layers/._layers.py", "x"), (".DS_Store", "x"), ("02_layers/cases.npz", "x")]
    path = packed((PLACES[place], whole), *beside, name=name)
    found = read_submission(path, loaded)
    assert found.file == PLACES[place].replace("\\", "/").rpartition("/")[2]
    assert (found.problems, found.set_aside) == ([], [])
    assert "Tanh" in found.extraction.defined


def test_of_two_files_in_a_zip_the_later_one_counts(packed, loaded, whole):
    old, new = info("old/layers.py"), info("new/layers.py")
    old.date_time, new.date_time = (2026, 1, 1, 0, 0, 0), (2026, 1, 2, 0, 0, 0)
    path = packed((old, whole.replace("1 - ", "2 - ")), (new, whole), ("notes.pdf", "x"))
    found = read_submission(path, loaded)
    assert found.sha256 == hashlib.sha256(whole.encode()).hexdigest()
    assert [one.path for one in found.set_aside] == ["hand-in.zip/old/layers.py"]
    assert "which has the latest time" in found.problems[0].sentence


@pytest.mark.parametrize("member", ["02_layers\\", "02_layers/"])
def test_a_folder_of_its_own_in_a_zip_is_no_file(packed, member):
    path = packed((info(member), ""), (FILE, "x = 1"))
    assert [one.name for one in listing(path)] == [FILE]


def test_the_same_name_with_either_slash_is_one_name_twice(packed):
    path = packed((FILE, "x = 1"), (FILE.replace("/", "\\"), "x = 2"))
    with pytest.raises(ArchiveError, match="two files of one name"):
        members(path, [FILE])


def test_a_zip_that_is_a_link_to_another_students_is_refused(packed, loaded, tmp_path):
    theirs = packed((FILE, "x = 1"), name="theirs.zip")
    home = tmp_path / "me"
    home.mkdir()
    (home / "02_layers.zip").symlink_to(theirs)
    with pytest.raises(SubmissionError, match="is a link to another place"):
        read_submission(home / "02_layers.zip", loaded, home)
    with pytest.raises(ArchiveError, match="is not an ordinary file"):
        members(home / "02_layers.zip", [FILE])


def test_a_zip_in_a_zip_is_not_opened_and_listed(packed, loaded, whole):
    inner = packed((FILE, "x = 1"), name="inner.zip").read_bytes()
    with pytest.raises(SubmissionError, match=r"no Python file in outer.zip"):
        read_submission(packed(("02_layers/layers.zip", inner), name="outer.zip"), loaded)
    found = read_submission(packed(("02_layers/layers.zip", inner), (FILE, whole), name="both.zip"), loaded)
    (one,) = found.set_aside
    assert (one.path, one.kind) == ("both.zip/02_layers/layers.zip", "hand-in")
    assert one.reason == "is an archive inside an archive, which is not opened. Hand in its files."


def test_the_manifest_is_what_its_schema_says(autograder, mine):
    import msgspec

    manifest = json.loads(autograder("submit", "--json")[1])["manifest"]
    assert isinstance(msgspec.convert(manifest, Manifest), Manifest)
    assert not list(mine.glob("*.zip"))
