"""The deconvnet, through its public call, against the naive one of `twins`."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import ExhaustedError, OptionError, UnitError
from convscope.graph.rules import GRADIENT, GUIDED, Rule, Ruleset, SwitchUnpool
from convscope.graph.rulesets import as_ruleset
from convscope.locality import cost
from convscope.network.network import Compiled, as_network
from convscope.projection.plan import plan_for
from convscope.units import Unit
from networks import array, filled, images, model_of, small
from twins import SmallNet, convolve, relative_error

layers = keras.layers
LABELS = ["Ankle boot", "Bag", "Coat"]


@pytest.fixture(scope="module")
def network():
    return small()


@pytest.fixture(scope="module")
def bundle(network):
    return convscope.load(network, labels=LABELS)


@pytest.fixture(scope="module")
def twin(network):
    return SmallNet([array(weight) for weight in network.weights])


VARIANTS = {
    "switches": ({}, {"ties": "spread"}),
    "ties first": ({"ties": "first"}, {}),
    "spread": ({"switches": "spread"}, {"unpooling": "spread"}),
    "center": ({"switches": "center"}, {"unpooling": "center"}),
}


def peak(map_):
    return np.unravel_index(map_.argmax(), map_.shape)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("channel", [0, 3])
def test_the_projection_is_what_the_naive_deconvnet_returns(bundle, twin, variant, channel, record_error):
    options, naive = VARIANTS[variant]
    pixels = images(2, 8, 8, 3)
    result = convscope.deconv(bundle, f"conv2:{channel}", pixels, **options)
    for index, image in enumerate(pixels):
        steps = twin.forward(image)
        place = peak(steps["conv2"][..., channel])
        seed = np.zeros(steps["conv2"].shape)
        seed[(*place, channel)] = steps["conv2"][(*place, channel)]
        expected = twin.back(steps, "conv2", seed, mask=False, rectify=True, **naive)
        assert tuple(result.positions[index, 0]) == place
        assert result.values[index, 0] == pytest.approx(seed.max(), rel=1e-5)
        assert record_error("deconv() = naive deconvnet", relative_error(result.pixels[index, 0], expected)) <= 1e-5


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_class_is_named_and_taken_before_the_softmax(bundle, twin, variant, record_error):
    options, naive = VARIANTS[variant]
    image = images(8, 8, 3)
    steps = twin.forward(image)
    channel = int(steps["logits"].argmax())
    assert steps["logits"][channel] > 0
    result = convscope.deconv(bundle, f"predictions:{LABELS[channel].lower()}", image, **options)
    seed = steps["logits"][channel] - np.delete(steps["logits"], channel).mean()
    expected = twin.back(steps, "logits", seed * np.eye(3)[channel], mask=False, rectify=True, **naive)
    assert result.seeds[0, 0] == pytest.approx(seed, rel=1e-5)
    assert result.units == (Unit("predictions", channel),)
    assert result.values[0, 0] == pytest.approx(steps["logits"][channel], rel=1e-5)
    assert result.positions.tolist() == [[[-1, -1]]]
    assert result.fields.tolist() == [[[0, 0, 8, 8]]]
    assert record_error("deconv() = naive deconvnet", relative_error(result.pixels[0, 0], expected)) <= 1e-5


def test_the_whole_map_can_be_the_seed(bundle, twin, record_error):
    image = images(8, 8, 3)
    steps = twin.forward(image)
    seed = np.zeros(steps["conv2"].shape)
    seed[..., 2] = steps["conv2"][..., 2]
    result = convscope.deconv(bundle, "conv2:2", image, seed="map")
    expected = twin.back(steps, "conv2", seed, mask=False, rectify=True, ties="spread")
    assert record_error("deconv() = naive deconvnet", relative_error(result.pixels[0, 0], expected)) <= 1e-5
    assert result.fields.tolist() == [[[0, 0, 8, 8]]]


def test_a_neuron_is_projected_from_its_own_position(bundle, twin):
    image = images(8, 8, 3)
    steps = twin.forward(image)
    row, column = 3, 1
    result = convscope.deconv(bundle, f"conv2:1@{row},{column}", image)
    assert result.positions.tolist() == [[[row, column]]]
    assert result.values[0, 0] == pytest.approx(steps["conv2"][row, column, 1], rel=1e-5, abs=1e-6)


def test_units_and_images_make_a_table(bundle):
    result = convscope.deconv(bundle, ["conv2:3", "conv1:0-1"], images(5, 8, 8, 3))
    assert result.pixels.shape == (5, 3, 8, 8, 3)
    assert result.pixels.dtype == np.float32
    assert [str(unit) for unit in result.units] == ["conv2:3", "conv1:0", "conv1:1"]
    assert result.values.shape == (5, 3)
    assert result.positions.shape == (5, 3, 2)
    assert result.fields.shape == (5, 3, 4)


def test_t8_the_picture_is_zero_outside_the_field_that_it_comes_with(bundle):
    result = convscope.deconv(bundle, "conv2:all", images(3, 8, 8, 3))
    for index in np.ndindex(result.values.shape):
        top, left, bottom, right = result.fields[index]
        outside = result.pixels[index].copy()
        outside[top:bottom, left:right] = 0.0
        assert not outside.any()
        assert 0 <= top < bottom <= 8 and 0 <= left < right <= 8


def test_the_strongest_units_of_a_layer_are_chosen_over_all_images(bundle, twin):
    pixels = images(6, 8, 8, 3)
    largest = np.max([twin.forward(image)["conv2"].max(axis=(0, 1)) for image in pixels], axis=0)
    result = convscope.deconv(bundle, "conv2", pixels, strongest=3)
    assert [unit.channel for unit in result.units] == np.argsort(-largest)[:3].tolist()


def test_the_strongest_of_two_layers_are_compared_by_their_values(bundle):
    both = convscope.deconv(bundle, ["conv1", "conv2"], images(2, 8, 8, 3), strongest=9)
    assert {unit.layer for unit in both.units} == {"conv1", "conv2"}
    assert (np.diff(both.values.max(axis=0)) <= 0).all()


def test_before_a_relu_strongest_is_the_largest_signed_value_and_a_negative_one_draws_nothing():
    image = images(8, 8, 3)
    model = model_of(layers.Conv2D(2, 3, padding="same", name="conv"))
    kernel, _ = model.get_layer("conv").get_weights()
    model.set_weights([kernel, np.array([-50.0, 50.0], "float32")])
    values = convolve(image, kernel, np.array([-50.0, 50.0]))
    result = convscope.deconv(convscope.load(model), "conv:all", image)
    assert result.values[0] == pytest.approx(values.max(axis=(0, 1)), rel=1e-5)
    assert not result.pixels[0, 0].any()
    assert result.pixels[0, 1].any()


@pytest.mark.parametrize("ruleset", [GRADIENT, GUIDED])
def test_a_ruleset_replaces_the_deconvnets(bundle, twin, ruleset):
    image = images(8, 8, 3)
    steps = twin.forward(image)
    seed = steps["conv2"] * (steps["conv2"] == steps["conv2"][..., 1].max())
    result = convscope.deconv(bundle, "conv2:1", image, rules=ruleset)
    expected = twin.back(steps, "conv2", seed, mask=True, rectify=ruleset is GUIDED)
    assert relative_error(result.pixels[0, 0], expected) <= 1e-5
    assert result.variant == result.provenance.parameters["rules"] == ruleset.name
    by_name = convscope.deconv(bundle, "conv2:1", image, rules=ruleset.name)
    np.testing.assert_array_equal(by_name.pixels, result.pixels)
    assert by_name.provenance.parameters == result.provenance.parameters


class Elsewhere(Rule):
    """A stranger's rule that meets nothing: with it, all others run on whole images."""

    def backward(self, record, upstream):
        raise AssertionError


