"""From addresses to units of a network, with answers for what is none."""

import pytest

import convscope
from convscope.backend import keras
from convscope.errors import UnitError
from convscope.network.addresses import as_candidates, as_units, channel_count, unit_call
from convscope.network.network import as_network
from convscope.units import Unit
from networks import model_of, small

layers = keras.layers


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(small(), labels=["Ankle boot", "Bag", "T-shirt/top"])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("conv1:2", [Unit("conv1", 2)]),
        ("conv1:0-2", [Unit("conv1", 0), Unit("conv1", 1), Unit("conv1", 2)]),
        ("conv1:3,1", [Unit("conv1", 3), Unit("conv1", 1)]),
        ("conv1:all", [Unit("conv1", channel) for channel in range(4)]),
        ("conv1:2@7,0", [Unit("conv1", 2, (7, 0))]),
        ("predictions:1", [Unit("predictions", 1)]),
        ("predictions:Bag", [Unit("predictions", 1)]),
        ("predictions:ankle BOOT", [Unit("predictions", 0)]),
        ("predictions:T-shirt/top", [Unit("predictions", 2)]),
        (Unit("conv2", 4), [Unit("conv2", 4)]),
        (["conv1:1", Unit("conv2", 0), "conv1:0-1"], [Unit("conv1", 1), Unit("conv2", 0), Unit("conv1", 0)]),
    ],
    ids=str,
)
def test_what_a_user_may_call_units(bundle, given, expected):
    assert as_units(bundle, given) == tuple(expected)


def test_a_nested_layer_is_named_by_its_path_whatever_was_written():
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3, name="conv")], name="inner")
    nested = convscope.load(model_of(inner))
    assert as_units(nested, "conv:1") == as_units(nested, Unit("conv", 1)) == (Unit("inner/conv", 1),)


def test_the_second_call_of_a_shared_layer_is_a_unit_of_its_own():
    conv = layers.Conv2D(3, 3, padding="same", name="conv")
    assert as_units(convscope.load(model_of(conv, conv)), "conv#2:1") == (Unit("conv#2", 1),)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("conv3:0", r"No layer `conv3` in `chain`.*Closest of its layers: conv"),
        ("conv1:4", r"`conv1` has 4 channels, 0 to 3; received channel 4"),
        ("conv1:2-9", r"received channel 4"),
        (Unit("conv1", -1), r"`conv1` has 4 channels, 0 to 3; received channel -1"),
        (Unit("conv1", 0, (-1, 2)), r"negative position"),
        ("conv1", r"names a layer, not a unit of it. Write a channel, `conv1:0` to `conv1:3`, or `conv1:all`"),
        ("predictions:0@1,1", r"`predictions` has no rows and columns, so `@1,1` has no meaning there"),
        ("predictions:Bagg", r"`Bagg` in `predictions:Bagg` is not a class of `chain`. Closest of its classes: Bag"),
        ("conv1:Bag", r"`Bag` in `conv1:Bag` is not a channel of `conv1`\. It has the channels 0 to"),
        (5, r"Received 5 as a unit. Expected an address such as"),
        (["conv1:1", 5], r"Received 5 as a unit"),
        ([], r"No unit. Expected an address such as"),
    ],
    ids=str,
)
def test_what_is_no_unit_is_refused_with_a_way_on(bundle, given, message):
    with pytest.raises(UnitError, match=message):
        as_units(bundle, given)


def test_without_class_names_a_class_is_refused_with_the_option_that_gives_them():
    with pytest.raises(UnitError, match="This model has no class names. Add them with `labels`"):
        as_units(convscope.load(small()), "predictions:Bag")


def test_a_bare_layer_means_all_its_channels_where_the_strongest_are_chosen(bundle):
    assert as_candidates(bundle, "conv1") == as_units(bundle, "conv1:all")
    assert as_candidates(bundle, ["conv1:1", "conv2"])[:2] == (Unit("conv1", 1), Unit("conv2", 0))


def test_a_layer_without_channels_is_refused():
    model = model_of(layers.Flatten(), lambda value: keras.ops.sum(value, axis=-1))
    graph = as_network(convscope.load(model)).graph
    with pytest.raises(UnitError, match=r"has no channels. `convscope\.layers\(model\)` lists"):
        channel_count(graph.calls[graph.outputs[0].call])


def test_the_graph_is_made_once(bundle):
    assert as_network(bundle).graph is as_network(bundle).graph


def test_a_class_unit_is_taken_before_the_softmax_and_any_other_after_its_activation(bundle):
    graph = as_network(bundle).graph
    assert unit_call(graph, Unit("predictions", 0)).inner
    assert not unit_call(graph, Unit("conv1", 0)).inner
