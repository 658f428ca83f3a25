"""A page with its files -> one HTML text that holds them all, for a frame in a notebook."""

import json
import re
from html import escape
from pathlib import Path

from ...errors import OutputError
from ...formats.imagemap import PAGE

MOST_HELD = 32 * 2**20  # bytes: a notebook with more is slow to open and to save
# All scripts and styles stand in the page itself; pictures come as data.
CSP_HELD = (
    "default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
# The pages load data by adding scripts: here each address means text that the page holds. A frame without an address has no history.
HELD = """(() => {
const held = %s, plain = Object.getOwnPropertyDescriptor(HTMLScriptElement.prototype, "src");
Object.defineProperty(HTMLScriptElement.prototype, "src", { ...plain, set(path) {
  const text = held[path.split("?")[0]];
  plain.set.call(this, text === undefined ? path : URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
} });
history.replaceState = () => {};
})();"""
POLICY = re.compile(r'(?<=http-equiv="Content-Security-Policy" content=")[^"]*')
STYLE = re.compile(r'<link rel="stylesheet" href="([^"?]+)[^"]*">')
SCRIPT = re.compile(r'<script src="([^"?]+)[^"]*"></script>')


def alone(folder: Path) -> str:
    """Return the page of a folder with its styles, scripts and data as one HTML text. Raises OutputError for more than 32 MiB."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > MOST_HELD:
        raise OutputError(
            f"The page has {size / 2**20:.0f} MiB. A notebook's cell holds at most {MOST_HELD // 2**20}. "
            "Write it into a folder: save_page('page')."
        )
    data = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.glob("data/*.js")}
    text = (folder / PAGE).read_text("utf-8")
    text = POLICY.sub(lambda _: escape(CSP_HELD, quote=True), text, count=1)
    text = STYLE.sub(lambda found: f"<style>{(folder / found[1]).read_text('utf-8')}</style>", text)
    text = SCRIPT.sub(lambda found: _script((folder / found[1]).read_text("utf-8")), text)
    held = json.dumps(data).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return text.replace("<style>", f"{_script(HELD % held)}<style>", 1)


def _script(text: str) -> str:
    """Return a script in a page: the end of one in its text would end it."""
    whole = text.replace("</script", r"<\/script")
    return f"<script>{whole}</script>"
