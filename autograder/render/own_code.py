"""A hash of everything that decides how a report is drawn: the code and templates here, and what they are built on."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["code_sha256"]

PACKAGES = ("dlkit-course", "jinja2", "markupsafe", "matplotlib")
FOLDERS = ("render", "report")
KINDS = (".py", ".html", ".css", ".js")


@cache
def code_sha256() -> str:
    """Equal as long as the same report gives the same page."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        digest.update(f"{package} {_version(package)}\n".encode())
    above = Path(__file__).parents[1]
    for folder in FOLDERS:
        for path in sorted((above / folder).rglob("*")):
            if path.suffix in KINDS and path.is_file():
                content = path.read_bytes()
                digest.update(f"{path.relative_to(above).as_posix()} {len(content)}\n".encode())
                digest.update(content)
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
