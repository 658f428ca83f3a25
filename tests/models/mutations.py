"""Mutated model files: bytes, the config's structure, and what HDF5 holds; the same number always makes the same file."""

import contextlib
import copy
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from models import checksums, hostile

Rng = np.random.Generator
STRANGE: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2, 3.5, 10**9, 10**12, 2**63, -(2**31), 1e308, float("nan"), "", "relu", "a", "../a", "float32", "same",
    "channels_first", [], [0], [None], [[]], {}, [1, 2, 3], [None, 4, 4, 3], {"class_name": "Dense", "config": {}}, "x" * 5000,
)  # fmt: skip


def seeds(folder: Path) -> list[Path]:
    """Write the small, healthy files that the mutations start from, and return their paths."""
    relu = hostile.layer("Activation", activation="relu")
    layers = hostile.layer
    head = [layers("GlobalAveragePooling2D", "average"), layers("Dense", "out", units=3, activation="softmax")]
    first = hostile.chain()[:2]
    configs = {
        "functional": hostile.network(relu),
        "sequential": hostile.sequential(hostile.chain(relu)),
        "nested": hostile.network(hostile.sequential([relu, layers("MaxPooling2D", "pool", pool_size=[2, 2])], "inner")),
        "operation": hostile.network(hostile.operation("Multiply", [hostile.tensor("conv"), 2.0])),
        "branches": hostile.functional([*first, _add(), *head]),
        "wrapped": hostile.sequential(
            [*first, layers("ZeroPadding2D", "pad", padding=[[1, 1], [1, 1]]), layers("Dropout", "drop", rate=0.5), *head]
        ),
    }
    old_configs = {
        "keras2": hostile.old_sequential(hostile.old("Activation", activation="relu")),
        "keras2_functional": hostile.old_functional(hostile.old_chain()),
    }
    configs |= {f"full_{name}": _full(config) for name, config in configs.items()}
    paths = [hostile.keras_file(folder / f"{name}.keras", config) for name, config in configs.items()]
    paths += [hostile.hdf5_file(folder / f"{name}.h5", config) for name, config in (configs | old_configs).items()]
    plain = [configs["functional"], configs["full_nested"], old_configs["keras2"]]
    for style, options in STYLES.items():
        for number, config in enumerate(plain):
            edit = EDITS[(number + len(style)) % len(EDITS)]
            if style != "block":  # a model file begins with HDF5's own signature
                paths.append(hostile.hdf5_file(folder / f"{style}_{number}.h5", config, edit, **options))
            if style != "paged" and number < 2:  # in memory the last page would be cut short
                weights = hostile.weights_bytes(edit, **options)
                paths.append(hostile.keras_file(folder / f"{style}_{number}.keras", config, weights))
    return paths


# What other writers than Keras make of HDF5: groups of the new style, an order of creation, many members and attributes, which move into
# heaps and trees of their own, packed and chunked numbers, texts of any length, a block of the user's in front.
STYLES: dict[str, dict[str, Any]] = {
    "latest": {"libver": "latest"},
    "v110": {"libver": ("earliest", "v110")},
    "ordered": {"track_order": True},
    "both": {"libver": "latest", "track_order": True},
    "paged": {"libver": "latest", "fs_strategy": "page", "fs_page_size": 512},
    "block": {"userblock_size": 512},
}


def _crowded(file: h5py.File) -> None:
    """Give a group so many members and attributes that they are kept in heaps and trees."""
    crowd = file.create_group("optimizer_weights", track_order=True)
    for number in range(24):
        crowd.create_group(f"member_{number}").attrs[f"weight_names{number}"] = [b"a", b"b"]
        crowd.attrs[f"attribute_{number}"] = f"text of any length {number}"


