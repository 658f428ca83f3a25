"""HDF5 files as data. Another process reads the container (`survey.py` says why), this one the numbers, where they lie in the file.

Nothing here knows HDF5: the answer of the other process is checked as the file itself would be, and an array is read when it is asked for.
"""

import importlib.util
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError
from ...json_files import JsonError, parse_json

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SURVEY = Path(__file__).with_name("survey.py")
# Its exit codes where the numbers that it unpacks do not fit, and where its time is over.
NO_ROOM, OUT_OF_TIME = 3, -int(getattr(signal, "SIGXCPU", 1))
# What the other process may take: memory for the library and one block of numbers, time for the container and for what is packed in it.
MEMORY = 2 * 2**30
SECONDS, CPU_SECONDS = 60, 6
BYTES_A_SECOND = 16 * 2**20
# Packed numbers may unpack to so many times the file, and to what the disk for temporary files has room for.
MOST_UNPACKED = 16
SMALL = 64 * 2**20
MOST_ANSWERED = 256 * 2**20
NOT_WEIGHTS = re.compile(r"^(optimizer|metrics|_metrics|compile_metrics|optimizer_weights)(/|$)|seed_generator|StateVar|count(:0)?$")
NUMBERS_A_BYTE = 4
AGAIN = "Copy or download it again."


