"""The documentation site: built once, and read as a browser reads it from disk without a network."""

import html.parser
import re
import subprocess
import sys
import tomllib
import urllib.parse
from pathlib import Path

import pytest

from autograder.course import catalogue

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "docs" / "html"
AUDIENCES = {
    "learners": ["self-study", "conventions", "gpu", "api/index", "generated/assignments/index"],
    "teachers": ["running-a-course", "nbgrader", "gradebook", "exports"],
    "authors": ["writing-exercises", "generated/checks"],
    "developers": ["design", "decisions", "generated/patterns", "security", "performance", "contributing", "changes"],
}
LOADED = {"img": "src", "script": "src", "link": "href", "source": "srcset", "iframe": "src", "object": "data"}
"""Elements that make a browser fetch something, by the attribute that names it."""

pytest.importorskip("sphinx", reason="the site is built by Sphinx: pip install '.[docs]'")


class Page(html.parser.HTMLParser):
    """What a page links to, loads, and offers as anchors."""

    def __init__(self, path):
        super().__init__()
        self.path, self.links, self.loaded, self.anchors, self.text = path, [], [], set(), []
        whole = path.read_text(encoding="utf-8")
        self.feed(whole)
        self.loaded += re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s;]+)", whole.partition("<body")[0])

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if attributes.get(LOADED.get(tag)):
            self.loaded.append(attributes[LOADED[tag]])
        self.loaded += re.findall(r"url\(([^)]*)\)", attributes.get("style") or "")

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def pages():
    built = subprocess.run(
        [sys.executable, "docs/build_site.py"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=500
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return {path.relative_to(SITE).as_posix(): Page(path) for path in SITE.rglob("*.html")}


def target(page, link):
    """The file within the site that a link leads to, and the anchor there."""
    address, _, anchor = link.partition("#")
    path = (page.path.parent / urllib.parse.unquote(address)).resolve() if address else page.path
    return path, urllib.parse.unquote(anchor)


def external(link):
    return bool(re.match(r"[a-z][a-z0-9+.-]*:|//", link, re.IGNORECASE)) and not link.startswith("data:")


def test_what_lies_elsewhere_is_recognised():
    assert [external(link) for link in ("https://a/b", "//a/b", "HTTP://a", "mailto:a@b")] == [True] * 4
    assert [external(link) for link in ("a.html", "../a.html#b:c", "#a", "data:image/png;base64,")] == [False] * 4


def test_every_internal_link_and_anchor_exists(pages):
    missing = []
    for name, page in pages.items():
        for link in page.links:
            if external(link):
                continue
            path, anchor = target(page, link)
            found = pages.get(path.relative_to(SITE).as_posix()) if path.is_relative_to(SITE) else None
            if not path.is_file() or (anchor and found and anchor not in found.anchors):
                missing.append(f"{name}: {link}")
    assert missing == []


def test_no_page_loads_anything_from_elsewhere(pages):
    loaded = [f"{name}: {link}" for name, page in pages.items() for link in page.loaded]
    assert loaded
    assert [link for link in loaded if external(link.partition(": ")[2])] == []


def test_no_style_sheet_loads_anything_from_elsewhere(pages):
    assert pages
    sheets = list(SITE.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        text = sheet.read_text(encoding="utf-8")
        addresses = re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", text)
        assert [link for pair in addresses for link in pair if link and external(link)] == [], sheet.name


def test_everything_that_a_page_loads_is_there(pages):
    missing = [
        f"{name}: {link}"
        for name, page in pages.items()
        for link in page.loaded
        if not link.startswith("data:") and not target(page, link.partition("?")[0])[0].is_file()
    ]
    assert missing == []


@pytest.mark.parametrize("audience", AUDIENCES)
def test_each_audience_has_an_entry_that_leads_to_its_pages(pages, audience):
    start, entry = pages["index.html"], pages[f"{audience}.html"]
    assert f"{audience}.html" in start.links
    assert [name for name in AUDIENCES[audience] if f"{name}.html" not in entry.links] == []


def test_each_assignment_has_a_page_with_every_exercise_and_its_points(pages):
    for name in catalogue.names(ROOT):
        page = pages[f"generated/assignments/{name}.html"]
        assert f"{name}.html" in pages["generated/assignments/index.html"].links
        assignment = catalogue.load(name, ROOT).assignment
        linked = [link for link in page.links if link.startswith(f"#exercise-{name.replace('_', '-')}-")]
        assert len(set(linked)) == len(assignment.exercises), name
        text = "".join(page.text)
        for exercise in assignment.exercises:
            for part, points in exercise.points.by_part.items() if len(exercise.points.by_part) > 1 else ():
                assert f"{part} {points:g}" in text
            assert f"check({exercise.name})" in text


def test_a_page_of_an_assignment_holds_no_solution(pages):
    for name in catalogue.names(ROOT):
        text = "".join(pages[f"generated/assignments/{name}.html"].text)
        assert "BEGIN SOLUTION" not in text
        assert "YOUR CODE HERE" in text


def test_no_formula_is_left_as_latex(pages):
    for name, page in pages.items():
        if name.startswith("generated/assignments/"):
            outside_code = re.sub(r"<pre>.*?</pre>", "", page.path.read_text(encoding="utf-8"), flags=re.DOTALL)
            assert not re.search(r"\\(?:frac|sum|partial|begin)\b|\$\$", outside_code), name


def test_every_module_of_dlkit_and_every_name_of_the_authors_interface_is_described(pages):
    from autograder import checks

    anchors = set().union(*(page.anchors for page in pages.values()))
    modules = {path.stem for path in (ROOT / "dlkit").glob("*.py")} - {"__init__"}
    modules |= {f"datasets.{path.stem}" for path in (ROOT / "dlkit" / "datasets").glob("*.py")} - {"datasets.__init__"}
    assert {name for name in modules if f"module-dlkit.{name}" not in anchors} == set()
    assert {name for name in checks.__all__ if f"autograder.checks.{name}" not in anchors} == set()


def test_a_site_that_is_up_to_date_is_not_built_again(pages):
    assert pages
    again = subprocess.run(
        [sys.executable, "docs/build_site.py"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert "up to date" in again.stdout


def test_every_file_that_the_design_names_exists():
    missing = []
    for line in (ROOT / "docs" / "design.md").read_text(encoding="utf-8").splitlines():
        folder = None
        for name in re.findall(r"`([\w/]+(?:\.py|/))`", line if line.startswith("|") else ""):
            path = ROOT / name if "/" in name else folder / name
            folder = path if path.is_dir() else path.parent
            missing += [] if path.exists() else [name]
    assert missing == []


@pytest.fixture(scope="module")
def pictures():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from extensions import packages_picture, submission_picture
    finally:
        sys.path.remove(str(ROOT / "docs"))
    return {"packages": packages_picture, "submission": submission_picture}


@pytest.mark.parametrize("name", ["packages", "submission"])
def test_a_picture_is_the_one_that_its_script_draws(pictures, name):
    drawn = (ROOT / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
    assert drawn == pictures[name].draw(), "run make docs"


@pytest.mark.parametrize("name", ["packages", "submission"])
def test_no_text_of_a_picture_covers_another(pictures, name):
    assert pictures[name].drawing().overlaps() == []


def test_the_picture_of_the_packages_shows_every_layer(pictures):
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    shown = {text.text for text in pictures["packages"].drawing().texts}
    assert {name.strip() for layer in layers for name in layer.split("|")} <= shown


def test_the_picture_of_a_submission_names_files_that_exist(pictures):
    module = pictures["submission"]
    steps = [*module.BEFORE, *module.EACH, *module.AFTER, *module.ANSWERS.values()]
    assert [place for step in steps for place in step.where if not (ROOT / place).exists()] == []
