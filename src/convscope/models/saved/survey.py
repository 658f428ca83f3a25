"""What an HDF5 file holds, found out in a process of its own. This file is run as a program, never imported: the one door to h5py.

HDF5's C library was not written for files that somebody broke on purpose. A few changed bytes in a new-style group make it free memory that
it never took, an entry without a size holds it for ever, a filter that it does not know makes it load a program from the disk. Its authors
ask for untrusted files to be read in a process that may die. So this one reads the container, under limits on memory and time, with
plug-ins off, and says as plain data what is in it. The numbers themselves need no library: the answer says where
in the file they lie, and the process that asked reads them there. Only what is packed is unpacked here.

The file is the standard input; the arguments are one JSON object (`Limits`). The answer on the standard output is the unpacked numbers,
then a JSON object, then its length in eight bytes: {"groups": {path: attributes}, "arrays": {path: {...}}} or {"error": the rest of a
sentence}.
"""

import contextlib
import errno
import io
import json
import math
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

NO_ROOM = 3
FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
MOST_OBJECTS = 100_000
MOST_DEPTH = 100
MOST_TEXT = 64 * 2**20
LONGEST_NAME = 2**16
# Trained weights pack two to one, pruned ones ten to one; what claims far more was made to exhaust the memory.
MOST_PACKED = 100
SMALL = 64 * 2**20
BLOCK = 64 * 2**20
FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 32000: "lzf"}
# Only these attributes are read, and of the last two kinds those numbered 0, 1, 2, ... as well: Keras cuts long lists into such parts.
TEXTS = ("model_config", "keras_version", "backend", "dtype")
LISTS = ("layer_names", "weight_names")
NOT_WEIGHTS = re.compile(r"^(optimizer|optimizer_weights|metrics|_metrics|compile_metrics)(/|$)")


class Refused(Exception):
    """What is wrong with the file, as the rest of a sentence that begins with its name."""


class _Part(io.RawIOBase):
    """A part of a file as a file of its own."""

    def __init__(self, file: Any, start: int, size: int) -> None:
        self.file, self.start, self.size, self.at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, self.size)[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: Any) -> int:
        """Fill all of the buffer: HDF5 takes what is missing for read."""
        view, done = memoryview(buffer).cast("B"), 0
        if self.at + len(view) > self.size:
            raise OSError("the file ends before the data that it describes")
        self.file.seek(self.start + self.at)
        while done < len(view):
            read = self.file.readinto(view[done:])
            if not read:
                raise OSError("the file ends before the data that it describes")
            done += read
        self.at += done
        return done


