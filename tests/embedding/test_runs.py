"""Maps of what a scan has measured already."""

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.errors import ImageError, OptionError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "run"
    return convscope.scan("fashion", "sample:fashion[0-119]", out=path, layers="dense1", precision="float32")


def test_a_run_makes_the_map_of_its_images_without_a_model(run):
    direct = convscope.tsne("fashion", "sample:fashion[0-119]")
    for given in (run, str(run.path), [str(run.path)]):
        found = convscope.tsne(None, given)
        assert np.allclose(found.features, direct.features, atol=1e-4) and found.layer == direct.layer
        assert found.image_names == direct.image_names and found.labels == direct.labels
        assert found.predictions == direct.predictions
        assert np.array_equal(found.thumbnails, direct.thumbnails)
        assert found.provenance.inputs[0]["given"] == [str(run.path)]


def test_the_model_is_not_asked_for_twice(run):
    with pytest.raises(OptionError, match="The features come from a file"):
        convscope.tsne("fashion", str(run.path))


def test_skipped_pictures_leave_no_row_and_changed_ones_are_said(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(6):
        Image.new("L", (28, 28), 40 * number).save(photos / f"{number}.png")
    (photos / "2.png").write_bytes(b"no picture")
    run = convscope.scan("fashion", photos, out=tmp_path / "run", layers="dense1")
    found = convscope.tsne(None, run)
    assert found.image_names == ("0.png", "1.png", "3.png", "4.png", "5.png")
    assert np.array_equal(found.features, run.features[[0, 1, 3, 4, 5]])
    Image.new("L", (28, 28), 255).save(photos / "3.png")
    with pytest.raises(ImageError, match=r"`3.png` has changed"):
        convscope.tsne(None, convscope.open_run(tmp_path / "run", allow=photos))


def test_arrays_that_only_the_scan_had_are_dots(tmp_path):
    arrays = np.random.default_rng(0).integers(0, 255, (5, 28, 28, 1), dtype=np.uint8)
    convscope.scan("fashion", arrays, out=tmp_path / "run", layers="dense1")
    assert convscope.tsne(None, str(tmp_path / "run")).thumbnails.shape[1:] == (16, 16, 1)
