"""The embedded models are what they claim to be."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

import convscope
from convscope import assets
from convscope.backend import keras
from convscope.models import applications, load_default

pytestmark = pytest.mark.once
ROOT = Path(__file__).parents[2]
# The first number of each kernel and bias of the weights that the Visual Geometry Group published, as public notebooks print them.
# They are in RGB order, so the first kernel's stands at blue's place in BGR.
PUBLISHED = {
    "block1_conv1": (0.4800154, 0.73429835),
    "block1_conv2": (0.16621928, -0.30912212),
    "block2_conv1": (-0.008902963, -0.04577766),
    "block2_conv2": (-0.0023012366, -0.06418542),
    "block3_conv1": (0.002486315, -0.074358866),
    "block3_conv2": (-0.0103266295, 0.019675018),
    "block3_conv3": (0.0024918285, 0.035415243),
    "block4_conv1": (-0.012453815, 0.013485669),
    "block4_conv2": (0.007116542, 0.023680462),
    "block4_conv3": (-0.0041355654, 0.03757768),
    "block5_conv1": (-0.0006068934, 0.09722325),
    "block5_conv2": (-0.0011261065, 0.21327873),
    "block5_conv3": (0.00040788297, 0.18837857),
}
# The mean over space of the first eight channels, for `waves`, by the same network with the original float32 weights.
FLOAT32 = {
    "block1_conv1": [22.3965, 50.5403, 13.4879, 15.6497, 12.477, 62.3303, 10.7493, 9.62945],
    "block1_conv2": [66.1069, 91.2521, 334.494, 232.649, 423.487, 103.177, 68.0824, 181.246],
    "block2_conv1": [0.653806, 112.02, 61.6025, 614.053, 217.45, 206.179, 138.449, 250.255],
    "block2_conv2": [858.178, 314.145, 342.474, 238.281, 400.536, 262.752, 464.999, 331.966],
    "block3_conv1": [210.084, 68.7538, 865.382, 216.491, 482.5, 645.969, 16.4152, 471.41],
    "block3_conv2": [1006.17, 546.974, 55.4898, 122.919, 187.05, 67.1207, 279.737, 623.729],
    "block3_conv3": [49.1346, 102.604, 239.604, 96.6036, 75.8427, 352.597, 194.344, 1114.28],
    "block4_conv1": [312.875, 41.8268, 235.199, 141.803, 636.016, 2.01262, 0.0, 220.7],
    "block4_conv2": [0.0, 16.1375, 2.84215, 79.3257, 9.43817, 0.0, 383.264, 2.09647],
    "block4_conv3": [4.1233, 0.966286, 68.4801, 0.0, 4.72657, 1.84319, 2.63523, 24.2684],
    "block5_conv1": [4.27806, 109.992, 49.0734, 116.639, 94.3216, 40.4148, 0.0, 5.32493],
    "block5_conv2": [12.0448, 10.1845, 0.389811, 14.6241, 0.0, 16.3594, 10.4735, 4.60785],
    "block5_conv3": [0.0, 0.0, 0.0, 0.0, 0.138306, 0.0, 3.95497, 39.4604],
}
# One half of the spacing of float16 near 1, the largest relative error of a weight that was rounded to it.
HALF = 2.0**-11


@pytest.fixture(scope="module")
def vgg16():
    return convscope.load("vgg16", weights="embedded").network


@pytest.fixture(scope="module")
def squeezenet():
    return convscope.load("squeezenet")


@pytest.mark.parametrize("layer", PUBLISHED)
def test_vgg16_has_the_published_weights(vgg16, layer):
    kernel, bias = (np.asarray(one) for one in vgg16.get_layer(layer).get_weights())
    first = kernel[0, 0, 2, 0] if layer == "block1_conv1" else kernel[0, 0, 0, 0]
    assert np.allclose([first, bias[0]], PUBLISHED[layer], rtol=HALF, atol=2.0**-25)


def waves():
    """Return a picture of plane waves, (96, 96, 3) in 0-255: the same on every machine, which a decoded photograph need not be."""
    side, rng = 96, np.random.default_rng(16)
    rows, columns = np.mgrid[0:side, 0:side][..., None] / side
    total = sum(
        np.cos(2 * np.pi * (rows * rng.integers(-9, 10, 3) + columns * rng.integers(-9, 10, 3) + rng.random(3))) / (1 + number)
        for number in range(12)
    )
    return ((total - total.min()) / (total.max() - total.min()) * 255).astype(np.float32)


def test_vgg16_computes_what_the_float32_original_does(vgg16):
    model = keras.Model(vgg16.inputs, [vgg16.get_layer(layer).output for layer in FLOAT32])
    maps = model.predict(keras.applications.vgg16.preprocess_input(waves()[None]), verbose=0)
    for (layer, means), found in zip(FLOAT32.items(), maps, strict=True):
        # Each layer adds the rounding of its own weights: largest measured 4e-4 of the layer's largest mean.
        assert np.abs(found[0].mean(axis=(0, 1))[:8] - means).max() <= 2 * HALF * max(means), layer


PICTURED = {
    "coffee": {"espresso"},
    "cat": {"tiger cat", "tabby", "Egyptian cat"},
    "goldfish": {"goldfish"},
    "cup": {"cup"},
    "louvre": {"palace"},
    "solardish": {"solar dish"},
    "screwdriver": {"screwdriver"},
    "panda": {"giant panda"},
    "dogs": {"Welsh springer spaniel", "cocker spaniel"},
    "alps": {"alp"},
    "brook": {"valley"},
}


def test_squeezenet_recognises_what_the_embedded_photographs_show(squeezenet):
    maps = convscope.activations(squeezenet, "predictions", [f"sample:{name}" for name in PICTURED]).maps
    found = dict(zip(PICTURED, (squeezenet.label(int(scores.argmax())) for scores in maps), strict=True))
    assert not {name: label for name, label in found.items() if label not in PICTURED[name]}


def test_squeezenet_has_a_name_for_each_class(squeezenet):
    assert squeezenet.preprocessing.name == "caffe"
    assert len(set(squeezenet.labels)) == 1000


def test_a_request_for_classes_takes_the_classifier_and_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(applications, "cache_folder", lambda: tmp_path)
    assert load_default().source == "vgg16"
    bundle = load_default(classes=True)
    assert bundle.source == "squeezenet"
    assert re.search("no classes.*-m", bundle.notes[0])
    (tmp_path / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5").touch()
    assert load_default(classes=True).source == "squeezenet"
    assert convscope.saliency(None, "predictions:espresso", "sample:coffee").provenance.model["source"] == "squeezenet"
    assert convscope.tsne(None, "sample:photos").provenance.model["source"] == "squeezenet"


def test_every_photograph_has_a_kind_and_a_licence():
    notice, folder = (ROOT / "NOTICE").read_text(), assets.path("photos")
    with (folder / "photos.csv").open() as table:
        kinds = {row["path"]: row["label"] for row in csv.DictReader(table)}
    photos = {path.name for path in folder.glob("*.jpg")}
    assert set(kinds) == photos
    assert not [name for name in photos if not re.search(rf"^{re.escape(name)} ", notice, re.MULTILINE)]
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000
