"""The colours of the figures: a light theme, the default, and a dark one; and colours for classes."""

from dataclasses import dataclass

from ..errors import OptionError, closest
from ..results import Result

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Theme:
    """`page` lies behind everything, `panel` behind empty tiles; `ink` writes, `muted` writes what matters less.

    `accent` marks the receptive field and fills bars, `warning` says that a unit is dead; `line` rules.
    """

    name: str
    page: Colour
    panel: Colour
    ink: Colour
    muted: Colour
    line: Colour
    accent: Colour
    warning: Colour

    @property
    def dark(self) -> bool:
        """Return whether light ink lies on a dark page."""
        return sum(self.page) < 3 * 128


LIGHT = Theme(
    "light",
    page=(255, 255, 255),
    panel=(243, 244, 246),
    ink=(17, 24, 39),
    muted=(98, 105, 117),
    line=(209, 213, 219),
    accent=(37, 99, 203),
    warning=(190, 40, 40),
)
DARK = Theme(
    "dark",
    page=(17, 20, 26),
    panel=(32, 36, 45),
    ink=(236, 239, 244),
    muted=(156, 164, 177),
    line=(62, 69, 82),
    accent=(96, 156, 250),
    warning=(248, 113, 113),
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def theme_of(result: Result, theme: str | Theme | None) -> Theme:
    """Return the theme that is asked for, or that of the result; raise OptionError."""
    return as_theme(result.theme if theme is None else theme)


def as_theme(theme: str | Theme) -> Theme:
    """Return the theme called `theme`, or `theme` itself; raise OptionError."""
    if isinstance(theme, Theme):
        return theme
    if theme in THEMES:
        return THEMES[theme]
    raise OptionError(f"No theme `{theme}`. {closest('the themes', str(theme), THEMES)}")