@pytest.mark.parametrize("name", ["lrp-epsilon-plus-flat", "lrp-epsilon-alpha2-beta1-flat"])
def test_t11_rules_for_a_first_layer_are_the_same_on_parts_and_on_whole_images(name, record_error):
    bundle, image = convscope.load(small(side=48)), images(48, 48, 3)
    rules = as_ruleset(name)
    everywhere = rules.with_first([(lambda call: False, Elsewhere())])
    plans = [
        plan_for(as_network(bundle), as_network(bundle).graph.find("conv2"), (48, 48), one, forward=True).parts
        for one in (rules, everywhere)
    ]
    assert [type(one).__name__ for one in plans] == ["Crops", "NoneType"]
    for unit in ("conv2:all", "conv2:all@0,0", "conv2:all@23,11"):
        part, whole = (convscope.deconv(bundle, unit, image, rules=one) for one in (rules, everywhere))
        assert whole.pixels.any()
        assert record_error("T11", relative_error(part.pixels, whole.pixels)) <= 1e-5


def test_what_belongs_under_a_picture_depends_on_its_rules(bundle):
    said = {name: convscope.deconv(bundle, "conv2:1", images(8, 8, 3), rules=name).notes for name in ("guided", "lrp-epsilon-plus-flat")}
    assert any("Adebayo" in note for note in said["guided"])
    assert any("Sixt" in note for note in said["lrp-epsilon-plus-flat"])
    assert not any("Nie et al" in note for notes in said.values() for note in notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rules": "guide"}, "No ruleset `guide`"),
        ({"rules": "guided", "switches": False}, "`guided` and switches `spread`"),
        ({"rules": "guided", "switches": "switches", "ties": "spread"}, "`guided` and switches `switches`, ties `spread`"),
        ({"rules": Ruleset("mine", (("block9_*", SwitchUnpool()),))}, "has a rule for `block9_"),
    ],
)
def test_rules_that_would_do_nothing_are_refused(bundle, options, message):
    with pytest.raises((OptionError, UnitError), match=message):
        convscope.deconv(bundle, "conv2:1", images(8, 8, 3), **options)