class _Survey:
    """Walks over every object once and notes what there is; `out` takes the numbers that had to be unpacked."""

    def __init__(self, h5py: Any, size: int, most_unpacked: int, out: BinaryIO) -> None:
        self.h5py, self.size, self.room, self.out = h5py, size, most_unpacked, out
        self.groups: dict[str, dict[str, Any]] = {}
        self.arrays: dict[str, dict[str, Any]] = {}
        self.stored = 0
        self.text = 0
        self.unpacked = 0

    def walk(self, root: Any) -> None:
        """Note every group and array below the group `root`. Keras writes plain groups and arrays of numbers; anything else is refused."""
        h5 = self.h5py
        seen, waiting = {h5.h5o.get_info(root).addr}, [("", root)]
        self.groups[""] = self._attributes(root, "")
        while waiting:
            place, group = waiting.pop()
            if len(seen) + len(group) > MOST_OBJECTS:
                raise Refused(f"holds more than {MOST_OBJECTS:,} objects. Keras does not write such files")
            for name in group:
                path = self._path(place, name)
                if (kind := group.links.get_info(name).type) != h5.h5l.TYPE_HARD:
                    link = {h5.h5l.TYPE_SOFT: "a soft link", h5.h5l.TYPE_EXTERNAL: "an external link"}.get(kind, "a link")
                    raise Refused(f"holds, at `{path}`, {link} to other data. A model file holds its data itself")
                item = h5.h5o.open(group, name)
                address = h5.h5o.get_info(item).addr
                if address in seen:
                    raise Refused(f"links `{path}` twice. Keras does not write such files")
                seen.add(address)
                if isinstance(item, h5.h5g.GroupID):
                    self.groups[path] = self._attributes(item, path)
                    waiting.append((path, item))
                elif isinstance(item, h5.h5d.DatasetID):
                    self.arrays[path] = self._array(item, path)
                else:
                    raise Refused(f"holds, at `{path}`, a named type. Expected groups and arrays of numbers")

    def _path(self, place: str, name: bytes) -> str:
        path = f"{place}/{name.decode('utf-8', 'surrogateescape')}".removeprefix("/")
        self.text += len(path)
        if not name or b"/" in name:
            raise Refused(f"has, at `{path}`, an invalid name. The file is damaged")
        if len(name) > LONGEST_NAME or path.count("/") > MOST_DEPTH or self.text > MOST_TEXT:
            raise Refused("has names that are too long, or groups that are nested too deeply. Keras does not write such files")
        return path

    def _attributes(self, item: Any, path: str) -> dict[str, Any]:
        """Return the attributes that convscope reads: text as it is, lists of names as lists, the type's name of anything else."""
        if not self.h5py.h5a.get_num_attrs(item):
            return {}
        found = {name: self._attribute(item, name, path) for name in TEXTS if self._has(item, name)}
        for name in LISTS:
            parts = [name] if self._has(item, name) else []
            while not parts or parts[0] != name:
                if not self._has(item, f"{name}{len(parts)}"):
                    break
                parts.append(f"{name}{len(parts)}")
            for part in parts:
                found[part] = self._attribute(item, part, path)
        return found

    def _has(self, item: Any, name: str) -> bool:
        return bool(self.h5py.h5a.exists(item, name.encode()))

    def _attribute(self, item: Any, name: str, path: str) -> Any:
        attribute = self.h5py.h5a.open(item, name.encode())
        if not self._is_plain(attribute.get_type()) or attribute.get_type().get_size() * math.prod(attribute.shape or ()) > MOST_TEXT:
            where = f"the attribute `{name}` of `{path}`" if path else f"the attribute `{name}`"
            raise Refused(f"is damaged, or hostile: {where} is neither text nor numbers of a size that Keras writes")
        holder = self.h5py.Group(item) if isinstance(item, self.h5py.h5g.GroupID) else self.h5py.Dataset(item)
        value = holder.attrs[name]
        if isinstance(value, str | bytes):
            found: Any = self._plain(value, name)
        elif getattr(value, "shape", None):
            found = [self._plain(one, name) for one in value.ravel().tolist()]
        else:
            found = {"type": type(value).__name__}
        self.text += sum(len(one) for one in found)
        if self.text > MOST_TEXT:
            raise Refused(f"holds more than {MOST_TEXT:,} letters of text. Keras does not write such files")
        return found

    def _plain(self, value: Any, name: str) -> str:
        if isinstance(value, bytes):
            return value.decode("utf-8", "strict" if name in TEXTS else "replace")
        return str(value)

    def _is_plain(self, kind: Any) -> bool:
        """Say whether a type is of text or numbers; h5py takes some opaque data for pointers to Python objects."""
        of, types = kind.get_class(), self.h5py.h5t
        if of == types.OPAQUE:
            return kind.get_size() == 2 and (kind.get_tag() == b"" or kind.get_tag().startswith(b"NUMPY:|V"))  # bfloat16
        return of in (types.INTEGER, types.FLOAT, types.STRING, types.ENUM, types.BITFIELD)

    def _array(self, item: Any, path: str) -> dict[str, Any]:
        kind, layout, h5 = item.get_type(), item.get_create_plist(), self.h5py
        if not self._is_plain(kind):
            raise Refused(f"holds, at `{path}`, neither numbers nor text. Expected an array of numbers")
        if layout.get_external_count() or layout.get_layout() == h5.h5d.VIRTUAL:
            raise Refused(f"takes the numbers of `{path}` from another file. A model file holds its data itself")
        unknown = [number for number in (layout.get_filter(one)[0] for one in range(layout.get_nfilters())) if number not in FILTERS]
        if unknown:
            raise Refused(f"packs `{path}` by filter {unknown[0]}, which would load a plug-in. Save the model again with gzip or none")
        empty = item.get_space().get_simple_extent_type() == h5.h5s.NULL
        shape, dtype = [] if empty else [int(side) for side in item.shape], item.dtype
        claimed, kept = 0 if empty else math.prod(shape) * dtype.itemsize, int(item.get_storage_size())
        self.stored += kept
        if (claimed > SMALL and claimed > MOST_PACKED * kept) or self.stored > self.size:
            raise Refused(f"claims {claimed:,} bytes for `{path}` but stores {kept:,}. It is damaged, or made to exhaust the memory")
        chunked = layout.get_layout() == h5.h5d.CHUNKED
        if chunked and math.prod(layout.get_chunk()) * dtype.itemsize > max(4 * claimed, SMALL):
            raise Refused(f"stores `{path}` in pieces of {layout.get_chunk()}, far larger than itself. It is damaged")
        found = {"shape": shape, "dtype": dtype.str, "kept": kept, "attributes": self._attributes(item, path)}
        if empty or dtype.kind == "O" or NOT_WEIGHTS.search(path):
            return found
        at = item.get_offset()
        if at is not None and kind.equal(h5.h5t.py_create(dtype)):
            return found | {"at": int(at)}
        return found | {"unpacked": self._unpack(h5.Dataset(item), claimed, path)}

    def _unpack(self, item: Any, claimed: int, path: str) -> int:
        """Write an array's numbers out, a block of rows at a time, and return where."""
        self.room -= claimed
        if self.room < 0:
            raise Refused(f"needs more room to unpack `{path}` than there is, or than such a file can mean. Save it without compression")
        at = self.unpacked
        for block in self._blocks(item):
            data = block.tobytes()
            self.out.write(data)
            self.unpacked += len(data)
        return at

    def _blocks(self, item: Any) -> Iterator[Any]:
        import numpy as np

        if not item.shape:
            yield np.asarray(item[()])
            return
        rows = max(BLOCK // max(math.prod(item.shape[1:]) * item.dtype.itemsize, 1), 1)
        step = item.chunks[0] if item.chunks else 1
        rows = max(rows // step, 1) * step
        for first in range(0, item.shape[0], rows):
            yield np.ascontiguousarray(item[first : first + rows])


def confine(limits: dict[str, Any]) -> None:
    """Limit what this process can take, as far as the platform knows how."""
    if sys.platform == "win32":
        return
    import resource

    for kind, most in (
        ("RLIMIT_CORE", 0),
        ("RLIMIT_AS", limits["memory"]),
        ("RLIMIT_CPU", limits["seconds"]),
        ("RLIMIT_FSIZE", limits["unpacked"] + 8 * MOST_TEXT),
        ("RLIMIT_NPROC", 0),
    ):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            limit = getattr(resource, kind)
            hard = resource.getrlimit(limit)[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(limit, (most, hard if kind == "RLIMIT_CPU" else most))


def answer_of(limits: dict[str, Any], out: BinaryIO) -> dict[str, Any]:
    """Return what is in the file, or what is wrong with it; raise OSError where its unpacked numbers do not fit on the disk."""
    sys.path.extend(limits["paths"])
    try:
        import h5py
    except ImportError as error:
        return {"error": f"cannot be read, because h5py cannot be loaded: {error}. Install it again: pip install --force-reinstall h5py"}
    h5py._errors.silence_errors()
    confine(limits)
    try:
        part = _Part(os.fdopen(0, "rb", buffering=0, closefd=False), limits["start"], limits["size"])
        survey = _Survey(h5py, limits["size"], limits["unpacked"], out)
        survey.walk(h5py.File(part, "r")["/"].id)
    except Refused as error:
        return {"error": f"{error}."}
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        text = next(iter(str(error).splitlines()), type(error).__name__)[:200]
        if isinstance(error, MemoryError) or "alloc" in text:
            return {"error": "asks for more memory than reading a model file needs. It is damaged, or made to exhaust the memory."}
        return {"error": f"is a damaged or truncated HDF5 file: {text}. Copy or download it again."}
    return {"groups": survey.groups, "arrays": survey.arrays}


def main() -> None:
    """Answer, and end without the clearing up in which a damaged file might still do harm."""
    out = os.fdopen(1, "wb", closefd=False)
    try:
        data = json.dumps(answer_of(json.loads(sys.argv[1]), out)).encode()
        out.write(data + len(data).to_bytes(8, "little"))
        out.flush()
    except OSError:
        os._exit(NO_ROOM)
    os._exit(0)


if __name__ == "__main__":
    main()
