"""Hostile HDF5: links, storage, types and attributes."""

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from models.hostile import Bait, add, case, hdf5_file, keras_file, network, weights_bytes
from models.hostile_code import pickled

# 7. HDF5: links, storage and types.

OUTSIDE = "link|external|outside|other file|another file|storage|virtual"
KERNEL, BIAS = "conv/conv/kernel:0", "conv/conv/bias:0"


def _hdf5(name: str, edit: Callable[[Any, Bait], None], says: str, may_load: bool = False, config: bool = True) -> None:
    """Enter an attack on the weights twice: in an HDF5 model, and in the weights of a `.keras` archive."""

    def whole(folder: Path, bait: Bait) -> Path:
        return hdf5_file(folder / "model.h5", network(), lambda file: edit(Weights(file, "model_weights/", KERNEL, BIAS), bait))

    def packed(folder: Path, bait: Bait) -> Path:
        data = weights_bytes(lambda file: edit(Weights(file, "layers/", "conv2d/vars/0", "conv2d/vars/1"), bait))
        return keras_file(folder / "model.keras", network(), data)

    add(f"hdf5:{name}.h5", whole, says, may_load)
    add(f"hdf5:{name}.keras", packed, says, may_load)


@dataclass(frozen=True)
class Weights:
    """Where a file keeps the weights of the first convolution."""

    file: h5py.File
    root: str
    kernel: str
    bias: str

    @property
    def group(self) -> h5py.Group:
        return self.file[self.root]

    def replace(self, value: Any, place: str = "") -> None:
        """Put a link, or anything else that can be assigned, in place of the kernel."""
        del self.group[place or self.kernel]
        self.group[place or self.kernel] = value

    def low_level(self, kind: h5py.h5t.TypeID, shape: tuple[int, ...], data: bytes | None = None) -> None:
        """Put a data set of any HDF5 type in place of the kernel."""
        del self.group[self.kernel]
        parent, _, name = self.kernel.rpartition("/")
        found = h5py.h5d.create(self.group[parent].id, name.encode(), kind, h5py.h5s.create_simple(shape))
        if data is not None:
            found.write(h5py.h5s.ALL, h5py.h5s.ALL, np.frombuffer(data, f"V{kind.get_size()}").reshape(shape), kind)


def opaque(tag: bytes, size: int) -> h5py.h5t.TypeID:
    kind = h5py.h5t.create(h5py.h5t.OPAQUE, size)
    kind.set_tag(tag)
    return kind


def _external(weights: Weights, name: str, size: int = h5py.h5f.UNLIMITED) -> None:
    del weights.group[weights.kernel]
    weights.group.create_dataset(weights.kernel, (3, 3, 3, 2), "f4", external=[(name, 0, size)])


def _virtual(weights: Weights, source: Any, name: str = "kernel") -> None:
    layout = h5py.VirtualLayout((3, 3, 3, 2), "f4")
    layout[...] = h5py.VirtualSource(source, name, (3, 3, 3, 2))
    del weights.group[weights.kernel]
    weights.group.create_virtual_dataset(weights.kernel, layout, fillvalue=0)


def _loop(weights: Weights) -> None:
    weights.group["again"] = weights.group
    weights.replace(weights.group)


def _unwritten(weights: Weights, shape: tuple[int, ...], kind: str = "f4", **options: Any) -> None:
    del weights.group[weights.kernel]
    weights.group.create_dataset(weights.kernel, shape, kind, **options)


def _bomb(weights: Weights) -> None:
    """Put 4 GB of zeros, packed into 4 MB, in place of the kernel."""
    side, count = 4096, 64
    del weights.group[weights.kernel]
    data = weights.group.create_dataset(weights.kernel, (side * count, side), "f4", chunks=(side, side), compression="gzip")
    packed = zlib.compress(bytes(side * side * 4), 9)
    for number in range(count):
        data.id.write_direct_chunk((number * side, 0), packed)


