"""The folder of an atlas: the names of its files, its manifest, and the scripts that hand data to its pages. docs/atlas.md describes each.

The manifest is for programs and for whoever resumes: it lists every part that is made, with the digest of all that made it. Parts that were
made since it was written are lines of a journal beside it, because a whole manifest for each would cost more than some parts.
"""

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..digests import file_digest
from ..errors import PageError
from ..hints import command
from ..json_files import as_json, parse_json, read_json
from .schemas import check_schema, release_of

SCHEMA = 1
KIND = "atlas"
MANIFEST, PAGE, DATA, MAP = "manifest.json", "index.html", "data", "map"
JOURNAL = "parts.jsonl"
UNITS, CONNECTIONS = "units.parquet", "connections.parquet"
# How many units climb, project and are described together, fewer of those that are classes, whose pictures are larger; and how many of
# their tiles lie on one sheet of a wall.
CHUNK, CLASS_CHUNK, ON_A_WALL = 16, 8, 128
PATCH, PROJECTION, WITHOUT = "patch", "projection", "without"
SCRIPT = re.compile(rb'kit\.take\("([a-z0-9-]+)",(.*)\);\n', re.DOTALL)


@dataclass(frozen=True)
class Part:
    """Files that were made together: `key` stands for all that made them, `files` has the digest of each by its path in the folder.

    `facts`: what else was found, as plain data.
    """

    key: str
    files: Mapping[str, str]
    facts: Mapping[str, Any] = field(default_factory=dict)


def _make() -> str:
    return f"Make one with: {command('atlas MODEL IMAGES', 'convscope.atlas(model, images)')}"


def data_path(name: str, ending: str = "js") -> str:
    """Return the path in the folder of a file in `data/`."""
    return f"{DATA}/{name}.{ending}"


def units_name(layer: int) -> str:
    """Return the name of the columns of a layer's units."""
    return f"units-{layer}"


def detail_name(layer: int, chunk: int) -> str:
    """Return the name of what is known of a chunk's units, and of the sheet of their patches and projections with switches."""
    return f"detail-{layer}-{chunk}"


def synthetic_name(layer: int, chunk: int) -> str:
    """Return the name of the sheet of a chunk's synthetic pictures."""
    return f"synthetic-{layer}-{chunk}"


def wall_name(layer: int, kind: str, sheet: int) -> str:
    """Return the name of a sheet of a layer's wall, of one kind of tiles; or of the projections without switches of as many units."""
    return f"wall-{layer}-{kind}-{sheet}"


def images_name(sheet: int) -> str:
    """Return the name of a sheet of images, and of a script of their records."""
    return f"images-{sheet}"


def manifest(facts: Mapping[str, Any], parts: Mapping[str, Part]) -> bytes:
    """Return the manifest of these facts and parts, a line for each; the same ones give the same bytes."""
    made = {name: _said(one) for name, one in parts.items()}
    known = {"kind": KIND, "schema": SCHEMA, **facts}
    lines = [f"{_text(name)}: {_text(value)}" for name, value in sorted(known.items())]
    lines.append('"parts": {\n ' + ",\n ".join(f"{_text(name)}: {_text(value)}" for name, value in sorted(made.items())) + "}")
    return ("{" + ",\n".join(lines) + "}\n").encode("utf-8")


def journal_line(name: str, part: Part) -> bytes:
    """Return what the journal says of a part."""
    return f"{_text({'name': name} | _said(part))}\n".encode()


def _said(part: Part) -> dict[str, Any]:
    return {"key": part.key, "files": part.files} | ({"facts": part.facts} if part.facts else {})


def _part(said: Mapping[str, Any]) -> Part:
    return Part(str(said["key"]), {str(path): str(one) for path, one in said["files"].items()}, said.get("facts", {}))


def _journal(folder: Path) -> dict[str, Part]:
    """Return the parts of the journal, as far as it is whole: a kill may have cut its last line."""
    parts = dict[str, Part]()
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        for line in (folder / JOURNAL).read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                said = parse_json(line)
                parts[str(said["name"])] = _part(said)
    return parts


def _text(value: Any) -> str:
    return json.dumps(json.loads(as_json(value)), sort_keys=True, ensure_ascii=False)


def is_atlas(folder: Path) -> bool:
    """Say whether a folder holds the manifest of an atlas, even a damaged one."""
    try:
        return b'"kind": "atlas"' in (folder / MANIFEST).read_bytes()
    except OSError:
        return False


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of an atlas; `parts` by name as `Part`, with those of the journal.

    Raises PageError for a folder without one, or from a newer convscope.
    """
    path = folder / MANIFEST
    try:
        found: dict[str, Any] = read_json(path)
        kind, schema = found["kind"], int(found["schema"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PageError(f"`{folder}` is not an atlas: its {MANIFEST} is missing or unreadable. {_make()}") from error
    if kind != KIND:
        raise PageError(f"`{folder}` holds a page of another kind (`{kind}`), not an atlas. Use another folder. {_make()}")
    check_schema(path, schema, SCHEMA, PageError, release=release_of(found))
    try:
        parts = {str(name): _part(one) for name, one in found["parts"].items()} | _journal(folder)
        for one in found["layers"]:
            _ = str(one["address"]), [int(channel) for channel in one["order"]]
        _ = str(found["model"]["digest"]), str(found["run"]["first"])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise PageError(
            f"The manifest of the atlas in `{folder}` is damaged: {error}. Delete the folder, and make the atlas again."
        ) from error
    return found | {"parts": parts}


def is_whole(folder: Path, part: Part) -> bool:
    """Say whether the files of a part are there, with the bytes that were written."""
    try:
        return all(file_digest(folder / path) == said for path, said in part.files.items())
    except OSError:
        return False


def read_data(folder: Path, name: str) -> dict[str, Any]:
    """Return what the script `data/NAME.js` of an atlas hands to its page. Raises PageError for a file that is missing or damaged."""
    path = folder / data_path(name)
    try:
        found = SCRIPT.fullmatch(path.read_bytes())
        if found is None or found.group(1).decode() != name:
            raise ValueError("it does not hand over data of that name")
        record: dict[str, Any] = parse_json(found.group(2))
    except (OSError, ValueError) as error:
        raise PageError(
            f"`{path}` is not data of an atlas: {error}. Make the atlas again: the same command makes what is missing."
        ) from error
    return record
