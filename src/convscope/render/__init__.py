"""Results -> pictures, files and pages.

A drawing takes a record and returns {file name: PIL image or text}, the main picture first. It sees records only, never
a model. The names below answer `convscope.writing.Writer`.
"""

import tempfile
from pathlib import Path
from typing import Any

from ..notebook import Page
from ..results import Embedding
from .pages import write_pages
from .writer import is_written, main_picture, png_bytes, show, write, write_chosen, write_named

__all__ = [
    "cell_page",
    "is_written",
    "main_picture",
    "png_bytes",
    "show",
    "write",
    "write_chosen",
    "write_named",
    "write_page",
    "write_pages",
]


def write_page(result: Embedding, folder: Path, **options: Any) -> list[Path]:
    """Write a map as a page for the browser, its viewer and its images; return the paths. Raises OutputError.

    The options are those of `imagemap.write_page`.
    """
    from . import imagemap  # only a map that becomes a page needs it

    return list(imagemap.write_page(result, folder, **options))


def cell_page(result: Embedding) -> Page:
    """Return a map as a page for a notebook's cell. Raises OutputError for one of more than 32 MiB."""
    from .site.alone import alone

    with tempfile.TemporaryDirectory() as folder:
        write_page(result, Path(folder))
        return Page(alone(Path(folder)), f"A map of {len(result.points):,} images")
