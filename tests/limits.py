"""Limits for tests, scaled to the machine: none of them depends on how fast it is, or on what else it is doing.

CPU seconds grow with the machine's slowness, measured on the kit's own yardsticks.  Wall time has room for busy
neighbours too; what sleeps is ended by ``idle_s``, which no neighbour makes longer.
"""

import time
from functools import cache

import numpy as np
from threadpoolctl import threadpool_limits

from autograder.isolation.launcher import Limits
from autograder.measuring import yardstick

NOMINAL = {"matmul": 1.6e-4, "exp": 0.6e-4, "copy": 1.4e-4, "loop": 1.5e-4}
"""CPU seconds of each piece on the machine that the tests' figures were chosen on."""
ROUNDS = 7
BUSY = 5
"""Processes that may compete for the same core."""


@cache
def slowness():
    """CPU time as a multiple of the nominal one, in halves, of the piece at which this machine is worst; at least 1."""
    names = {}
    exec(yardstick.SOURCE, names)  # noqa: S102 - the kit's own text
    rng = np.random.default_rng(0)
    a = rng.normal(size=(yardstick.SIDE, yardstick.SIDE)).astype("float32")
    x = rng.normal(size=yardstick.LENGTH).astype("float32")
    with threadpool_limits(1):  # as workers compute; several threads would wait for each other
        found = [_seconds(names[f"yardstick_{piece}"], a, x) / nominal for piece, nominal in NOMINAL.items()]
    return max(1.0, round(2 * max(found)) / 2)


def _seconds(piece, *arguments):
    found = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        piece(*arguments)
        found.append(time.thread_time() - started)
    return min(found)


def limits(cpu_s=0.5, *, idle_s=1.0, memory_mb=512, life_cpu_s=20):
    """Limits of a worker: ``cpu_s`` and ``life_cpu_s`` are as on the machine that they were chosen on."""
    cpu_s *= slowness()
    return Limits(
        cpu_s=cpu_s,
        wall_s=BUSY * (cpu_s + 1.0) * slowness(),
        memory_mb=memory_mb,
        life_cpu_s=max(1, round(life_cpu_s * slowness())),
        idle_s=idle_s,
    )
