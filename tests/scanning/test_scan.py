"""The scan, whole: equal to brute force, whatever the batches, the order, the workers and the interruptions."""

import numpy as np
import pytest

import convscope

LAYERS = ("block1_conv1", "block3_conv1", "dense1")


@pytest.fixture(scope="module")
def fashion():
    return convscope.load("fashion")


@pytest.fixture(scope="module")
def run(fashion, tmp_path_factory):
    return convscope.scan(fashion, "sample:fashion[0-299]", out=tmp_path_factory.mktemp("run") / "run", precision="float32")


def test_the_top_images_are_those_of_brute_force(fashion, run):
    """T15."""
    for layer in LAYERS:
        maps = convscope.activations(fashion, layer, "sample:fashion[0-299]").maps
        flat = maps.reshape(300, -1, maps.shape[-1])
        maxima, places = flat.max(axis=1), flat.argmax(axis=1)
        found = run.top(layer)
        for unit in range(maps.shape[-1]):
            expected = np.sort(maxima[:, unit])[::-1][:9]
            assert np.allclose(found.values[unit], expected, rtol=1e-5, atol=1e-5)
            assert np.allclose(maxima[found.images[unit], unit], found.values[unit], rtol=1e-5, atol=1e-5)
            if maps.ndim == 4:
                rows, columns = np.divmod(places[found.images[unit], unit], maps.shape[2])
                near = maps[found.images[unit], found.rows[unit], found.columns[unit], unit]
                assert np.allclose(near, expected, rtol=1e-5, atol=1e-5)
                assert ((rows == found.rows[unit]) & (columns == found.columns[unit])).mean() > 0.85
