"""Class 44: the folder that a command is typed in belongs to a stranger.  Nothing in it runs, no link leads out.

Each attack is also seen to succeed where its defence is off.
"""

import contextlib
import importlib
import json
import os
import re
import subprocess
import sys
import textwrap
from importlib import metadata
from pathlib import Path

import pytest

from autograder.cli import _import_matplotlib_apart
from autograder.learner.originals import start
from autograder.report import read_report
from autograder.writing import LinkedPathError, write_file
from dlkit import course
from tests.autograder.conftest import small_course  # noqa: F401 - a fixture
from tests.sampling import some

NAME = "02_layers"
COMMAND = [str(Path(sys.executable).with_name("autograder"))]
SAFELY, PLAINLY = [sys.executable, "-P", "-m", "autograder"], [sys.executable, "-m", "autograder"]
PATIENCE_S = 120
"""Never reached where everything works."""


def shadows():
    """Every name that the grader could import: the standard library's, and of what is installed beside it."""
    installed = {name for name in metadata.packages_distributions() if name.isidentifier()}
    return {*sys.stdlib_module_names, *installed, "checks", "layers", "conftest", "usercustomize"}


def loaded_by_python_itself():
    """What ``python -m`` imports before any code of this project runs: that cannot be prevented."""
    code = "import runpy, sys; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )


@pytest.fixture
def theirs(small_course, tmp_path, monkeypatch):  # noqa: F811
    """A learner's folder with a class beside it; whatever could be imported lies there too, and says when it is."""
    monkeypatch.delenv("DLKIT_COURSE", raising=False)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    folder = tmp_path / "theirs"
    folder.mkdir()
    start(NAME, folder, small_course)
    work = folder / "class/amara" / NAME
    work.mkdir(parents=True)
    (work / "layers.py").write_text((small_course / "solutions" / NAME / "layers.py").read_text())
    (folder / "assignments" / NAME / "layers.ipynb").unlink()
    for name in sorted(shadows()):
        sign = f"open({str(tmp_path / 'ran')!r}, 'a').write({name + chr(10)!r})\nraise SystemExit\n"
        (folder / f"{name}.py").write_text(sign)
    for name in ("multiprocessing", "concurrent", "numpy", "autograder", "dlkit"):
        (folder / f"{name}.py").unlink(missing_ok=True)
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(sign)
    return folder


