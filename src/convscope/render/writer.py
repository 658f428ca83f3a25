"""Writes results: every picture (PNG, SVG, PDF) carries its provenance and has a JSON sidecar; and reads it back."""

import html
import importlib
import io
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageShow, PngImagePlugin

from ..errors import OutputError, ReplayError
from ..files import check_writable, write_files
from ..json_files import JsonError, parse_json, read_json
from ..registry import DRAWINGS
from ..results import SCHEMA, Provenance, Result
from ..writing import is_picture
from .sheet import PRINT_DPI, Sheet, sheet_of
from .theme import LIGHT

KEY = "convscope"
PDF_ESCAPE, PDF_ESCAPES = re.compile(r"\\(.)", re.DOTALL), {"n": "\n", "r": "\r"}
PICTURE = ".png"
PICTURES = (".jpg", ".jpeg", ".jpe", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".avif", ".heic", ".ppm")
OTHER_SUFFIXES = frozenset((*PICTURES, ".eps", ".ps", ".csv", ".json", ".npz", ".npy", ".html", ".parquet"))
SVG_ENTRY = re.compile(rb'<metadata id="convscope">(.*?)</metadata>', re.DOTALL)
PDF_ENTRY = re.compile(rb"/convscope \(((?:[^\\()]|\\.)*)\)", re.DOTALL)
COMPRESSION = 6
EXPECTED = "Expected a .png, .svg or .pdf that convscope wrote, or the .json beside it."
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
            contents[target] = _encoded(artefact) if isinstance(artefact, str) else artefact
        elif name == main or not single:
            contents[target] = _picture(artefact, _provenance(result, name), target.suffix)
            contents[target.with_suffix(".json")] = _encoded(_provenance(result, name) + "\n")
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
        contents[path.with_suffix(".json")] = _encoded(_provenance(result, name) + "\n")
        for other, artefact in artefacts.items():
            if isinstance(artefact, bytes) and Path(other).stem == Path(name).stem:
                contents[path.with_suffix(Path(other).suffix)] = artefact
    return write_files(contents | ({} if raw is None else {raw: _npz(result)}))


def is_written(result: Provenance, name: str, path: Path, *, plain: bool = False) -> bool:
    """Say whether `path` and its sidecar hold the picture `name` of a result of this provenance: nothing that matters differs.

    To a `plain` picture, which is pixels alone, the theme does not matter.
    """
    wanted = parse_json(_encoded(result.as_json(picture=name)))
    try:
        found = [read_provenance(place) for place in (path, path.with_suffix(".json"))]
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


