"""The network on which the arithmetic of attributions is tried, and its slow twin."""

import pytest

import convscope
from networks import array, small
from twins import SmallNet


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(small(side=6), labels=["a", "b", "c"])


@pytest.fixture(scope="module")
def twin():
    return SmallNet([array(weight) for weight in small(side=6).weights])
