"""The one way up: results and methods ask for files to be written, by a room that lies above them.

`Writer` is all that they may ask for. The catalogue says which module answers; it is loaded when a result is first written.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from .registry import load

FORMATS = (".png", ".svg", ".pdf")  # of one picture; a path that ends otherwise is a folder
PICTURE = FORMATS[0]
INDEX = "index.html"  # the page that shows many pictures
PARTS = "parts"  # the folder of what that page shows of each: its parts, and NAME.json with the words
REFERENCE = ""  # the module that writes; set once, by the catalogue


class Writer(Protocol):
    """Writes results as pictures that carry their provenance. `result` is a `Result` in all of them."""

    def write(self, result: Any, path: Path, *, raw: bool = False) -> list[Path]:
        """Write the main picture to a file, or all pictures into a folder; return the paths."""

    def write_named(self, result: Any, folder: Path, stem: str, *, raw: bool = False) -> list[Path]:
        """Write under the name `stem` in a folder; return the paths."""

    def write_chosen(self, result: Any, places: Mapping[str, Path], *, raw: Path | None = None) -> list[Path]:
        """Write the pictures that `places` names, each to its path; return the paths."""

    def write_pages(
        self, folder: Path, title: str, results: Iterable[tuple[str, Any]], *, raw: bool = False
    ) -> Iterator[tuple[Any, list[Path]]]:
        """Write results under their names as they are made, and at the end a page that shows all; yield each with its paths.

        Where there is None in place of a result, its files are there already.
        """

    def write_page(self, result: Any, folder: Path, **options: Any) -> list[Path]:
        """Write a map as a page for the browser, with the options of the room that draws; return the paths."""

    def cell_page(self, result: Any) -> Any:
        """Return a map as a page for a notebook's cell."""

    def is_written(self, result: Any, name: str, path: Path, *, plain: bool = False, inputs: bool = False) -> bool:
        """Say whether `path` holds the picture `name` of a result of the provenance `result`; `inputs`: made from the same ones."""

    def main_picture(self, result: Any) -> Any:
        """Return the first picture, a PIL image."""

    def png_bytes(self, result: Any, picture: str | None = None) -> bytes:
        """Return a picture as the bytes of its file."""

    def show(self, result: Any) -> None:
        """Show the first picture."""


def is_picture(path: Path) -> bool:
    """Say whether a path is that of one picture, by its ending."""
    return path.suffix.lower() in FORMATS


def writer() -> Writer:
    """Return the room's writer."""
    found: Writer = load(REFERENCE)
    return found
