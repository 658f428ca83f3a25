"""Writes results: every picture (PNG, SVG, PDF) carries its provenance and has a JSON sidecar."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageShow

from ..errors import OutputError, ReplayError
from ..files import check_writable, write_files
from ..formats.picture import KEY, SIDECAR, encoded, pdf_entries, png, read_provenance, sidecar, svg_entry
from ..json_files import parse_json
from ..notebook import display, kernel
from ..registry import DRAWINGS
from ..results import Provenance, Result
from ..writing import PICTURE, is_picture
from .sheet import PRINT_DPI, Sheet, sheet_of
from .spread import Spread, spread
from .theme import LIGHT

PICTURES = (".jpg", ".jpeg", ".jpe", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".avif", ".heic", ".ppm")
OTHER_SUFFIXES = frozenset((*PICTURES, ".eps", ".ps", ".csv", ".json", ".npz", ".npy", ".html", ".parquet"))
Artefact = Sheet | Image.Image | str | bytes


def write(result: Result, path: Path, *, raw: bool = False) -> list[Path]:
    """Write the main picture to `path`, if it ends in .png, .svg or .pdf, or all pictures, as PNG, into the folder `path`; return what
    was written.

    Beside each picture: its provenance as `.json`. Beside the main picture: what is called like it, such as a map's table, and with
    `raw` the arrays as `.npz`. All files are written, or none is. Raises OutputError.
    """
    path = Path(path)
    _check_suffix(path)
    return _write(result, _artefacts(result), path, single=is_picture(path), raw=raw)


def write_named(result: Result, folder: Path, stem: str, *, raw: bool = False) -> list[Path]:
    """As `write`, to `<stem>.png` in `folder`; a result of several files, such as a map and its table, gets a folder `<stem>`."""
    artefacts = _artefacts(result)
    single = len(artefacts) == 1
    return _write(result, artefacts, folder / (f"{stem}{PICTURE}" if single else stem), single=single, raw=raw)


def _write(result: Result, artefacts: Mapping[str, Artefact], path: Path, *, single: bool, raw: bool) -> list[Path]:
    main = _main_name(artefacts)
    contents: dict[Path, bytes] = {}
    for name, artefact in artefacts.items():
        target = path / name
        if single and Path(name).stem != Path(main).stem:
            continue
        if single:
            target = path if name == main else path.with_suffix(Path(name).suffix)
        if isinstance(artefact, str | bytes):
            contents[target] = encoded(artefact) if isinstance(artefact, str) else artefact
        elif name == main or not single:
            contents[target] = _picture(artefact, _provenance(result, name), target.suffix)
            contents[target.with_suffix(SIDECAR)] = sidecar(_provenance(result, name))
    if raw:
        contents[(path if single else path / main).with_suffix(".npz")] = _npz(result)
    return write_files(contents)


def write_chosen(result: Result, places: Mapping[str, Path], *, raw: Path | None = None) -> list[Path]:
    """Write only the pictures that `places` names, each to its path with its sidecar and what else is called like it, and the arrays to
    `raw`; all files or none.
    """
    artefacts = _artefacts(result)
    contents: dict[Path, bytes] = {}
    for name, path in places.items():
        contents[path] = _picture(artefacts[name], _provenance(result, name), PICTURE)
        contents[path.with_suffix(SIDECAR)] = sidecar(_provenance(result, name))
        for other, artefact in artefacts.items():
            if isinstance(artefact, bytes) and Path(other).stem == Path(name).stem:
                contents[path.with_suffix(Path(other).suffix)] = artefact
    return write_files(contents | ({} if raw is None else {raw: _npz(result)}))


def is_written(result: Provenance, name: str, path: Path, *, plain: bool = False, inputs: bool = False) -> bool:
    """Say whether `path` and its sidecar hold the picture `name` of a result of this provenance: nothing that matters differs.

    To a `plain` picture, which is pixels alone, the theme does not matter. `inputs`: their digests must be the same too.
    """
    wanted = parse_json(encoded(result.as_json(picture=name)))
    try:
        found = [read_provenance(place) for place in (path, path.with_suffix(SIDECAR))]
        if inputs and any(_digests(one) != _digests(wanted) for one in found):
            return False
        return all(_what_matters(one, plain) == _what_matters(wanted, plain) for one in found)
    except (ReplayError, LookupError, TypeError, AttributeError):
        return False


def _what_matters(said: dict[str, Any], plain: bool) -> list[Any]:
    parameters = {name: value for name, value in said["parameters"].items() if not (plain and name == "theme")}
    return [
        parameters,
        *(said[name] for name in ("method", "seed", "backend", "picture")),
        said["model"]["digest"],
        said["versions"][KEY],
    ]


def _digests(said: dict[str, Any]) -> list[Any]:
    return [one["digest"] for one in said["inputs"]]


def check_target(path: Path) -> None:
    """Raise OutputError for a picture or folder that `write` could not write to. Call it before a long computation."""
    _check_suffix(path)
    check_writable(path if is_picture(path) else path / f"picture{PICTURE}")


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() in OTHER_SUFFIXES:
        raise OutputError(
            f"Cannot write a picture to `{path}`: a `{path.suffix}` file cannot hold provenance. Expected a path that ends "
            f"in .png, .svg or .pdf, or a folder. Try: {path.with_suffix(PICTURE)}"
        )


def main_picture(result: Result) -> Image.Image:
    """Return the result's first picture."""
    artefacts = _artefacts(result)
    picture = artefacts[_main_name(artefacts)]
    if isinstance(picture, Sheet):
        return _drawn(picture)
    assert isinstance(picture, Image.Image)
    return picture


