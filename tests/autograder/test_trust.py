"""On the command line, checks run only if installed, named, started, or accepted as they are."""

import importlib.util
import json
import os
import py_compile
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course import catalogue, trust
from autograder.course.catalogue import UsageError
from autograder.writing import LinkedPathError

RAN = "ran"
"""The name of a file that checks leave in the folder above theirs when they are executed."""


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    """Nothing is trusted to begin with, and no course is named."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("DLKIT_COURSE", raising=False)
    catalogue.load.cache_clear()
    return tmp_path / "state/dlkit-course/trusted.json"


@pytest.fixture
def handed_out(small_course, tmp_path, monkeypatch):
    """A folder 02_layers that somebody unzipped, the current one; its checks say when they run."""
    folder = tmp_path / "downloads" / "02_layers"
    shutil.copytree(small_course / "assignments/02_layers", folder)
    tell(folder / "assignment.py")
    monkeypatch.chdir(folder)
    return folder


def tell(checks):
    """Have checks leave a file when they are executed."""
    checks.write_text(
        f"from pathlib import Path\nPath({str(checks.parents[1] / RAN)!r}).touch()\n" + checks.read_text()
    )


def ran(folder):
    """Whether checks were executed; the file that shows it is removed."""
    catalogue.load.cache_clear()
    there = (folder / RAN).exists()
    (folder / RAN).unlink(missing_ok=True)
    return there


COMMANDS = [
    ["check"],
    ["check", "Tanh"],
    ["check", "layers.py"],
    ["watch", "--json"],
    ["hint", "Tanh"],
    ["progress"],
    ["progress", "--check"],
    ["submit", "--yes"],
    ["reset", "Tanh", "--yes"],
    ["release"],
    ["audit"],
    ["new", "16_graphs"],
    ["demo"],
    ["grade", "elsewhere"],
    ["export", "gradescope-zip", "02_layers"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_runs_checks_that_nobody_accepted(autograder, handed_out, command):
    (handed_out / "elsewhere").mkdir()
    before = sorted(path for path in handed_out.rglob("*"))
    status, out, err = autograder(*command)
    assert (status, out) == (2, "")
    assert err == (
        f"autograder: The checks in {handed_out} would run as you, and are not trusted yet: accept them with "
        f"autograder trust {handed_out}, or name another course with --course.\n"
    )
    assert not ran(handed_out.parent)
    assert sorted(path for path in handed_out.rglob("*")) == before


def test_what_was_handed_out_is_checked_once_it_is_trusted_and_asked_about_when_it_changes(autograder, handed_out):
    assert autograder("check", "Tanh")[0] == 2
    status, out, _ = autograder("trust", handed_out)
    assert status == 0
    assert out.splitlines() == [f"Trusted in its present form: {path}" for path in trust.content_of(handed_out)]
    assert not ran(handed_out.parent)
    assert autograder("check", "Tanh")[0] == 0
    assert ran(handed_out.parent)
    for file in ("assignment.py", "exercises/activations.py", "support/stacks.py", "hints.json", "cases.npz"):
        before = (handed_out / file).read_bytes()
        (handed_out / file).write_bytes(before + b"\n")
        status, out, err = autograder("check", "Tanh")
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert f"{handed_out / file} has changed since it was trusted, and would run as you: read it, then" in err
        assert f"accept them with autograder trust {handed_out}" in err
        assert not ran(handed_out.parent)
        (handed_out / file).write_bytes(before)
    assert autograder("check", "Tanh")[0] == 0
    assert ran(handed_out.parent)


def test_ones_own_work_may_change(autograder, handed_out):
    trust.accept(handed_out)
    (handed_out / "layers.ipynb").unlink()
    (handed_out / "layers.py").write_text("class Tanh: pass\n")
    assert autograder("check", "Tanh")[0] == 1


def test_an_assignment_that_comes_later_is_asked_about(autograder, handed_out, small_course):
    trust.accept(handed_out)
    other = handed_out.parent / "03_losses"
    shutil.copytree(small_course / "assignments/02_layers", other)
    status, _, err = autograder("check", "Tanh")
    assert status == 2
    assert f"autograder trust {other}, or" in err


def test_a_reference_that_comes_later_is_asked_about(autograder, small_course, tmp_path, monkeypatch):
    """References run in the grader's own process."""
    course = tmp_path / "course"
    shutil.copytree(small_course / "assignments", course / "assignments")
    trust.accept(course)
    monkeypatch.chdir(course)
    assert autograder("check", "Tanh")[0] == 0
    shutil.copytree(small_course / "solutions", course / "solutions")
    status, _, err = autograder("check", "Tanh")
    assert status == 2
    assert "solutions/02_layers" in err
    trust.accept(course)
    assert autograder("check", "Tanh")[0] == 0
    (course / "solutions/02_layers/layers.py").write_text("raise SystemExit")
    assert "has changed since it was trusted" in autograder("check", "Tanh")[2]


