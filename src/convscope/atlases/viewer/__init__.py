"""What a reader of an atlas sees: one page and its scripts and style, which show what the folder's data hold."""

from collections.abc import Iterable
from importlib.resources import files

from ...render.site import Assets, page, words
from ...render.site import assets as site_assets
from ...render.site.scripts import Script

SOURCES = (
    "parts",
    "bars",
    "atlas",
    "query",
    "tiles",
    "charts",
    "wall",
    "graph",
    "circuit",
    "overview",
    "layer",
    "unit",
    "image",
    "class",
    "search",
    "main",
)
SCRIPT, STYLE = Script("atlases/viewer", "atlas", SOURCES), Script("atlases/viewer", "atlas", ("atlas",), "css")


def assets(version: str = "") -> Assets:
    """Return the files below `site/` that the page needs. `version`: text that changes with the folder's data."""
    return site_assets({"site/atlas.css": STYLE.sent, "site/atlas.js": SCRIPT.sent}, version=version)


def index(title: str, sheets: Iterable[tuple[str, str]] = (), *, version: str = "") -> bytes:
    """Return the page. `sheets`: (words, address) of pictures for readers without scripts, such as each layer's first wall."""
    here = files(__package__)
    plain = "\n".join(
        f'<figure><img src="{words(address)}" alt="{words(text)}"><figcaption>{words(text)}</figcaption></figure>'
        for text, address in sheets
    )
    main = here.joinpath("main.html").read_text("utf-8").replace("$plain", plain)
    return page(
        title,
        main,
        assets=assets(version),
        home="#",
        tools=here.joinpath("tools.html").read_text("utf-8"),
        kind="atlas",
        crumbs=[(title, None)],
    )
