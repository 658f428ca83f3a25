"""Whole models from files: what the file is gets checked before Keras is asked to build anything from it."""

import zipfile
from pathlib import Path
from typing import Any

from ..backend import keras
from ..errors import ConvscopeError, ModelError

SUFFIXES = (".h5", ".hdf5", ".keras")
EXPECTED = "Expected a whole Keras model saved as .h5, .hdf5 or .keras."


def read_model(path: Path) -> Any:
    """Return the Keras model in a file, loaded with `compile=False` and in safe mode; raise ModelError that says what is wrong."""
    _check(path)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except ConvscopeError:
        raise
    except Exception as error:
        raise ModelError(
            f"Keras {keras.__version__} could not build the model in `{path}`: {_first_sentence(error)} "
            "If it has layers of your own, those are not supported yet."
        ) from error


def _check(path: Path) -> None:
    if not path.exists():
        raise ModelError(f"No file `{path}`. {EXPECTED} Names of built-in models also work: vgg16, fashion, resnet50.")
    if path.is_dir():
        raise ModelError(f"`{path}` is a folder. {EXPECTED} (A TensorFlow SavedModel folder must be saved again as .keras.)")
    if path.suffix.lower() not in SUFFIXES:
        raise ModelError(f"`{path}` ends in `{path.suffix or 'nothing'}`. {EXPECTED}")
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise ModelError(f"`{path}` cannot be read: {error.strerror}. Check its permissions.") from error
    if not start:
        raise ModelError(f"`{path}` is empty. {EXPECTED}")
    if path.suffix.lower() == ".keras":
        _check_zip(path, start)
    else:
        _check_hdf5(path, start)


def _check_zip(path: Path, start: bytes) -> None:
    if not zipfile.is_zipfile(path):
        raise ModelError(f"`{path}` is no .keras archive (it starts with {_preview(start)}), or it is cut short. {EXPECTED}")
    with zipfile.ZipFile(path) as archive:
        missing = {"config.json", "model.weights.h5"} - set(archive.namelist())
    if missing:
        raise ModelError(f"`{path}` is a zip file without {' and '.join(sorted(missing))}, so no .keras model. {EXPECTED}")


def _check_hdf5(path: Path, start: bytes) -> None:
    import h5py  # here, so that listing commands does not load it

    if not start.startswith(b"\x89HDF\r\n\x1a\n"):
        raise ModelError(f"`{path}` is no HDF5 file: it starts with {_preview(start)}. {EXPECTED}")
    try:
        with h5py.File(path, "r") as file:
            whole = "model_config" in file.attrs
    except OSError as error:
        raise ModelError(f"`{path}` is a damaged or truncated HDF5 file: {_first_sentence(error)} Copy or download it again.") from error
    if not whole:
        raise ModelError(
            f"`{path}` holds weights only, without the architecture. {EXPECTED} "
            "Load the weights into your model in Python and save it with model.save('model.keras')."
        )


def _preview(start: bytes) -> str:
    text = start[:24].decode("latin-1")
    return repr(text) if text.isprintable() else start[:8].hex(" ")


def _first_sentence(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = (lines[0] if lines else type(error).__name__)[:300]
    return text if text.endswith(".") else text + "."
