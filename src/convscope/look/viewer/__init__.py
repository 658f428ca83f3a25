"""What a reader of the live page sees: one page, its scripts and style, which ask the server for the rest."""

from collections.abc import Mapping
from importlib.resources import files

from ...render.site import assets as site_assets
from ...render.site import page
from ...render.site.scripts import Script

# What is drawn as in an atlas is drawn by the same sources.
SHARED = ("atlases/viewer/parts", "atlases/viewer/wall", "atlases/viewer/bars")
SOURCES = (*SHARED, "look", "colours", "image", "network", "layer", "unit", "taking", "main")
SCRIPT = Script("look/viewer", "look", SOURCES)
STYLE = Script("look/viewer", "look", ("atlases/viewer/atlas", "look"), "css")
# As that of all pages; this one asks its own server for data too.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)


def page_files(title: str) -> Mapping[str, bytes]:
    """Return the files of the page by their paths: `index.html` and those below `site/`."""
    here, found = files(__package__), site_assets({"site/look.css": STYLE.sent, "site/look.js": SCRIPT.sent})
    index = page(
        title,
        here.joinpath("main.html").read_text("utf-8"),
        assets=found,
        home="#",
        tools=here.joinpath("tools.html").read_text("utf-8"),
        kind="atlas look",
        crumbs=[(title, None)],
        policy=POLICY,
    )
    return {**found.files, "index.html": index}
