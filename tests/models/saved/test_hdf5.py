"""HDF5 is read by a process of its own: the numbers are those that h5py reads, and what breaks that process is one sentence here."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import convscope
from convscope.errors import ModelError
from convscope.models.saved import hdf5
from models import hostile, mutations

pytestmark = pytest.mark.once
FAULTS = Path(__file__).resolve().parents[2] / "corpus" / "faults"
CRASHING = sorted(FAULTS.glob("hdf5-crash-*"))


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return [path for path in mutations.seeds(tmp_path_factory.mktemp("seeds")) if path.suffix == ".h5"]


@pytest.mark.long
def test_every_array_and_attribute_is_what_h5py_reads(paths):
    for path in paths:
        with h5py.File(path) as file, hdf5.opened(path, "x") as root:
            arrays = dict(root.arrays())
            found = {name: item for name, item in items(file) if isinstance(item, h5py.Dataset)}
            assert set(arrays) == set(found), path.name
            for name, item in found.items():
                assert arrays[name].shape == item.shape and arrays[name].dtype == item.dtype
                np.testing.assert_array_equal(arrays[name].read(), item[()], f"{path.name}: {name}")
            assert hdf5.text_attribute(root, "keras_version") == "2.15.0"
            assert hdf5.names_attribute(root["model_weights"], "layer_names") == ["conv", "average", "out"]


def items(file):
    found = []
    file.visititems(lambda name, item: found.append((name, item)))
    return found


def test_paths_and_groups_are_found_as_in_h5py(tmp_path):
    path = hostile.hdf5_file(tmp_path / "model.h5", hostile.old_sequential(), libver="latest")
    with h5py.File(path) as file, hdf5.opened(path, "x") as root:
        assert list(root["model_weights"]) == list(file["model_weights"])
        for group, twin in ((root, file), (root["model_weights"], file["model_weights"])):
            for name in ("conv/conv/kernel:0", "/model_weights/conv", "model_weights", "conv", "nothing", "/nothing", "../model_weights"):
                assert (name in group) == (name in twin and ".." not in name), name
        with pytest.raises(ModelError, match="is a group, but weights"):
            hdf5.as_array(root["model_weights"])


def test_bits_of_bfloat16_and_numbers_of_other_machines(tmp_path):
    values = np.linspace(-3, 3, 24, dtype="f4").reshape(2, 3, 4)
    half = (values.view(np.uint32) >> 16).astype(np.uint16)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["half"], file["swapped"], file["true"] = half.view("V2"), values.astype(">f8"), values > 0
        file.create_dataset("never_written", (3, 4), "f4", fillvalue=7)
    with hdf5.opened(tmp_path / "x.h5", "x") as root:
        np.testing.assert_array_equal(root["half"].read(), (half.astype(np.uint32) << 16).view("f4"))
        np.testing.assert_array_equal(root["swapped"].read(), values.astype("f8"))
        np.testing.assert_array_equal(root["true"].read(), values > 0)
        np.testing.assert_array_equal(root["never_written"].read(), np.full((3, 4), 7, "f4"))


@pytest.mark.long
def test_files_that_end_the_process_that_reads_them_are_one_sentence(monkeypatch):
    codes, run = [], subprocess.run

    def noted(*args, **options):
        codes.append((ended := run(*args, **options)).returncode)
        return ended

    monkeypatch.setattr(subprocess, "run", noted)
    monkeypatch.setattr(hdf5, "CPU_SECONDS", 2)
    for path in CRASHING:
        with pytest.raises(ModelError, match="is damaged, or made to"):
            convscope.load(path)
    assert len(codes) == 3
    if h5py.version.hdf5_version.startswith("1.14."):  # a later library may have been mended
        assert all(code < 0 for code in codes)


@pytest.mark.parametrize("limit", ["SECONDS", "CPU_SECONDS"])
@pytest.mark.skipif(sys.platform == "win32", reason="no limit on processor time")
def test_what_takes_too_long_is_ended(tmp_path, monkeypatch, limit):
    path = hostile.hdf5_file(tmp_path / "model.h5", hostile.network())
    (tmp_path / "endless.py").write_text(hdf5.SURVEY.read_text().replace("confine(limits)", "confine(limits)\n    while True: pass"))
    monkeypatch.setattr(hdf5, "SURVEY", tmp_path / "endless.py")
    monkeypatch.setattr(hdf5, limit, 1)
    with pytest.raises(ModelError, match=r"made to hang: reading it took more than 1 seconds"):
        convscope.load(path)


@pytest.mark.parametrize(("change", "said"), [
    ({"at": 2**40}, "lie outside the file"),
    ({"at": -8}, "lie outside the file"),
    ({"shape": [2**40, 2**40]}, "lie outside the file"),
    ({"dtype": "|O"}, "does not hold weights"),
])  # fmt: skip
def test_the_answer_is_not_trusted(tmp_path, monkeypatch, change, said):
    path = hostile.hdf5_file(tmp_path / "model.h5", hostile.old_sequential())
    lie = hdf5.SURVEY.read_text().replace('    return found | {"at": int(at)}', f"    return found | {{'at': int(at)}} | {change!r}")
    (tmp_path / "lying.py").write_text(
        lie.replace('    return {"groups"', f'    for one in survey.arrays.values(): one.update({change!r})\n    return {{"groups"')
    )
    monkeypatch.setattr(hdf5, "SURVEY", tmp_path / "lying.py")
    with pytest.raises(ModelError, match=said):
        convscope.load(path)


def test_without_a_python_to_start_it_says_so(tmp_path, monkeypatch):
    path = hostile.hdf5_file(tmp_path / "model.h5", hostile.old_sequential())
    for executable, said in (("", "does not know where Python is"), (str(tmp_path / "none"), "could not start a second Python process")):
        monkeypatch.setattr(sys, "executable", executable)
        with pytest.raises(ModelError, match=said):
            convscope.load(path)


def test_the_other_process_reads_no_module_beside_the_user(tmp_path, monkeypatch):
    path = hostile.hdf5_file(tmp_path / "model.h5", hostile.old_sequential())
    for name in ("h5py", "numpy", "json", "re"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with hdf5.opened(path, "x") as root:
        assert "model_weights" in root


def test_plug_ins_are_off_whatever_the_environment_says(monkeypatch):
    monkeypatch.setenv("HDF5_PLUGIN_PATH", "/somewhere")
    told = hdf5._environment()
    assert "HDF5_PLUGIN_PATH" not in told and told["HDF5_PLUGIN_PRELOAD"] == "::"


def test_one_array_named_many_times_is_read_only_where_it_fits(tmp_path, monkeypatch):
    def edit(file):
        file["model_weights/out"].attrs["weight_names"] = [b"out/kernel:0"] * 60

    path, read = hostile.hdf5_file(tmp_path / "model.h5", hostile.old_sequential(), edit), []
    monkeypatch.setattr(hdf5.Array, "read", lambda array: read.append(array) or np.zeros(array.shape))
    with pytest.raises(ModelError, match="`out` do not fit"):
        convscope.load(path)
    assert len(read) <= 2


def test_arrays_that_share_their_place_do_not_count_twice(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for number in range(40):
            file.create_dataset(f"a{number}", data=np.zeros(100, "f4"), chunks=None)
    data = bytearray((tmp_path / "x.h5").read_bytes())
    with h5py.File(tmp_path / "x.h5") as file:
        places = [file[f"a{number}"].id.get_offset() for number in range(40)]
    for place in places:  # all point to the first, each claims 100 times as much
        at = data.find(place.to_bytes(8, "little") + (400).to_bytes(8, "little"))
        data[at : at + 16] = places[0].to_bytes(8, "little") + (len(data) - places[0]).to_bytes(8, "little")
    (tmp_path / "x.h5").write_bytes(data)
    with pytest.raises(ModelError, match="made to exhaust the memory|damaged"), hdf5.opened(tmp_path / "x.h5", "x"):
        pass


def test_nothing_is_left_behind(tmp_path, monkeypatch, paths):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    convscope.load(paths[0])
    assert os.listdir(tmp_path) == []  # noqa: PTH208