def test_an_nbgrader_release_is_trusted_by_the_student(autograder, small_course, tmp_path, monkeypatch):
    pytest.importorskip("nbgrader")
    assert autograder("release", "--nbgrader", tmp_path / "dl101", "--course", small_course)[0] == 0
    home = tmp_path / "home"
    shutil.copytree(tmp_path / "dl101/source/02_layers", home / "02_layers")
    assert not list(tmp_path.rglob("__pycache__"))
    monkeypatch.chdir(home / "02_layers")
    status, _, err = autograder("check", "Tanh")
    assert status == 2
    assert f"autograder trust {home / '02_layers'}" in err
    assert autograder("trust", ".")[0] == 0
    assert autograder("check", "Tanh")[0] == 0


def test_a_course_that_start_made_is_trusted_as_it_is(autograder, small_course, tmp_path, monkeypatch):
    mine = tmp_path / "mine"
    mine.mkdir()
    monkeypatch.chdir(mine)
    assert autograder("start", "02", "--course", small_course)[0] == 0
    assert autograder("check", "Tanh")[0] == 0
    (known,) = trust.accepted().values()
    assert known.by == "start"
    assert [mine / name for name in known.files] == trust.content_of(mine / "assignments/02_layers")
    tell(mine / "assignments/02_layers/assignment.py")
    status, _, err = autograder("check", "Tanh")
    assert status == 2
    assert "has changed since it was trusted" in err
    assert not ran(mine / "assignments")


def test_start_accepts_nothing_but_what_it_copied(autograder, handed_out, small_course, tmp_path, monkeypatch):
    """A folder of a stranger's does not become trusted by what is started in it."""
    place = tmp_path / "other"
    shutil.copytree(small_course, place)
    for kind in ("assignments", "solutions"):
        (place / kind / "02_layers").rename(place / kind / "03_layers")
    for checks in place.glob("*/03_layers/assignment.py"):
        checks.write_text(checks.read_text().replace("02_layers", "03_layers"))
    for file in (place / "assignments/03_layers").glob("layers.*"):
        file.write_text(file.read_text().replace("02_layers", "03_layers"))
    assert autograder("start", "03", "--course", place)[0] == 0
    assert not ran(handed_out.parent)
    status, _, err = autograder("check", "Tanh")
    assert status == 2
    assert f"autograder trust {handed_out}" in err


def test_start_takes_nothing_from_a_course_that_a_strangers_folder_names(autograder, handed_out, tmp_path, monkeypatch):
    """Where assignments came from is remembered in the learner's folder, which may be another's."""
    theirs = tmp_path / "theirs"
    (theirs / ".autograder").mkdir(parents=True)
    (theirs / "assignments").mkdir()
    (theirs / ".autograder/state.json").write_text(json.dumps({"source": str(handed_out.parent)}))
    monkeypatch.chdir(theirs)
    status, out, err = autograder("start", "02_layers")
    assert (status, out) == (2, "")
    assert f"autograder trust {handed_out}" in err
    assert not ran(handed_out.parent)


