"""HDF5 files as data: what they hold is checked to lie in the file itself before it is read. The one door to h5py."""

import math
import mmap
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError
from ...json_files import JsonError, parse_json

MOST_HEAPS = 1000
MOST_SCANNED = 2**36
HEAP = b"GCOL\x01\x00\x00\x00"
SIGNATURE = b"\x89HDF\r\n\x1a\n"
MOST_OBJECTS = 200_000
MOST_TEXT = 256 * 2**20
NOT_WEIGHTS = re.compile(r"^(optimizer|metrics|_metrics|compile_metrics|optimizer_weights)(/|$)|seed_generator|StateVar|count(:0)?$")
FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 32000: "lzf"}
# Trained weights pack two to one, pruned ones ten to one; what claims far more was made to exhaust the memory.
MOST_PACKED = 100
SMALL = 64 * 2**20
NUMBERS_A_BYTE = 4


@contextmanager
def opened(path: Path, name: str) -> Iterator[Any]:
    """Open an HDF5 file for reading once every object in it has been checked; raise ModelError. `name` is what errors call it."""
    import h5py  # here, so that listing commands does not load it

    _check_heaps(path, name)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ModelError(f"`{name}` is a damaged or truncated HDF5 file: {_first(error)} Copy or download it again.") from error
    with file:
        _check(file, name, h5py)
        yield file


def _check_heaps(path: Path, name: str) -> None:
    """Walk over the heaps of texts before the HDF5 library does.

    It never comes back from a heap with an entry of no size, and asks for as much memory as a reference to a text claims.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at, heaps = data.find(HEAP), 0
        while at >= 0:
            lengths, heaps = _texts_in(data, at), heaps + 1
            if lengths is None or heaps > MOST_HEAPS or heaps * len(data) > MOST_SCANNED or _claims_too_much(data, at, lengths):
                raise ModelError(
                    f"`{name}` is a damaged HDF5 file, or takes virtual data from elsewhere: its texts and links do not fit into their "
                    "place. Copy or download it again."
                )
            at = data.find(HEAP, at + len(HEAP))


def _texts_in(data: mmap.mmap, at: int) -> dict[int, int] | None:
    """Return the lengths of the texts in a heap by their numbers, None for a heap that does not end where it says."""
    if at + 16 > len(data):
        return None
    (size,) = struct.unpack_from("<Q", data, at + 8)
    if at + size > len(data):
        return None
    end, entry, lengths = at + size, at + 16, {}
    while entry + 16 <= end:
        index, _, _, length = struct.unpack_from("<HHIQ", data, entry)
        step = length if index == 0 else 16 + -(-length // 8) * 8
        if step < 16 or entry + step > end:
            return None
        lengths[index] = length
        entry += step
    return lengths


def _claims_too_much(data: mmap.mmap, heap: int, lengths: dict[int, int]) -> bool:
    """Say whether anything that looks like a reference into a heap (length, address, number) claims more than is there."""
    address = struct.pack("<Q", heap)
    at = data.find(address)
    while at >= 0:
        if 4 <= at <= len(data) - 12:
            (claimed,), (number,) = struct.unpack_from("<I", data, at - 4), struct.unpack_from("<I", data, at + 8)
            if number and number in lengths and claimed > lengths[number]:
                return True
        at = data.find(address, at + 1)
    return False


def _check(file: Any, name: str, h5py: Any) -> None:
    """Walk over every link once. Keras writes plain groups and data sets of numbers; anything else is refused."""
    seen: set[int] = set()
    waiting = [file["/"]]
    _check_attributes(waiting[0], f"`{name}`", h5py)
    while waiting:
        group = waiting.pop()
        for key in group:
            link = group.get(key, getlink=True)
            where = f"`{_text(key)}` in `{name}`"
            if not isinstance(link, h5py.HardLink):
                raise ModelError(
                    f"{where} is a {type(link).__name__} to other data. A model file holds its data itself; this one is refused."
                )
            item = group[key]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                raise ModelError(f"{where} is linked twice. Keras does not write such files; this one is refused.")
            seen.add(address)
            if len(seen) > MOST_OBJECTS:
                raise ModelError(
                    f"`{name}` holds more than {MOST_OBJECTS:,} objects. Keras does not write such files; this one is refused."
                )
            _check_attributes(item, where, h5py)
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                _check_data(item, where, h5py)
            else:
                raise ModelError(f"{where} is a {type(item).__name__}. Expected groups and arrays of numbers.")


def _check_attributes(item: Any, where: str, h5py: Any) -> None:
    for number in range(h5py.h5a.get_num_attrs(item.id)):
        attribute = h5py.h5a.open(item.id, index=number)
        if not _is_plain(attribute.get_type(), h5py):
            raise ModelError(
                f"The attribute `{_text(attribute.name)}` of {where} is neither text nor numbers. The file is damaged, or hostile."
            )


def _is_plain(kind: Any, h5py: Any) -> bool:
    """Say whether a type is of text or numbers; h5py takes some opaque data for pointers to Python objects."""
    of, types = kind.get_class(), h5py.h5t
    if of == types.OPAQUE:
        return kind.get_size() == 2 and (kind.get_tag() == b"" or kind.get_tag().startswith(b"NUMPY:|V"))  # bfloat16
    if of == types.VLEN:
        return False
    return of in (types.INTEGER, types.FLOAT, types.STRING, types.ENUM, types.BITFIELD)


def _check_data(item: Any, where: str, h5py: Any) -> None:
    if not _is_plain(item.id.get_type(), h5py):
        raise ModelError(f"{where} holds neither numbers nor text, in the shape {item.shape}. Expected an array of numbers.")
    if item.external or item.is_virtual:
        raise ModelError(f"{where} takes its numbers from another file. A model file holds its data itself; this one is refused.")
    creation = item.id.get_create_plist()
    unknown = [number for number in (creation.get_filter(one)[0] for one in range(creation.get_nfilters())) if number not in FILTERS]
    if unknown:
        raise ModelError(f"{where} is packed by filter {unknown[0]}, which would load a plug-in. Save the model again with gzip or none.")
    claimed, kept = math.prod(item.shape or (1,)) * item.dtype.itemsize, item.id.get_storage_size()
    if claimed > SMALL and claimed > MOST_PACKED * kept:
        raise ModelError(f"{where} claims {claimed:,} bytes and stores {kept:,}. It is damaged, or made to exhaust the memory.")
    if item.chunks and math.prod(item.chunks) * item.dtype.itemsize > max(4 * claimed, SMALL):
        raise ModelError(f"{where} is stored in pieces of {item.chunks}, far larger than itself. It is damaged.")


def count_numbers(file: Any) -> int:
    """Return how many numbers all arrays of a file hold together; of those packed too well, only what their bytes can mean."""
    total = 0

    def add(_: str, item: Any) -> None:
        nonlocal total
        if getattr(item, "shape", None) is not None:
            total += min(math.prod(item.shape), max(NUMBERS_A_BYTE * item.id.get_storage_size(), 1024))

    file.visititems(add)
    return total


def count_weights(file: Any) -> int:
    """Return how many numbers the layers' weights in a file have, without those of an optimiser, metrics, counters and seeds."""
    total = 0

    def add(name: str, item: Any) -> None:
        nonlocal total
        if getattr(item, "shape", None) is not None and not NOT_WEIGHTS.search(name):
            total += math.prod(item.shape)

    file.visititems(add)
    return total


