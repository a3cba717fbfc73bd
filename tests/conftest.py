"""What every test may use: the array libraries of this run."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from autograder.measuring.cores import usable
from dlkit import backend

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
"""How long an example takes depends on the machine: nothing fails because of it."""
ONE_COURSE = ("tests/autograder/nbgrader/test_course.py::", "tests/autograder/nbgrader/test_formgrader.py::")
"""These run a whole course with nbgrader's commands: half a minute and more."""
SCRIPTS = str(Path(sys.executable).parent)
"""nbgrader calls alembic by its name, also where the environment that both are in was not activated."""
if SCRIPTS not in os.environ["PATH"].split(os.pathsep):
    os.environ["PATH"] = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"


def pytest_addoption(parser):
    parser.addoption(
        "--backend",
        action="append",
        choices=["numpy", "stand-in", "cupy"],
        help="Array library for the tests that take one; by default numpy and the stand-in for a GPU. Repeatable.",
    )


@pytest.fixture(scope="session", autouse=True)
def own_state_directory(tmp_path_factory):
    """What is trusted in a test is remembered in a folder of the tests' own, also by the processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Half as many processes again as cores: a third of the time, tests wait for kernels, servers and deadlines."""
    cores = len(usable())
    return cores + cores // 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give modules that share one long preparation to one process, which makes it once."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return ONE_COURSE[0] if nodeid.startswith(ONE_COURSE) else super()._split_scope(nodeid)

    return Scheduling(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_collection_modifyitems(items):
    """Begin with the modules that take long, whole notebooks first, so that none of them runs alone at the end."""
    items.sort(key=lambda item: [item.get_closest_marker(name) is None for name in ("notebook", "slow")])


def pytest_generate_tests(metafunc):
    """A test that takes ``array_library`` runs once for each."""
    if "array_library" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("backend") or ["numpy", "stand-in"]
        metafunc.parametrize("array_library", [as_parameter(name) for name in chosen])


def as_parameter(name):
    if name != "cupy":
        return name
    answer = backend.available()["cupy"]
    return pytest.param(name, marks=[pytest.mark.gpu, pytest.mark.skipif(answer != "yes", reason=answer)])