def test_a_course_that_is_named_is_not_asked_about(autograder, handed_out, monkeypatch):
    assert autograder("check", "Tanh", "--course", handed_out)[0] == 0
    assert ran(handed_out.parent)
    assert autograder("check", "Tanh")[0] == 2
    assert not ran(handed_out.parent)
    monkeypatch.setenv("DLKIT_COURSE", str(handed_out))
    assert autograder("check", "Tanh")[0] == 0
    assert ran(handed_out.parent)


def test_the_installed_course_is_not_asked_about(root, monkeypatch, own_state):
    monkeypatch.chdir(root / "assignments/02_layers")
    assert trust.find_course() == root
    assert not own_state.exists()


def test_a_cell_in_a_notebook_uses_the_checks_beside_it(handed_out, capsys):
    from autograder.learner.notebook_check import check

    def Tanh():  # noqa: N802 - as a student would name it
        """Not written yet."""

    assert check(Tanh) == 0.0
    assert ran(handed_out.parent)


# --- grading ---------------------------------------------------------------------------------


@pytest.fixture
def hand_ins(small_course, tmp_path, monkeypatch):
    """A class as the current folder: Amara's work, and a student named assignments with checks of their own."""
    folder = tmp_path / "class"
    (folder / "amara/02_layers").mkdir(parents=True)
    shutil.copy(small_course / "solutions/02_layers/layers.py", folder / "amara/02_layers")
    shutil.copytree(small_course / "assignments/02_layers", folder / "assignments/02_layers")
    tell(folder / "assignments/02_layers/assignment.py")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("place", [".", "amara", "amara/02_layers", "assignments/02_layers"])
def test_a_course_is_not_looked_for_among_the_hand_ins(hand_ins, root, monkeypatch, place):
    monkeypatch.chdir(hand_ins / place)
    assert trust.find_course(hand_ins=hand_ins) == root
    assert trust.find_course(hand_ins=Path(os.path.relpath(hand_ins))) == root


def test_a_course_above_the_hand_ins_that_reaches_into_them_is_passed_over(hand_ins, root):
    assert trust.find_course(hand_ins=hand_ins / "assignments") == root


def test_a_course_among_the_hand_ins_is_not_taken_by_a_link(hand_ins, root, tmp_path, monkeypatch):
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside/assignments").symlink_to(hand_ins / "assignments")
    monkeypatch.chdir(tmp_path / "beside")
    assert trust.find_course(hand_ins=hand_ins) == root


def test_a_student_named_assignments_is_not_the_course(autograder, hand_ins, tmp_path, small_course, monkeypatch):
    from dlkit import course

    monkeypatch.setattr(course, "_CLONE", small_course)
    options = ["--out", tmp_path / "graded", "--isolation", "none", "--jobs", "1"]
    autograder("grade", ".", *options)
    assert not ran(hand_ins / "assignments")
    report = json.loads((tmp_path / "graded/reports/amara/02_layers.json").read_text())
    assert sum(verdict["points"] for exercise in report["exercises"] for verdict in exercise["verdicts"]) > 0


@pytest.mark.parametrize("named", ["option", "environment"])
def test_a_course_among_the_hand_ins_is_refused_where_it_is_named(autograder, hand_ins, tmp_path, monkeypatch, named):
    if named == "environment":
        monkeypatch.setenv("DLKIT_COURSE", str(hand_ins))
    options = ["--course", hand_ins] if named == "option" else []
    status, out, err = autograder("grade", ".", "--out", tmp_path / "graded", *options)
    assert (status, out) == (2, "")
    assert err == f"autograder: The course {hand_ins} is inside the hand-ins, .: name one elsewhere with --course.\n"
    assert not ran(hand_ins / "assignments")
    assert not (tmp_path / "graded").exists()


@pytest.mark.parametrize("command", [["check"], ["submit", "--yes"]], ids=lambda command: command[0])
def test_a_folder_that_was_handed_in_is_not_believed(autograder, hand_ins, monkeypatch, command):
    monkeypatch.chdir(hand_ins / "assignments/02_layers")
    status, _, err = autograder(*command)
    assert status == 2
    assert "autograder trust" in err
    assert not ran(hand_ins / "assignments")


