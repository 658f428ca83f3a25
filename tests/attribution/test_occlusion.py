"""Occlusion against a loop that covers one patch after the other and runs the whole network."""

import numpy as np
import pytest

import convscope
from convscope.attribution.occlusion import patches_over
from convscope.locality.windows import Field
from networks import array, images, run, small
from twins import relative_error


def looped(score, image, patch, stride, value, field):
    """Return the mean fall of the score over the patches on each pixel of a field (top, left, bottom, right)."""
    top, left, bottom, right = field
    falls, times = np.zeros(image.shape[:2]), np.zeros(image.shape[:2])
    rows = range(top, top + -(-max(0, bottom - top - patch) // stride) * stride + 1, stride)
    columns = range(left, left + -(-max(0, right - left - patch) // stride) * stride + 1, stride)
    for row in rows:
        for column in columns:
            inside = (slice(row, min(row + patch, bottom)), slice(column, min(column + patch, right)))
            covered = image.copy()
            covered[inside] = value
            falls[inside] += score(image) - score(covered)
            times[inside] += 1
    return falls / np.maximum(times, 1)


def test_a_class_falls_as_the_loop_says(record_error):
    model, image = small(side=12), images(12, 12, 3)
    kernel, bias = (array(weight) for weight in model.layers[-1].weights)
    found = convscope.saliency(model, "predictions:1", image, method="occlusion", patch=5, stride=3)
    expected = looped(lambda one: float((run(model, one[None], "flatten")[0] @ kernel + bias)[1]), image, 5, 3, 0.5, (0, 0, 12, 12))
    assert record_error("occlusion = loops", relative_error(found.maps[0], expected)) <= 1e-5
    assert (found.maps < 0).any() and dict(found.details) == {"patch": [5, 5], "stride": [3, 3]}


@pytest.mark.parametrize("unit", ["conv1:1", "conv2:3"])
def test_a_unit_that_sees_a_part_is_run_on_that_part(record_error, unit):
    model, image = small(side=48), images(48, 48, 3)
    found = convscope.saliency(model, unit, image, method="occlusion", baseline="black")
    layer, channel = unit.split(":")
    maps = run(model, image[None], layer)[0, ..., int(channel)]
    place = np.unravel_index(maps.argmax(), maps.shape)
    field, details = tuple(int(side) for side in np.clip(found.fields[0], 0, 48)), dict(found.details)
    patch, stride = details["patch"][0], details["stride"][0]
    assert field[2] - field[0] < 48 and patch == max(1, round((field[2] - field[0]) / 5))
    expected = looped(lambda one: float(run(model, one[None], layer)[0, ..., int(channel)][place]), image, patch, stride, 0.0, field)
    assert expected.any()
    assert record_error("occlusion = loops", relative_error(found.maps[0], expected)) <= 1e-5


@pytest.mark.once
def test_patches_cover_the_field_and_end_where_it_ends():
    patches = patches_over(Field(2, 3, 12, 10), 4, 3)
    windows = patches.windows()
    assert windows[0] == Field(2, 3, 6, 7) and windows[-1].bottom == 12 and windows[-1].right == 10
    covered = np.zeros((12, 10), int)
    for top, left, bottom, right in windows:
        covered[top:bottom, left:right] += 1
    assert covered[2:, 3:].all() and not covered[:2].any() and not covered[:, :3].any()
    assert patches_over(Field(0, 0, 50, 20), None, None).size == (10, 4)