def read_picture(path: Path) -> np.ndarray:
    """Return a written picture as (height, width, channel) float32 in [0, 1], the exact values that were written."""
    with Image.open(path) as image:
        pixels = np.asarray(image, dtype=np.float32) / np.float32(255.0)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def check_target(path: Path) -> None:
    """Raise OutputError for a picture or folder that `write` could not write to; to be asked before a long computation."""
    _check_suffix(path)
    check_writable(path if is_picture(path) else path / f"picture{PICTURE}")


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() in OTHER_SUFFIXES:
        raise OutputError(
            f"Cannot write a picture to `{path}`: a `{path.suffix}` cannot say how it was made. "
            f"Expected a path that ends in .png, .svg or .pdf, or a folder. Try: {path.with_suffix(PICTURE)}"
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
    if _in_notebook():
        importlib.import_module("IPython.display").display(result)
    elif not ImageShow.show(main_picture(result), title=result.provenance.method):
        raise OutputError(
            "Cannot show the picture: this system has no viewer for pictures. "
            "Expected one, or a notebook. Write it instead: result.save('picture.png')."
        )


def read_provenance(path: str | Path) -> dict[str, Any]:
    """Return what a written picture, or its JSON sidecar, says about how it was made; raise ReplayError."""
    path = Path(path)
    try:
        found = read_json(path) if path.suffix.lower() == ".json" else parse_json(_text_in(path))
    except JsonError as error:
        raise ReplayError(f"What `{path}` says about itself cannot be read: {error}. {EXPECTED}") from error
    except (OSError, ValueError) as error:
        raise ReplayError(f"Cannot read `{path}`: {(getattr(error, 'strerror', None) or str(error)).lower()}. {EXPECTED}") from error
    if not isinstance(found, dict) or not isinstance(found.get("method"), str):
        raise ReplayError(f"`{path}` does not say which method made it. {EXPECTED}")
    schema = found.get("schema")
    if type(schema) is not int or schema > SCHEMA:
        raise ReplayError(f"`{path}` has schema {schema}, this release reads up to {SCHEMA}. Install a newer convscope to replay it.")
    return found


def _artefacts(result: Result) -> Mapping[str, Artefact]:
    drawn: Mapping[str, Artefact] = DRAWINGS.get(result.provenance.method)(result)
    return drawn


def _main_name(artefacts: Mapping[str, Artefact]) -> str:
    return next(name for name, artefact in artefacts.items() if not isinstance(artefact, str | bytes))


def _provenance(result: Result, name: str) -> str:
    # A file name that is no Unicode holds lone surrogates: encoding turns them into the escapes that JSON knows.
    return _encoded(result.provenance.as_json(picture=name)).decode("utf-8")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _picture(artefact: Any, provenance: str, suffix: str) -> bytes:
    """Return a sheet or a plain picture as a file with its provenance."""
    if suffix.lower() == PICTURE:
        return _png(artefact, provenance)
    sheet = artefact if isinstance(artefact, Sheet) else sheet_of(np.asarray(artefact.convert("RGB")), LIGHT)
    said = json.dumps(json.loads(provenance), indent=1, sort_keys=True)  # in ASCII, which every format holds
    if suffix.lower() == ".svg":
        from .svg import svg

        return svg(sheet, said)
    from .pdf import pdf  # its part of matplotlib takes half a second

    return pdf(sheet, {KEY: said})


def _drawn(sheet: Sheet) -> Image.Image:
    from .figures import raster

    return raster(sheet)


def _png(picture: Sheet | Image.Image, provenance: str) -> bytes:
    # Not compressed: Pillow and others refuse compressed text beyond a megabyte, and a map of many images has more.
    words = PngImagePlugin.PngInfo()
    words.add_text("Software", KEY)
    words.add_text(KEY, provenance)
    file = io.BytesIO()
    # A sheet is laid out for print; a plain picture is its pixels, whose size on paper nobody has decided.
    drawn, size = (_drawn(picture), {"dpi": (PRINT_DPI, PRINT_DPI)}) if isinstance(picture, Sheet) else (picture, {})
    drawn.save(file, "PNG", pnginfo=words, compress_level=COMPRESSION, **size)
    return file.getvalue()


def _npz(result: Result) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **result.arrays())
    return file.getvalue()


def _text_in(path: Path) -> str:
    """Return what a picture says about itself as it stands in the file."""
    if path.exists() and not path.is_file():
        raise ReplayError(f"Cannot read `{path}`: it is a folder, a pipe or a device. {EXPECTED}")
    suffix, text = path.suffix.lower(), None
    if suffix == ".svg":
        found = SVG_ENTRY.search(path.read_bytes())
        text = found and html.unescape(found[1].decode("ascii", "replace"))
    elif suffix == ".pdf":
        entries = PDF_ENTRY.findall(path.read_bytes())
        text = entries[-1].decode("ascii", "replace") if entries else None
        text = text and PDF_ESCAPE.sub(lambda match: PDF_ESCAPES.get(match[1], match[1]), text)
    else:
        text = _text_in_png(path)
    if not isinstance(text, str):
        raise ReplayError(
            f"`{path}` carries no provenance: convscope did not write it, or another program saved it again. "
            f"{EXPECTED} Perhaps its sidecar is left: {path.with_suffix('.json')}"
        )
    return text


def _text_in_png(path: Path) -> Any:
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return image.info.get(KEY)
    except OSError as error:
        raise ReplayError(f"Cannot read `{path}`: {(error.strerror or '').lower() or 'it is not a PNG'}. {EXPECTED}") from error
    except Image.DecompressionBombError as error:
        raise ReplayError(f"Cannot read `{path}`: it has more pixels than are read. {EXPECTED}") from error
    except Exception as error:  # Pillow raises whatever a damaged file makes it raise
        raise ReplayError(f"Cannot read `{path}`: it is a damaged PNG. {EXPECTED}") from error


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    return running is not None and hasattr(running, "kernel")
