"""Embedding -> a folder: index.html, the viewer, and the images as scripts that hold bytes."""

import importlib.resources
import json
import re
import string
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ...results import Embedding
from ..files import new_folder, write_files
from ..pixels import Bytes
from ..thumbnails import kind_of
from .packing import Level, Packer, is_colour, levels, ordered, shrink
from .records import Classes, Places, as_json, chunks, classes_of, later, place, script

SCHEMA = 1
PICTURES = {"map.png": "The images at their coordinates", "grid.png": "The images on a grid"}
SAMPLE = 2000
SCRIPTS = ("data", "scene", "pages", "webgl", "canvas", "ui", "input", "main")  # each knows those before it
HEADER = '/* The viewer of convscope, Apache-2.0; its commented sources are in convscope/render/imagemap/viewer. */\n"use strict";\n'
LITERAL = re.compile(r'("[^"]*"|`[^`\n]*`|/\[[^\]]*\]/)')  # a string or pattern: its spaces stay
CAUTION = "t-SNE keeps neighbours; distances between clusters and their sizes carry little meaning."


def write_page(embedding: Embedding, folder: Path) -> list[Path]:
    """Write the map of images as a page into `folder` and return the files' paths, `index.html` first.

    The page opens from disk and from any static host, and sends no request elsewhere. `data/` is replaced as a whole,
    and the thumbnails are read and written one texture page at a time, so that memory does not grow with their number.
    `map.png` and `grid.png`, in the folder or beside a folder called `page`, are shown to readers without JavaScript.
    Raises OutputError.
    """
    folder = Path(folder)
    placed, classes = place(embedding.points), classes_of(embedding)
    colour = is_colour(embedding.thumbnails)
    sizes = levels(len(embedding.points), embedding.thumbnails.shape[1], colour)
    about = describe(embedding, classes, sizes, colour)
    with new_folder(folder / "data") as data:
        means = _write_pages(embedding, placed, sizes, data, colour)
        for name, content in chunks(embedding, placed):
            write_files({data / f"{name}.js": script({name: content})})
        start = {"about": as_json(about), "places": placed.places.astype("<u2").tobytes(), "means": means}
        shown = embedding.labels if embedding.labels is not None else embedding.predictions
        if shown is not None:
            start["classes"] = classes.codes(shown, placed.order)
        write_files({data / "start.js": script(start), data / "later.js": script(later(embedding, classes, placed))})
    written = write_files(_viewer(folder, about))
    return written + sorted((folder / "data").iterdir())


def describe(embedding: Embedding, classes: Classes, sizes: tuple[Level, ...], colour: bool) -> dict[str, Any]:
    """Return all that the page knows about the map as a whole, as plain JSON values."""
    tsne = not embedding.engine.startswith("PCA")  # too few images for t-SNE: the record's engine says so
    notes = [CAUTION] * tsne + [note for note in embedding.notes if note != CAUTION]
    return {
        "schema": SCHEMA,
        "images": len(embedding.points),
        "method": "t-SNE" if tsne else "PCA",
        "model": str(embedding.provenance.model.get("name", "")),
        "layer": embedding.layer,
        "engine": embedding.engine,
        "quality": dict(embedding.quality),
        "notes": notes,
        "grid": list(embedding.grid),
        "kind": kind_of(_sample(embedding.thumbnails)) if not colour else "photo",
        "channels": 3 if colour else 1,
        "type": "image/jpeg" if colour else "image/png",
        "levels": [{"side": one.side, "pitch": one.pitch, "columns": one.columns, "pages": one.pages} for one in sizes],
        "neighbours": int(embedding.neighbours.shape[1]),
        "labelled": embedding.labels is not None,
        "predicted": embedding.predictions is not None,
        "width": classes.width,
        "classes": classes.described(embedding),
        "provenance": json.loads(embedding.provenance.as_json(inputs=len(embedding.provenance.inputs))),
    }


