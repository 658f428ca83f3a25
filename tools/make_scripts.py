"""Make the scripts and styles that pages send from their commented sources: without comments and spaces, with short names inside."""

from pathlib import Path

import minify

import convscope
from convscope.atlases import viewer
from convscope.look import viewer as live
from convscope.render.imagemap import page
from convscope.render.site import shell

SCRIPTS = (shell.SCRIPT, shell.STYLE, viewer.SCRIPT, viewer.STYLE, live.SCRIPT, live.STYLE, page.SCRIPT)
KINDS = {"js": "application/javascript", "css": "text/css"}
ROOT = Path(convscope.__file__).parent


def main() -> None:
    """Write each beside its sources."""
    for script in SCRIPTS:
        path = ROOT / script.folder / script.path
        path.write_text(script.header + minify.string(KINDS[script.kind], script.joined) + "\n", "utf-8")
        print(f"{path.stat().st_size:,} bytes in {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
