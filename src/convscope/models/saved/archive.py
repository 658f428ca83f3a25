"""`.keras` archives as data: a zip file of a config, metadata and HDF5 weights, checked before anything is unpacked."""

import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ...errors import ModelError

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MOST_ENTRIES = 10_000
MOST_TEXT = 64 * 2**20
# Keras stores weights unpacked. Zeros that unpack to far more than this are not weights.
MOST_PACKED = 100
SMALL = 64 * 2**20
# What zipfile raises for a damaged archive; RuntimeError covers packing that it does not know.
DAMAGED = (zipfile.BadZipFile, EOFError, OSError, ValueError, RuntimeError, zlib.error)
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LOCAL = struct.Struct("<4s22xHH")


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive whose entries have been checked: none leaves the archive, none is far larger than its packed data."""
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED as error:
        raise ModelError(f"`{path}` is a damaged .keras archive: {error}. Copy or download it again.") from error
    with archive:
        entries = archive.infolist()
        if len(entries) > MOST_ENTRIES or len({entry.filename for entry in entries}) < len(entries):
            raise ModelError(
                f"`{path}` holds {len(entries):,} entries, or some twice. Keras does not write such files, so convscope refuses it."
            )
        for entry in entries:
            _check(entry, path)
        missing = {CONFIG, WEIGHTS} - {entry.filename for entry in entries}
        if missing:
            raise ModelError(f"`{path}` is a zip file without {' and '.join(sorted(missing))}, so it is not a .keras model.")
        yield archive


def _check(entry: zipfile.ZipInfo, path: Path) -> None:
    name = entry.filename.replace("\\", "/")
    if not name or name.startswith("/") or ".." in PurePosixPath(name).parts or ":" in name or stat.S_ISLNK(entry.external_attr >> 16):
        raise ModelError(f"`{path}` has an entry without a name, or one that leads out of the archive: `{name}`. convscope refuses it.")
    if entry.flag_bits & 1:
        raise ModelError(f"`{path}` has an encrypted entry, `{name}`. Keras does not write such files, so convscope refuses it.")
    if entry.filename in (CONFIG, METADATA, WEIGHTS) and entry.compress_type not in PACKINGS:
        raise ModelError(
            f"`{path}` packs `{name}` by zip method {entry.compress_type}. Keras does not write such files, so convscope refuses it."
        )
    if entry.file_size > SMALL and entry.file_size > MOST_PACKED * max(entry.compress_size, 1):
        raise ModelError(f"`{path}` has an entry, `{name}`, of {entry.file_size:,} bytes packed into {entry.compress_size:,}: a bomb.")


def text(archive: zipfile.ZipFile, name: str, path: Path) -> str:
    """Return a text entry; raise ModelError."""
    try:
        if archive.getinfo(name).file_size > MOST_TEXT:
            raise ModelError(f"`{path}`: its {name} has {archive.getinfo(name).file_size:,} bytes. Keras does not write such files.")
        with archive.open(name) as entry:
            return entry.read(MOST_TEXT + 1).decode("utf-8")
    except DAMAGED as error:
        raise ModelError(f"`{path}` is damaged: its {name} cannot be read ({_name(error)}). Copy or download it again.") from error


@contextmanager
def weights(archive: zipfile.ZipFile, path: Path) -> Iterator[tuple[Path, int, int]]:
    """Yield the file in which the weights lie, where they begin in it and how long they are, once their checksum was found right.

    Keras stores them as they are, so that they are read in the archive itself; of packed ones a copy is made, for as long as the `with`
    lasts.
    """
    entry = archive.getinfo(WEIGHTS)
    try:
        if entry.compress_type == zipfile.ZIP_STORED:
            with archive.open(entry) as source:
                length = sum(len(part) for part in iter(lambda: source.read(2**20), b""))
            if length != entry.file_size:
                raise EOFError(f"{length:,} of {entry.file_size:,} bytes exist")
            yield path, _start(path, entry), length
            return
        _check_room(entry, path)
        with tempfile.TemporaryDirectory(prefix="convscope-") as folder:
            target = Path(folder) / WEIGHTS
            with archive.open(entry) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, 2**20)
            yield target, 0, entry.file_size
    except DAMAGED as error:
        raise ModelError(f"`{path}` is damaged: its weights cannot be read ({_name(error)}). Copy or download it again.") from error


def _start(path: Path, entry: zipfile.ZipInfo) -> int:
    """Return where in the archive the bytes of an entry begin: behind a header of its own."""
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        mark, name, extra = LOCAL.unpack(file.read(LOCAL.size))
    if mark != b"PK\x03\x04":
        raise zipfile.BadZipFile("its header is missing")
    return int(entry.header_offset + LOCAL.size + name + extra)


def _check_room(entry: zipfile.ZipInfo, path: Path) -> None:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if entry.file_size > free * 9 // 10:
        raise ModelError(
            f"The weights in `{path}` unpack to {entry.file_size:,} bytes, but the folder for temporary files "
            f"(`{tempfile.gettempdir()}`) has only {free:,} free. "
            "Name one with more room in TMPDIR, or save the model uncompressed."
        )


def _name(error: BaseException) -> str:
    return str(error)[:120] or type(error).__name__