def words_of(result: Result) -> tuple[str, tuple[str, ...]]:
    """Return the title of the main picture and all that is written on it, nothing for a plain picture."""
    artefacts = _artefacts(result)
    main = artefacts[_main_name(artefacts)]
    return (main.title, tuple(words.text for words in main.words)) if isinstance(main, Sheet) else ("", ())


def spread_of(result: Result) -> Spread | None:
    """Return the main picture in parts, for a page that sets the words itself; None for a plain picture, and for one whose words belong
    into it, such as a chart or a map.
    """
    artefacts = _artefacts(result)
    main = artefacts[_main_name(artefacts)]
    return spread(main) if isinstance(main, Sheet) and main.panels else None


def png_bytes(result: Result, picture: str | None = None) -> bytes:
    """Return the main picture, or the one of that name, as PNG with its provenance."""
    return picture_bytes(result, picture)


def picture_bytes(result: Result, picture: str | None = None, suffix: str = PICTURE) -> bytes:
    """Return the main picture, or the one of that name, in a format with its provenance: the same bytes for the same result."""
    artefacts = _artefacts(result)
    name = picture if picture is not None and picture in artefacts else _main_name(artefacts)
    return _picture(artefacts[name], _provenance(result, name), suffix)


def show(result: Result) -> None:
    """Show the main picture below the notebook's cell, elsewhere in the system's viewer; raise OutputError if none."""
    if kernel() is not None:
        display(result)
    elif not ImageShow.show(main_picture(result), title=result.provenance.method):
        raise OutputError(
            "Cannot show the picture: this system has no image viewer. Use a notebook, or write the picture: result.save('picture.png')."
        )


def _artefacts(result: Result) -> Mapping[str, Artefact]:
    drawn: Mapping[str, Artefact] = DRAWINGS.get(result.provenance.method)(result)
    return drawn


def _main_name(artefacts: Mapping[str, Artefact]) -> str:
    return next(name for name, artefact in artefacts.items() if not isinstance(artefact, str | bytes))


def _provenance(result: Result, name: str) -> str:
    return result.provenance.as_json(picture=name)


def _picture(artefact: Any, provenance: str, suffix: str) -> bytes:
    """Return a sheet or a plain picture as a file with its provenance."""
    if suffix.lower() == PICTURE:  # a sheet is laid out for print; a plain picture is its pixels
        return png(_drawn(artefact), provenance, PRINT_DPI) if isinstance(artefact, Sheet) else png(artefact, provenance)
    sheet = artefact if isinstance(artefact, Sheet) else sheet_of(np.asarray(artefact.convert("RGB")), LIGHT)
    if suffix.lower() == ".svg":
        from .svg import svg

        return svg(sheet, svg_entry(provenance))
    from .pdf import pdf  # its part of matplotlib takes half a second

    return pdf(sheet, pdf_entries(provenance))


def _drawn(sheet: Sheet) -> Image.Image:
    from .figures import raster

    return raster(sheet)


def _npz(result: Result) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **result.arrays())
    return file.getvalue()