# --- what is compiled ------------------------------------------------------------------------


@pytest.mark.parametrize("mode", list(py_compile.PycInvalidationMode), ids=lambda mode: mode.name)
def test_bytecode_beside_checks_is_not_run_in_their_place(autograder, handed_out, tmp_path, mode):
    """Python would take a cache that says it need not be compared with the source."""
    trust.accept(handed_out)
    evil = tmp_path / "evil.py"
    evil.write_text(f"from pathlib import Path\nPath({str(tmp_path / 'evil ran')!r}).touch()\n")
    source = (handed_out / "assignment.py").stat()
    os.truncate(evil, source.st_size) if evil.stat().st_size > source.st_size else evil.write_text(
        evil.read_text() + "#" * (source.st_size - evil.stat().st_size)
    )
    os.utime(evil, ns=(source.st_atime_ns, source.st_mtime_ns))
    cached = importlib.util.cache_from_source(str(handed_out / "assignment.py"))
    py_compile.compile(str(evil), cached, dfile=str(handed_out / "assignment.py"), doraise=True, invalidation_mode=mode)
    assert autograder("check", "Tanh")[0] == 0
    assert ran(handed_out.parent)
    assert not (tmp_path / "evil ran").exists()


@pytest.mark.nightly
@pytest.mark.parametrize("variable", ["", "1"], ids=["bytecode is written", "bytecode is not"])
def test_no_bytecode_lies_in_or_comes_from_a_course(small_course, tmp_path, variable):
    """Neither where checks are loaded nor where they are copied to, whatever the environment says."""
    place, mine = tmp_path / "place", tmp_path / "mine"
    shutil.copytree(small_course, place)
    (place / "assignments/02_layers/__pycache__").mkdir()
    (place / "assignments/02_layers/__pycache__/assignment.cpython-311.pyc").write_bytes(b"old")
    mine.mkdir()
    (tmp_path / "nbgrader").mkdir()
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": variable}
    for arguments, cwd in [
        (["start", "02", "--course", place], mine),
        (["check", "Tanh"], mine),
        (["progress"], mine),
        (["submit", "--yes"], mine),
        (["release", "--course", place], mine),
        (["release", "--nbgrader", tmp_path / "nbgrader", "--course", place], mine),
    ]:
        command = [sys.executable, "-P", "-m", "autograder", *map(str, arguments)]
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert not [path for folder in (mine, tmp_path / "nbgrader") for path in folder.rglob("*.pyc")]
    assert sorted(path.name for path in (mine / "assignments/02_layers").iterdir()) == [
        "assignment.py",
        "cases.npz",
        "exercises",
        "hints.json",
        "layers.ipynb",
        "layers.py",
        "support",
    ]
    assert [path.name for path in place.rglob("*.pyc")] == ["assignment.cpython-311.pyc"]


# --- what is remembered ----------------------------------------------------------------------


def test_trust_is_listed_and_forgotten(autograder, handed_out, own_state):
    assert autograder("trust", "--list")[1] == "Only the installed course is trusted.\n"
    assert autograder("trust", ".")[0] == 0
    status, out, _ = autograder("trust", "--list")
    count = len(trust.content_of(handed_out))
    assert status == 0
    assert out.startswith(f"{handed_out.parent}  {count} files, by autograder trust, 20")
    listed = json.loads(autograder("trust", "--list", "--json")[1])
    assert [handed_out.parent / name for name in listed[str(handed_out.parent)]["files"]] == trust.content_of(
        handed_out
    )
    status, out, _ = autograder("trust", "--forget", handed_out)
    assert status == 0
    assert out.splitlines()[0] == f"No longer trusted: {handed_out / 'assignment.py'}"
    assert trust.accepted() == {}
    assert autograder("check", "Tanh")[0] == 2
    status, out, err = autograder("trust", "--forget", handed_out)
    assert (status, out) == (2, "")
    assert err == f"autograder: Nothing in {handed_out} is trusted: see autograder trust --list.\n"


