"""The same attacks as an ordinary user, and in a container: the suite runs itself there."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.hostile.harness import open_folder
from tests.hostile.test_attacks import ATTACKS
from tests.sampling import THOROUGH, one_of_each

ROOT = Path(__file__).resolve().parents[2]
CONTAINER = Path(__file__).with_name("container.py")
USER = 12345
ATTACKED = "tests/hostile/test_attacks.py::test_an_attack_earns_nothing_and_harms_nothing"
CHOSEN = one_of_each(ATTACKS, lambda attack: attack.number, str)
SUITE = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
SUITE += [ATTACKED] if THOROUGH else [f"{ATTACKED}[{attack}]" for attack in CHOSEN]
LEVEL = """
import json
from autograder.isolation.worker import Worker, Zygote
with Zygote() as zygote, Worker(zygote) as worker:
    imported = worker.ask("load", name="work", chunks=[["c", 1, "import xml.dom.minidom, numpy.testing"]])
    print(json.dumps([worker.isolation.level, worker.isolation.missing, imported]))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else"),
]


@pytest.fixture(scope="session")
def interpreter():
    """An interpreter that every user can reach, with what is installed here: this one, or a copy."""
    if others_can_read(Path(sys.executable).resolve()) and others_can_read(Path(sysconfig.get_path("stdlib"))):
        yield Path(sys.executable)
        return
    with open_folder() as folder:
        yield copied_interpreter(folder)


def copied_interpreter(folder):
    """This interpreter in a folder that everybody may enter."""
    packages, stdlib = Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("stdlib"))
    if not others_can_read(packages) or not others_can_read(ROOT):
        pytest.skip("this checkout lies where no other user can read it")
    (folder / "bin").mkdir()
    python = shutil.copy2(Path(sys.executable).resolve(), folder / "bin/python3")
    left_out = shutil.ignore_patterns(
        "site-packages", "test", "tests", "idlelib", "config-*", "ensurepip", "__pycache__"
    )
    target = folder / "lib" / stdlib.name
    shutil.copytree(stdlib, target, ignore=left_out)
    shared = Path(sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME"))
    if shared.suffix != ".a" and shared.is_file():
        shutil.copy2(shared, folder / "lib")
    (target / "site-packages").mkdir()
    (target / "site-packages/here.pth").write_text(f"{packages}\n{ROOT}\n")
    return Path(python)


def others_can_read(path):
    return all(folder.stat().st_mode & 0o001 for folder in path.parents) and bool(path.stat().st_mode & 0o004)


@pytest.fixture
def home():
    """The home of somebody who owns nothing else."""
    with open_folder() as folder:
        os.chown(folder, USER, USER)
        yield folder


@pytest.fixture
def as_user(interpreter, home):
    """Run Python as somebody who owns nothing."""

    def run(*arguments):
        extra = [f"--basetemp={home / 'tmp'}"] if "pytest" in arguments else []
        return subprocess.run(
            [str(interpreter), *arguments, *extra],
            cwd=ROOT,
            env={
                "HOME": str(home),
                "TMPDIR": str(home),
                "PATH": os.defpath,
                "LD_LIBRARY_PATH": str(interpreter.parents[1] / "lib"),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            user=USER,
            group=USER,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def in_container(age, *arguments):
    command = [sys.executable, str(CONTAINER), age, sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_an_ordinary_user_is_fully_isolated(as_user):
    run = as_user("-c", LEVEL)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == ["full", [], []]


@pytest.mark.nightly
def test_every_attack_comes_to_nothing_for_an_ordinary_user(as_user):
    run = as_user(*SUITE)
    assert run.returncode == 0, run.stdout[-5000:]
    assert " passed" in run.stdout


def test_a_container_is_fully_isolated():
    run = in_container("new", "-c", LEVEL)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == ["full", [], []]


def test_every_attack_comes_to_nothing_in_a_container():
    run = in_container("new", *SUITE)
    assert run.returncode == 0, run.stdout[-5000:]
    assert " passed" in run.stdout


def test_an_old_container_says_what_it_lacks():
    run = in_container("old", "-c", LEVEL)
    assert run.returncode == 0, run.stderr
    level, missing, _ = json.loads(run.stdout)
    assert level == "partial"
    assert len(missing) == 1
    assert missing[0].startswith("landlock (the kernel refuses it: Operation not permitted): files outside the allow-")


@pytest.mark.nightly
def test_what_an_old_container_can_stop_it_stops():
    run = in_container("old", *SUITE)
    assert run.returncode == 0, run.stdout[-5000:]
    assert " passed" in run.stdout
