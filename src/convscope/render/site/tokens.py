"""The colours of the pictures as the colours of the pages: `tokens.css`, generated from the themes."""

from dataclasses import fields

from ..theme import DARK, LIGHT, Colour

NAMES = tuple(field.name for field in fields(LIGHT) if field.name != "name")
CHOICE = """\
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
:root:has(#as-light:checked) { color-scheme: light; }
:root:has(#as-dark:checked) { color-scheme: dark; }
@media print { :root, :root:root:has(#main) { color-scheme: light !important; } }
"""


def tokens_css() -> str:
    """Return the style that names the colours: those of the reader's system, of a script's choice, or of the switch in the header.

    A browser without `light-dark()` shows every page light.
    """
    light = " ".join(f"--{name}: {_hex(getattr(LIGHT, name))};" for name in NAMES)
    both = " ".join(f"--{name}: light-dark({_hex(getattr(LIGHT, name))}, {_hex(getattr(DARK, name))});" for name in NAMES)
    return (
        "/* Generated from the themes of the pictures. */\n"
        f":root {{ color-scheme: light; {light} }}\n"
        f"@supports (color: light-dark(#fff, #000)) {{ :root {{ color-scheme: light dark; {both} }} }}\n" + CHOICE
    )


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
