"""The shell of a page: its head with the policy, the header with the switch of colours, what is in it, and its footer."""

import base64
import functools
import io
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
from PIL import Image

from ...digests import digest
from ..theme import LIGHT
from .scripts import Script
from .tokens import tokens_css
from .words import words

# A page asks only for files of its own folder: no script, style or picture from elsewhere, none in its own text.
CSP = "default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src 'self' file: data:; base-uri 'none'; form-action 'none'"
# A page alone holds its style and runs no script; its pictures are inside or beside it.
CSP_ALONE = "default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLES = ("site/tokens.css", "site/kit.css")
KIT = "site/kit.js"
SCRIPT, STYLE = Script("render/site", "kit", ("kit",)), Script("render/site", "kit", ("kit",), "css")  # that all pages share
VERSION_DIGITS = 12
THEMES = {"": "auto", "light": "light", "dark": "dark"}
MARK = '<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><path d="M3 3h5v5H3zM9.5 3h5v5h-5zM16 3h5v5h-5zM3 9.5h5v5H3zM16 9.5h5v5h-5zM3 16h5v5H3zM9.5 16h5v5h-5zM16 16h5v5h-5z"/><path class="centre" d="M9.5 9.5h5v5h-5z"/></svg>'  # noqa: E501


@dataclass(frozen=True)
class Assets:
    """The files that a page needs beside it, by their paths relative to it, and their version.

    No browser mixes those that it kept of an older page: they are asked for with their version.
    """

    files: Mapping[str, bytes]
    version: str

    def links(self, ending: str) -> list[str]:
        """Return the addresses of the files that end so, in their order."""
        return [f"{path}?{self.version}" for path in self.files if path.endswith(ending)]


def assets(more: Mapping[str, bytes] | None = None, *, version: str = "") -> Assets:
    """Return the kit's files, and `more` after them: styles (`.css`) and scripts (`.js`) of one kind of page, as `site/NAME`.

    `version`: text that changes with the page's data, where old data must not meet new scripts.
    """
    found = {STYLES[0]: tokens_css().encode(), STYLES[1]: STYLE.sent, KIT: SCRIPT.sent, **(more or {})}
    return Assets(found, digest(*found.values(), version.encode())[:VERSION_DIGITS])


def page(
    title: str,
    main: str,
    *,
    assets: Assets | None = None,
    crumbs: Sequence[tuple[str, str | None]] = (),
    home: str = "",
    tools: str = "",
    foot: str = "",
    kind: str = "",
    theme: str = "",
    style: str = "",
    policy: str = CSP,
) -> bytes:
    """Return a page; `main`, `tools` and `foot` are HTML, of which all words have gone through `words`.

    With `assets` it asks for them; without, the page is alone and holds its style. `crumbs`: (words, address) of the pages above it, and
    of itself, with no address. `home`: where the mark in the header leads. `kind`: a class of the body. `theme`: light, dark, or, with
    neither, as the reader's system. `style`: of this page alone, after the kit's, where it has no assets. `policy`: of one with assets.
    """
    styles, early, late = _linked(assets) if assets else (_inlined(style), "", "")
    chosen = {name: " checked" if name == THEMES[theme] else "" for name in THEMES.values()}
    text = string.Template(_kit().joinpath("shell.html").read_text("utf-8")).substitute(
        policy=policy if assets else CSP_ALONE,
        icon=icon(),
        styles=styles,
        early=early,
        late=late,
        title=words(title),
        kind=words(kind),
        brand=f'<a class="brand" href="{words(home)}">{MARK}<b>convscope</b></a>'
        if home
        else f'<span class="brand">{MARK}<b>convscope</b></span>',
        crumbs=_crumbs(crumbs),
        tools=tools,
        main=main,
        foot=f'<footer class="foot">{foot}</footer>' if foot else "",
        **chosen,
    )
    return text.encode("utf-8")


def _crumbs(crumbs: Sequence[tuple[str, str | None]]) -> str:
    parts = (
        f'<li><a href="{words(address)}">{words(text)}</a></li>' if address else f'<li aria-current="page">{words(text)}</li>'
        for text, address in crumbs
    )
    return f'<nav class="crumbs" aria-label="Where this page is"><ol>{"".join(parts)}</ol></nav>' if crumbs else ""


def _linked(assets: Assets) -> tuple[str, str, str]:
    """Return the links of styles, of the kit's script, which sets the colours before anything is drawn, and of the other scripts."""
    styles = "\n".join(f'<link rel="stylesheet" href="{link}">' for link in assets.links(".css"))
    first, *others = (f'<script src="{link}"></script>' for link in assets.links(".js"))
    return styles, first, "\n".join(others)


def _inlined(style: str) -> str:
    return f"<style>\n{tokens_css()}{_kit().joinpath('kit.css').read_text('utf-8')}{style}</style>"


@functools.cache
def icon() -> str:
    """Return the icon of the pages, three by three cells with one that is lit, as an address that holds it."""
    pixels = np.zeros((16, 16, 4), np.uint8)
    for row in range(3):
        for column in range(3):
            lit = row == column == 1
            top, left = 1 + 5 * row, 1 + 5 * column
            pixels[top : top + 4, left : left + 4] = (*(LIGHT.accent if lit else (128, 136, 150)), 255)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _kit() -> Traversable:
    return files(__package__)
