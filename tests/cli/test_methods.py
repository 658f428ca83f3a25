"""How a command's words are told apart: units first, then images."""

import pytest

from convscope.cli.methods import _taken
from convscope.methods import METHODS


@pytest.mark.parametrize(
    ("words", "units", "images"),
    [
        (["conv:1", "cat.jpg"], ["conv:1"], ["cat.jpg"]),
        (["conv:1", "conv:2-4", "a.png", "b.png"], ["conv:1", "conv:2-4"], ["a.png", "b.png"]),
        (["out:St. Bernard", "out:T-shirt/top", "sample:cat"], ["out:St. Bernard", "out:T-shirt/top"], ["sample:cat"]),
        (["base/conv:3@1,2", "photos/*.jpg"], ["base/conv:3@1,2"], ["photos/*.jpg"]),
        (["conv:0", "C:\\photos\\cat.jpg"], ["conv:0"], ["C:\\photos\\cat.jpg"]),
        (["conv:0", "set.npz[0-8]"], ["conv:0"], ["set.npz[0-8]"]),
    ],
)
def test_units_come_before_images(words, units, images):
    assert _taken(METHODS.get("deconv"), words) == [units, images]
