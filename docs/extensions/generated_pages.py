"""Pages and pictures that are made anew by every build: assignments, the authors' interface, the packages."""

from sphinx.application import Sphinx

from extensions import assignment_pages, checks_page, packages_picture, submission_picture
from extensions.repository import GENERATED, PICTURES


def generate(_app: Sphinx | None = None) -> None:
    """Write every generated page and picture, and remove pages of what is gone."""
    pages = {**assignment_pages.pages(), "checks.md": checks_page.page()}
    for path in GENERATED.rglob("*.md"):
        if path.relative_to(GENERATED).as_posix() not in pages:
            path.unlink()
    for name, text in pages.items():
        path = GENERATED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name, picture in (("packages.svg", packages_picture.draw()), ("submission.svg", submission_picture.draw())):
        (PICTURES / name).write_text(picture, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Generate before Sphinx looks for its sources."""
    app.connect("builder-inited", generate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