def test_what_the_rules_did_is_said_under_the_picture(bundle):
    gated = convscope.load(model_of(layers.Conv2D(2, 3, activation="swish", name="conv")))
    assert any("gates" in note for note in convscope.deconv(gated, "conv:0", images(8, 8, 3)).notes)
    assert not any("gates" in note for note in convscope.deconv(bundle, "conv1:0", images(8, 8, 3)).notes)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_under_bgr_preprocessing_the_projection_is_in_rgb_order(channel):
    model = model_of(layers.Conv2D(1, 1, use_bias=False, name="conv"), shape=(4, 4, 3))
    model.set_weights([np.eye(3, dtype="float32")[channel].reshape(1, 1, 3, 1)])
    bundle, image = convscope.load(model, preprocess="caffe"), images(4, 4, 3)
    result = convscope.deconv(bundle, "conv:0", image)
    seen = 2 - channel  # the network's channel 0 is blue
    mean = (103.939, 116.779, 123.68)[channel]
    assert result.values[0, 0] == pytest.approx(255 * image[..., seen].max() - mean, rel=1e-5)
    assert result.pixels[0, 0, ..., seen].any()
    assert not np.delete(result.pixels[0, 0], seen, axis=-1).any()


def test_an_rgb_network_keeps_its_channels():
    model = model_of(layers.Conv2D(1, 1, use_bias=False, name="conv"), shape=(4, 4, 3))
    model.set_weights([np.array([1.0, 0.0, 0.0], "float32").reshape(1, 1, 3, 1)])
    result = convscope.deconv(convscope.load(model, preprocess="unit"), "conv:0", images(4, 4, 3))
    assert result.pixels[0, 0, ..., 0].any()
    assert not result.pixels[0, 0, ..., 1:].any()


def test_nested_and_shared_layers_are_projected_by_their_addresses():
    conv = layers.Conv2D(3, 3, padding="same", activation="relu", name="conv")
    inner = keras.Sequential([keras.Input((8, 8, 3)), conv], name="inner")
    image = keras.Input((8, 8, 3))
    bundle = convscope.load(filled(keras.Model(image, inner(inner(image)))))
    first, second = (convscope.deconv(bundle, f"{name}:1", images(8, 8, 3)) for name in ("inner/conv", "inner#2/conv"))
    assert [int(np.ptp(one.fields[0, 0, [0, 2]])) <= side for one, side in ((first, 3), (second, 5))] == [True, True]
    assert relative_error(first.pixels, second.pixels) > 0.01


