"""The worker's loop on every system: a request in, its result or error out."""

from __future__ import annotations

import time

from autograder.isolation.executor import Executor
from autograder.isolation.protocol import Channel
from autograder.isolation.tree import decode, encode
from autograder.isolation.watch import Watch
from dlkit.backend import NumpyArray

__all__ = ["serve"]


def serve(channel: Channel, executor: Executor, watch: Watch, *, tell_cpu: bool = False) -> None:
    """Serve requests: one frame in, one frame out, with the call's id in both.

    tell_cpu: report the used CPU time in each reply, for a grader process that cannot read it.
    """
    while True:
        try:
            header, arrays = channel.receive()
        except EOFError:
            return
        reply: dict[str, object] = {"id": header["id"]}
        results: list[NumpyArray] = []
        try:
            arguments = decode(header["arguments"], arrays, markers=True)
            executor.backend = str(header["backend"])
            value = getattr(executor, str(header["verb"]))(**arguments)
            reply["value"] = encode(value, results)
        except MemoryError as error:
            results = []
            reply["error"] = {**executor.describe(error), "type": "MemoryError"}
        except BaseException as error:  # noqa: BLE001 - the student's code may raise anything
            results = []
            reply["error"] = executor.describe(error)
        if news := watch.news():
            reply["tried"] = news
        if tell_cpu:
            reply["cpu"] = time.process_time()
        channel.send(reply, results)
