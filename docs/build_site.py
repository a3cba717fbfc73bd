"""Build the documentation site into build/docs/html; warnings are errors.  Does nothing where it is up to date."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SITE = ROOT / "build" / "docs" / "html"
STAMP = ROOT / "build" / "docs" / "sources.sha256"
SOURCES = (
    *("docs/*.md", "docs/*.py", "docs/api/*", "docs/extensions/*.py", "docs/static/*", "docs/pictures/*"),
    *("*.md", "pyproject.toml", "constraints.txt"),
    *("assignments/*/*.ipynb", "assignments/*/assignment.py", "dlkit/**/*.py", "autograder/**/*.py"),
)


def main() -> int:
    """Build, unless nothing that the site is made of has changed since.  Returns Sphinx's exit status."""
    SITE.parent.mkdir(parents=True, exist_ok=True)
    with (SITE.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests in several processes may build the site at the same time
        return build()


def build() -> int:
    """Build in this process, which no other does meanwhile."""
    if SITE.is_dir() and STAMP.is_file() and STAMP.read_text(encoding="utf-8") == digest():
        print(f"{SITE.relative_to(ROOT)} is up to date")  # noqa: T201 - a script
        return 0
    shutil.rmtree(SITE, ignore_errors=True)
    STAMP.unlink(missing_ok=True)
    options = ["--fail-on-warning", "--fresh-env", "--quiet", "--doctree-dir", str(SITE.parent / "doctrees")]
    if status := build_main([*options, str(DOCS), str(SITE)]):
        return status
    STAMP.write_text(digest(), encoding="utf-8")
    print(f"{SITE.relative_to(ROOT)}/index.html")  # noqa: T201
    return 0


def digest() -> str:
    """Hash of the names and contents of everything that the site is made of."""
    found = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        found.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