@pytest.mark.parametrize(
    ("units", "options", "error", "message"),
    [
        ("conv2", {}, UnitError, "names a layer, not a unit"),
        ("conv9:1", {}, UnitError, "Closest of its layers: conv"),
        ("conv2:5", {}, UnitError, "has 5 channels, 0 to 4; received channel 5"),
        ("conv2:0@4,0", {}, UnitError, r"`conv2:0@4,0` is outside the map of `conv2`, which has 4 rows and 4 columns"),
        ("predictions:Boat", {}, UnitError, "Closest of its classes: .*Coat"),
        ("conv2:0", {"switches": "no"}, OptionError, "No switches `no`"),
        ("conv2:0", {"ties": "last"}, OptionError, "No ties `last`"),
        ("conv2:0", {"seed": "all"}, OptionError, "No seed `all`"),
        ("conv2", {"strongest": 0}, OptionError, "`strongest` is 0. Expected a whole number at least 1, or leave it out"),
        ("conv2:0", {"view": "sideways"}, OptionError, "No view `sideways`"),
        ("conv2:0", {"contrast": 20}, OptionError, "`contrast` is 20. Expected a number from 50 to 100"),
    ],
)
def test_a_wrong_question_is_answered_with_a_right_one(bundle, units, options, error, message):
    with pytest.raises(error, match=message):
        convscope.deconv(bundle, units, images(8, 8, 3), **options)


def test_more_projections_than_fit_into_memory_are_refused_at_once(monkeypatch):
    monkeypatch.setattr("convscope.projection.table.available_memory", lambda: 100)
    with pytest.raises(ExhaustedError, match="1 images times 2 units"):
        convscope.deconv("fashion", "block1_conv1:0-1", "sample:cat")


@pytest.mark.parametrize("layer", ["conv2", "predictions"])
def test_what_is_compiled_for_heavy_networks_gives_the_same(network, layer, monkeypatch):
    pixels = images(2, 8, 8, 3)
    called = convscope.deconv(network, f"{layer}:1", pixels)
    monkeypatch.setattr(cost, "WORK_PER_COMPILED_CALL", 0.0)
    bundle, made = convscope.load(network), set()
    for _ in range(2):
        compiled = convscope.deconv(bundle, f"{layer}:1", pixels)
        assert np.abs(compiled.pixels - called.pixels).max() <= 1e-5 * np.abs(called.pixels).max()
        assert np.array_equal(compiled.positions, called.positions)
        assert compiled.values == pytest.approx(called.values, rel=1e-5)
        made.update(map(id, as_network(bundle).compiled.kept.values()))
    assert len(made) == (2 if layer == "conv2" else 1)  # equal rules are one key


def test_compiled_functions_are_kept_for_a_few_layers_only(network, monkeypatch):
    monkeypatch.setattr(cost, "WORK_PER_COMPILED_CALL", 0.0)
    monkeypatch.setattr(Compiled, "most", 2)
    bundle = convscope.load(network)
    for layer in ("conv1", "pool1", "conv2", "pool2"):
        convscope.deconv(bundle, f"{layer}:1", images(1, 8, 8, 3))
    assert [key[1] for key in as_network(bundle).compiled.kept] == [index_of(bundle, layer) for layer in ("conv2", "pool2")]


def index_of(bundle, layer):
    return as_network(bundle).graph.find(layer).index


@pytest.mark.parametrize("head", ["softmax", "linear", "fully convolutional"])
def test_a_constant_in_all_scores_changes_no_picture(head):
    layers = keras.layers
    ends = {
        "softmax": [layers.Flatten(), layers.Dense(4, activation="softmax", name="last")],
        "linear": [layers.Flatten(), layers.Dense(4, name="last")],
        "fully convolutional": [layers.Conv2D(4, 1, name="last"), layers.GlobalAveragePooling2D(name="scores"), layers.Softmax()],
    }
    model = model_of(layers.Conv2D(3, 3, activation="relu"), *ends[head], shape=(8, 8, 3))
    last, image = model.get_layer("last"), images(8, 8, 3)
    layer = "scores" if head == "fully convolutional" else "last"
    before = convscope.deconv(model, f"{layer}:all", image)
    last.bias.assign(last.bias - 50.0)
    after = convscope.deconv(convscope.load(model), f"{layer}:all", image)
    assert (after.values < 0).all() and (after.seeds > 0).any()
    assert np.abs(before.pixels).max() > 0 and relative_error(after.pixels, before.pixels) <= 1e-4


