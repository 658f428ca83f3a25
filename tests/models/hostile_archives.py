"""Hostile archives: entries that escape, bombs, and what else can stand at a path."""

import io
import json
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from models.hostile import Bait, add, case, hdf5_file, keras_file, layer, network, sequential, weights_bytes
from models.hostile_code import as_class, lambda_layer, pickled

# 8. Zip archives.

ZIP = "metadata|zip|archive|entry|config.json|model.weights.h5|outside|twice|large"


def _archive(path: Path, entries: list[tuple[Any, bytes]], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some names are there twice
        for name, data in entries:
            archive.writestr(name, data)
    return path


def _entries() -> list[tuple[Any, bytes]]:
    config = json.dumps(network(layer("Activation", activation="relu"))).encode()
    return [("metadata.json", b'{"keras_version": "3.15.0"}'), ("config.json", config), ("model.weights.h5", weights_bytes())]


def _with(name: Any, data: bytes | None = None) -> Callable[[Path, Bait], Path]:
    def write(folder: Path, bait: Bait) -> Path:
        found = name(bait) if callable(name) else name
        return _archive(folder / "model.keras", [*_entries(), (found, b"owned" if data is None else data)])

    return write


def _symlink(name: str, target: Callable[[Bait], str]) -> Callable[[Bait], Any]:
    def make(bait: Bait) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, (0o120777 << 16) | 0x20
        info.comment = target(bait).encode()
        return info

    return make


add("zip:entry_climbs", _with(lambda bait: f"../../../../../../../../../..{bait.mark}"), ZIP, may_load=True)
add("zip:entry_absolute", _with(lambda bait: str(bait.mark)), ZIP, may_load=True)
add("zip:entry_of_windows", _with("..\\..\\owned"), ZIP, may_load=True)
add("zip:entry_of_a_drive", _with("C:\\owned"), ZIP, may_load=True)
add("zip:assets_climb", _with("assets/layers/string_lookup/../../../../owned.txt"), ZIP, may_load=True)
add("zip:symlink", _with(_symlink("assets", lambda bait: str(bait.folder)), b"/etc"), ZIP, may_load=True)
add("zip:config_twice", _with("config.json", b'{"class_name": "Lambda"}'), ZIP + "|Lambda")
add("zip:weights_twice", _with("model.weights.h5", b"x"), ZIP)
add("zip:name_for_the_terminal", _with("\x1b[2J\x1b]0;owned\x07"), ZIP, may_load=True)
add("zip:name_long", _with("a" * 60_000), ZIP, may_load=True)
add("zip:weights_as_npz", _with("model.weights.npz", b"PK"), ZIP, may_load=True)


@case(ZIP)
def zip_config_is_a_symlink(folder: Path, bait: Bait) -> Path:
    info = zipfile.ZipInfo("config.json")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return _archive(folder / "model.keras", [_entries()[0], (info, str(bait.folder / "secret.raw").encode()), _entries()[2]])


@case(ZIP)
def zip_weights_are_a_symlink(folder: Path, bait: Bait) -> Path:
    info = zipfile.ZipInfo("model.weights.h5")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return _archive(folder / "model.keras", [*_entries()[:2], (info, str(bait.folder / "secret.h5").encode())])


@case(ZIP)
def zip_weights_climb(folder: Path, bait: Bait) -> Path:
    return _archive(folder / "model.keras", [*_entries()[:2], ("../model.weights.h5", weights_bytes())])


@case("HDF5|hdf5|weights|h5")
def zip_weights_are_a_zip(folder: Path, bait: Bait) -> Path:
    inner = _archive(folder / "inner.zip", _entries()).read_bytes()
    return _archive(folder / "model.keras", [*_entries()[:2], ("model.weights.h5", inner)])


@case("HDF5|hdf5|weights|h5")
def zip_weights_are_text(folder: Path, bait: Bait) -> Path:
    return _archive(folder / "model.keras", [*_entries()[:2], ("model.weights.h5", b"weights")])


@case("weights|pickle|npz|model.weights.h5")
def zip_weights_are_a_pickle(folder: Path, bait: Bait) -> Path:
    memory = io.BytesIO()
    np.savez(memory, **{"layers/conv2d": np.array([{"a": 1}], dtype=object)})
    return _archive(folder / "model.keras", [*_entries()[:2], ("model.weights.npz", memory.getvalue())])


@case("weights|model.weights")
def zip_weights_are_json(folder: Path, bait: Bait) -> Path:
    shards = {"weight_map": {"/": ["../../bait/secret.h5"]}, "metadata": {"total_size": 1}}
    return _archive(folder / "model.keras", [*_entries()[:2], ("model.weights.json", json.dumps(shards).encode())])


@case("config.json|model.weights.h5")
def zip_of_nothing(folder: Path, bait: Bait) -> Path:
    return _archive(folder / "model.keras", [])


@case("config.json")
def zip_config_is_a_folder(folder: Path, bait: Bait) -> Path:
    return _archive(folder / "model.keras", [("config.json/", b""), _entries()[2]])


@case("metadata|JSON", may_load=True)
def zip_metadata_is_no_json(folder: Path, bait: Bait) -> Path:
    return _archive(folder / "model.keras", [("metadata.json", b"{" * 50_000), *_entries()[1:]])


@case("metadata", may_load=True)
def zip_metadata_names_a_module(folder: Path, bait: Bait) -> Path:
    return _archive(folder / "model.keras", [("metadata.json", json.dumps(as_class("probe", bait)).encode()), *_entries()[1:]])


def _flag(data: bytes, flags: int) -> bytes:
    """Set bits in the flags of every entry, in both of its headers."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = changed.find(mark)
        while place >= 0:
            changed[place + offset] |= flags
            place = changed.find(mark, place + 4)
    return bytes(changed)


@case("encrypted|password|archive|zip|read")
def zip_encrypted(folder: Path, bait: Bait) -> Path:
    path = _archive(folder / "model.keras", _entries())
    path.write_bytes(_flag(path.read_bytes(), 1))
    return path


@case("compress|archive|zip|read|method")
def zip_of_an_unknown_method(folder: Path, bait: Bait) -> Path:
    path = _archive(folder / "model.keras", _entries())
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = data.find(mark)
        while place >= 0:
            data[place + offset] = 99
            place = data.find(mark, place + 4)
    path.write_bytes(bytes(data))
    return path


@case("damaged|CRC|archive|zip|read")
def zip_with_wrong_sums(folder: Path, bait: Bait) -> Path:
    path = _archive(folder / "model.keras", _entries())
    path.write_bytes(path.read_bytes().replace(b'"conv"', b'"c0nv"', 1))
    return path


@case("archive|zip|cut")
def zip_cut_short(folder: Path, bait: Bait) -> Path:
    path = _archive(folder / "model.keras", _entries())
    path.write_bytes(path.read_bytes()[:-100])
    return path


def _zeros(gigabytes: int, start: bytes = b"") -> bytes:
    """Return a deflate stream of some text and many zeros or blanks, made by repeating one compressed block."""
    block = 1 << 24
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    one = packer.compress(b" " * block) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + one * (gigabytes * (1 << 30) // block) + packer.flush(zlib.Z_FINISH)


def _bombed(path: Path, name: str, gigabytes: int, start: bytes, claimed: int | None = None) -> Path:
    """Write an archive in which one entry unpacks to gigabytes; it may claim to be smaller."""
    stream = _zeros(gigabytes, start)
    size = len(start) + gigabytes * (1 << 30) if claimed is None else claimed
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        for own, data in _entries():
            if own != name:
                archive.writestr(own, data)
        info = zipfile.ZipInfo(name)
        archive.writestr(info, stream)
        info.compress_type, info.file_size, info.CRC = zipfile.ZIP_DEFLATED, size, 0
    data = bytearray(path.read_bytes())
    local = info.header_offset
    struct.pack_into("<HHHIII", data, local + 8, zipfile.ZIP_DEFLATED, 0, 0, 0, len(stream), min(size, 2**32 - 2))
    path.write_bytes(bytes(data))
    return path


@case(ZIP)
def zip_bomb_of_a_config(folder: Path, bait: Bait) -> Path:
    return _bombed(folder / "model.keras", "config.json", 3, _entries()[1][1])


@case(ZIP + "|JSON|damaged|CRC|config")
def zip_bomb_that_claims_little(folder: Path, bait: Bait) -> Path:
    return _bombed(folder / "model.keras", "config.json", 3, b"", claimed=1000)


@case(ZIP + "|HDF5")
def zip_bomb_of_weights(folder: Path, bait: Bait) -> Path:
    return _bombed(folder / "model.keras", "model.weights.h5", 3, weights_bytes())


@case(ZIP, may_load=True)
def zip_bomb_of_metadata(folder: Path, bait: Bait) -> Path:
    return _bombed(folder / "model.keras", "metadata.json", 3, b"{}")


@case(ZIP, may_load=True)
def zip_bomb_of_another_entry(folder: Path, bait: Bait) -> Path:
    path = _bombed(folder / "model.keras", "assets/x", 3, b"")
    return path


@case(ZIP, may_load=True)
def zip_of_many_entries(folder: Path, bait: Bait) -> Path:
    return _archive(folder / "model.keras", [*_entries(), *((f"assets/{number}", b"") for number in range(11_000))])


@case("config.json|weights|large|memory|data")
def weights_of_zeros_justify_nothing(folder: Path, bait: Bait) -> Path:
    """A file that claims, in compressed zeros, the two gigabytes that its config asks for."""
    side = 23_000
    config = sequential([layer("InputLayer", "image", batch_shape=[None, 1, 1, side]), layer("Dense", units=side)])

    def edit(file: h5py.File) -> None:
        del file["layers"]
        file.create_dataset("layers/dense/vars/0", (side, side), "f4", chunks=(1000, side), compression="gzip")
        file["layers/dense/vars/1"] = np.zeros(side, "f4")

    return keras_file(folder / "model.keras", config, weights_bytes(edit))


def _zeros_in_pieces(file: h5py.File, place: str, side: int, rows: int, kind: str) -> None:
    """Write `side` x `side` zeros, packed a thousandfold, without ever holding them."""
    count = -(-side // rows)
    data = file.create_dataset(place, (count * rows, side), kind, chunks=(rows, side), compression="gzip")
    packed = zlib.compress(bytes(rows * side * data.dtype.itemsize), 9)
    for number in range(count):
        data.id.write_direct_chunk((number * rows, 0), packed)


@case("config.json|weights|large|memory|data|layers|dense|packed")
def weights_of_packed_zeros(folder: Path, bait: Bait) -> Path:
    """2.2 GB of weights as the config asks for them, in 2 MB."""
    side = 23_500

    def edit(file: h5py.File) -> None:
        del file["layers"]
        _zeros_in_pieces(file, "layers/dense/vars/0", side, 500, "f4")
        file["layers/dense/vars/1"] = np.zeros(side, "f4")

    config = sequential([layer("InputLayer", "image", batch_shape=[None, 1, 1, side]), layer("Dense", units=side)])
    return keras_file(folder / "model.keras", config, weights_bytes(edit))


@case("evil|weights|large|memory|data|ballast|packed")
def weights_justified_by_ballast(folder: Path, bait: Bait) -> Path:
    """Numbers of one byte, packed a thousandfold, that no layer reads, so that a layer of 2.2 GB looks earned."""
    side = 23_500
    config = sequential([layer("InputLayer", "image", batch_shape=[None, 1, 1, side]), layer("Dense", units=side)])
    return keras_file(folder / "model.keras", config, weights_bytes(lambda file: _zeros_in_pieces(file, "ballast", side, 500, "i1")))


@case("layers|evil|weights|memory|large|packed|data")
def weights_justified_many_times(folder: Path, bait: Bait) -> Path:
    """Forty layers that each claim the numbers which the file holds once."""
    side = 4000
    layers = [layer("Dense", f"d{number}", units=side) for number in range(40)]

    def edit(file: h5py.File) -> None:
        file["ballast"] = np.zeros((side, side), "f2")

    return keras_file(
        folder / "model.keras", sequential([layer("InputLayer", "image", batch_shape=[None, 1, 1, side]), *layers]), weights_bytes(edit)
    )


# 9. What stands at the path.


@case("Lambda|HDF5|hdf5|zip|starts")
def zip_named_h5(folder: Path, bait: Bait) -> Path:
    return keras_file(folder / "model.h5", network(lambda_layer(bait)))


@case("Lambda|HDF5|zip|archive|starts")
def hdf5_named_keras(folder: Path, bait: Bait) -> Path:
    return hdf5_file(folder / "model.keras", network(lambda_layer(bait)))


@case("Lambda|archive|zip|HDF5", may_load=True)
def hdf5_and_zip_at_once(folder: Path, bait: Bait) -> Path:
    """A file that is HDF5 from its start and a zip archive from its end."""
    path = hdf5_file(folder / "model.keras", network())
    inner = keras_file(folder / "inner.keras", network(lambda_layer(bait))).read_bytes()
    path.write_bytes(path.read_bytes() + inner)
    return path


@case("folder|file|read|regular|pipe")
def a_pipe(folder: Path, bait: Bait) -> Path:
    os.mkfifo(folder / "model.h5")
    return folder / "model.h5"


@case("device|file|read|regular|HDF5|starts")
def a_device(folder: Path, bait: Bait) -> Path:
    (folder / "model.h5").symlink_to("/dev/zero")
    return folder / "model.h5"


@case("No file|not found|does not")
def a_link_to_itself(folder: Path, bait: Bait) -> Path:
    (folder / "model.h5").symlink_to(folder / "model.h5")
    return folder / "model.h5"


@case("pickle|ends in|HDF5|starts|Expected")
def a_pickle(folder: Path, bait: Bait) -> Path:
    (folder / "model.h5").write_bytes(pickled(bait))
    return folder / "model.h5"


@case("folder|SavedModel")
def a_saved_model(folder: Path, bait: Bait) -> Path:
    (folder / "model.keras").mkdir()
    (folder / "model.keras" / "saved_model.pb").write_bytes(b"\x08\x01")
    return folder / "model.keras"
