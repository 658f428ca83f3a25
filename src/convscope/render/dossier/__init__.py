"""All that is known of one unit -> one picture, and one page that can be sent."""

from ...results import Dossier
from ..sheet import Sheet
from ..theme import Theme, theme_of
from .page import page
from .sheet import sheet


def draw(result: Dossier, *, theme: str | Theme | None = None) -> dict[str, Sheet | str]:
    """Return `dossier.png`, and `dossier.html`, which holds its pictures itself and opens without a network."""
    used = theme_of(result, theme)
    return {"dossier.png": sheet(result, used), "dossier.html": page(result, used)}
