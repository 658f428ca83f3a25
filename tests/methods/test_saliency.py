"""Saliency against finite differences of a forward pass written in loops, in float64."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import UnitError
from convscope.projection import driver
from convscope.projection.plan import plan_for
from convscope.units import Unit
from networks import array, images, model_of, small
from twins import SmallNet, central_differences, relative_error

LABELS = ["Ankle boot", "Bag", "Coat"]


@pytest.fixture(scope="module")
def network():
    return small(side=6)


@pytest.fixture(scope="module")
def bundle(network):
    return convscope.load(network, labels=LABELS)


@pytest.fixture(scope="module")
def twin(network):
    return SmallNet([array(weight) for weight in network.weights])


def test_t1_the_saliency_of_a_class_is_the_slope_of_its_score_before_the_softmax(bundle, twin, record_error):
    image = images(6, 6, 3)
    result = convscope.saliency(bundle, "predictions:Bag", image)
    expected = central_differences(lambda pixels: twin.forward(pixels)["logits"][1], image.astype("float64"))
    assert result.unit == Unit("predictions", 1)
    assert result.scores[0] == pytest.approx(twin.forward(image)["logits"][1], rel=1e-5)
    assert record_error("T1 saliency() = differences", relative_error(result.pixels[0], expected)) <= 1e-5


def test_t1_the_saliency_of_a_filter_is_the_slope_of_its_largest_activation(bundle, twin, record_error):
    image = images(6, 6, 3)
    result = convscope.saliency(bundle, "conv2:3", image)
    expected = central_differences(lambda pixels: twin.forward(pixels)["conv2"][..., 3].max(), image.astype("float64"))
    assert np.abs(expected).max() > 0
    assert result.scores[0] == pytest.approx(twin.forward(image)["conv2"][..., 3].max(), rel=1e-5)
    assert record_error("T1 saliency() = differences", relative_error(result.pixels[0], expected)) <= 1e-5


def test_a_position_is_differentiated_there(bundle, twin, record_error):
    image = images(6, 6, 3)
    expected = central_differences(lambda pixels: twin.forward(pixels)["conv1"][4, 2].sum(), image.astype("float64"))
    found = sum(convscope.saliency(bundle, f"conv1:{channel}@4,2", image).pixels[0] for channel in range(4))
    assert record_error("T1 saliency() = differences", relative_error(found, expected)) <= 1e-5


def test_t4_guided_backprop_masks_and_rectifies_at_every_relu(bundle, twin, record_error):
    image = images(6, 6, 3)
    result = convscope.saliency(bundle, "predictions:2", image, method="guided")
    steps = twin.forward(image)
    expected = twin.back(steps, "logits", np.eye(3)[2], mask=True, rectify=True)
    assert record_error("T4 corners = loops", relative_error(result.pixels[0], expected)) <= 1e-5
    assert result.guided
    assert any("Adebayo" in note for note in result.notes)


def test_the_maps_are_the_largest_magnitude_over_the_channels(bundle):
    result = convscope.saliency(bundle, "predictions:0", images(5, 6, 6, 3))
    assert result.pixels.shape == (5, 6, 6, 3)
    assert (result.pixels < 0).any()
    np.testing.assert_array_equal(result.maps, np.abs(result.pixels).max(axis=-1))


@pytest.mark.parametrize("guided", [False, True])
def test_under_bgr_preprocessing_the_gradient_is_in_rgb_order(guided):
    model = model_of(keras.layers.Conv2D(1, 1, use_bias=False, name="conv"), shape=(4, 4, 3))
    model.set_weights([np.array([0.0, 0.0, 1.0], "float32").reshape(1, 1, 3, 1)])
    result = convscope.saliency(
        convscope.load(model, preprocess="caffe"), "conv:0", images(4, 4, 3), method="guided" if guided else "gradient"
    )
    assert result.pixels[0].sum(axis=(0, 1)).tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ("conv1", "names a layer, not a unit"),
        ("conv1:9", "has 4 channels, 0 to 3; received channel 9"),
        ("conv1:0@6,0", "which has 6 rows and 6 columns here"),
        ("prediction:0", "Closest of its layers: predictions"),
    ],
)
def test_a_wrong_question_is_answered_with_a_right_one(bundle, unit, message):
    with pytest.raises(UnitError, match=message):
        convscope.saliency(bundle, unit, images(6, 6, 3))


@pytest.mark.parametrize("activation", ["relu6", "tanh", "sigmoid", "hard_tanh"])
def test_a_saturated_unit_has_a_slope_before_its_activation(activation):
    layers = keras.layers
    model = model_of(layers.Conv2D(3, 3, name="conv"), layers.Activation(activation, name="act"), shape=(8, 8, 3))
    kernel, bias = model.get_layer("conv").get_weights()
    model.get_layer("conv").set_weights([kernel * 100, bias])
    image = images(8, 8, 3)
    channel = int(convscope.activations(model, "conv", image).maps.max(axis=(1, 2)).argmax())
    found, before = convscope.saliency(model, f"act:{channel}", image), convscope.saliency(model, f"conv:{channel}", image)
    assert np.abs(found.pixels).max() > 0 and np.allclose(found.pixels, before.pixels) and np.allclose(found.scores, before.scores)
    assert found.values[0] == (6.0 if activation == "relu6" else 1.0)


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("unit", ["conv1:1", "conv2:3", "conv2:0@2,1"])
def test_t11_on_cones_it_is_what_it_is_on_whole_images(unit, guided, record_error, monkeypatch):
    bundle, pixels = convscope.load(small(side=48), preprocess="caffe"), images(5, 48, 48, 3)
    found = convscope.saliency(bundle, unit, pixels, method="guided" if guided else "gradient")
    monkeypatch.setattr(driver, "plan_for", lambda *given, **more: plan_for(*given, **more)._replace(parts=None))
    monkeypatch.setattr(driver._Drive, "_down", lambda *given, **more: pytest.fail("a part"))
    whole = convscope.saliency(bundle, unit, pixels, method="guided" if guided else "gradient")
    assert (np.count_nonzero(found.maps, axis=(1, 2)) <= 64).all() and found.pixels.any()
    assert np.array_equal(found.scores, whole.scores) and np.array_equal(found.values, whole.values)
    scale = np.abs(whole.pixels).max(axis=(1, 2, 3), keepdims=True)
    assert record_error("T11", np.max(np.abs(found.pixels - whole.pixels) / np.maximum(scale, 1e-30))) <= 1e-6


def test_a_unit_that_falls_with_what_it_is_ranked_by_is_differentiated_where_it_is_largest(record_error):
    layers = keras.layers
    model = model_of(
        layers.Conv2D(3, 3, name="conv"),
        layers.Activation("tanh", name="flat"),
        layers.Rescaling(-1.0, name="turned"),
        layers.ReLU(max_value=0.5, name="act"),
        shape=(32, 32, 3),
    )
    image = images(32, 32, 3)
    for channel in range(3):
        act, conv = convscope.saliency(model, f"act:{channel}", image), convscope.activations(model, "conv", image).maps[0, ..., channel]
        assert act.scores[0] == pytest.approx(-conv.min(), rel=1e-5)
        row, column = np.unravel_index(conv.argmin(), conv.shape)
        slope = convscope.saliency(model, f"conv:{channel}@{row},{column}", image)
        assert record_error("T1 saliency() = differences", relative_error(act.pixels, -slope.pixels)) <= 1e-5


def test_all_of_the_gradient_lies_in_the_receptive_field_that_is_recorded():
    found = convscope.saliency("fashion", "block2_conv1:3", "sample:fashion[0-1]")
    for pixels, (top, left, bottom, right) in zip(found.pixels, np.clip(found.fields, 0, 28), strict=True):
        assert 0 < (bottom - top) * (right - left) < 28 * 28
        outside = pixels.copy()
        outside[top:bottom, left:right] = 0
        assert np.abs(pixels).max() > 0 and not outside.any()