def _netcdf(file: h5py.File) -> None:
    """Add what netCDF adds: scales of the dimensions, attributes of its own, a fill value, numbers in packed pieces."""
    file.attrs["_NCProperties"] = "version=2,netcdf=4.9.2,hdf5=1.14.3"
    scale = file.create_dataset("rows", data=np.arange(3, dtype=">f8"), chunks=(2,), maxshape=(None,), fillvalue=-1)
    scale.make_scale("rows")
    table = file.create_dataset(
        "table", (3, 9), "i2", chunks=(2, 3), maxshape=(None, None), compression="gzip", shuffle=True, fletcher32=True
    )
    table.dims[0].attach_scale(scale)
    table.attrs["units"] = "1"


def _packed(file: h5py.File) -> None:
    """Pack the weights in the ways that h5py has, so that they have to be unpacked."""
    options = ({"compression": "gzip"}, {"compression": "lzf", "shuffle": True}, {"chunks": True, "fletcher32": True}, {"chunks": (1,)})
    names: list[str] = []
    file.visit(names.append)
    for place, name in enumerate(one for one in names if isinstance(file[one], h5py.Dataset)):
        values = file[name][()]
        told = dict(options[place % len(options)])
        if told.get("chunks") == (1,):
            told["chunks"] = (1,) * values.ndim
        del file[name]
        file.create_dataset(name, data=values, maxshape=(None,) * values.ndim, **told)


EDITS: tuple[Callable[[h5py.File], None], ...] = (_crowded, _netcdf, _packed)


def _full(config: dict[str, Any]) -> dict[str, Any]:
    """Return a config with all that Keras writes into it and a reader can do without."""
    found = copy.deepcopy(config)
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None, "shared_object_id": 7}
    for holder, key in [({"model": found}, "model"), *_places(found)]:
        one = holder[key]
        if isinstance(one, dict) and one.get("module") == "keras.layers":
            one["config"] |= (
                {"trainable": True, "dtype": policy} if one["class_name"] != "InputLayer" else {"sparse": False, "optional": False}
            )
            one["config"] |= copy.deepcopy(FULL.get(one["class_name"], {}))
            one["build_config"] = {"input_shape": [None, 6, 6, 2]}
    return found


def _initializer(name: str, **config: Any) -> dict[str, Any]:
    return {"module": "keras.initializers", "class_name": name, "config": config, "registered_name": None}