def _filtered(weights: Weights, number: int, chunk: bytes = b"abcd" * 54) -> None:
    """Put a data set in place of the kernel that needs an HDF5 filter from a library on disk."""
    del weights.group[weights.kernel]
    options = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    options.set_chunk((3, 3, 3, 2))
    options.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (1, 2, 3))
    parent, _, name = weights.kernel.rpartition("/")
    shape = h5py.h5s.create_simple((3, 3, 3, 2))
    h5py.h5d.create(weights.group[parent].id, name.encode(), h5py.h5t.IEEE_F32LE, shape, options).write_direct_chunk((0, 0, 0, 0), chunk)


def _typed(value: Any, dtype: Any = None) -> Callable[[Weights, Bait], None]:
    def edit(weights: Weights, bait: Bait) -> None:
        del weights.group[weights.kernel]
        weights.group.create_dataset(weights.kernel, data=value, dtype=dtype)

    return edit


def _references(weights: Weights, bait: Bait) -> None:
    del weights.group[weights.kernel]
    data = weights.group.create_dataset(weights.kernel, (3, 3, 3, 2), h5py.ref_dtype)
    data[...] = weights.file.ref


NUMBERS = "type|numbers|float|conv|dtype"
SHAPE = "shape|conv|kernel|claims"

_hdf5("external_link", lambda weights, bait: weights.replace(h5py.ExternalLink(str(bait.folder / "secret.h5"), "/kernel")), OUTSIDE)
_hdf5(
    "external_link_relative",
    lambda weights, bait: weights.replace(h5py.ExternalLink(f"../{bait.folder.name}/secret.h5", "/kernel")),
    OUTSIDE,
)
_hdf5(
    "external_link_of_a_group",
    lambda weights, bait: weights.replace(
        h5py.ExternalLink(str(bait.folder / "secret.h5"), "/all"), "out" if "model" in weights.root else "dense"
    ),
    OUTSIDE,
)
_hdf5(
    "external_link_unused",
    lambda weights, bait: weights.group.update({"unused": h5py.ExternalLink(str(bait.folder / "secret.h5"), "/all")}),
    OUTSIDE,
    may_load=True,
)
_hdf5(
    "external_link_behind_a_soft_one",
    lambda weights, bait: (
        weights.group.update({"far": h5py.ExternalLink(str(bait.folder / "secret.h5"), "/")}),
        weights.replace(h5py.SoftLink(f"/{weights.root}far/kernel")),
    ),
    OUTSIDE,
)
_hdf5("external_link_to_nothing", lambda weights, bait: weights.replace(h5py.ExternalLink("nothing.h5", "/kernel")), OUTSIDE)
_hdf5("external_link_to_passwords", lambda weights, bait: weights.replace(h5py.ExternalLink("/etc/passwd", "/kernel")), OUTSIDE)
_hdf5("external_storage", lambda weights, bait: _external(weights, str(bait.folder / "secret.raw")), OUTSIDE)
_hdf5("external_storage_relative", lambda weights, bait: _external(weights, f"../{bait.folder.name}/secret.raw"), OUTSIDE)
_hdf5("external_storage_of_a_device", lambda weights, bait: _external(weights, "/dev/zero"), OUTSIDE)
_hdf5("virtual_data", lambda weights, bait: _virtual(weights, str(bait.folder / "secret.h5")), OUTSIDE)
_hdf5("virtual_data_relative", lambda weights, bait: _virtual(weights, f"../{bait.folder.name}/secret.h5"), OUTSIDE)
_hdf5("virtual_data_of_itself", lambda weights, bait: _virtual(weights, ".", weights.root + weights.kernel), OUTSIDE, may_load=True)
_hdf5(
    "soft_link_to_itself",
    lambda weights, bait: weights.replace(h5py.SoftLink(f"/{weights.root}{weights.kernel}")),
    "link|conv|kernel|missing|damaged",
)
_hdf5(
    "soft_links_in_a_circle",
    lambda weights, bait: (
        weights.group.update({"a": h5py.SoftLink(f"/{weights.root}b"), "b": h5py.SoftLink(f"/{weights.root}a")}),
        weights.replace(h5py.SoftLink(f"/{weights.root}a")),
    ),
    "link|conv|kernel|missing|damaged",
)
_hdf5("soft_link_to_nothing", lambda weights, bait: weights.replace(h5py.SoftLink("/nothing")), "link|conv|kernel|missing|damaged")
_hdf5("group_in_itself", lambda weights, bait: _loop(weights), "twice|conv|group|kernel|data")
_hdf5("group_in_itself_unused", lambda weights, bait: weights.group.update({"again": weights.group}), "group|loop|link", may_load=True)
_hdf5(
    "group_for_a_data_set",
    lambda weights, bait: (weights.group.__delitem__(weights.kernel), weights.group.create_group(weights.kernel)),
    "conv|group|kernel",
)
_hdf5("type_for_a_data_set", lambda weights, bait: weights.replace(np.dtype("f4")), "conv|kernel|type")
_hdf5("weights_missing", lambda weights, bait: weights.group.__delitem__(weights.kernel), "conv|kernel|missing")
_hdf5("shape_wrong", _typed(np.zeros((3, 3, 3, 5), "f4")), SHAPE)
_hdf5("shape_flat", _typed(np.zeros(54, "f4")), SHAPE)
_hdf5("shape_scalar", _typed(np.float32(1)), SHAPE)
_hdf5("shape_empty", lambda weights, bait: _unwritten(weights, (0, 3, 3, 2)), SHAPE)
_hdf5("null_data", _typed(h5py.Empty("f4")), SHAPE + "|empty")
_hdf5("declared_only", lambda weights, bait: _unwritten(weights, (10**4, 10**4, 10**4)), SHAPE + "|data|large")
_hdf5("declared_only_in_chunks", lambda weights, bait: _unwritten(weights, (10**6, 10**6), chunks=(1000, 1000)), SHAPE + "|data|large")
_hdf5("declared_only_that_fits", lambda weights, bait: _unwritten(weights, (3, 3, 3, 2)), "conv|data|kernel", may_load=True)
_hdf5("declared_without_end", lambda weights, bait: _unwritten(weights, (2**40, 2**20), chunks=(1, 1)), SHAPE + "|data|large")
_hdf5("compressed_bomb", lambda weights, bait: _bomb(weights), SHAPE + "|data|large")
_hdf5("filter_from_a_library", lambda weights, bait: _filtered(weights, 40_000), "filter|conv|kernel|read")
_hdf5("filter_broken", lambda weights, bait: _filtered(weights, h5py.h5z.FILTER_DEFLATE), "filter|conv|kernel|read")
_hdf5("numbers_not_finite", _typed(np.full((3, 3, 3, 2), np.nan, "f4")), "NaN|finite|conv", may_load=True)
_hdf5("numbers_complex", _typed(np.ones((3, 3, 3, 2), "c8")), NUMBERS)
_hdf5("numbers_long", _typed(np.ones((3, 3, 3, 2), "g")), NUMBERS, may_load=True)
_hdf5("numbers_swapped", _typed(np.ones((3, 3, 3, 2), ">f4")), NUMBERS, may_load=True)
_hdf5("numbers_whole", _typed(np.ones((3, 3, 3, 2), "i8")), NUMBERS, may_load=True)
_hdf5("text", _typed(np.full((3, 3, 3, 2), b"os.system"), "S9"), NUMBERS)
_hdf5("text_of_any_length", _typed([b"a" * 100], h5py.string_dtype()), NUMBERS)
_hdf5("records", _typed(np.zeros((3, 3, 3, 2), [("a", "f4"), ("b", "S4")])), NUMBERS)
_hdf5("ragged", lambda weights, bait: _unwritten(weights, (3, 3, 3, 2), h5py.vlen_dtype(np.float32)), NUMBERS)
_hdf5("enumeration", _typed(np.zeros((3, 3, 3, 2), "i4"), h5py.enum_dtype({"a": 0})), NUMBERS, may_load=True)
_hdf5("references", _references, NUMBERS)
_hdf5("arrays_in_arrays", lambda weights, bait: _unwritten(weights, (3, 3, 3, 2), np.dtype((np.float32, (1000, 1000)))), SHAPE)
_hdf5("dates", lambda weights, bait: weights.low_level(h5py.h5t.UNIX_D64LE, (3, 3, 3, 2)), NUMBERS)
_hdf5("bits", lambda weights, bait: weights.low_level(h5py.h5t.STD_B32LE, (3, 3, 3, 2)), NUMBERS, may_load=True)
_hdf5("opaque", lambda weights, bait: weights.low_level(opaque(b"raw", 4), (3, 3, 3, 2), bytes(216)), NUMBERS)
_hdf5("opaque_pickle", lambda weights, bait: weights.low_level(opaque(b"pickle", len(pickled(bait))), (1,), pickled(bait)), NUMBERS)
_hdf5("opaque_of_pointers", lambda weights, bait: weights.low_level(opaque(b"NUMPY:|O", 8), (3, 3, 3, 2), b"A" * 8 * 54), NUMBERS)
_hdf5("opaque_of_pointers_scalar", lambda weights, bait: weights.low_level(opaque(b"NUMPY:|O", 8), (), b"A" * 8), NUMBERS)
_hdf5(
    "opaque_of_pointers_in_records",
    lambda weights, bait: weights.low_level(opaque(b"NUMPY:O,O", 16), (3, 3, 3, 2), b"A" * 16 * 54),
    NUMBERS,
)
_hdf5("opaque_of_another_size", lambda weights, bait: weights.low_level(opaque(b"NUMPY:f8,f8,f8,f8", 1), (3, 3, 3, 2), b"A" * 54), NUMBERS)
_hdf5("opaque_of_nonsense", lambda weights, bait: weights.low_level(opaque(b"NUMPY:\xff(", 4), (3, 3, 3, 2), bytes(216)), NUMBERS)
_hdf5("float_of_odd_bits", lambda weights, bait: weights.low_level(_odd_float(), (3, 3, 3, 2), bytes(8 * 54)), NUMBERS, may_load=True)


