"""Pages and pictures that every build writes again: assignments, the authors' interface, patterns, the packages."""

from sphinx.application import Sphinx
from sphinx.util import logging

from extensions import (
    assignment_pages,
    checks_page,
    packages_picture,
    patterns_page,
    statistics_page,
    submission_picture,
)
from extensions.repository import GENERATED, PICTURES

LOGGER = logging.getLogger(__name__)


def generate(_app: Sphinx) -> None:
    """Write every generated page and picture, and remove pages of what is gone."""
    pages = {
        **assignment_pages.pages(),
        "checks.md": checks_page.page(),
        "patterns.md": patterns_page.page(),
        "statistics.md": statistics_page.page(),
    }
    for path in GENERATED.rglob("*.md"):
        if path.relative_to(GENERATED).as_posix() not in pages:
            path.unlink()
    for name, text in pages.items():
        path = GENERATED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name, picture in (("packages.svg", packages_picture.draw()), ("submission.svg", submission_picture.draw())):
        path = PICTURES / name
        if not path.is_file() or path.read_text(encoding="utf-8") != picture:
            path.write_text(picture, encoding="utf-8")
            LOGGER.warning("docs/pictures/%s was out of date and has been drawn again: commit it.", name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Generate before Sphinx looks for its sources."""
    app.connect("builder-inited", generate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
