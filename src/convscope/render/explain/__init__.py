"""Why a network says what it says -> one picture, and one page that can be sent."""

from ...results import Explanation
from ..sheet import Sheet
from ..theme import Theme, theme_of
from .page import page
from .sheet import sheet
from .table import table


def draw(result: Explanation, *, theme: str | Theme | None = None) -> dict[str, Sheet | str]:
    """Return `explain.png`, of several images a table, and `explain.html`, which holds its pictures itself."""
    used = theme_of(result, theme)
    drawn = sheet(result, used) if len(result.explained) == 1 else table(result, used)
    return {"explain.png": drawn, "explain.html": page(result, used)}
