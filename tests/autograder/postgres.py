"""A PostgreSQL server of the tests' own: Debian's package, a folder and a socket of its own, ended with the run.

Request the fixture ``postgres`` and call it: it returns the address of a new, empty database.
"""

import fcntl
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

USER = "grader"
INSTALL_S = 300
START_S = 60
QUIET = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # the package starts no server of its own


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """Make new databases on a server of this run; skipped with its reason where none is available."""
    pytest.importorskip("psycopg", reason="the extra 'postgres' is not installed")
    programs, reason = programs_of(shared_folder(tmp_path_factory))
    if programs is None:
        pytest.skip(f"there is no PostgreSQL here: {reason}")
    with server(programs) as socket:
        numbers = itertools.count(1)

        def make(*options):
            name = f"gradebook{next(numbers)}"
            here = ["--host", socket, "--username", USER, "--template", "template0"]
            subprocess.run([programs / "createdb", *here, *options, name], check=True, timeout=START_S)
            return f"postgresql://{USER}@/{name}?host={socket}"

        yield make


def shared_folder(tmp_path_factory):
    """A folder that all processes of this run know."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def programs_of(folder):
    """Where the server's programs are, installed once per run if missing; else None and why."""
    with (folder / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tried = folder / "postgres.tried"
        if not (found := find_programs()) and not tried.exists():
            tried.write_text(install())
            found = find_programs()
        return found, tried.read_text() if tried.exists() else ""


def find_programs():
    """The newest of Debian's, or what is on PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if on_path := shutil.which("initdb"):
        folders.insert(0, Path(on_path).resolve().parent)
    return next((path for path in reversed(folders) if (path / "initdb").exists()), None)


def install():
    """Install Debian's package; why it could not be, or nothing."""
    if os.geteuid() or not shutil.which("apt-get"):
        return "installing it takes root and apt-get"
    started = time.monotonic()
    for command in ("update", "install --yes --no-install-recommends postgresql"):
        left = INSTALL_S - (time.monotonic() - started)
        try:
            done = subprocess.run(
                ["apt-get", "--quiet", *command.split()],
                env={**os.environ, **QUIET},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=left,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"apt-get {command} took more than {INSTALL_S} s"
        if done.returncode:
            return f"apt-get {command} failed: {done.stderr.strip()[-200:]}"
    return ""


@contextmanager
def server(programs):
    """Run a server for this process alone; the folder of its socket.  It refuses to be root."""
    as_user = unprivileged() if os.geteuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="postgres-"))  # pytest's folder is its owner's alone, and too long for a socket
    process = None
    try:
        if as_user:
            os.chown(home, as_user["user"], as_user["group"])
        common = {"cwd": home, "stdin": subprocess.DEVNULL, **as_user}
        make = [programs / "initdb", "-D", home / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
        subprocess.run(make, check=True, capture_output=True, timeout=START_S, **common)
        with (home / "log").open("wb") as log:
            bound = (
                [tool, "--pdeathsig", "QUIT"] if (tool := shutil.which("setpriv")) else []
            )  # a killed run leaves none
            run = [*bound, programs / "postgres", "-D", home / "data", "-k", home, "-c", "listen_addresses=", "-F"]
            process = subprocess.Popen(run, stdout=log, stderr=log, **common)
        wait_for(programs, home, process)
        yield str(home)
    finally:
        if process:
            process.send_signal(signal.SIGQUIT)  # PostgreSQL's immediate end: nothing is to be kept
            process.wait(START_S)
        shutil.rmtree(home)


def unprivileged():
    """The user to be instead of root, as ``subprocess`` takes it."""
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def wait_for(programs, home, process):
    deadline = time.monotonic() + START_S
    while subprocess.run([programs / "pg_isready", "--quiet", "--host", home], check=False).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError((home / "log").read_text()[-2000:])
        time.sleep(0.05)