def text_attribute(group: Any, name: str) -> str | None:
    """Return an attribute as text, None if there is none; raise ModelError for anything else."""
    if name not in group.attrs:
        return None
    value = group.attrs[name]
    if isinstance(value, bytes | np.bytes_):
        value = bytes(value).decode("utf-8")
    if not isinstance(value, str):
        raise ModelError(f"The attribute `{name}` is {type(value).__name__}. Expected text.")
    return value


def names_attribute(group: Any, name: str) -> list[str]:
    """Return an attribute that lists names; Keras cuts long lists into `name0`, `name1`, ..."""
    parts = [name] if name in group.attrs else []
    while not parts or parts[0] != name:
        if f"{name}{len(parts)}" not in group.attrs:
            break
        parts.append(f"{name}{len(parts)}")
    found: list[str] = []
    for part in parts:
        found.extend(_text(one) for one in np.asarray(group.attrs[part]).ravel())
    return found


def array(item: Any) -> NDArray[Any]:
    """Return a data set's numbers; bfloat16, which NumPy lacks, as float32. Raises ModelError for a group in its place."""
    if not hasattr(item, "shape"):
        raise ModelError(f"`{_text(item.name)}` is a group where weights are expected. The file is damaged.")
    values = np.asarray(item[()])
    if values.dtype.kind == "V" and values.dtype.itemsize == 2:
        return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return values


def parsed(text: str, name: str) -> Any:
    """Return JSON as data; raise ModelError for what is none, or nested too deep."""
    if len(text) > MOST_TEXT:
        raise ModelError(
            f"The architecture in `{name}` has {len(text):,} characters. Keras does not write such files; this one is refused."
        )
    try:
        return parse_json(text)
    except JsonError as error:
        raise ModelError(f"The architecture in `{name}` cannot be read: {error}. The file is damaged.") from error


def _text(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(one if one.isprintable() else "_" for one in text)


def _first(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    text = lines[0][:200]
    return text if text.endswith(".") else text + "."
