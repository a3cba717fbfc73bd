"""Every colour can be read on its background, in light and in dark mode, by WCAG 2.2's measure."""

import re
from pathlib import Path

import pytest

from autograder.render import html

CSS = (Path(html.__file__).parent / "templates" / "page.css").read_text(encoding="utf-8")
WORDS = ("ink", "soft", "link")
STATUSES = {"right": "right", "wrong": "wrong", "begun": "begun", "close": "close", "broken": "broken"}
SHAPES = ("bar", "bar-wrong", "bar-begun", "close", "ink")


def colours(css):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css))


LIGHT = colours(CSS[: CSS.index("@media")])
DARK = colours(CSS[CSS.index("prefers-color-scheme: dark") : CSS.index("* { box-sizing")])


def luminance(colour):
    """Relative luminance (WCAG 2.2)."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(params=[LIGHT, DARK], ids=["light", "dark"])
def scheme(request):
    return request.param


def test_the_measure_knows_black_on_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_both_schemes_name_the_same_colours():
    assert set(LIGHT) == set(DARK)


def test_text_can_be_read_on_every_ground(scheme):
    grounds = [name for name in scheme if name in ("ground", "card", "track") or name.endswith("-wash")]
    assert len(grounds) == 8
    for word in WORDS:
        for ground in grounds:
            assert contrast(scheme[word], scheme[ground]) >= 4.5, (word, ground)


def test_a_status_can_be_read_on_the_page_and_on_its_own_wash(scheme):
    for status, wash in STATUSES.items():
        for ground in ("ground", "card", f"{wash}-wash"):
            assert contrast(scheme[status], scheme[ground]) >= 4.5, (status, ground)


def test_a_bar_stands_out_from_the_page_and_from_its_track(scheme):
    for shape in SHAPES:
        for ground in ("ground", "track"):
            assert contrast(scheme[shape], scheme[ground]) >= 3, (shape, ground)


def test_no_colour_is_named_outside_the_two_schemes():
    """Colours of text and shapes come from the schemes alone, so that the tests above see them all."""
    rules = CSS[CSS.index("* { box-sizing") :]
    rules = rules.replace("--ground: #fff;", "")  # paper is white
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", rules)
    used = set(re.findall(r"var\(--([\w-]+)\)", rules))
    assert used <= set(LIGHT)


def test_nothing_moves_and_the_focus_can_be_seen():
    assert not re.search(r"transition|animation|scroll-behavior", CSS)
    assert ":focus-visible { outline: 2px solid" in CSS
    assert "outline: none" not in CSS


def test_paper_gets_what_is_folded_and_no_dark_page():
    assert "@media screen and (prefers-color-scheme: dark)" in CSS
    assert "::details-content { content-visibility: visible" in CSS[CSS.index("@media print") :]
