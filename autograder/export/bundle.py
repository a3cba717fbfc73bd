"""The autograder for Gradescope: a zip of ``setup.sh``, ``run_autograder``, the kit and one assignment.

Sources: gradescope-autograders.readthedocs.io, Autograder Specifications and Submission Metadata.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Protocol

import msgspec

import dlkit

__all__ = ["archive"]

DISTRIBUTION = "dlkit-course"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""A fixed time stamp, so that the same course gives the same zip."""
RUNNABLE, READABLE = 0o755, 0o644
MARGIN_S = 30

SETUP = """\
#!/usr/bin/env bash
# Runs once, as root, when Gradescope builds the image: Python 3.11 or later, and what the kit needs.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"

newest() {
  for name in python3.13 python3.12 python3.11 python3; do
    if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$name"
      return
    fi
  done
  return 1
}

if ! python="$(newest)"; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update
  apt-get install -y python3.12 python3.12-venv || apt-get install -y python3.11 python3.11-venv
  python="$(newest)"
fi
"$python" -m venv "$root/venv"
pip() { "$root/venv/bin/python" -m pip install --no-cache-dir --disable-pip-version-check "$@"; }
# The versions of the machine that packed this, or others where these do not exist for this Python.
pip -r "$root/source/requirements.txt" -c "$root/source/constraints.txt" || pip -r "$root/source/requirements.txt"
PYTHONPATH="$root/source/kit" "$root/venv/bin/python" -c 'import autograder.classroom.gradescope_container'
"""

RUN = """\
#!/usr/bin/env bash
# Runs for every submission.  The grader writes results/results.json; if it cannot start, this script does.
root="$(cd "${AUTOGRADER_ROOT:-/autograder}" && pwd)"
python="${AUTOGRADER_PYTHON:-$root/venv/bin/python}"
cd /  # no module may come from the folder that this is started in: -P below, and no empty entry in a path
export AUTOGRADER_ROOT="$root"
export PYTHONPATH="$root/source/kit" OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 MPLBACKEND=agg
mkdir -p "$root/results"
rm -f "$root/results/results.json"
# Student code runs as another user, which must not read references and results, whatever else the kernel refuses.
chmod -R go-rwx "$root/source/course" "$root/results" "$root/submission_metadata.json" 2>/dev/null
timeout --kill-after=10 SECONDS "$python" -P -m autograder.classroom.gradescope_container
if [ ! -s "$root/results/results.json" ]; then
  cat > "$root/results/results.json" <<'JSON'
FALLBACK
JSON
fi
exit 0
"""


class Timed(Protocol):
    """A plan with a time limit."""

    @property
    def seconds(self) -> float:
        """Wall time in seconds."""


def archive(course: Path, assignments: Iterable[str], plan: Timed) -> bytes:
    """Pack the autograder.

    course: its folder; assignments: the one to grade and the earlier ones that it builds on, by name;
    plan: what ``autograder.classroom.gradescope_container`` reads, with ``seconds``.
    """
    from autograder.export.gradescope import fault

    fallback = msgspec.json.encode(fault("The autograder did not start, or was stopped by the platform.")).decode()
    run = RUN.replace("SECONDS", f"{plan.seconds + MARGIN_S:g}").replace("FALLBACK", fallback)
    requirements = _requirements()
    version = metadata.version(DISTRIBUTION)
    files: dict[str, str | bytes] = {
        "setup.sh": SETUP,
        "run_autograder": run,
        "plan.json": msgspec.json.format(msgspec.json.encode(plan)) + b"\n",
        "requirements.txt": "".join(f"{line}\n" for line in requirements),
        "constraints.txt": "".join(f"{line}\n" for line in _pins(requirements)),
        f"kit/{DISTRIBUTION.replace('-', '_')}-{version}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: {version}\n"
        ),
    }
    for folder in (Path(__file__).parents[1], Path(str(dlkit.__file__)).parent):
        files.update({f"kit/{folder.name}/{path}": content for path, content in _tree(folder)})
    for name in assignments:
        files.update({f"course/solutions/{name}/{path}": c for path, c in _tree(course / "solutions" / name)})
    return _zip(files)


def _tree(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Files below a folder, without caches."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in inside.parts):
            yield inside.as_posix(), path.read_bytes()


def _requirements() -> list[str]:
    """The kit's requirements, from its own metadata, without extras."""
    return sorted(line for line in metadata.requires(DISTRIBUTION) or [] if "extra ==" not in line)


def _pins(requirements: list[str]) -> list[str]:
    names = [found.group(0) for line in requirements if (found := re.match(r"[A-Za-z0-9._-]+", line))]
    return [f"{name}=={metadata.version(name)}" for name in names]


def _zip(files: dict[str, str | bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, LONG_AGO)
            info.create_system = 3  # Unix, otherwise the mode below is ignored
            info.external_attr = (RUNNABLE if name in ("setup.sh", "run_autograder") else READABLE) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(info, content)
    return target.getvalue()