@pytest.mark.parametrize("activation", ["relu6", "tanh", "sigmoid"])
def test_a_saturated_unit_is_projected_from_where_it_is_strongest_before_its_activation(activation):
    layers = keras.layers
    model = model_of(layers.Conv2D(3, 3, name="conv"), layers.Activation(activation, name="act"), shape=(8, 8, 3))
    kernel, bias = model.get_layer("conv").get_weights()
    model.get_layer("conv").set_weights([kernel * 30, bias])
    image = images(8, 8, 3)
    found, before = convscope.deconv(model, "act:all", image), convscope.deconv(model, "conv:all", image)
    assert np.array_equal(found.positions, before.positions) and np.allclose(found.pixels, before.pixels)
    assert np.abs(found.pixels).max() > 0 and np.allclose(found.seeds, before.values)
    assert np.allclose(found.values, convscope.activations(model, "act", image).maps.max(axis=(1, 2)))


def test_the_strongest_units_are_told_apart_at_their_ceiling():
    layers = keras.layers
    model = model_of(layers.Conv2D(6, 3, name="conv"), layers.ReLU(0.01, name="act"), shape=(8, 8, 3))
    image = images(8, 8, 3)
    before = convscope.activations(model, "conv", image).maps.max(axis=(1, 2))[0]
    assert (before > 0.01).sum() > 3
    expected = [f"act:{channel}" for channel in np.argsort(-before)[:3]]
    assert [str(unit) for unit in convscope.deconv(model, "act", image, strongest=3).units] == expected


def unpooled(strides=1):
    layers = keras.layers
    return model_of(
        layers.Conv2D(4, 3, strides, padding="same", activation="relu", name="one"),
        layers.Conv2D(4, 3, padding="same", activation="relu", name="two"),
        shape=(12, 12, 3),
    )


@pytest.mark.parametrize("switches", [True, "spread"])
def test_where_no_max_pooling_comes_before_there_are_no_switches_and_the_gradient_is_looked_through(switches):
    bundle, pixels = convscope.load(unpooled()), images(3, 12, 12, 3)
    result = convscope.deconv(bundle, ["two:0-3", "one:2"], pixels, switches=switches)
    assert result.variant == "unpooled" and result.steady == (True,) * 5
    assert result.provenance.parameters["switches"] == ("switches" if switches is True else switches)
    plain = convscope.deconv(bundle, ["two:0-3", "one:2"], pixels, rules=GRADIENT)
    assert relative_error(result.gradients, plain.pixels) <= 1e-6
    assert any(note.startswith("No max pooling comes before") for note in result.notes)
    assert convscope.deconv(bundle, "two:0", pixels, view="projection").gradients is None


def test_a_steady_projection_is_the_same_for_every_image_but_for_its_size(bundle):
    pixels = images(4, 8, 8, 3)
    maps = convscope.activations(bundle, "conv2", pixels).maps
    row, column, channel = np.unravel_index((maps > 0).sum(axis=0).argmax(), maps.shape[1:])
    for switches, steady in ((True, False), ("spread", True), ("center", True)):
        result = convscope.deconv(bundle, f"conv2:{channel}@{row},{column}", pixels, switches=switches)
        assert result.steady == (steady,) and (result.gradients is not None) is steady
        shown = result.pixels[result.seeds[:, 0] > 0, 0]
        assert len(shown) > 1
        shapes = shown / np.abs(shown).max(axis=(1, 2, 3), keepdims=True)
        assert (np.ptp(shapes, axis=0).max() <= 1e-5) == steady
    assert convscope.deconv(bundle, "conv2:1", pixels).variant == "switches"


def test_places_at_the_border_and_units_that_answer_to_it_are_named():
    layers = keras.layers
    model = model_of(layers.Conv2D(2, 3, padding="same", name="conv"), shape=(12, 12, 3))
    kernel = np.zeros((3, 3, 3, 2), np.float32)
    kernel[..., 0], kernel[1, 1, :, 1] = -1.0, 1.0  # one answers to black, and most to padding; the other to the brightest place
    model.set_weights([kernel, np.array([50.0, 0.0], np.float32)])
    pixels = images(4, 12, 12, 3) * 0.5 + 0.25
    pixels[:, 5, 6] = 1.0
    result = convscope.deconv(convscope.load(model, preprocess="unit"), "conv:all", pixels)
    assert result.border.tolist() == [[True, False]] * 4 and result.padded == (True, False)
    assert result.summary()["projections"][0]["border"] is True
    whole = convscope.deconv(convscope.load(model, preprocess="unit"), "conv:all", pixels, seed="map")
    assert not whole.border.any() and whole.padded == (False, False)
