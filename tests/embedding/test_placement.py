"""New images on an existing map."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.embedding import packages
from convscope.embedding.placement import read_reference
from convscope.errors import ImageError, OptionError, OutputError


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("map")
    rng = np.random.default_rng(0)
    np.save(folder / "old.npy", (rng.normal(size=(240, 10)) + 9 * np.eye(10)[np.arange(240) % 6]).astype(np.float32))
    result = convscope.tsne(None, folder / "old.npy")
    result.save(folder)
    return folder, result


def test_a_maps_own_images_are_placed_near_themselves(mapped, tmp_path):
    pytest.importorskip("openTSNE")
    folder, result = mapped
    np.save(tmp_path / "new.npy", result.features[::4])
    placed = convscope.tsne(None, tmp_path / "new.npy", onto=folder)
    away = np.linalg.norm(placed.points - result.points[::4], axis=1)
    assert np.median(away) < 0.05 * result.points.std()
    assert away.max() < result.points.std()
    assert "placed on a map of 240 images" in placed.engine
    assert (placed.backdrop == result.points).all() and placed.reference is None
    assert {path.name for path in placed.save(tmp_path / "out")} == {"map.png", "map.json", "grid.png", "grid.json", "map.parquet"}


def test_what_fits_no_map_is_refused(mapped, tmp_path, monkeypatch):
    folder, result = mapped
    pytest.importorskip("openTSNE")
    np.save(tmp_path / "new.npy", result.features[:20, :4])
    with pytest.raises(OptionError, match="different model or layer"):
        convscope.tsne(None, tmp_path / "new.npy", onto=folder)
    with pytest.raises(OptionError, match="is not a map.*No such file"):
        convscope.tsne(None, tmp_path / "new.npy", onto=tmp_path)
    (tmp_path / "reference.npz").write_bytes(b"damaged")
    with pytest.raises(OptionError, match="cannot be read"):
        convscope.tsne(None, tmp_path / "new.npy", onto=tmp_path)
    monkeypatch.setattr(packages, "installed", lambda name: False)
    with pytest.raises(OptionError, match="needs openTSNE, which is not installed"):
        convscope.tsne(None, tmp_path / "new.npy", onto=folder)


def test_one_image_is_enough_and_settings_of_a_new_map_are_refused(mapped, tmp_path):
    pytest.importorskip("openTSNE")
    folder, result = mapped
    for count in (1, 2):
        placed = convscope.tsne(None, result.features[:count], onto=folder)
        assert placed.points.shape == (count, 2) and np.isfinite(placed.points).all()
        assert "knn@10" not in placed.quality
        assert (tmp_path / str(count) / "map.png") in placed.save(tmp_path / str(count))
        placed.save_page(tmp_path / str(count) / "page")
    for more in ({"perplexity": 5}, {"exaggeration": 2}, {"engine": "openTSNE"}):
        with pytest.raises(OptionError, match=f"Received {next(iter(more))} with images to place"):
            convscope.tsne(None, result.features[:5], onto=folder, **more)


def test_new_features_that_are_no_numbers_are_refused(mapped):
    pytest.importorskip("openTSNE")
    folder, result = mapped
    values = result.features[:20].copy()
    values[7, 2] = np.nan
    with pytest.raises(ImageError, match=r"array\[7\]"):
        convscope.tsne(None, values, onto=folder)


def test_another_layer_of_the_same_width_is_refused(tmp_path):
    pytest.importorskip("openTSNE")
    dense = keras.layers.Dense
    model = convscope.load(
        keras.Sequential(
            [keras.Input((28, 28, 1)), keras.layers.Flatten(), dense(6, name="one"), dense(6, name="two"), dense(2, "softmax")]
        )
    )
    convscope.tsne(model, "sample:fashion[0-59]", layer="one").save(tmp_path)
    assert len(convscope.tsne(model, "sample:fashion[0-9]", layer="one", onto=tmp_path).points) == 10
    with pytest.raises(OptionError, match="features of one by a different model or layer"):
        convscope.tsne(model, "sample:fashion[0-9]", layer="two", onto=tmp_path)


def test_the_scale_of_a_map_is_kept_for_others(tmp_path):
    pytest.importorskip("openTSNE")
    rng = np.random.default_rng(0)
    values = ((rng.normal(size=(90, 10)) + 9 * np.eye(10)[np.arange(90) % 3]) * 1e25).astype(np.float32)
    result = convscope.tsne(None, values)
    result.save(tmp_path)
    placed = convscope.tsne(None, values[::4], onto=tmp_path)
    assert np.median(np.linalg.norm(placed.points - result.points[::4], axis=1)) < 0.1 * result.points.std()


def test_the_map_itself_is_never_written_over(mapped, tmp_path):
    pytest.importorskip("openTSNE")
    folder, result = mapped
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    placed = convscope.tsne(None, result.features[:9], onto=folder)
    for write in (lambda: placed.save(folder), lambda: placed.save(folder / "new.png"), lambda: placed.save_page(folder / "page")):
        with pytest.raises(OutputError, match="holds the map that the images were placed on"):
            write()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    result.save(tmp_path, raw=True)
    np.savez(tmp_path / "own.npz", points=1)
    placed.save(tmp_path)  # into the folder of another map, whose points would be taken for this one's
    assert {path.name for path in tmp_path.glob("*.npz")} == {"own.npz"}


@pytest.mark.long
def test_a_map_of_a_run_takes_images_through_the_runs_network_and_the_other_way_round(tmp_path):
    pytest.importorskip("openTSNE")
    run = convscope.scan("fashion", "sample:fashion[0-69]", layers="dense1", precision="float32", out=tmp_path / "run")
    convscope.tsne(None, run).save(tmp_path / "of run")
    convscope.tsne("fashion", "sample:fashion[0-69]").save(tmp_path / "of model")
    new = convscope.scan("fashion", "sample:fashion[70-79]", layers="dense1", precision="float32", out=tmp_path / "new")
    placed = [convscope.tsne("fashion", "sample:fashion[70-79]", onto=tmp_path / one) for one in ("of run", "of model")]
    placed += [convscope.tsne(None, new, onto=tmp_path / one) for one in ("of run", "of model")]
    for one, two in ((0, 2), (1, 3)):
        assert np.allclose(placed[one].points, placed[two].points, atol=1e-3 * placed[one].points.std())
    other = convscope.load("fashion", preprocess="symmetric")
    for one in ("of run", "of model"):
        with pytest.raises(OptionError, match="preprocessing unit, these with symmetric"):
            convscope.tsne(other, "sample:fashion[70-79]", onto=tmp_path / one)
    with pytest.raises(OptionError, match="different model or layer.*features of the same kind"):
        convscope.tsne(None, np.asarray(run.features[:5]), onto=tmp_path / "of run")


SPOILT = {
    "missing": lambda arrays: {"axes": None},
    "a schema of several": lambda arrays: {"schema": np.array([1, 1])},
    "a schema that is text": lambda arrays: {"schema": np.array("1")},
    "another width": lambda arrays: {"mean": arrays["mean"][:-1]},
    "another count": lambda arrays: {"components": arrays["components"][:-1]},
    "other dimensions": lambda arrays: {"axes": arrays["axes"][:, :-1]},
    "points in space": lambda arrays: {"points": np.zeros((240, 3))},
    "no points": lambda arrays: {"points": np.zeros((0, 2)), "components": arrays["components"][:0]},
    "a number for axes": lambda arrays: {"axes": np.array(1.0)},
    "whole numbers": lambda arrays: {"points": np.zeros((240, 2), np.int64)},
    "not a number": lambda arrays: {"components": np.full_like(arrays["components"], np.nan)},
    "a scale of zero": lambda arrays: {"scale": np.array(0.0)},
    "a layer of several": lambda arrays: {"layer": np.array(["a", "b"])},
    "a model that is a number": lambda arrays: {"model": np.array(3)},
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_reference_is_refused_in_one_sentence(name, mapped, tmp_path):
    pytest.importorskip("openTSNE")
    with np.load(mapped[0] / "reference.npz") as loaded:
        arrays = dict(loaded)
    arrays |= SPOILT[name](arrays)
    np.savez(tmp_path / "reference.npz", **{key: value for key, value in arrays.items() if value is not None})
    with pytest.raises(OptionError, match=r"is not a map to place images on: reference.npz cannot be read: .*\. Expected a folder"):
        read_reference(tmp_path)


def test_what_lies_beyond_float32_from_the_map_is_refused(mapped, tmp_path):
    pytest.importorskip("openTSNE")
    folder, result = mapped
    with pytest.raises(OptionError, match="cannot be placed on the map: their components reach"):
        convscope.tsne(None, np.full_like(result.features[:4], 1e30), onto=folder)
    held = dict(np.load(folder / "reference.npz"))
    for name, value in (("components", 1e30), ("points", -1e30), ("mean", 1e200)):
        np.savez(
            tmp_path / "reference.npz", **held | {name: np.where(np.arange(held[name].size).reshape(held[name].shape), held[name], value)}
        )
        with pytest.raises(OptionError, match="cannot be placed on the map"):
            convscope.tsne(None, result.features[:4], onto=tmp_path)
