"""Windows of signals: on whole images, and cut again, without whole images in between."""

import numpy as np
import pytest

from convscope.results import Windows
from networks import images

pytestmark = pytest.mark.once


def windows():
    """Two images, two units; on 6 x 8 pixels."""
    signals = [[images(3, 2, 1, seed=1), images(6, 8, 1, seed=2)], [images(1, 4, 1, seed=3), np.zeros((0, 3, 1), np.float32)]]
    return Windows(signals, np.array([[[2, 5], [0, 0]], [[5, 4], [6, 0]]]), (6, 8))


def test_whole_images_are_zero_outside_of_the_windows():
    whole = windows().array()
    assert whole.shape == (2, 2, 6, 8, 1) and whole.dtype == np.float32
    assert np.array_equal(whole[0, 0, 2:5, 5:7], windows().signals[0][0])
    assert np.array_equal(whole[1, 0, 5:, 4:], windows().signals[1][0])
    assert np.count_nonzero(whole[0, 0]) == 6 and not whole[1, 1].any()


@pytest.mark.parametrize("field", [(2, 5, 5, 7), (0, 0, 6, 8), (3, 6, 6, 8), (0, 0, 2, 3), (1, 1, 4, 6), (5, 0, 6, 8)])
def test_a_part_is_that_of_the_whole_image(field):
    top, left, bottom, right = field
    for image, unit in np.ndindex(2, 2):
        whole = windows().array()[image, unit]
        assert np.array_equal(windows().part(image, unit, field), whole[top:bottom, left:right])
        assert np.array_equal(windows().part(image, unit), whole)


def test_the_window_itself_is_not_copied():
    found = windows()
    assert found.part(0, 0, (2, 5, 5, 7)) is found.signals[0][0]
