"""What the README says is so."""

import re
from pathlib import Path

import pytest

from autograder.course import catalogue

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    there = [target for target in targets if not target.startswith("generated/")]  # these, the site's build follows
    assert [target for target in there if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_named_exists(page):
    named = set(re.findall(r"^make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets


def test_the_table_counts_the_planted_mistakes():
    rows = re.findall(
        r"^\| \[(\d\d) ([\w ]+)\].*\| (\d+) \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    told = {f"{number}_{module.replace(' ', '_')}": int(count) for number, module, count in rows}
    planted = {
        name: sum(len(exercise.mistakes) for exercise in catalogue.load(name, ROOT).assignment.exercises)
        for name in catalogue.names(ROOT)
    }
    assert told == planted
