"""Model files -> networks: what the file is gets checked, its config repaired and read as data, its weights brought to the layers."""

import contextlib
import re
import zipfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConvscopeError, ModelError, alike, first_sentence
from .saved import archive, hdf5, weights
from .saved.budget import Budget
from .saved.build import ModelBuilder
from .saved.entries import Entry, parse_network
from .saved.trust import Custom

SUFFIXES = (".h5", ".hdf5", ".keras")
EXPECTED_MODEL = "Expected a Keras model saved as .h5, .hdf5 or .keras."


@dataclass(frozen=True)
class Reading:
    """What the user said about a file: the shape it does not tell, code of their own, whether code in it may run."""

    input_shape: tuple[int | None, ...] | None = None
    custom: Custom = field(default_factory=lambda: Custom({}))
    unsafe: bool = False


@dataclass(frozen=True)
class Opened:
    """An open file: its config as data (None if it holds weights only), `writer` the Keras version as text, and how to fill a network."""

    config: Any
    writer: str
    numbers: int
    fill: Callable[[Any, Entry | None], list[str]]
    file: hdf5.Group
    engine: str | None = None

    @property
    def major(self) -> int:
        """The major version of the Keras that wrote the file: 1, 2 or 3."""
        return _major(self.writer)


@dataclass(frozen=True)
class Read:
    """A network from a file, and what was repaired on the way."""

    network: Any
    format: str
    notes: tuple[str, ...]


Architecture = Callable[[Opened], tuple[Any, list[str]]]


def read_model(path: Path, reading: Reading, architecture: Architecture) -> Read:
    """Return the network in a file; raise ModelError that says what is wrong and what to do.

    Nothing in the file runs, and no name in it is imported. `architecture` makes and fills the network for a file that holds weights only.
    """
    form = _check(path)
    with ExitStack() as stack:
        try:
            opened = _open_archive(path, stack) if form == "zip" else _open_hdf5(path, stack)
            said = f"{'.keras archive' if form == 'zip' else 'HDF5'}, Keras {opened.writer or '1.x'}"
            if opened.config is None:
                network, notes = architecture(opened)
                return Read(network, f"{said}, weights only", tuple(notes))
            network, notes = build_from_config(opened.config, opened, reading)
        except ConvscopeError as error:
            if f"`{path}`" in str(error):
                raise
            raise type(error)(f"`{path}`: {error}") from error
        except Exception as error:
            raise ModelError(
                f"`{path}` could not be read as a model: {first_sentence(error)} The file is damaged, or Keras did not write it."
            ) from error
    return Read(network, said, tuple(notes))


def build_from_config(config: Any, opened: Opened, reading: Reading) -> tuple[Any, list[str]]:
    """Return the network that a config describes, filled with the file's weights, and what was repaired; raise ModelError."""
    entry = parse_network(config, reading.custom.class_names())
    told = config.get("keras_version") if isinstance(config, Mapping) else None  # a JSON file of an architecture says it too
    release = told if isinstance(told, str) else opened.writer
    builder = ModelBuilder(
        writer=_major(release),
        release=release,
        engine=opened.engine,
        budget=Budget(opened.numbers),
        custom=reading.custom,
        unsafe=reading.unsafe,
        input_shape=reading.input_shape,
        guessed_channels=_channels(opened),
    )
    network = builder.model(entry)
    return network, [*builder.notes, *opened.fill(network, entry)]


