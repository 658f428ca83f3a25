"""A scan of 120 embedded images, for all tests of portraits."""

import pytest

import convscope

IMAGES = "sample:fashion[0-119]"
LAYERS = ("block1_conv1", "block2_conv2", "block3_conv1", "dense1", "predictions")


@pytest.fixture(scope="session")
def fashion():
    return convscope.load("fashion")


@pytest.fixture(scope="session")
def run(fashion, tmp_path_factory):
    return convscope.scan(fashion, IMAGES, out=tmp_path_factory.mktemp("portraits") / "run", layers=LAYERS, precision="float32")
