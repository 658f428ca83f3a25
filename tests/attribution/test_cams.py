"""Class activation maps against the published formulas in loops."""

import numpy as np
import pytest

import convscope
from convscope.attribution.cams import cam_layer, stretched
from convscope.attribution.scores import Score
from convscope.network.network import as_network
from convscope.network.targets import as_targets
from networks import array, images, residual, small
from twins import SmallNet, relative_error, unpool


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(small(side=12))


@pytest.fixture(scope="module")
def twin():
    return SmallNet([array(weight) for weight in small(side=12).weights])


def at_conv2(twin, image, signal):
    """Return the maps of conv2 and the slope of the score by them."""
    steps = twin.forward(image)
    return steps["conv2"], unpool((twin.dense @ signal).reshape(steps["pool2"].shape), steps["conv2"])


def gradcam(maps, slopes):
    return sum(slopes[..., channel].mean() * maps[..., channel] for channel in range(maps.shape[-1]))


def gradcam_plus(maps, slopes):
    """As pytorch-grad-cam has it: Equation 19 of the paper."""
    total = np.zeros(maps.shape[:2])
    for channel in range(maps.shape[-1]):
        one, weight = maps[..., channel], 0.0
        for slope in slopes[..., channel].ravel():
            if slope != 0:
                weight += max(slope, 0) * slope**2 / (2 * slope**2 + one.sum() * slope**3)
        total += weight * one
    return total


def layercam(maps, slopes):
    total = np.zeros(maps.shape[:2])
    for place in np.ndindex(maps.shape):
        total[place[:2]] += max(slopes[place], 0) * maps[place]
    return total


def bilinear(values, height, width):
    """Return a map stretched with half pixels at the border, as OpenCV and PyTorch do it."""
    found = np.zeros((height, width))
    for row, column in np.ndindex(height, width):
        y, x = (
            (at + 0.5) * before / after - 0.5 for at, before, after in ((row, values.shape[0], height), (column, values.shape[1], width))
        )
        y, x = min(max(y, 0), values.shape[0] - 1), min(max(x, 0), values.shape[1] - 1)
        for i, j in ((int(y), int(x)), (int(y) + 1, int(x)), (int(y), int(x) + 1), (int(y) + 1, int(x) + 1)):
            share = max(0, 1 - abs(y - i)) * max(0, 1 - abs(x - j))
            found[row, column] += share * values[min(i, values.shape[0] - 1), min(j, values.shape[1] - 1)]
    return found


@pytest.mark.parametrize(("method", "formula"), [("gradcam", gradcam), ("gradcam++", gradcam_plus), ("layercam", layercam)])
def test_maps_are_the_published_formulas(bundle, twin, record_error, method, formula):
    pair, signal = images(2, 12, 12, 3), np.eye(3)[1] - np.eye(3)[2]
    for text, wanted in (("predictions:1", np.eye(3)[1]), ("predictions:1 - predictions:2", signal)):
        found = convscope.saliency(bundle, text, pair, method=method)
        for image, values in zip(pair, found.maps, strict=True):
            expected = bilinear(np.maximum(formula(*at_conv2(twin, image, wanted)), 0), 12, 12)
            assert expected.max() > 0
            assert record_error("class activation maps = loops", relative_error(values, expected)) <= 1e-5
        assert dict(found.details) == {"layer": "conv2", "map": [6, 6]}


@pytest.mark.once
def test_a_map_of_one_place_is_level_and_one_as_large_stays():
    assert (stretched(np.full((1, 1), 3.0, np.float32), (4, 5)) == 3).all()
    values = images(4, 5)
    np.testing.assert_allclose(stretched(values, (4, 5)), values)


@pytest.mark.once
def test_the_last_convolution_is_taken_behind_its_sum_and_activation():
    network = as_network(convscope.load(residual()))
    (target,) = as_targets(network, "logits:1")
    score = Score(network.graph, target)
    assert cam_layer(network.graph, score, None, (12, 12)).address == "both_relu"
    assert cam_layer(network.graph, score, "stem_relu", (12, 12)).address == "stem_relu"


def test_the_map_of_a_unit_that_sees_a_part_ends_with_that_part():
    found = convscope.saliency(convscope.load(small(side=48)), "conv2:3", images(48, 48, 3), method="gradcam")
    top, left, bottom, right = np.clip(found.fields[0], 0, 48)
    outside = found.maps[0].copy()
    outside[top:bottom, left:right] = 0
    assert (bottom - top) * (right - left) < 48 * 48 and not outside.any()
    assert any("cut to the receptive field" in note for note in found.notes)
