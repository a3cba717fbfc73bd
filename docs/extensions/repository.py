"""Where things lie."""

from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
PICTURES = DOCS / "pictures"
GENERATED = DOCS / "generated"
"""Pages made by the build; git ignores the folder."""