def test_of_a_course_one_assignment_may_be_forgotten(handed_out, small_course):
    other = handed_out.parent / "03_losses"
    shutil.copytree(small_course / "assignments/02_layers", other)
    trust.accept(handed_out.parent)
    trust.forget(other)
    (known,) = trust.accepted().values()
    assert [handed_out.parent / name for name in known.files] == trust.content_of(handed_out)


def test_a_folder_that_is_gone_can_be_forgotten(autograder, handed_out, monkeypatch, tmp_path):
    trust.accept(handed_out)
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(handed_out)
    assert autograder("trust", "--forget", handed_out)[0] == 0


@pytest.mark.parametrize("arguments", [[], [".", "--list"], ["--list", "--forget", "."]], ids=" ".join)
def test_trust_takes_one_option_at_a_time(autograder, handed_out, arguments):
    status, out, err = autograder("trust", *arguments)
    assert (status, out) == (2, "")
    assert err == "autograder: Name a folder to trust, or pass --list or --forget FOLDER.\n"


def test_a_folder_without_checks_cannot_be_trusted(autograder, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "nowhere"):
        status, _, err = autograder("trust", tmp_path / folder)
        assert status == 2
        assert f"There are no checks in {tmp_path / folder}" in err


def test_only_what_lies_in_the_folder_is_trusted(handed_out, small_course):
    other = handed_out.parent / "03_losses"
    shutil.copytree(small_course / "assignments/02_layers", other)
    inside = {place: {path.relative_to(handed_out.parent).parts[0] for path in trust.accept(place)}
              for place in (handed_out, handed_out.parent)}  # fmt: skip
    assert inside == {handed_out: {handed_out.name}, handed_out.parent: {handed_out.name, other.name}}


def test_the_memory_is_the_users_alone(handed_out, own_state):
    trust.accept(handed_out)
    assert stat.S_IMODE(own_state.stat().st_mode) == 0o600
    assert [path.name for path in own_state.parent.iterdir()] == ["trusted.json"]
    assert not list(handed_out.parent.rglob(".autograder"))


@pytest.mark.parametrize("link", ["trusted.json", ""])
def test_the_memory_is_neither_read_nor_written_through_a_link(handed_out, own_state, tmp_path, link):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    files = {f"02_layers/{path.relative_to(handed_out)}": trust.hashed(path) for path in trust.content_of(handed_out)}
    text = json.dumps({"courses": {str(handed_out.parent): {"files": files}}})
    (theirs / "trusted.json").write_text(text)
    place = own_state.parent / link if link else own_state.parent
    place.parent.mkdir(parents=True)
    place.symlink_to(theirs / link if link else theirs)
    for act in (trust.find_course, trust.accepted, lambda: trust.accept(handed_out), lambda: trust.forget(handed_out)):
        with pytest.raises(LinkedPathError):
            act()
    assert (theirs / "trusted.json").read_text() == text


def test_a_memory_that_cannot_be_read_trusts_nothing(handed_out, own_state):
    own_state.parent.mkdir(parents=True)
    own_state.write_text("{")
    with pytest.raises(UsageError, match=r"trusted\.json cannot be read .*: delete it, and trust your courses again\."):
        trust.find_course()


def test_a_memory_that_cannot_be_written_leaves_nothing_half_started(small_course, tmp_path, monkeypatch):
    from autograder.learner.originals import start

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match=r"trusted\.json cannot be "):
        start("02_layers", tmp_path / "mine", small_course)
    assert catalogue.names(tmp_path / "mine") == []


def test_a_state_directory_that_is_no_whole_path_is_ignored(handed_out, tmp_path, monkeypatch):
    """As its specification says: otherwise the current folder, a stranger's, would decide what is trusted."""
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    trust.accept(handed_out)
    assert not (handed_out / "state").exists()
    assert list((tmp_path / "home").rglob("trusted.json"))
