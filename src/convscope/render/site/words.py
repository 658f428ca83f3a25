"""Words of strangers as text of a page: names of files, classes and layers never become markup, and hide nothing."""

import re
from html import escape

# Control characters and overrides of the writing direction would make a name look like another: show that they are there.
# `kit.shown` of kit.js replaces the same ones.
HIDDEN = re.compile("[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
MARK = "\N{WHITE SQUARE}"


def words(text: object) -> str:
    """Return a text as HTML: escaped, for content and for quoted attributes; lone surrogates become U+FFFD."""
    shown = HIDDEN.sub(MARK, str(text))
    whole = shown if shown.isascii() else shown.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return escape(whole, quote=True)