def run(how, folder, *arguments, **environment):
    """Run the command line there, as somebody would at a prompt."""
    return subprocess.run(
        [*how, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def ran(folder):
    """What of the folder was executed."""
    sign = folder.parent / "ran"
    return sign.read_text().split() if sign.exists() else []


COMMANDS = {
    "check": ["check", "Tanh"],
    "hint": ["hint", "Tanh"],
    "progress": ["progress", "--check"],
    "submit": ["submit", NAME, "--yes"],
    "reset": ["reset", "Tanh", "--yes"],
    "trust": ["trust", "--list"],
    "doctor": ["doctor"],
}


@pytest.mark.parametrize("how", [COMMAND, SAFELY], ids=["autograder", "python -P -m autograder"])
@pytest.mark.parametrize("command", some(COMMANDS, of=3))
def test_no_module_of_the_folder_is_imported(theirs, command, how):
    done = run(how, theirs, *COMMANDS[command])
    assert (done.returncode, done.stderr) == (0, "")
    assert ran(theirs) == []


@pytest.mark.parametrize("how", [COMMAND, SAFELY], ids=["autograder", "python -P -m autograder"])
def test_no_module_of_the_folder_is_imported_while_a_class_is_graded(theirs, small_course, tmp_path, how):  # noqa: F811
    options = ["--course", small_course, "--out", tmp_path / "graded", "--jobs", "2", "--isolation", "none"]
    done = run(how, theirs, "grade", "class", *options)
    assert (done.returncode, ran(theirs)) == (0, []), done.stderr
    assert read_report(tmp_path / f"graded/reports/amara/{NAME}.json").points > 0


def test_no_module_of_the_folder_is_imported_while_work_is_watched(theirs):
    command = [*COMMAND, "watch", "--json"]
    with subprocess.Popen(command, cwd=theirs, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as watch:
        try:
            shown = next(json.loads(line) for line in watch.stdout if b'"result":{' in line)
        finally:
            watch.terminate()
    assert shown["current"] == "Tanh"
    assert ran(theirs) == []


@pytest.mark.parametrize("command", ["grade", "check"])
def test_as_a_module_no_more_is_imported_than_python_itself_takes_there(theirs, small_course, tmp_path, command):  # noqa: F811
    """``python -m autograder`` begins in the folder: what Python needs to find the package is out of reach."""
    for name in loaded_by_python_itself():
        (theirs / f"{name}.py").unlink(missing_ok=True)
    (theirs / "autograder/__init__.py").unlink()
    (theirs / "autograder").rmdir()
    options = ["class", "--course", small_course, "--out", tmp_path / "graded", "--jobs", "2", "--isolation", "none"]
    done = run(PLAINLY, theirs, command, *(options if command == "grade" else ["Tanh"]))
    assert (done.returncode, ran(theirs)) == (0, []), done.stderr


POOL = textwrap.dedent("""
    import os, sys
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context
    from autograder.isolation.interpreter import isolated_processes
    from contextlib import nullcontext

    if __name__ == "__main__":
        os.chdir(sys.argv[1])
        way = isolated_processes() if sys.argv[2] == "on" else nullcontext(get_context(sys.argv[3]))
        with way as context, ProcessPoolExecutor(1, context) as pool:
            pool.submit(os.getpid).result()
""")


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
@pytest.mark.parametrize("defence", ["on", "off"])
def test_a_helper_that_multiprocessing_starts_would_import_the_folders_modules(theirs, tmp_path, method, defence):
    (tmp_path / "pool.py").write_text(POOL)
    done = run([sys.executable], tmp_path, tmp_path / "pool.py", theirs, defence, method)
    assert bool(ran(theirs)) == (defence == "off")
    assert (done.returncode == 0) == (defence == "on")


@pytest.mark.skipif(sys.platform != "linux", reason="the zygote is Linux's")
@pytest.mark.parametrize("defence", ["on", "off"])
def test_a_warm_process_does_not_live_in_the_folder(theirs, monkeypatch, defence):
    """There, an empty entry of a library path would be the stranger's."""
    from autograder.isolation import launcher

    monkeypatch.chdir(theirs)
    if defence == "off":
        monkeypatch.setattr(launcher, "NEUTRAL", None)
    with launcher.Zygote() as zygote:
        assert (Path(f"/proc/{zygote.pid}/cwd").resolve() == theirs) == (defence == "off")


SETTINGS = "axes.linewidth: 5\n"


@pytest.mark.parametrize("defence", ["on", "off"])
def test_settings_for_plots_are_not_taken_from_the_folder(theirs, defence):
    (theirs / "matplotlibrc").write_text(SETTINGS)
    code = f"from autograder import cli; {'cli._import_matplotlib_apart(); ' * (defence == 'on')}"
    code += "import matplotlib; print(matplotlib.rcParams['axes.linewidth'])"
    done = run([sys.executable, "-P", "-c", code], theirs)
    assert done.stdout == ("0.8\n" if defence == "on" else "5.0\n"), done.stderr


def test_matplotlib_is_not_imported_early_without_need(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    _import_matplotlib_apart()
    (tmp_path / "matplotlibrc").write_text("")
    with pytest.raises(ImportError):
        _import_matplotlib_apart()


# --- checks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["check", "submit", "hint", "progress"])
@pytest.mark.parametrize("defence", ["on", "off"])
def test_checks_that_lie_in_the_folder_are_not_run(theirs, command, defence):
    """They run where the folder was named as the course: then the user chose to run them."""
    checks = theirs / "assignments" / NAME / "assignment.py"
    checks.write_text(f"open({str(theirs.parent / 'ran')!r}, 'a').write('checks')\n{checks.read_text()}")
    named = {"DLKIT_COURSE": str(theirs)} if defence == "off" else {}
    done = run(COMMAND, theirs, *COMMANDS[command], **named)
    assert (done.returncode == 2) == (defence == "on")
    assert ("autograder trust" in done.stderr) == (defence == "on")
    assert bool(ran(theirs)) == (defence == "off")


# --- links -----------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["graded/reports/amara", "graded/pages"])
def test_a_link_among_the_reports_leads_nobody_out(theirs, small_course, tmp_path, link):  # noqa: F811
    victim = tmp_path / "victim"
    victim.mkdir()
    (theirs / link).parent.mkdir(parents=True)
    (theirs / link).symlink_to(victim)
    done = run(COMMAND, theirs, "grade", "class", "--course", small_course, "--jobs", "1", "--isolation", "none")
    assert done.returncode == 2
    assert re.fullmatch(r"autograder: \S+ is a symbolic link, which is not followed .*\n", done.stderr)
    assert not any(victim.iterdir())


@pytest.mark.parametrize("defence", ["on", "off"])
def test_a_file_is_written_through_a_link_by_whoever_just_opens_it(tmp_path, defence):
    victim, link = tmp_path / "victim", tmp_path / "out/reports/amara"
    victim.mkdir()
    link.parent.mkdir(parents=True)
    link.symlink_to(victim)
    with contextlib.suppress(LinkedPathError):
        if defence == "on":
            write_file(link / "02_layers.json", b"{}", within=tmp_path / "out")
        else:
            (link / "02_layers.json").write_bytes(b"{}")
    assert bool(list(victim.iterdir())) == (defence == "off")


def test_the_package_is_the_one_that_is_tested():
    assert course.installed() == Path(importlib.import_module("autograder").__file__).parents[1]
