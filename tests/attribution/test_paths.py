"""Gradients along a way of images, against loops in float64 over the slow twin."""

import numpy as np
import pytest

import convscope
from networks import images
from twins import relative_error


def gradient(twin, image, signal):
    return twin.back(twin.forward(image), "logits", signal, mask=True, rectify=False)


def summed(twin, image, signal, steps, baseline=0.0):
    """Return the integral by the trapezoid rule."""
    total = np.zeros(image.shape)
    for step in range(steps + 1):
        total += gradient(twin, baseline + (image - baseline) * step / steps, signal) * (0.5 if step in (0, steps) else 1.0)
    return total / steps * (image - baseline)


def test_gradient_times_image_is_the_loops(bundle, twin, record_error):
    image = images(6, 6, 3)
    found = convscope.saliency(bundle, "predictions:1", image, method="input")
    expected = gradient(twin, image, np.eye(3)[1]) * image
    assert record_error("attribution = loops", relative_error(found.pixels[0], expected)) <= 1e-5
    np.testing.assert_allclose(found.maps[0], found.pixels[0].sum(axis=-1))


@pytest.mark.parametrize(("baseline", "value", "seed"), [(None, 0.0, 5), ("grey", 0.5, 7)])
def test_integrated_gradients_are_the_loops_and_complete(bundle, twin, record_error, baseline, value, seed):
    image = images(6, 6, 3, seed=seed)
    found = convscope.saliency(bundle, ["predictions:1", "predictions:2"], image, method="integrated", baseline=baseline)
    details, logits = dict(found.details), twin.forward(image)["logits"] - twin.forward(np.full(image.shape, value))["logits"]
    for place, channel in enumerate((1, 2)):
        steps = details["steps"] if isinstance(details["steps"], int) else details["steps"][0][place]
        expected = summed(twin, image, np.eye(3)[channel], steps, value)
        assert record_error("attribution = loops", relative_error(found.pixels[0, place], expected)) <= 1e-5
        assert found.pixels[0, place].sum() == pytest.approx(logits[channel], rel=0.01)
        assert details["difference"][0][place] == pytest.approx(logits[channel], rel=1e-4)


def test_a_sum_that_is_not_complete_says_by_how_much(bundle):
    short = convscope.saliency(bundle, "predictions:1", images(6, 6, 3, seed=3), method="integrated", points=1)
    details = dict(short.details)
    assert details["steps"] == 1 and details["error"] > 0.01
    assert any(f"differs from the difference of the scores by {details['error']:.0%}" in note for note in short.notes)


def test_the_mean_of_noisy_gradients_is_the_loops(bundle, twin, record_error):
    pair = images(2, 6, 6, 3)
    found = convscope.saliency(bundle, "predictions:0", pair, method="smooth", samples=3, noise=0.2, seed=7)
    for image, pixels in zip(pair, found.pixels, strict=True):
        deviation = np.float32(0.2 * (float(image.max()) - float(image.min())))
        noises = np.random.default_rng(7).standard_normal((3, 6, 6, 3), np.float32) * deviation
        expected = np.mean([gradient(twin, image + noise, np.eye(3)[0]) for noise in noises], axis=0)
        assert record_error("attribution = loops", relative_error(pixels, expected)) <= 1e-5