def _odd_float() -> h5py.h5t.TypeID:
    kind = h5py.h5t.IEEE_F64LE.copy()
    kind.set_fields(50, 40, 10, 0, 40)
    kind.set_ebias(7)
    return kind


def _attribute(name: str, edit: Callable[[h5py.File, Bait], None], says: str, may_load: bool = False) -> None:
    add(f"attribute:{name}", lambda folder, bait: hdf5_file(folder / "model.h5", network(), lambda file: edit(file, bait)), says, may_load)


def _set(where: str, name: str, make: Callable[[], Any]) -> Callable[[h5py.File, Bait], None]:
    def edit(file: h5py.File, bait: Bait) -> None:
        holder = file[where] if where else file
        if name in holder.attrs:
            del holder.attrs[name]
        if isinstance(value := make(), h5py.h5t.TypeID):
            size = 4
            h5py.h5a.create(holder.id, name.encode(), value, h5py.h5s.create_simple((size,))).write(
                np.frombuffer(b"A" * value.get_size() * size, f"V{value.get_size()}"), value
            )
        else:
            holder.attrs[name] = value

    return edit


CONFIG = "config|attribute|text|JSON"
LAYERS = "layer_names|conv|attribute|weights|layer|\\.\\./"

_attribute("config_number", _set("", "model_config", lambda: 7), CONFIG)
_attribute("config_array", _set("", "model_config", lambda: np.zeros((4, 4))), CONFIG)
_attribute("config_words", _set("", "model_config", lambda: [b"a", b"b"]), CONFIG)
_attribute("config_nothing", _set("", "model_config", lambda: h5py.Empty("S10")), CONFIG)
_attribute("config_raw", _set("", "model_config", lambda: np.void(json.dumps(network()).encode())), CONFIG, may_load=True)
_attribute("config_of_pointers", _set("", "model_config", lambda: opaque(b"NUMPY:|O", 8)), CONFIG)
_attribute("config_references", _set("", "model_config", lambda: h5py.h5t.STD_REF_OBJ.copy()), CONFIG)
_attribute("config_empty_text", _set("", "model_config", lambda: ""), CONFIG)
_attribute("version_of_pointers", _set("", "keras_version", lambda: opaque(b"NUMPY:|O", 8)), "keras_version|attribute|type", may_load=True)
_attribute("version_number", _set("", "keras_version", lambda: 7), "keras_version|attribute", may_load=True)
_attribute("version_for_the_terminal", _set("", "keras_version", lambda: b"\x1b[2J2.\xff"), "keras_version|attribute", may_load=True)
_attribute("version_long", _set("", "keras_version", lambda: b"9" * 60_000), "keras_version|attribute|digits", may_load=True)
_attribute("backend_of_pointers", _set("", "backend", lambda: opaque(b"NUMPY:|O", 8)), "backend|attribute|type", may_load=True)
_attribute("training_of_pointers", _set("", "training_config", lambda: opaque(b"NUMPY:|O", 8)), "training|attribute|type", may_load=True)
_attribute("training_not_json", _set("", "training_config", lambda: b"{"), "training", may_load=True)
_attribute("layers_of_pointers", _set("model_weights", "layer_names", lambda: opaque(b"NUMPY:|O", 8)), LAYERS)
_attribute("layers_missing", lambda file, bait: file["model_weights"].attrs.__delitem__("layer_names"), LAYERS, may_load=True)
_attribute("layers_numbers", _set("model_weights", "layer_names", lambda: np.arange(3)), LAYERS)
_attribute("layers_number", _set("model_weights", "layer_names", lambda: 3), LAYERS)
_attribute("layers_empty", _set("model_weights", "layer_names", lambda: h5py.Empty("S1")), LAYERS, may_load=True)
_attribute(
    "layers_climbing",
    _set("model_weights", "layer_names", lambda: [b"../model_weights/conv", b"average", b"../model_weights/out"]),
    LAYERS,
    may_load=True,
)
_attribute(
    "layers_absolute",
    _set("model_weights", "layer_names", lambda: [b"/model_weights/conv", b"/", b"/model_weights/out"]),
    LAYERS,
    may_load=True,
)
_attribute("layers_not_there", _set("model_weights", "layer_names", lambda: [b"conv", b"average", b"nowhere"]), LAYERS + "|nowhere|out")
_attribute("layers_repeated", _set("model_weights", "layer_names", lambda: [b"conv"] * 3), LAYERS + "|out", may_load=True)
_attribute("layers_not_text", _set("model_weights", "layer_names", lambda: [b"conv", b"\xff\xfe\x1b[2J", b"out"]), LAYERS, may_load=True)
_attribute(
    "weights_climbing",
    _set("model_weights/conv", "weight_names", lambda: [b"../../conv/conv/kernel:0", b"/model_weights/conv/conv/bias:0"]),
    LAYERS,
    may_load=True,
)
_attribute("weights_of_pointers", _set("model_weights/conv", "weight_names", lambda: opaque(b"NUMPY:|O", 8)), LAYERS)
_attribute("weights_numbers", _set("model_weights/conv", "weight_names", lambda: np.arange(2)), LAYERS)
_attribute("weights_too_few", _set("model_weights/conv", "weight_names", lambda: [b"conv/kernel:0"]), LAYERS, may_load=True)
_attribute("weights_too_many", _set("model_weights/conv", "weight_names", lambda: [b"conv/kernel:0"] * 2000), LAYERS)
_attribute("weights_of_a_group", _set("model_weights/conv", "weight_names", lambda: [b"conv", b"."]), LAYERS)
_attribute("chunked_names_without_end", lambda file, bait: _chunked(file), LAYERS, may_load=True)
_attribute("weights_group_missing", lambda file, bait: file.__delitem__("model_weights"), "weights")
_attribute(
    "weights_group_external",
    lambda file, bait: (
        file.__delitem__("model_weights"),
        file.update({"model_weights": h5py.ExternalLink(str(bait.folder / "secret.h5"), "/all")}),
    ),
    OUTSIDE,
)
_attribute(
    "weights_group_a_data_set",
    lambda file, bait: (file.__delitem__("model_weights"), file.update({"model_weights": np.zeros(3)})),
    "weights",
)
_attribute(
    "weights_group_a_soft_link",
    lambda file, bait: (file.move("model_weights", "elsewhere"), file.update({"model_weights": h5py.SoftLink("/elsewhere")})),
    "link|weights",
    may_load=True,
)


