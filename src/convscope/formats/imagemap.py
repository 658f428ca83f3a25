"""The page of a map: a manifest for other programs, and `data/`, scripts that hand bytes to the viewer.

A page from disk may neither fetch files nor load modules, but it may add scripts. Each holds parts, `map.take("name","base64");`. All
parts are in the order of the Hilbert curve; `ids` says which image of the map each one is.
"""

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PageError
from ..hints import command
from ..json_files import as_json, parse_json, read_json
from .schemas import check_schema, release_of

SCHEMA = 1
KIND = "imagemap"
MANIFEST, PAGE, DATA = "manifest.json", "index.html", "data"
START, LATER = "start", "later"
CHUNK = 16384  # images whose names, and neighbours, are in one script: each is loaded when it is needed
MARK = b'map.take("about",'  # how the start.js of every page begins
PART = re.compile(rb'map\.take\("([a-z0-9-]+)","([A-Za-z0-9+/=]*)"\);\n')
# The parts that are numbers, (image, ...) of one kind each; `classes` and `predictions` take as many bytes as `about` says.
KINDS = {
    "places": "<u2",  # (image, 2), x and y, y down, on a square of 65,536
    "means": "u1",  # (image, channel), the mean colour
    "cells": "<u2",  # (image, 2), column and row of the grid
    "ids": "<u4",
    "backdrop": "<u2",  # (point, 2), the points of the map on which the images were placed
    "probabilities": "<u2",  # shares of 65,535
    "neighbours": "<u4",  # (image, neighbour), places in the order of the parts
}
WIDE = {"places": 2, "cells": 2, "backdrop": 2}
NOT_IN_MANIFEST = ("classes", "width")


def packed(name: str, values: NDArray[Any], width: int = 0) -> bytes:
    """Return the bytes of a part of numbers; `width`: how many bytes each takes, of a part that has no kind of its own."""
    return values.astype(KINDS.get(name, f"<u{width}")).tobytes()


def _again() -> str:
    return command("tsne … --page", "convscope.tsne(model, images).save_page(folder)")


def script(parts: Mapping[str, bytes]) -> bytes:
    """Return a script that hands these parts to the page: base64 means nothing to HTML or JavaScript, whatever the bytes are."""
    lines = (f'map.take("{name}","{base64.b64encode(content).decode("ascii")}");\n' for name, content in parts.items())
    return "".join(lines).encode("ascii")


def about(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a page knows about its map as a whole, with the schema: the part `about`, and most of the manifest."""
    return {"schema": SCHEMA, **facts}


def manifest(about: Mapping[str, Any]) -> bytes:
    """Return the manifest of a page for other programs."""
    shown = {key: value for key, value in about.items() if key not in NOT_IN_MANIFEST}
    shown |= {"kind": KIND, "thumbnails": about["kind"], "data": DATA, "page": PAGE}
    return json.dumps(json.loads(as_json(shown)), indent=1, sort_keys=True).encode("utf-8")


def is_page_data(folder: Path) -> bool:
    """Return whether a folder is the `data/` of a page."""
    start = folder / f"{START}.js"
    if not start.is_file():
        return False
    with start.open("rb") as file:
        return file.read(len(MARK)) == MARK


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a page's folder. Raises PageError for a folder without one, for another kind, and for a newer schema."""
    path = folder / MANIFEST
    try:
        found: dict[str, Any] = read_json(path)
        kind, schema = found["kind"], int(found["schema"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PageError(f"`{folder}` is not a page: its {MANIFEST} is missing or unreadable. Make one with: {_again()}") from error
    if kind != KIND or not (folder / PAGE).is_file():
        raise PageError(f"`{folder}` does not hold a map of images ({kind}). Make one with: {_again()}")
    check_schema(path, schema, SCHEMA, PageError, release=release_of(found.get("provenance")))
    return found


def read_data(folder: Path) -> dict[str, Any]:
    """Return all parts of a page by name: `about` and `names` as JSON, pictures as bytes (`SIDE-PAGE`), the others as arrays.

    The pieces of `names` and `neighbours` are joined. For programs that want a map's numbers; the page itself is read by its viewer.
    Raises PageError for a folder without a page, or with a damaged one.
    """
    count = int(read_manifest(folder)["images"])
    try:
        scripts = sorted((folder / DATA).glob("*.js"))
        parts = {name.decode(): base64.b64decode(content) for path in scripts for name, content in PART.findall(path.read_bytes())}
        facts = parse_json(parts.pop("about"))
        return {"about": facts, **_joined(parts), **_numbers(parts, facts, count)}
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise PageError(f"The data of the page in `{folder}` is damaged: {error}. Make the page again: {_again()}") from error


def _joined(parts: dict[str, bytes]) -> dict[str, Any]:
    """Take the pieces of `names` from the parts and return them as one list; the pieces of `neighbours` become one part."""
    pieces = {kind: [parts.pop(name) for name in sorted(parts) if name.startswith(f"{kind}-")] for kind in ("names", "neighbours")}
    parts["neighbours"] = b"".join(pieces["neighbours"])
    return {"names": [name for piece in pieces["names"] for name in parse_json(piece)]}


def _numbers(parts: Mapping[str, bytes], facts: Mapping[str, Any], count: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    wide = WIDE | {"means": min(int(facts["channels"]), 3), "neighbours": int(facts["neighbours"])}
    for name, content in parts.items():
        if name[0].isdigit():
            found[name] = content
            continue
        values = np.frombuffer(content, KINDS.get(name, f"<u{int(facts['width'])}"))
        rows = -1 if name == "backdrop" else count
        found[name] = values.reshape((rows, wide[name]) if name in wide else (rows,))
    return found
