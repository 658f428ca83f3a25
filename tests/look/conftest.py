"""A page of the embedded small network, and a run of it."""

import pytest

import convscope
from convscope.look.sight import Sight


@pytest.fixture(scope="session")
def sight():
    return Sight("fashion", ["sample:fashion[0-9]"], layers="block1_conv2,block2_conv2,block3_conv1,dense1,predictions")


@pytest.fixture(scope="session")
def run_of_fashion(tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    return convscope.scan("fashion", "sample:fashion[0-59]", out=out, layers="block2_conv2,predictions", precision="float32")
