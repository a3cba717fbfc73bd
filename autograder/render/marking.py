"""The page on which a person marks: one file with one script, which reads and saves through its own server."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from markupsafe import Markup

from autograder.render.html import environment

__all__ = ["marking_page", "marking_policy"]


def marking_page() -> str:
    """The page; it holds nothing of any class."""
    script, source = _script()
    page: str = environment().get_template("marking.html").render(script=script, script_source=source)
    return page


def marking_policy() -> str:
    """What a browser allows the page: this script, its own style, its own server, and nothing else."""
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src {_script()[1]}; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


@cache
def _script() -> tuple[Markup, str]:
    """The script, and the source that the page's policy allows: its hash."""
    text = (Path(__file__).parent / "templates" / "marking.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return Markup(text), f"'sha256-{digest}'"  # noqa: S704 - a file of this package