FILLED = {
    "use_bias": True,
    "kernel_initializer": _initializer("GlorotUniform", seed=None),
    "bias_initializer": _initializer("Zeros"),
    "kernel_regularizer": None,
    "bias_regularizer": None,
    "activity_regularizer": None,
    "kernel_constraint": None,
    "bias_constraint": None,
}
GEOMETRY = {"strides": [1, 1], "padding": "valid", "data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1}
FULL: dict[str, dict[str, Any]] = {
    "Conv2D": FILLED | GEOMETRY,
    "Dense": FILLED | {"quantization_config": None},
    "MaxPooling2D": {"strides": [2, 2], "padding": "valid", "data_format": "channels_last"},
    "GlobalAveragePooling2D": {"data_format": "channels_last", "keepdims": False},
    "Dropout": {"seed": None, "noise_shape": None},
    "ZeroPadding2D": {"data_format": "channels_last"},
}


def _add() -> dict[str, Any]:
    return hostile.layer("Add", more=hostile.node([[hostile.tensor("conv"), hostile.tensor("conv")]]))


def mutate(paths: list[Path], number: int, folder: Path) -> Path:
    """Write the mutated file of this number; its name says what was done."""
    rng = np.random.default_rng([20_26, number])
    source = paths[int(rng.integers(len(paths)))]
    name = str(rng.choice(list(MUTATIONS), p=[0.25, 0.1, 0.4, 0.25]))
    path = folder / f"{number}-{name}-{source.name}"
    MUTATIONS[name](source, path, rng)
    return path


# Bytes: of the file as it is, or of the HDF5 inside a zip archive, where a flip gets past the archive's sums.


def _bytes(source: Path, path: Path, rng: Rng) -> None:
    if source.suffix == ".keras" and rng.random() < 0.6:
        config, weights = _unpack(source)
        which = rng.random() < 0.75
        _pack(path, config if which else _spoil(config, rng), _spoil(weights, rng) if which else weights)
    else:
        path.write_bytes(_spoil(source.read_bytes(), rng))


def _spoil(data: bytes, rng: Rng) -> bytes:
    """Return bytes with some of them flipped, zeroed, repeated or set to a telling number; most changes near the structures."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        place = int(rng.integers(len(changed)) if rng.random() < 0.6 else rng.integers(min(len(changed), 2500)))
        kind = int(rng.integers(5))
        if kind == 0:
            changed[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            changed[place] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF]))
        elif kind == 2:
            changed[place : place + 8] = int(rng.choice([0, 2**31, 2**32 - 1, 2**62, len(data)])).to_bytes(8, "little")
        elif kind == 3:
            changed[place : place + 16] = bytes(rng.integers(0, 256, 16, dtype=np.uint8))
        else:
            length, other = int(rng.integers(1, 64)), int(rng.integers(len(changed)))
            changed[place : place + length] = changed[other : other + length]
    spoiled = bytes(changed[: len(data)])
    return checksums.mended(spoiled) if b"OHDR" in data and rng.random() < 0.7 else spoiled


def _cut(source: Path, path: Path, rng: Rng) -> None:
    """Cut the file short, repeat a part of it, or take a part out."""
    data = source.read_bytes()
    first, last = sorted(int(place) for place in rng.integers(len(data), size=2))
    path.write_bytes([data[:first], data[:last] + data[first:], data[:first] + data[last:], data + data][int(rng.integers(4))])


# The config, as a structure.


def _config(source: Path, path: Path, rng: Rng) -> None:
    if source.suffix == ".keras":
        config, weights = _unpack(source)
        _pack(path, _restructure(config, rng), weights)
        return
    shutil.copyfile(source, path)
    with h5py.File(path, "r+") as file:
        config = file.attrs["model_config"]
        hostile.large_attribute(file, "model_config", _restructure(config.encode() if isinstance(config, str) else config, rng))


def _restructure(config: bytes, rng: Rng) -> bytes:
    found = json.loads(config)
    for _ in range(int(rng.choice([1, 1, 1, 2, 4]))):
        found = _change(found, rng)
    return json.dumps(found).encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) within."""
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


def _change(config: Any, rng: Rng) -> Any:
    """Replace, remove, repeat, rename or swap values anywhere in the config."""
    places = _places(config)
    if not places:
        return config
    holder, key = places[int(rng.integers(len(places)))]
    other, other_key = places[int(rng.integers(len(places)))]
    kind = int(rng.integers(6))
    if kind <= 1:
        holder[key] = copy.deepcopy(STRANGE[int(rng.integers(len(STRANGE)))])
    elif kind == 2:
        del holder[key]
    elif kind == 3:
        holder[key] = copy.deepcopy(other[other_key])  # a copy, so that no cycle arises that JSON could not say
    elif kind == 4 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    else:
        holder[key] = _retype(holder[key])
    return config


def _retype(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return [value]
    if isinstance(value, int | float):
        return str(value) if value == value and abs(value) < 1e15 else 0
    if isinstance(value, str):
        return {"class_name": value, "config": {}}
    return list(value.values()) if isinstance(value, dict) else {str(number): one for number, one in enumerate(value)}


# What HDF5 holds: attributes and data sets.


def _content(source: Path, path: Path, rng: Rng) -> None:
    if source.suffix == ".keras":
        config, weights = _unpack(source)
        memory = io.BytesIO(weights)
        with h5py.File(memory, "r+") as file:
            _rearrange(file, rng)
        _pack(path, config, memory.getvalue())
        return
    shutil.copyfile(source, path)
    with h5py.File(path, "r+") as file:
        _rearrange(file, rng)


def _rearrange(file: h5py.File, rng: Rng) -> None:
    for _ in range(int(rng.integers(1, 4))):
        names: list[str] = []
        file.visit(names.append)
        if not names:
            return
        name = names[int(rng.integers(len(names)))]
        change = CONTENT[int(rng.integers(len(CONTENT)))]
        with contextlib.suppress(OSError, ValueError, KeyError, RuntimeError, TypeError):  # such a change cannot be written
            change(file, name, names[int(rng.integers(len(names)))], rng)


def _remove(file: h5py.File, name: str, other: str, rng: Rng) -> None:
    del file[name]


def _rename(file: h5py.File, name: str, other: str, rng: Rng) -> None:
    file.move(name, str(rng.choice(["moved", f"{name}_1", "model_weights/zzz", "layers/dense_9", "é\x1b[2J"])))


def _relink(file: h5py.File, name: str, other: str, rng: Rng) -> None:
    links = [h5py.SoftLink("/" + other), h5py.SoftLink("/" + name), h5py.ExternalLink("/dev/zero", "/a"), file[other]]
    del file[name]
    if other.startswith(name):
        links = links[:3]
    file[name] = links[int(rng.integers(len(links)))]


def _reshape(file: h5py.File, name: str, other: str, rng: Rng) -> None:
    """Put a data set of another shape, type or storage in the place of anything."""
    shape = tuple(int(size) for size in rng.choice([0, 1, 2, 3, 8, 1000], size=int(rng.integers(5))))
    kind = str(rng.choice(["f2", "f4", "f8", ">f4", "i1", "u8", "?", "c8", "S5", "V4"]))
    options: dict[str, Any] = (
        {"compression": "gzip", "chunks": tuple(max(1, size // 2) for size in shape)} if shape and all(shape) and rng.random() < 0.4 else {}
    )
    if rng.random() < 0.15:
        shape, kind, options = (10**7, 10**6), "f4", {"chunks": (1000, 1000)}
    del file[name]
    file.create_dataset(name, shape, kind, **options)


def _noise(file: h5py.File, name: str, other: str, rng: Rng) -> None:
    if isinstance(file[name], h5py.Dataset) and file[name].dtype.kind == "f" and 0 < file[name].size < 10**6:
        file[name][...] = rng.choice([np.nan, np.inf, -1e30, 0.0], size=file[name].shape)


def _attributes(file: h5py.File, name: str, other: str, rng: Rng) -> None:
    """Change, remove or add an attribute anywhere."""
    holder = file if rng.random() < 0.3 else file[name]
    keys = [key for key in holder.attrs if key != "model_config"] + ["layer_names", "weight_names", "keras_version", "vars"]
    key = keys[int(rng.integers(len(keys)))]
    values: list[Any] = [7, -1.5, b"", "text", [b"conv"], [b"conv", b"out"], [b"out", b"conv"], np.zeros(3), h5py.Empty("S3"), b"\xff\xfe"]
    values += [[b"a"] * 200, np.arange(4), "\x1b[2J", [b"../conv", b"/"], [other.encode()], file[other].ref, np.void(b"raw")]
    if key in holder.attrs and rng.random() < 0.25:
        del holder.attrs[key]
    else:
        holder.attrs[key] = values[int(rng.integers(len(values)))]


CONTENT: list[Callable[[h5py.File, str, str, Rng], None]] = [
    _remove,
    _rename,
    _relink,
    _reshape,
    _reshape,
    _noise,
    _attributes,
    _attributes,
]
MUTATIONS: dict[str, Callable[[Path, Path, Rng], None]] = {"bytes": _bytes, "cut": _cut, "config": _config, "content": _content}


def _unpack(source: Path) -> tuple[bytes, bytes]:
    with zipfile.ZipFile(source) as archive:
        return archive.read("config.json"), archive.read("model.weights.h5")


def _pack(path: Path, config: bytes, weights: bytes) -> None:
    hostile.keras_file(path, config, weights)
