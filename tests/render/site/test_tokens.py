import re

import pytest

from convscope.render.site.tokens import NAMES, tokens_css
from convscope.render.theme import DARK, LIGHT

pytestmark = pytest.mark.once


def test_the_colours_of_the_pages_are_those_of_the_pictures():
    css = tokens_css()
    for name in NAMES:
        light, dark = ("#{:02x}{:02x}{:02x}".format(*getattr(theme, name)) for theme in (LIGHT, DARK))
        assert f"--{name}: {light};" in css and f"--{name}: light-dark({light}, {dark});" in css
    assert {"page", "ink", "accent", "warning"} < set(NAMES)


def luminance(colour):
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("name", ["ink", "muted", "accent", "warning"])
def test_words_can_be_read(theme, name):
    """WCAG 2.2, 1.4.3: 4.5 : 1, on the page and on panels."""
    for ground in (theme.page, theme.panel):
        high, low = sorted((luminance(getattr(theme, name)), luminance(ground)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_styles_name_colours_by_their_tokens_alone():
    """A colour is written once, in theme.py: the styles of pages hold no other than black, white and clear ones for shadows."""
    from importlib.resources import files

    css = files("convscope.render.site").joinpath("kit.css").read_text("utf-8")
    assert re.findall(r"#[0-9a-f]{3,8}\b", css) == []
    used = set(re.findall(r"var\(--([a-z-]+)\)", css))
    defined = set(re.findall(r"--([a-z-]+):", css)) | set(NAMES)
    assert used <= defined, used - defined