@dataclass(frozen=True, eq=False)
class Array:
    """An array of numbers in a file, `at` a place in `source`; None for text and for what trains a network, which are not read.

    `kept` is how many bytes the file stores for it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    kept: int
    attrs: Mapping[str, Any]
    source: BinaryIO | None = field(repr=False, default=None)
    at: int = 0

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    def read(self) -> NDArray[Any]:
        """Return the numbers; bfloat16, which NumPy lacks, as float32. Raises ModelError for what holds none."""
        if self.source is None:
            raise ModelError(f"`{self.name}` does not hold weights. The file is damaged.")
        self.source.seek(self.at)
        values = np.fromfile(self.source, self.dtype, self.size)
        if values.size < self.size:
            raise ModelError(f"The file ends within the numbers of `{self.name}`. It has changed since it was opened. Try again.")
        values = values.reshape(self.shape)
        if self.dtype.kind == "V" and self.dtype.itemsize == 2:
            return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        return values


@dataclass(frozen=True, eq=False)
class Group(Mapping[str, "Group | Array"]):
    """A group: its members by name, those further down by path, as HDF5 has it; a path that begins with / starts at the file's root."""

    name: str
    attrs: Mapping[str, Any]
    root: dict[str, "Group | Array"] = field(repr=False)
    names: list[str] = field(repr=False, default_factory=list)

    def __getitem__(self, path: str) -> "Group | Array":
        parts = [part for part in path.split("/") if part]
        if not path.startswith("/") and self.name:
            parts.insert(0, self.name)
        return self.root["/".join(parts)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Yield every array below, with its path from here."""
        start = f"{self.name}/" if self.name else ""
        for path, item in self.root.items():
            if isinstance(item, Array) and path.startswith(start):
                yield path.removeprefix(start), item


@contextmanager
def opened(path: Path, name: str, start: int = 0, size: int | None = None) -> Iterator[Group]:
    """Yield the root of an HDF5 file, or of one that is the part of a file from `start` on; raise ModelError. Errors call it `name`."""
    with path.open("rb", buffering=0) as file, tempfile.TemporaryFile(buffering=0) as answer:
        size = os.fstat(file.fileno()).st_size - start if size is None else size
        end = _survey(file, answer, name, start, size)
        yield _tree(_answer(answer, end, name), (file, start, size), (answer, 0, end), name)


def _survey(file: Any, answer: Any, name: str, start: int, size: int) -> int:
    """Let another process read the container, and return how long its answer is."""
    if not sys.executable:
        raise ModelError(
            f"`{name}` cannot be read: a second Python process must read such files, but this one does not know where Python "
            f"is. Run convscope with an ordinary Python."
        )
    unpacked = min(MOST_UNPACKED * size + SMALL, shutil.disk_usage(tempfile.gettempdir()).free * 9 // 10)
    limits = {
        "paths": _paths(),
        "start": start,
        "size": size,
        "unpacked": unpacked,
        "memory": MEMORY,
        "seconds": CPU_SECONDS + size // BYTES_A_SECOND,
    }
    command, seconds = [sys.executable, "-I", "-S", str(SURVEY), json.dumps(limits)], SECONDS + 2 * size // BYTES_A_SECOND
    try:
        ended = subprocess.run(
            command, stdin=file, stdout=answer, stderr=subprocess.DEVNULL, env=_environment(), timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"`{name}` is damaged, or made to hang: reading it took more than {seconds} seconds. {AGAIN}") from error
    except OSError as error:
        raise ModelError(
            f"`{name}` cannot be read: convscope could not start a second Python process to read it ({error.strerror})."
        ) from error
    if ended.returncode == NO_ROOM:
        raise ModelError(f"`{name}` needs more room for unpacking than `{tempfile.gettempdir()}`. Name a folder with more room in TMPDIR.")
    if ended.returncode == OUT_OF_TIME:
        raise ModelError(f"`{name}` is damaged, or made to hang: reading it took more than {limits['seconds']} seconds. {AGAIN}")
    if ended.returncode:
        raise ModelError(f"`{name}` is damaged, or made to do harm: it ended the process that read it as HDF5. {AGAIN}")
    return answer.seek(0, os.SEEK_END)


def _paths() -> list[str]:
    """Return the folders that h5py and NumPy are imported from; the other process looks nowhere else."""
    found = [importlib.util.find_spec(name) for name in ("h5py", "numpy")]
    return sorted({str(Path(one.origin).parent.parent) for one in found if one is not None and one.origin})


def _environment() -> dict[str, str]:
    """Return the environment for the library: it may load no plug-in, and starts no threads that it does not need."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HDF5", "PYTHON"))}
    return kept | {"HDF5_PLUGIN_PRELOAD": "::", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def _answer(answer: Any, end: int, name: str) -> Any:
    answer.seek(max(end - 8, 0))
    length = int.from_bytes(answer.read(8), "little")
    if end < 8 or not 0 < length <= min(end - 8, MOST_ANSWERED):
        raise ModelError(f"`{name}` is damaged: its contents could not be listed. {AGAIN}")
    answer.seek(end - 8 - length)
    try:
        found = parse_json(answer.read(length))
    except JsonError as error:
        raise ModelError(f"`{name}` is damaged: its description is too long to read: {error}. {AGAIN}") from error
    if "error" in found:
        raise ModelError(f"`{name}` {found['error']}")
    return found


def _tree(found: Any, file: tuple[Any, int, int], unpacked: tuple[Any, int, int], name: str) -> Group:
    """Return the root group of an answer whose arrays all lie within the file, or within the answer."""
    root: dict[str, Group | Array] = {}
    for path, attributes in found["groups"].items():
        root[path] = Group(path, attributes, root)
    for path, told in found["arrays"].items():
        shape, dtype = tuple(int(side) for side in told["shape"]), _dtype(told["dtype"])
        array = Array(path, shape, dtype or np.dtype("V1"), int(told["kept"]), told["attributes"])
        place = next(((source, told[key]) for key, source in (("at", file), ("unpacked", unpacked)) if key in told), None)
        if place is not None and dtype is not None:
            (source, start, size), at = place
            if min(shape, default=0) < 0 or not 0 <= at <= size - array.size * dtype.itemsize:
                raise ModelError(f"`{name}` is damaged: the numbers of `{path}` lie outside the file. {AGAIN}")
            array = Array(path, shape, dtype, array.kept, array.attrs, source, start + at)
        root[path] = array
    for path in root:
        parent, _, last = path.rpartition("/")
        if path and isinstance(group := root[parent], Group):
            group.names.append(last)
    top = root[""]
    assert isinstance(top, Group)
    return top


def _dtype(text: Any) -> np.dtype[Any] | None:
    """Return a type of numbers; None for texts of any length and all else that has no fixed place in a file."""
    return np.dtype(text) if isinstance(text, str) and re.fullmatch(r"[<>|=]?[biufcSV][0-9]{1,9}", text) else None


def count_numbers(file: Group) -> int:
    """Return how many numbers all arrays of a file hold together; of those packed too well, only what their bytes can mean."""
    return sum(min(item.size, max(NUMBERS_A_BYTE * item.kept, 1024)) for _, item in file.arrays())


def count_weights(file: Group) -> int:
    """Return how many numbers the layers' weights in a file have, without those of an optimiser, metrics, counters and seeds."""
    return sum(item.size for path, item in file.arrays() if not NOT_WEIGHTS.search(path))


def text_attribute(group: Group, name: str) -> str | None:
    """Return an attribute as text, None if there is none; raise ModelError for anything else."""
    value = group.attrs.get(name)
    if value is not None and not isinstance(value, str):
        kind = "a list" if isinstance(value, list) else value.get("type", "an object")
        raise ModelError(f"The attribute `{name}` is {kind}. Expected text.")
    return value


def names_attribute(group: Group, name: str) -> list[str]:
    """Return an attribute that lists names; Keras cuts long lists into `name0`, `name1`, ..."""
    parts = [name] if name in group.attrs else []
    while not parts or parts[0] != name:
        if f"{name}{len(parts)}" not in group.attrs:
            break
        parts.append(f"{name}{len(parts)}")
    found: list[str] = []
    for part in parts:
        value = group.attrs[part]
        found.extend(value if isinstance(value, list) else [value] if isinstance(value, str) else [])
    return found


def as_array(item: Any) -> Array:
    """Return what is an array; raise ModelError for a group in its place."""
    if not isinstance(item, Array):
        raise ModelError(f"`{item.name}` is a group, but weights are expected. The file is damaged.")
    return item


def parsed(text: str, name: str) -> Any:
    """Return JSON as data; raise ModelError for text that is not JSON, or beyond its bounds."""
    try:
        return parse_json(text)
    except JsonError as error:
        raise ModelError(f"The architecture in `{name}` cannot be read: {error}. The file is damaged.") from error
