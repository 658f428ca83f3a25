"""Embedding -> a folder: index.html, the viewer, and the images as scripts that hold bytes."""

import contextlib
import json
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...digests import hasher
from ...errors import OutputError
from ...files import new_folder, write_files
from ...formats import imagemap
from ...formats.imagemap import DATA, LATER, MANIFEST, PAGE, START, packed, script
from ...json_files import as_json
from ...results import CAUTION_TSNE, Embedding
from ..pixels import Bytes
from ..site import assets, words
from ..site import page as page_of
from ..site.scripts import Script
from ..thumbnails import kind_of
from ..writer import png_bytes
from .packing import Level, Packer, channels_of, levels, ordered, shrink, type_of
from .records import Classes, Places, chunks, classes_of, later, place

OWN_PICTURE = f"{DATA}/map.png"
PICTURES = {"map.png": "The images at their coordinates", "grid.png": "The images on a grid"}
SAMPLE = 2000
SCRIPT = Script("render/imagemap/viewer", "map", ("data", "scene", "pages", "webgl", "canvas", "ui", "atlas", "input", "main"))
OLDER = ("viewer/style.css", "viewer/viewer.js")  # of a page that an earlier convscope wrote
SECRET = ("model", "parameters", "inputs")  # of the provenance: where files of the machine may be named


def write_page(
    embedding: Embedding, folder: Path, *, atlas: str = "", side: int | None = None, ids: NDArray[np.integer[Any]] | None = None
) -> list[Path]:
    """Write the map of images as a page into `folder` and return the files' paths, `index.html` first.

    The page opens from disk and from any static host, and sends no request elsewhere. `data/` is replaced as a whole,
    and the thumbnails are read and written one texture page at a time, so that memory does not grow with their number.
    `map.png` and `grid.png`, in the folder or beside a folder called `page`, are shown to readers without JavaScript;
    without them the map is drawn for those readers.

    `atlas`: the address of the atlas to which the page belongs, whose data lie in `../data`; the page then links to its images, names no
    path of this machine, holds its thumbnails in one size, and shows no picture to readers without JavaScript, which an atlas needs.
    `side`: the largest thumbnails, in pixels. `ids`: (image,) by which number links name an image, its row in the map by default.
    Raises OutputError, also for a `data/` of something else.
    """
    folder = Path(folder)
    _check_replaceable(folder / DATA)
    placed, classes = place(embedding.points, embedding.backdrop), classes_of(embedding)
    channels = channels_of(embedding.thumbnails)
    largest = embedding.thumbnails.shape[1]
    sizes = levels(len(embedding.points), min(side or largest, largest), channels, compact=bool(atlas))
    about = describe(embedding, classes, sizes, channels, atlas)
    with new_folder(folder / DATA) as data:
        digest = hasher()
        write = _writer(data, digest.update)
        means = _write_pages(embedding, placed, [Packer(level, channels, compact=bool(atlas)) for level in sizes], write)
        for name, content in chunks(embedding, placed):
            write(name, {name: content})
        start = {"about": as_json(about), "places": packed("places", placed.places), "means": means}
        shown = embedding.labels if embedding.labels is not None else embedding.predictions
        if shown is not None:
            start["classes"] = classes.codes(shown, placed.order)
        write(LATER, later(embedding, classes, placed, ids))
        write(START, start)
        pictures = {} if atlas else _pictures(folder)
        if not (pictures or atlas):
            write_files({data / Path(OWN_PICTURE).name: png_bytes(embedding, "map.png")})
    written = write_files(_viewer(folder, about, pictures, digest.hexdigest()))
    _remove_older(folder)
    return written + sorted((folder / DATA).iterdir())


def _remove_older(folder: Path) -> None:
    for path in (folder / name for name in OLDER):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # there is none, or it holds something else
        (folder / "viewer").rmdir()


def _check_replaceable(data: Path) -> None:
    """Raise OutputError for a folder with files of the user's own: `data` is a name that others use too."""
    if not data.is_dir() or not any(data.iterdir()):
        return
    if not imagemap.is_page_data(data):
        raise OutputError(
            f"`{data}` already exists and is not part of a page. Expected an empty folder, or one with an older page. Use "
            f"another folder, for example save_page('page')."
        )


def _writer(data: Path, heard: Callable[[bytes], None]) -> Callable[[str, Mapping[str, bytes]], None]:
    def write(name: str, parts: Mapping[str, bytes]) -> None:
        content = script(parts)
        heard(content)
        write_files({data / f"{name}.js": content})

    return write