def _open_hdf5(path: Path, stack: ExitStack) -> Opened:
    file = stack.enter_context(hdf5.opened(path, str(path)))
    text = hdf5.text_attribute(file, "model_config")
    group = file.get("model_weights", file)
    if not isinstance(group, hdf5.Group):
        raise ModelError(f"`{path}`: its model_weights are not a group of weights. The file is damaged.")
    writer = hdf5.text_attribute(file, "keras_version") or hdf5.text_attribute(group, "keras_version")
    engine = hdf5.text_attribute(file, "backend") or hdf5.text_attribute(group, "backend")
    numbered = "layer_names" not in group.attrs and "layer_names0" not in group.attrs
    if text is None and numbered and not any(key in file for key in ("layers", "_layer_checkpoint_dependencies", "vars")):
        raise ModelError(f"`{path}` is an HDF5 file, but neither a model nor the weights of a model. {EXPECTED_MODEL}")
    writer = writer or ("3" if numbered else "")

    def fill(network: Any, entry: Entry | None) -> list[str]:
        if numbered:
            return weights.fill_numbered(network, file, _major(writer))
        return weights.fill_named(network, group, entry, _major(writer), engine)

    return Opened(
        config=None if text is None else hdf5.parsed(text, str(path)),
        writer=writer,
        numbers=hdf5.count_numbers(file),
        fill=fill,
        file=group,
        engine=engine,
    )


def _open_archive(path: Path, stack: ExitStack) -> Opened:
    packed = stack.enter_context(archive.opened(path))
    config = hdf5.parsed(archive.text(packed, archive.CONFIG, path), str(path))
    metadata = hdf5.parsed(archive.text(packed, archive.METADATA, path), str(path)) if archive.METADATA in packed.namelist() else {}
    place, start, size = stack.enter_context(archive.weights(packed, path))
    file = stack.enter_context(hdf5.opened(place, f"{path}:{archive.WEIGHTS}", start, size))
    writer = str(metadata.get("keras_version", "3")) if isinstance(metadata, dict) else "3"

    def fill(network: Any, entry: Entry | None) -> list[str]:
        return weights.fill_numbered(network, file, _major(writer))

    return Opened(config=config, writer=writer, numbers=hdf5.count_numbers(file), fill=fill, file=file)


def _major(writer: str) -> int:
    """Return the major version of a Keras; the first wrote none into its files."""
    found = re.match(r"[0-9]{1,9}", writer)
    return int(found[0]) if found else 1


def _channels(opened: Opened) -> int | None:
    """Return the channels that the first convolution's kernel takes: what a Sequential without an input layer does not say."""
    return next((array.shape[2] for _, array in opened.file.arrays() if array.ndim == 4), None)


def _check(path: Path) -> str:
    """Return "hdf5" or "zip" by what the file begins with; raise ModelError for anything else."""
    if not path.exists():
        if not path.parent.is_dir():
            raise ModelError(f"No file `{path}`: there is no folder `{path.parent}`. {EXPECTED_MODEL}")
        close = []
        with contextlib.suppress(OSError):
            close = alike(path.name, (one.name for one in path.parent.iterdir() if one.suffix.lower() in SUFFIXES))
        if close:
            raise ModelError(f"No file `{path}`. The closest names there: {', '.join(close)}. {EXPECTED_MODEL}")
        raise ModelError(f"No file `{path}`. {EXPECTED_MODEL} Names of built-in models also work: vgg16, squeezenet, fashion, resnet50.")
    if path.is_dir():
        raise ModelError(f"`{path}` is a folder. {EXPECTED_MODEL} (A TensorFlow SavedModel folder must be saved again as .keras.)")
    if not path.is_file():
        raise ModelError(f"`{path}` is a device or a pipe, not a file. {EXPECTED_MODEL}")
    if path.suffix.lower() not in SUFFIXES:
        raise ModelError(f"`{path}` ends in `{path.suffix or 'nothing'}`. {EXPECTED_MODEL}")
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise ModelError(f"`{path}` cannot be read: {error.strerror}. Check its permissions.") from error
    if not start:
        raise ModelError(f"`{path}` is empty. {EXPECTED_MODEL}")
    if start.startswith(hdf5.SIGNATURE):
        return "hdf5"
    if start.startswith(b"PK") or _ends_as_zip(path):
        return "zip"
    raise ModelError(f"`{path}` is neither an HDF5 file nor a .keras archive: it starts with {_preview(start)}. {EXPECTED_MODEL}")


def _ends_as_zip(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # an archive that spans disks, or says so
        return True


def _preview(start: bytes) -> str:
    text = start[:24].decode("latin-1")
    return repr(text) if text.isprintable() else start[:8].hex(" ")
