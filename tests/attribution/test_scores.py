"""Scores of expressions and their slopes, against central differences of the slow twin."""

import numpy as np
import pytest

import convscope
from networks import images
from twins import central_differences, relative_error


def log_odds(logits, channel):
    others = np.delete(logits, channel)
    return logits[channel] - np.log(np.exp(others).sum())


SCORES = {
    "predictions:a - predictions:c": lambda steps: steps["logits"][0] - steps["logits"][2],
    "odds(predictions:b)": lambda steps: log_odds(steps["logits"], 1),
    "2*conv2:1 + 0.5*predictions:0": lambda steps: 2 * steps["conv2"][..., 1].max() + 0.5 * steps["logits"][0],
    "conv1:2@3,4 - conv2:0": lambda steps: steps["conv1"][3, 4, 2] - steps["conv2"][..., 0].max(),
    "conv2@1,2": lambda steps: (steps["conv2"][1, 2] ** 2).mean(),
}


@pytest.mark.parametrize("text", SCORES)
def test_the_slope_of_an_expression_is_that_of_its_number(bundle, twin, record_error, text):
    image = images(6, 6, 3)
    found = convscope.saliency(bundle, text, image)
    expected = central_differences(lambda pixels: SCORES[text](twin.forward(pixels)), image.astype("float64"))
    assert found.scores[0] == pytest.approx(SCORES[text](twin.forward(image)), rel=1e-5)
    assert record_error("T1 saliency() = differences", relative_error(found.pixels[0], expected)) <= 1e-5


def test_a_function_of_layers_is_differentiated(bundle, record_error):
    from convscope.backend import ops

    image = images(2, 6, 6, 3)
    mean = convscope.objective("conv2", lambda maps: ops.mean(maps[..., 1] ** 2, axis=(1, 2)))
    found, maps = convscope.saliency(bundle, mean, image), convscope.activations(bundle, "conv2", image).maps[..., 1]
    np.testing.assert_allclose(found.scores, (maps**2).mean(axis=(1, 2)), rtol=1e-5)
    parts = [convscope.saliency(bundle, f"conv2:1@{row},{column}", image).pixels for row in range(3) for column in range(3)]
    weights = np.moveaxis(2 * maps.reshape(2, 9) / 9, 1, 0)[:, :, None, None, None]
    assert record_error("attribution = loops", relative_error(found.pixels, (weights * np.stack(parts)).sum(axis=0))) <= 1e-5


def test_units_and_expressions_stand_side_by_side(bundle):
    image, texts = images(5, 6, 6, 3), ["conv2:1", "predictions:a - predictions:b", "predictions:2"]
    found = convscope.saliency(bundle, texts, image)
    assert found.pixels.shape == (5, 3, 6, 6, 3) and found.maps.shape == (5, 3, 6, 6) and found.scores.shape == (5, 3)
    for place, text in enumerate(texts):
        alone = convscope.saliency(bundle, text, image)
        np.testing.assert_allclose(found.pixels[:, place], alone.pixels, atol=1e-6)
        np.testing.assert_allclose(found.scores[:, place], alone.scores, rtol=1e-5)
    assert len(found.to_table()) == 15 and found.summary()["units"][1]["unit"] == "predictions:0 - predictions:1"