def _chunked(file: h5py.File) -> None:
    """Spread the names of the layers over numbered attributes, as Keras does for long lists."""
    group = file["model_weights"]
    del group.attrs["layer_names"]
    for number in range(500):
        group.attrs[f"layer_names{number}"] = [b"conv"]


@case("layer_names|weights|large|layer", may_load=True)
def many_groups(folder: Path, bait: Bait) -> Path:
    def edit(file: h5py.File) -> None:
        for number in range(5000):
            file["model_weights"].create_group(f"g{number}")

    return hdf5_file(folder / "model.h5", network(), edit)


@case("empty|zero|HDF5|hdf5")
def hdf5_of_nothing(folder: Path, bait: Bait) -> Path:
    (folder / "model.h5").write_bytes(b"")
    return folder / "model.h5"


@case("HDF5|damaged|config")
def hdf5_start_only(folder: Path, bait: Bait) -> Path:
    (folder / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500))
    return folder / "model.h5"


@case("HDF5|damaged|trunc")
def hdf5_cut_short(folder: Path, bait: Bait) -> Path:
    path = hdf5_file(folder / "model.h5", network())
    path.write_bytes(path.read_bytes()[:-3000])
    return path


@case("family|HDF5|damaged|config|driver")
def hdf5_of_a_family(folder: Path, bait: Bait) -> Path:
    """Claim, in the superblock, a driver that reads other files."""
    path = hdf5_file(folder / "model.h5", network())
    data = bytearray(path.read_bytes())
    block = struct.pack("<B3xI8s", 0, 16, b"NCSAfami") + struct.pack("<QQ", 2048, 0)
    data[8 + 8 + 8 + 24 : 8 + 8 + 8 + 32] = struct.pack("<Q", len(data))
    path.write_bytes(bytes(data) + block)
    return path