def describe(embedding: Embedding, classes: Classes, sizes: tuple[Level, ...], channels: int, atlas: str = "") -> dict[str, Any]:
    """Return all that the page knows about the map as a whole, as plain JSON values."""
    provenance = json.loads(embedding.provenance.as_json(inputs=len(embedding.provenance.inputs)))
    tsne = not embedding.engine.startswith("PCA")  # too few images for t-SNE: the record's engine says so
    notes = [CAUTION_TSNE] * tsne + [note for note in embedding.notes if note != CAUTION_TSNE]
    facts = {
        "images": len(embedding.points),
        "method": "t-SNE" if tsne else "PCA",
        "model": embedding.network or str(embedding.provenance.model.get("name", "")),
        "layer": embedding.layer,
        "engine": embedding.engine,
        "quality": dict(embedding.quality),
        "notes": notes,
        "grid": list(embedding.grid),
        "kind": kind_of(_sample(embedding.thumbnails)) if channels == 1 else "photo",
        "channels": channels,
        "type": type_of(channels, compact=bool(atlas)),
        "levels": [{"side": one.side, "pitch": one.pitch, "columns": one.columns, "pages": one.pages} for one in sizes],
        "neighbours": int(embedding.neighbours.shape[1]),
        "labelled": embedding.labels is not None,
        "predicted": embedding.predictions is not None,
        "width": classes.width,
        "classes": classes.described(embedding),
        "provenance": provenance | {name: _public(provenance[name]) for name in SECRET if name in provenance} if atlas else provenance,
        **({"atlas": atlas} if atlas else {}),
    }
    return imagemap.about(facts)


def _public(value: Any) -> Any:
    """Return a record of what made the map without the folders of this machine: of a path its last name stays."""
    if isinstance(value, dict):
        return {name: _public(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_public(part) for part in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _sample(thumbnails: Bytes) -> Bytes:
    step = max(1, len(thumbnails) // SAMPLE)
    return np.asarray(thumbnails[::step][:SAMPLE])


def _write_pages(
    embedding: Embedding, placed: Places, packers: Sequence[Packer], write: Callable[[str, Mapping[str, bytes]], None]
) -> bytes:
    """Write all texture pages, and return the mean colour of each image, in Hilbert order."""
    means: list[Bytes] = []

    def finished() -> Iterator[tuple[str, bytes]]:
        for block in ordered(embedding.thumbnails, placed.order, packers[0].channels):
            shrunken = block
            for packer in reversed(packers):  # each size is made from the next larger one
                shrunken = shrink(shrunken, packer.level.side)
                yield from packer.add(shrunken)
            means.append(_means(shrunken))
        for packer in packers:
            yield from packer.close()

    for name, content in finished():
        write(name, {name: content})
    return np.concatenate(means).tobytes() if means else b""


def _means(block: Bytes) -> Bytes:
    """Return the mean colour of each of some thumbnails, of what is seen where they have opacity."""
    means = block.mean(axis=(1, 2))
    seen = means[:, :3] * 255 / np.maximum(means[:, 3:], 1) if block.shape[-1] == 4 else means
    return np.rint(np.clip(seen, 0, 255)).astype(np.uint8)


def _viewer(folder: Path, about: dict[str, Any], pictures: Mapping[str, bytes | None], version: str) -> dict[Path, bytes]:
    """Return the files beside `data/`: the page, its styles, its scripts, and a manifest for other programs.

    The page asks for its other files with a version, so that no browser mixes those that it kept of an older map.
    """
    names = () if "atlas" in about else pictures or (OWN_PICTURE,)
    shown = "".join(f'<img src="{name}" alt="{PICTURES[Path(name).name]}">' for name in names)
    title = f"{about['method']} map of {about['images']:,} images"
    main = string.Template(_source("main.html")).substitute(title=words(title), pictures=shown, caution=words(" ".join(about["notes"][:1])))
    own = {"site/map.css": _source("style.css").encode("utf-8"), "site/map.js": SCRIPT.sent}
    linked = assets(own, version=version)
    crumbs = [("Atlas", about["atlas"]), (title, None)] if "atlas" in about else [(title, None)]
    page = page_of(title, main, assets=linked, crumbs=crumbs, home=about.get("atlas", ""), tools=_source("tools.html"), kind="map")
    return {
        folder / PAGE: page,
        folder / MANIFEST: imagemap.manifest(about),
        **{folder / name: content for name, content in linked.files.items()},
        **{folder / name: content for name, content in pictures.items() if content is not None},
    }


def _source(name: str) -> str:
    return files(__package__).joinpath("viewer", name).read_text("utf-8")


def _pictures(folder: Path) -> dict[str, bytes | None]:
    """Return the pictures for readers without JavaScript: those in the folder, and, to be copied, those that a command wrote around it."""
    around = {name: folder.parent / name for name in PICTURES if folder.name == "page" and (folder.parent / name).is_file()}
    return {name: around[name].read_bytes() if name in around else None for name in PICTURES if name in around or (folder / name).is_file()}
