"""Images in stacks of one size."""

import numpy as np
import pytest

from convscope.images import stacks

pytestmark = pytest.mark.once


def test_stacks_hold_images_of_one_size_in_their_order():
    sizes = [2, 2, 2, 3, 3, 2, 2, 2, 2]
    images = [np.full((size, 2, 1), number, np.float32) for number, size in enumerate(sizes)]
    found = list(stacks(iter(images), 3))
    assert [stack.shape[:2] for stack in found] == [(3, 2), (2, 3), (3, 2), (1, 2)]
    assert [int(image.flat[0]) for stack in found for image in stack] == list(range(9))


def test_a_full_stack_is_there_before_the_next_image_is_read():
    read = []
    reading = (read.append(number) or np.zeros((2, 2, 1), np.float32) for number in range(9))
    next(stacks(reading, 4))
    assert read == [0, 1, 2, 3]
