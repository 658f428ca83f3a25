"""New images on an existing map."""

import numpy as np
import pytest

import convscope
from convscope.errors import OptionError
from convscope.methods.embedding import packages


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("map")
    rng = np.random.default_rng(0)
    np.save(folder / "old.npy", (rng.normal(size=(240, 10)) + 9 * np.eye(10)[np.arange(240) % 6]).astype(np.float32))
    result = convscope.embed(None, folder / "old.npy")
    result.save(folder)
    return folder, result


def test_a_maps_own_images_are_placed_near_themselves(mapped, tmp_path):
    pytest.importorskip("openTSNE")
    folder, result = mapped
    np.save(tmp_path / "new.npy", result.features[::4])
    placed = convscope.embed(None, tmp_path / "new.npy", onto=folder)
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
    with pytest.raises(OptionError, match="another model or layer"):
        convscope.embed(None, tmp_path / "new.npy", onto=folder)
    with pytest.raises(OptionError, match="holds no map.*missing"):
        convscope.embed(None, tmp_path / "new.npy", onto=tmp_path)
    (tmp_path / "reference.npz").write_bytes(b"damaged")
    with pytest.raises(OptionError, match="cannot be read"):
        convscope.embed(None, tmp_path / "new.npy", onto=tmp_path)
    monkeypatch.setattr(packages, "installed", lambda name: False)
    with pytest.raises(OptionError, match="takes openTSNE, which is not installed"):
        convscope.embed(None, tmp_path / "new.npy", onto=folder)
