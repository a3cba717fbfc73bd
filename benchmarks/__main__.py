"""Print the tables, or those named:  python -m benchmarks [grading command watch references …]."""

from __future__ import annotations

import argparse
import importlib
import json
import sys

from benchmarks.table import Grid, Table, print_table

MODULES = ("grading", "command", "watch", "references", "recurrent", "engine", "workers", "memory", "diagnosis")
LONG = (
    "peers", "tricks", "crowd", "thresholds", "capstones", "honest", "near_limit", "typed_in", "cluster", "gradebook",
    "pages", "ten_thousand",
)  # fmt: skip
"""Each takes several minutes: printed only if named."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; the exit status does not depend on the targets, which a person has to judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*MODULES, *LONG, []], metavar="TABLE", help=", ".join(MODULES + LONG)
    )
    parser.add_argument("--quick", action="store_true", help="few repetitions: to see that it runs, not for figures")
    parser.add_argument("--json", action="store_true", help="print one JSON list on stdout, and nothing else")
    options = parser.parse_args(arguments)
    found: list[Table | Grid] = []
    for name in options.names or MODULES:
        for table in importlib.import_module(f"benchmarks.{name}").tables(quick=options.quick):
            found.append(table)
            if not options.json:
                print_table(table)
    if options.json:
        sys.stdout.write(json.dumps([table.as_data() for table in found], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
