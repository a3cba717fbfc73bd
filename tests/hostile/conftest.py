"""Fixtures of the hostile suite: a world for every attack, and graders with and without each layer."""

from pathlib import Path

import pytest

from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.levels import LAYERS
from autograder.isolation.worker import Zygote
from tests.autograder.conftest import untimed
from tests.hostile.harness import OTHERS, ZYGOTES, World, adopt_orphans, clean_up, open_folder, strays
from tests.limits import limits

ROOT = Path(__file__).resolve().parents[2]
LIMITS = limits(0.5)


@pytest.fixture
def world():
    with open_folder() as base:
        adopt_orphans()
        OTHERS.update(strays())
        world = World(base / "open")
        yield world
        world.close()
        clean_up()


@pytest.fixture(scope="session")
def layers():
    """02_layers without what trains and what is timed; of its exercises Tanh alone."""
    return untimed(catalogue.load("02_layers", ROOT), {"Tanh"})


@pytest.fixture(scope="session")
def graders(layers):
    """Make the grader whose workers lack these layers; one a set, for the whole run."""
    made = {}

    def make(*without):
        key = frozenset(without)
        if key not in made:
            zygote = Zygote(layer for layer in LAYERS if layer not in key)
            ZYGOTES.append(zygote)
            made[key] = zygote, Grader(layers, zygote, Options(seed=7, limits=LIMITS))
        return made[key][1]

    yield make
    for zygote, _ in made.values():
        zygote.close()


@pytest.fixture(scope="session")
def in_force(graders):
    """The layers that hold on this machine."""
    missing = " ".join(graders().isolation.missing)
    return {layer for layer in LAYERS if layer not in missing}


@pytest.fixture(scope="session")
def honest(layers):
    """The reference, handed in by somebody honest."""
    from autograder.submission import Submission
    from dlkit.extraction import Extraction

    return Submission("layers.py", Extraction(tuple(layers.reference.chunks)), "")
