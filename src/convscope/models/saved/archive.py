"""`.keras` archives as data: a zip file of a config, metadata and HDF5 weights, checked before anything is unpacked."""

import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ...errors import ModelError

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MOST_ENTRIES = 10_000
MOST_TEXT = 256 * 2**20
# Keras stores weights as they are; zeros packed by far more than this are no weights.
MOST_PACKED = 100
SMALL = 64 * 2**20
# What zipfile raises for a damaged archive; RuntimeError covers packing that it does not know.
DAMAGED = (zipfile.BadZipFile, EOFError, OSError, ValueError, RuntimeError)


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
                f"`{path}` holds {len(entries):,} entries, or some twice. Keras does not write such files; this one is refused."
            )
        for entry in entries:
            _check(entry, path)
        missing = {CONFIG, WEIGHTS} - {entry.filename for entry in entries}
        if missing:
            raise ModelError(f"`{path}` is a zip file without {' and '.join(sorted(missing))}, so no .keras model.")
        yield archive


def _check(entry: zipfile.ZipInfo, path: Path) -> None:
    name = entry.filename.replace("\\", "/")
    shown = "".join(one if one.isprintable() else "_" for one in name)[:80]
    if name.startswith("/") or ".." in PurePosixPath(name).parts or ":" in name or stat.S_ISLNK(entry.external_attr >> 16):
        raise ModelError(f"`{path}` has an entry that leads out of the archive: `{shown}`. It is refused.")
    if entry.flag_bits & 1:
        raise ModelError(f"`{path}` has an encrypted entry, `{shown}`. Keras does not write such files; this one is refused.")
    if entry.file_size > SMALL and entry.file_size > MOST_PACKED * max(entry.compress_size, 1):
        raise ModelError(f"`{path}` has an entry, `{shown}`, of {entry.file_size:,} bytes packed into {entry.compress_size:,}: a bomb.")


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
def unpacked(archive: zipfile.ZipFile, path: Path) -> Iterator[Path]:
    """Yield the weights as a file of their own, for as long as the `with` lasts."""
    with tempfile.TemporaryDirectory(prefix="convscope-") as folder:
        target = Path(folder) / WEIGHTS
        try:
            with archive.open(WEIGHTS) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, 2**20)
        except DAMAGED as error:
            raise ModelError(f"`{path}` is damaged: its weights cannot be read ({_name(error)}). Copy or download it again.") from error
        yield target


def _name(error: BaseException) -> str:
    text = "".join(one for one in str(error) if one.isprintable())[:120]
    return text or type(error).__name__
