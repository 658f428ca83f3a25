"""The one door to notebooks: what is shown below a cell, as HTML of its own, without a widget and without a request elsewhere."""

import base64
import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .legible import legible, shortened, told

MOST_ROWS = 20  # of a table below a cell: the first and the last ones
MOST_SHOWN = 24  # results of one list
LONGEST_CELL = 80
TABLE = "border-collapse:separate;border-spacing:.9em .1em;font-variant-numeric:tabular-nums;margin:.3em 0"
FRAME = "width:100%;box-sizing:border-box;height:min(46em,80vh);border:1px solid #8886;border-radius:4px"
CAPTION = "font-size:.85em;opacity:.8"


def kernel() -> Any:
    """Return IPython's shell where it runs below a notebook, else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell if shell is not None and hasattr(shell, "kernel") else None


def display(result: object) -> None:
    """Show an object below the cell. Only where there is a `kernel`."""
    importlib.import_module("IPython.display").display(result)


class Output:
    """A place below the cell whose HTML can be changed: by plain messages, which nbconvert and every front end know."""

    def __init__(self, html: str) -> None:
        module = importlib.import_module("IPython.display")
        self._html = module.HTML
        self._handle = module.display(self._html(html), display_id=True)

    def show(self, html: str) -> None:
        """Show something else in its place."""
        self._handle.update(self._html(html))


def page_frame(page: Path, caption: str) -> str:
    """Return a frame that shows a page which lies in a folder. A notebook serves only what lies beside it or below."""
    beside = page.resolve()
    if not beside.is_relative_to(Path.cwd()):
        return f'<p style="{CAPTION}">{_words(caption)}. Open in a browser: <code>{escape(legible(page))}</code></p>'
    address = escape(quote(beside.relative_to(Path.cwd()).as_posix()))
    return f'<iframe src="{address}" style="{FRAME}" title="{_words(caption)}"></iframe><p style="{CAPTION}">{_words(caption)}</p>'


def live_frame(address: str, caption: str) -> str:
    """Return a frame that shows what a server of this machine answers at an address."""
    return f'<iframe src="{escape(address)}" style="{FRAME}" title="{_words(caption)}"></iframe><p style="{CAPTION}">{_words(caption)}</p>'


@dataclass(frozen=True)
class Page:
    """A page that a notebook shows below the cell. `html`: the page, one file; `caption`: what it is."""

    html: str
    caption: str

    def __repr__(self) -> str:
        return told(self, self.caption, f"{len(self.html) / 2**20:.1f} MiB")

    def _repr_html_(self) -> str:
        frame = f'<iframe srcdoc="{escape(self.html)}" style="{FRAME}" title="{_words(self.caption)}"></iframe>'
        return f'{frame}<p style="{CAPTION}">{_words(self.caption)}</p>'

    _repr_part_ = _repr_html_


def several_in_a_list() -> None:
    """Let a list or tuple of results be shown as their pictures and tables. Without a notebook nothing happens."""
    shell = kernel()
    if shell is None:
        return
    formatter = shell.display_formatter.formatters["text/html"]
    for kind in (list, tuple):
        if formatter.type_printers.get(kind) is None:  # another package may have a way of its own
            formatter.for_type(kind, several)


def several(items: Sequence[Any]) -> str | None:
    """Return what a list of results looks like, None unless all its items are results: IPython then shows the list as it always does."""
    if hasattr(type(items), "_repr_html_"):  # a kind of list that knows how it looks: IPython asks here first
        html: str = items._repr_html_()  # type: ignore[attr-defined]
        return html
    if not items or not all(hasattr(type(item), "_repr_part_") for item in items):
        return None
    left_out = len(items) - MOST_SHOWN
    more = [f'<p style="{CAPTION}">{left_out:,} more are not shown.</p>'] if left_out > 0 else []
    return "".join([*(item._repr_part_() for item in items[:MOST_SHOWN]), *more])


def progress_bar(label: str, done: int | None = None, total: int | None = None, left: float | None = None) -> str:
    """Return a bar as HTML; without numbers it says that work is running. `left`: seconds."""
    if done is None:
        return f"<div>{_words(label)}…</div>"
    bar = f'<progress max="{total}" value="{done}"></progress> {done:,} of {total:,}' if total else f"{done:,}"
    return f"<div>{_words(label)} {bar}{'' if left is None else f', {left:.0f} s left'}</div>"


def figure(png: bytes, caption: str) -> str:
    """Return a picture with a caption as HTML that holds it."""
    source = base64.b64encode(png).decode("ascii")
    return (
        f'<figure style="display:inline-block;margin:0 1em 1em 0;max-width:100%"><img style="max-width:100%" alt="{_words(caption)}" '
        f'src="data:image/png;base64,{source}"><figcaption style="{CAPTION}">{_words(caption)}</figcaption></figure>'
    )


def table(columns: Mapping[str, Sequence[Any]], caption: str = "") -> str:
    """Return columns of equal length as an HTML table of their first and last rows. All words in it are text, whoever wrote them."""
    count = max((len(values) for values in columns.values()), default=0)
    half = MOST_ROWS // 2
    rows = [*range(count)] if count <= MOST_ROWS else [*range(half), None, *range(count - half, count)]
    head = "".join(f"<th>{_words(name)}</th>" for name in columns)
    body = "".join(f"<tr>{_row(columns, row)}</tr>" for row in rows)
    cut = f"{count:,} rows" if count > MOST_ROWS else ""
    said = ". ".join(filter(None, (caption, cut)))
    below = f'<p style="{CAPTION}">{escape(legible(said))}</p>' if said else ""
    return f'<table style="{TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}'


def _row(columns: Mapping[str, Sequence[Any]], row: int | None) -> str:
    if row is None:
        return "<td>…</td>" * len(columns)
    return "".join(f"<td>{_words(cell_text(values[row]))}</td>" for values in columns.values())


def cell_text(value: Any) -> str:
    """Return a value as a table shows it: four digits of a number that is not whole, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, float) or hasattr(value, "dtype"):
        return f"{value:.4g}" if getattr(value, "ndim", 0) == 0 and float(value) != int_of(value) else str(value).removesuffix(".0")
    return str(value)


def int_of(value: Any) -> int | None:
    """Return the whole part of a number, None where it has none."""
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


def _words(text: object) -> str:
    return escape(shortened(legible(text), LONGEST_CELL))
