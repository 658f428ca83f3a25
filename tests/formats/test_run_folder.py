"""The folder of a run, that of an older convscope among them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import convscope
from convscope.errors import OptionError, ReplayError
from convscope.footers import chunks
from convscope.formats import bins
from convscope.formats.checksums import CHECKSUM, sealed
from convscope.formats.journal_files import FACTS, READ, SCHEMA, part_files, read_part, read_settings, read_sources
from convscope.formats.run_folder import MANIFEST, read_manifest

pytestmark = pytest.mark.once
GOLDEN = Path(__file__).parents[1] / "golden" / "run"
GOLDEN_2_1 = Path(__file__).parents[1] / "golden" / "run_2.1"


def test_the_run_of_an_older_convscope_is_read():
    run = convscope.open_run(GOLDEN)
    assert (len(run), run.layers, run.complete, run.ranked) == (12, ("block1_conv1", "dense1"), True, {})
    top = run.top("block1_conv1", [3])
    assert top.images.tolist() == [[7, 2, 4]]
    assert np.allclose(top.values, [[1.5105058, 1.4485041, 1.4136938]]) and top.fields[0, 0].tolist() == [10, 18, 13, 21]
    units = run.units("dense1")
    assert (units.count == 12).all() and (units.histogram.sum(axis=1) == 12).all()
    assert np.allclose(units.mean[:3], (0.0, 1.1651155, 0.20953536)) and np.allclose(
        run.features.mean(axis=0)[:3], (0.0, 1.1651155, 0.20953536), atol=1e-4
    )
    assert run.name(3) == "fashion_test[3]" and run.label(0) == "T-shirt/top" and run.prediction(1) == "Trouser"
    assert run.picture(0).shape == (28, 28, 1)


def test_its_journal_holds_what_its_tables_hold():
    settings = read_settings(GOLDEN)
    assert settings["measured"] == ["block1_conv1", "dense1"] and settings["top"] == 3 and settings["schema"] == 2
    names, labels = read_sources(GOLDEN)
    assert (names[:2], labels[:2]) == (["fashion_test[0]", "fashion_test[1]"], ["T-shirt/top", "Trouser"])
    facts = np.fromfile(GOLDEN / "shards" / "facts.bin", FACTS)
    assert (facts["state"] == READ).all()
    run = convscope.open_run(GOLDEN)
    assert [one.tobytes().hex() for one in facts["digest"]] == list(run.images.texts["digest"])
    (path,) = part_files(GOLDEN)
    part = read_part(path)
    assert [one.span for one in part.done] == [(0, 12)] and part.skipped == ()
    assert part.arrays["count"].tolist() == [12] * sum(map(run.channels, run.layers))
    assert part.arrays["largest"].tolist() == [value for layer in run.layers for value in run.units(layer).largest]


def test_it_resumes_and_takes_more_images(tmp_path):
    if convscope.open_run(GOLDEN).manifest["backend"]["name"] != convscope.backend.choose():
        pytest.skip("the golden run was made on TensorFlow")
    shutil.copytree(GOLDEN, tmp_path / "run")
    more = convscope.scan(
        "fashion", "sample:fashion[0-13]", layers=["block1_conv1", "dense1"], top=3, precision="float32", out=tmp_path / "run"
    )
    assert len(more) == 14 and more.complete
    whole = convscope.scan(
        "fashion", "sample:fashion[0-13]", layers=["block1_conv1", "dense1"], top=3, precision="float32", out=tmp_path / "whole"
    )
    for layer in more.layers:
        assert np.allclose(more.units(layer).mean, whole.units(layer).mean, rtol=1e-5, atol=1e-6)
        assert np.allclose(more.top(layer).values, whole.top(layer).values, rtol=1e-5)


def test_a_run_with_a_sample_and_layers_apart_is_read():
    run, old = convscope.open_run(GOLDEN_2_1), convscope.open_run(GOLDEN)
    assert run.manifest["schema"] == "2.1" and run.sample_images.tolist() == list(range(12))
    assert run.sample("dense1")[[0, 2]][:, [1, 3, 4]].tolist() == [[1.46875, 2.609375, 0.0], [0.0, 0.0, 5.90625]]
    assert run.sample("block1_conv1:3")[:3].ravel().tolist() == [1.25, 1.21875, 1.4453125]
    assert [chunk.group for chunk in chunks(GOLDEN_2_1 / "units.parquet") if chunk.path == "channel"] == [0, 1]
    for layer in run.layers:
        assert np.array_equal(run.top(layer).images, old.top(layer).images)
        assert np.allclose(run.units(layer).mean, old.units(layer).mean, rtol=1e-5, atol=1e-6)


def changed(folder, **entries):
    shutil.copytree(GOLDEN, folder)
    said = {name: value for name, value in json.loads((folder / MANIFEST).read_text("utf-8")).items() if name != CHECKSUM}
    (folder / MANIFEST).write_bytes(sealed(said | entries))
    return folder


def test_later_entries_are_passed_over_and_a_newer_run_names_its_release(tmp_path):
    assert read_manifest(changed(tmp_path / "later", schema="2.3", later={"a": 1}))["images"] == 12
    with pytest.raises(ReplayError, match=r"newer convscope \(schema 3.1\).*up to schema 2. Install convscope 0.7.0 or newer"):
        read_manifest(changed(tmp_path / "newer", schema="3.1", versions={"convscope": "0.7.0"}))


def test_histograms_of_other_bins_are_refused(tmp_path):
    run = convscope.open_run(changed(tmp_path / "run", histogram=bins.DESCRIPTION | {"per_octave": 8}))
    with pytest.raises(ReplayError, match="its bins are not those"):
        run.units("dense1")


def test_a_part_of_a_newer_journal_is_refused(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "run")
    (path,) = part_files(tmp_path / "run")
    arrays = dict(np.load(path))
    head = json.loads(arrays.pop("about").tobytes()) | {"schema": SCHEMA + 1}
    np.savez(path.parent / "part-0-12.npz", about=np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays)
    with pytest.raises(OptionError, match=r"newer convscope \(schema 4\).*Install a newer release"):
        read_part(path.parent / "part-0-12.npz")
