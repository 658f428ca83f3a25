"""A unit that is the sum of two detectors has two facets; each detector has one."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import OptionError, UnitError

SIDE, EACH = 16, 30


def two_detectors():
    """Return a network whose unit `sum:0` fires for red and for green blobs, `sum:1` for red ones and `sum:2` for green ones."""
    image = keras.Input((SIDE, SIDE, 3), name="image")
    colours = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="colours")
    total = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="sum")
    model = keras.Model(image, total(colours(image)), name="detectors")
    kernel = np.full((3, 3, 3, 4), -0.1, "float32")
    for channel, colour in enumerate((0, 1, 2, 0)):
        kernel[:, :, colour, channel] = 0.2
    kernel[:, :, 0, 3] = -0.2
    colours.set_weights([kernel, np.zeros(4, "float32")])
    weights = np.zeros((3, 3, 4, 3), "float32")
    for unit, channels in enumerate(((0, 1), (0,), (1,))):
        for channel in channels:
            weights[1, 1, channel, unit] = 1.0
    total.set_weights([weights, np.zeros(3, "float32")])
    return model


def blobs():
    """Return 30 images with a red blob and 30 with a green one, each somewhere, on faint noise."""
    rng = np.random.default_rng(3)
    images = rng.uniform(0.0, 0.08, (2 * EACH, SIDE, SIDE, 3)).astype("float32")
    for number, one in enumerate(images):
        row, column = rng.integers(2, SIDE - 6, 2)
        one[row : row + 4, column : column + 4, number % 2] += rng.uniform(0.5, 0.9)
    return images


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    model = convscope.load(two_detectors(), preprocess="unit")
    return model, convscope.scan(model, blobs(), out=tmp_path_factory.mktemp("facets") / "run", precision="float32")


def found(scanned, unit, **more):
    return convscope.facets(scanned[0], unit, run=scanned[1], count=40, steps=24, size=16, precision="float32", **more)


def test_a_sum_of_two_detectors_has_a_facet_for_each(scanned):
    one = found(scanned, "sum:0")
    colours = [{int(image) % 2 for image in facet.images} for facet in one.facets]
    assert len(one.facets) == 2 and {0} in colours and {1} in colours
    assert one.silhouette > one.chance and one.mixed == pytest.approx(1 - max(len(facet.images) for facet in one.facets) / one.images)
    ratios = {}
    for facet, (colour,) in zip(one.facets, colours, strict=True):
        assert str(facet.inputs[0][0]) == f"colours:{colour}" and facet.inputs[0][1] > 0.9
        maps = {layer: convscope.activations(scanned[0], layer, facet.synthetic[None]).maps[0] for layer in ("colours", "sum")}
        ratios[colour] = maps["colours"][..., 1].max() / maps["colours"][..., 0].max()
        assert facet.score == pytest.approx(maps["sum"][..., 0].max(), rel=1e-4)
        assert facet.values.tolist() == sorted(facet.values, reverse=True)
    assert ratios[1] > 3 * ratios[0]  # each picture leads to its own detector


@pytest.mark.parametrize("unit", ["sum:1", "sum:2"])
def test_a_detector_has_one(scanned, unit):
    one = found(scanned, unit)
    assert len(one.facets) == 1 and one.mixed == 0 and one.facets[0].share == 1


@pytest.mark.long
def test_it_is_written_and_made_again(scanned, tmp_path):
    one = found(scanned, "sum:0", theme="dark")
    assert one.summary()["facets"][0]["images"] == len(one.facets[0].images) and one.to_table().num_rows == one.images
    one.save(tmp_path / "facets.png", raw=True)
    assert (tmp_path / "facets.npz").is_file() and not np.isnan(one.facets[0].pixels).any()


def test_what_has_no_facets_says_why(scanned):
    with pytest.raises(UnitError, match="`colours` takes the image itself"):
        found(scanned, "colours:0")
    with pytest.raises(UnitError, match="Facets are of one unit, but `sum:0-1` names 2"):
        found(scanned, "sum:0-1")
    with pytest.raises(OptionError, match="`count` is 3"):
        convscope.facets(scanned[0], "sum:0", run=scanned[1], count=3)
