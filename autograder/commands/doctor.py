"""What this machine can do, as measured now."""

from __future__ import annotations

import os
import platform
import time

from autograder.grading.grader import versions
from autograder.isolation.launcher import open_launcher
from autograder.isolation.worker import Worker
from autograder.measuring.cores import usable
from dlkit import backend

__all__ = ["examine"]


def examine() -> dict[str, str]:
    """Backends, the worker's start and round trip, cores and threads, versions."""
    facts = {f"backend {name}": state for name, state in backend.available().items()}
    facts["system"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    facts["cores"] = str(len(usable()))
    facts["BLAS threads"] = os.environ.get("OPENBLAS_NUM_THREADS", "as many as cores")
    with open_launcher() as launcher:
        Worker(launcher).close()
        started = time.perf_counter()
        with Worker(launcher) as worker:
            facts["isolation"] = "; ".join((worker.isolation.level, *worker.isolation.missing))
            facts["worker starts in"] = f"{1000 * (time.perf_counter() - started):.1f} ms"
            facts["instructions"] = "not counted here" if worker.instructions() is None else "counted"
            worker.ask("drop", handle=0)
            started = time.perf_counter()
            for _ in range(200):
                worker.ask("drop", handle=0)
            facts["call round trip"] = f"{1e6 * (time.perf_counter() - started) / 200:.0f} µs"
    facts.update(versions())
    return facts