@case("config|architecture|weights", may_load=False)
def weights_only_under_a_model_name(folder: Path, bait: Bait) -> Path:
    return hdf5_file(folder / "model.h5", None)


# 8. The heap of variable-length text: HDF5's library walks it, and would walk for ever.


def _heap(change: Callable[[bytearray, int], None], suffix: str) -> Callable[[Path, Bait], Path]:
    """Return a writer of a file whose first heap is changed."""

    def spoiled(data: bytes) -> bytes:
        found = bytearray(data)
        change(found, found.index(b"GCOL"))
        return bytes(found)

    def texts(file: h5py.File) -> None:
        file.attrs["text"] = "of any length"

    def write(folder: Path, bait: Bait) -> Path:
        if suffix == "keras":
            return keras_file(folder / "model.keras", network(), spoiled(weights_bytes(texts)))
        path = hdf5_file(folder / "model.h5", network(), lambda file: file.attrs.update({"backend": "tensorflow"}))
        path.write_bytes(spoiled(path.read_bytes()))
        return path

    return write


def _free_of_nothing(data: bytearray, heap: int) -> None:
    struct.pack_into("<HHIQ", data, heap + 16, 0, 0, 0, 0)


def _longer_than_the_heap(data: bytearray, heap: int) -> None:
    struct.pack_into("<Q", data, heap + 24, 2**40)


def _larger_than_the_file(data: bytearray, heap: int) -> None:
    struct.pack_into("<Q", data, heap + 8, 2**62)


def _text_of_gigabytes(data: bytearray, heap: int) -> None:
    """Claim, where an attribute points into the heap, a text of 4 GB."""
    place = data.index(struct.pack("<QI", heap, 1)) - 4
    struct.pack_into("<I", data, place, 2**32 - 1)


for _suffix in ("h5", "keras"):
    add(f"hdf5:heap_claimed_in_gigabytes.{_suffix}", _heap(_text_of_gigabytes, _suffix), "damaged|HDF5|heap|text|attribute", may_load=True)
    add(f"hdf5:heap_without_end.{_suffix}", _heap(_free_of_nothing, _suffix), "damaged|HDF5|heap|text", may_load=_suffix == "keras")
    add(
        f"hdf5:heap_with_a_long_text.{_suffix}",
        _heap(_longer_than_the_heap, _suffix),
        "damaged|HDF5|heap|text",
        may_load=_suffix == "keras",
    )
    add(f"hdf5:heap_of_any_size.{_suffix}", _heap(_larger_than_the_file, _suffix), "damaged|HDF5|heap|text", may_load=_suffix == "keras")
