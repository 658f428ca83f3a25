"""Operations without a gradient: units behind them are refused by name, those that another way reaches are noted."""

import pytest

import convscope
from convscope.backend import keras, ops
from convscope.errors import UnitError
from convscope.graph.history import flatten
from convscope.graph.kinds import Kind
from convscope.graph.relevance import Epsilon
from convscope.graph.rules import PassThrough, Ruleset
from convscope.projection.slopes import slope_notes, slopes
from networks import images, model_of

layers = keras.layers
SIZE = (8, 8)


class Held(layers.Layer):
    def call(self, value):
        return ops.stop_gradient(value)


class Stepped(layers.Layer):
    """Rounds in code that no graph shows."""

    def call(self, value):
        return value if value.shape[0] is None else ops.round(value * 4.0) / 4.0


CUTS = {
    "round": lambda x: ops.round(x * 3.0),
    "floor": lambda x: ops.floor(x * 7.0),
    "sign": lambda x: ops.sign(x - 0.5),
    "comparison": lambda x: ops.cast(x > 0.5, "float32"),
    "integer": lambda x: ops.cast(ops.cast(x * 9.0, "int32"), "float32"),
    "argmax": lambda x: ops.one_hot(ops.argmax(x, axis=-1), 4),
    "stopped": ops.stop_gradient,
    "layer": Held(),
    "inside": Stepped(),
    "whole": layers.Identity(dtype="int32"),
    "bins": layers.Discretization(bin_boundaries=[0.2, 0.5, 0.7], output_mode="int"),
}


def chain(cut):
    return model_of(layers.Conv2D(4, 3, name="before"), cut, lambda x: ops.cast(x, "float32"), layers.Conv2D(3, 1, name="after"))


@pytest.mark.parametrize("name", CUTS)
def test_what_has_no_gradient_is_found_and_named(name):
    graph = flatten(chain(CUTS[name]))
    found = slopes(graph, graph.find("after"), SIZE)
    assert found.closed
    assert len(found.cuts) == 1
    assert not slopes(graph, graph.find("before"), SIZE).cuts


@pytest.mark.parametrize(
    "way",
    [
        lambda x: ops.clip(x, 0.0, 255.0),
        lambda x: ops.where(x > 0, x, 0.1 * x),
        lambda x: x * ops.cast(x > 0, "float32"),
        lambda x: ops.sqrt(ops.abs(x)) * ops.sign(x),
        lambda x: ops.abs(x),
        lambda x: ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))),
        lambda x: ops.logsumexp(x, axis=-1, keepdims=True),
        layers.UnitNormalization(),
        layers.Lambda(lambda x: ops.maximum(x, 3.0)),
    ],
)
def test_what_has_one_is_neither_refused_nor_noted(way):
    graph = flatten(chain(way))
    assert not slopes(graph, graph.find("after"), SIZE).closed
    assert slope_notes(graph, [graph.find("after")], SIZE) == ()


def test_a_part_that_is_cut_is_noted():
    graph = flatten(chain(lambda x: x + ops.stop_gradient(ops.round(x) - x)))
    (note,) = slope_notes(graph, [graph.find("after")], SIZE)
    assert note.startswith("No gradient of `after` passes `")
    assert note.endswith("(StopGradient): this picture leaves out what depends on the image that way.") or "(Round), `" in note


def test_a_rule_of_ones_own_opens_the_way():
    graph = flatten(chain(layers.Activation(ops.round, name="rounded")))
    assert slopes(graph, graph.find("after"), SIZE).closed
    assert not slopes(graph, graph.find("after"), SIZE, Ruleset("mine", ((Kind.OTHER, PassThrough()),))).closed
    assert slopes(graph, graph.find("after"), SIZE, Ruleset("theirs", ((Kind.OTHER, Epsilon()),))).closed


@pytest.mark.parametrize(
    "method",
    [
        lambda model, image: convscope.saliency(model, "after:1", image),
        lambda model, image: convscope.deconv(model, "after:1", image),
        lambda model, image: convscope.ascend(model, "after:1", steps=2),
    ],
)
def test_methods_that_need_a_gradient_name_the_layer(method):
    with pytest.raises(UnitError, match=r"`after` has no gradient with respect to the image: none passes `.*` \(Round\)"):
        method(chain(CUTS["round"]), images(1, 8, 8, 3))
