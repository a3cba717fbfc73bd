"""Fuzz targets with Atheris:  python -m fuzz [frames archives …] --seconds 600, or --reproduce FILE."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TARGETS = ("frames", "trees", "notebooks", "scripts", "archives", "hand_ins")
INSTRUMENTED = (
    "autograder.submission.archive",
    "autograder.isolation.protocol",
    "autograder.isolation.tree",
    "autograder.submission",
    "dlkit.extraction",
    "dlkit.source_limits",
)
CRASHES = Path(__file__).parent / "crashes"
HANG_S = 2.0
MOST_BYTES, MOST_MB = 1 << 14, 1024


class SlowError(Exception):
    """An input that took too long."""


def main() -> int:
    """Run each target in a process of its own; 1 where one found something."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--reproduce", type=Path, help="run one target once with the bytes of this file")
    parser.add_argument("--corpus", type=Path, help=argparse.SUPPRESS)  # for the child that fuzzes
    options = parser.parse_args()
    targets = options.targets or list(TARGETS)
    if options.reproduce:
        timed(load(targets[0]), options.reproduce.read_bytes())
        return 0
    if options.corpus:
        fuzz(targets[0], options.seconds, options.corpus)
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write("Atheris is not installed: pip install 'dlkit-course[fuzz]' (Python 3.11 to 3.13).\n")
        return 2
    return int(any([run(target, options.seconds) for target in targets]))  # noqa: C419 - every one runs


def load(target: str) -> Any:
    """Import a target's module."""
    return importlib.import_module(f"fuzz.{target}")


def timed(module: Any, data: bytes, most_s: float = HANG_S) -> None:
    """Run one input; raises SlowError where it took more CPU time than allowed."""
    started = time.process_time()
    module.one(data)
    seconds = time.process_time() - started
    if seconds > most_s:
        message = f"{seconds:.1f} s for {len(data)} bytes"
        raise SlowError(message)


def run(target: str, seconds: int) -> bool:
    """Fuzz one target in a child; print the outcome; True where something was found."""
    CRASHES.mkdir(exist_ok=True)
    before = set(CRASHES.iterdir())
    command = [sys.executable, "-m", "fuzz", target, "--seconds", str(seconds), "--corpus"]
    with tempfile.TemporaryFile("w+", errors="replace") as file, tempfile.TemporaryDirectory() as corpus:
        status = subprocess.run([*command, corpus], stdout=file, stderr=file, check=False).returncode
        file.seek(0)
        text = file.read()
    executed = re.findall(r"stat::number_of_executed_units:\s*(\d+)|^#(\d+)", text, re.MULTILINE)
    features = re.findall(r"ft: (\d+)", text)
    count = max((int(a or b) for a, b in executed), default=0)
    print(f"{target}: {count} executions, {features[-1] if features else 'unknown'} features", flush=True)
    found = sorted(set(CRASHES.iterdir()) - before)
    for path in found:
        print(f"  found {path}; again: {sys.executable} -m fuzz {target} --reproduce {path}")
    if found or status:
        print(text[max(text.find(" === Uncaught"), len(text) - 6000) :], flush=True)
    return bool(found or status)


def fuzz(target: str, seconds: int, corpus: Path) -> None:
    """Fuzz in this process, beginning with the target's seeds; Atheris ends it."""
    import atheris

    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        for name in INSTRUMENTED:
            importlib.import_module(name)
    module = load(target)
    for number, seed in enumerate(module.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)

    def mutator(data: bytes, most: int, seed: int) -> bytes:
        source = random.Random(seed)
        if source.randrange(3) == 0:
            return bytes(atheris.Mutate(data, most))
        return bytes(module.mutate(data, source)[:most])

    arguments = [
        *(f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}", f"-rss_limit_mb={MOST_MB}", "-timeout=20"),
        *(f"-artifact_prefix={CRASHES}{os.sep}{target}-", "-print_final_stats=1", str(corpus)),
    ]
    atheris.Setup([sys.argv[0], *arguments], lambda data: timed(module, data), custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