def _sample(thumbnails: Bytes) -> Bytes:
    step = max(1, len(thumbnails) // SAMPLE)
    return np.asarray(thumbnails[::step][:SAMPLE])


def _write_pages(embedding: Embedding, placed: Places, sizes: tuple[Level, ...], data: Path, colour: bool) -> bytes:
    """Write all texture pages, and return the mean colour of each image, in Hilbert order."""
    means: list[Bytes] = []
    packers = [Packer(level, colour) for level in sizes]

    def finished() -> Iterator[tuple[str, bytes]]:
        for block in ordered(embedding.thumbnails, placed.order, colour):
            shrunken = block
            for packer in reversed(packers):  # each size is made from the next larger one
                shrunken = shrink(shrunken, packer.level.side)
                yield from packer.add(shrunken)
            means.append(np.rint(shrunken.mean(axis=(1, 2))).astype(np.uint8))
        for packer in packers:
            yield from packer.close()

    for name, content in finished():
        write_files({data / f"{name}.js": script({name: content})})
    return np.concatenate(means).tobytes() if means else b""


def _viewer(folder: Path, about: dict[str, Any]) -> dict[Path, bytes]:
    """Return the files beside `data/`: the page, its style, its script, and a manifest for other programs."""
    sources = importlib.resources.files(__package__).joinpath("viewer")
    pictures = _pictures(folder)
    shown = "".join(f'<img src="{name}" alt="{PICTURES[name]}">' for name in pictures)
    title = f"{about['method']} map of {about['images']:,} images"
    page = string.Template(sources.joinpath("index.html").read_text("utf-8")).substitute(
        title=escape(title), pictures=shown, caution=escape(" ".join(about["notes"][:1]))
    )
    manifest = {key: value for key, value in about.items() if key not in ("classes", "width")}
    manifest |= {"kind": "imagemap", "thumbnails": about["kind"], "data": "data", "page": "index.html"}
    return {
        folder / "index.html": page.encode("utf-8"),
        folder / "manifest.json": json.dumps(json.loads(as_json(manifest)), indent=1, sort_keys=True).encode("utf-8"),
        folder / "viewer" / "style.css": sources.joinpath("style.css").read_bytes(),
        folder / "viewer" / "viewer.js": viewer_script().encode("utf-8"),
        **{folder / name: content for name, content in pictures.items() if content is not None},
    }


def viewer_script() -> str:
    """Return the viewer's scripts as one, without comments, indentation and most spaces; the sources lie beside this file."""
    sources = importlib.resources.files(__package__).joinpath("viewer")
    return HEADER + "".join(_shortened(sources.joinpath(f"{name}.js").read_text("utf-8")) for name in SCRIPTS)


def _shortened(script: str) -> str:
    script = re.sub(r"^ */\*.*?\*/\n", "", script, flags=re.MULTILINE | re.DOTALL)
    script = re.sub(r"(^ *| +)// .*$", "", script, flags=re.MULTILINE)
    lines = (line.strip() for line in script.replace('"use strict";\n', "").splitlines())
    squeezed = "".join("".join(_squeezed(part) for part in LITERAL.split(line)) + "\n" for line in lines if line)
    return re.sub(r"([{;,(\[])\n", r"\1", squeezed)


def _squeezed(part: str) -> str:
    return part if LITERAL.fullmatch(part) else re.sub(r" ?([{}()\[\],;=<>?:&|*]) ?|(?<![+-]) ([+/-]) (?![+-])", r"\1\2", part)


def _pictures(folder: Path) -> dict[str, bytes | None]:
    """Return the pictures for readers without JavaScript: those in the folder, and, to be copied, those that a command wrote around it."""
    around = {name: folder.parent / name for name in PICTURES if folder.name == "page" and (folder.parent / name).is_file()}
    return {name: around[name].read_bytes() if name in around else None for name in PICTURES if name in around or (folder / name).is_file()}
