"""Print the tables, or those named:  python -m benchmarks [grading command watch references …]."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from typing import Any

from benchmarks.table import Grid, Table, print_table

MODULES = ("grading", "command", "watch", "references", "recurrent", "engine", "workers", "memory", "diagnosis")
LONG = (
    "peers", "tricks", "crowd", "thresholds", "capstones", "honest", "near_limit", "typed_in", "cluster", "gradebook",
    "pages", "cost", "ten_thousand",
)  # fmt: skip
"""Each takes several minutes: printed only if named."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; the exit status does not depend on the targets, which a person has to judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*MODULES, *LONG, []], metavar="TABLE", help=", ".join(MODULES + LONG)
    )
    parser.add_argument("--quick", action="store_true", help="few repetitions: to see that it runs, not for figures")
    parser.add_argument("--before", default="", help="cost: compare with this commit, or the version in this folder")
    parser.add_argument("--class", type=int, dest="many", help="peers: so many submissions, by default 20")
    parser.add_argument("--json", action="store_true", help="print one JSON list on stdout, and nothing else")
    options = parser.parse_args(arguments)
    if options.before and "cost" not in options.names:
        parser.error("--before compares the table cost: name it")
    if options.many is not None and (options.many < 1 or "peers" not in options.names):
        parser.error("--class is the number of submissions of the table peers: name it, and give at least 1")
    found: list[Table | Grid] = []
    for name in options.names or MODULES:
        more = _of_one_table(name, options)
        for table in importlib.import_module(f"benchmarks.{name}").tables(quick=options.quick, **more):
            found.append(table)
            if not options.json:
                print_table(table)
    if options.json:
        sys.stdout.write(json.dumps([table.as_data() for table in found], indent=1) + "\n")
    return 0


def _of_one_table(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """The options of the one table that takes any."""
    if name == "cost":
        return {"before": options.before}
    return {"many": options.many} if name == "peers" and options.many is not None else {}


if __name__ == "__main__":
    sys.exit(main())
