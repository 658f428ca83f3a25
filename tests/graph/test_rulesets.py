"""Named rulesets, and rules by place: by kind, by address, by depth, by any function of a call."""

import numpy as np
import pytest

from chains import RULESETS as EVERYWHERE
from chains import any_cones_of, differences_on_cone, same
from convscope.backend import keras
from convscope.errors import ModelError, OptionError, UnitError
from convscope.graph.history import flatten
from convscope.graph.kinds import Kind
from convscope.graph.relevance import AlphaBeta, Epsilon
from convscope.graph.rules import (
    GRADIENT,
    GUIDED,
    DeconvRelu,
    Exact,
    GuidedRelu,
    PassThrough,
    Rule,
    Ruleset,
    SwitchUnpool,
    both,
    deconvnet,
    is_first,
)
from convscope.graph.rulesets import RULESETS, as_ruleset
from networks import images, model_of, project

layers = keras.layers


def three():
    return model_of(
        layers.Conv2D(3, 3, activation="relu", name="block1_conv"),
        layers.BatchNormalization(),
        layers.Conv2D(3, 3, activation="relu", name="block2_conv"),
        layers.Flatten(),
        layers.Dense(2, name="scores"),
    )


def matched(where):
    """Return the calls of a network that an entry is for: (address, kind)."""
    rules, calls = Ruleset("one", ((where, PassThrough()),)), flatten(three()).calls
    return [(call.address, call.kind) for call in calls if rules.rule_for(call) is not None]


def test_an_entry_is_for_a_kind_for_addresses_or_for_what_a_function_says():
    assert matched(Kind.DENSE) == [("scores", Kind.DENSE)]
    assert matched("block2_*") == [("block2_conv", Kind.CONVOLUTION), ("block2_conv", Kind.RELU)]
    assert matched(both("block?_conv", Kind.RELU)) == [("block1_conv", Kind.RELU), ("block2_conv", Kind.RELU)]
    assert matched(is_first) == [("block1_conv", Kind.CONVOLUTION)]
    assert matched(lambda call: call.depth == 3) == [("scores", Kind.DENSE)]


def test_the_first_match_wins():
    rules = Ruleset("two", ((both("block1_*", Kind.RELU), GuidedRelu()), (Kind.RELU, DeconvRelu())))
    found = [rules.rule_for(call) for call in flatten(three()).calls if call.kind is Kind.RELU]
    assert found == [GuidedRelu(), DeconvRelu()]


def test_depth_counts_the_longest_way():
    image = keras.Input((8, 8, 2))
    deep = layers.Conv2D(2, 3, padding="same")(layers.Conv2D(2, 3, padding="same", name="one")(image))
    graph = flatten(keras.Model(image, layers.Add(name="sum")([image, deep])))
    assert (graph.find("one").depth, graph.find("sum").depth, graph.calls[0].depth) == (1, 2, 0)


@pytest.mark.parametrize("pattern", ["block9_*", both("block9_*", Kind.RELU)])
def test_a_pattern_that_no_layer_fits_is_refused(pattern):
    calls = flatten(three()).calls
    Ruleset("mine", (("block1_*", DeconvRelu()), (Kind.GATE, DeconvRelu()))).check(calls)
    with pytest.raises(UnitError, match=r"`mine` has a rule for `block9_\*`, which is the address of no layer"):
        Ruleset("mine", ((pattern, DeconvRelu()),)).check(calls)


# As many ways to say where as there are: one by a number that the calls of a cone have anew, one by what they compute differently there.
PLACED = Ruleset(
    "placed",
    (
        (is_first, AlphaBeta(2.0, 1.0)),
        (lambda call: call.index == 3, Epsilon()),
        (both("block2_*", Kind.RELU), GuidedRelu()),
        (lambda call: getattr(call.operation, "padding", "") == "same" and call.depth > 3, Epsilon(0.1)),
        (lambda call: call.kind in (Kind.CROPPING, Kind.OTHER) or call.address == "dropout", PassThrough("none of the cone's own")),
        (lambda call: call.kind is Kind.RELU and call.depth % 2, DeconvRelu()),
        (Kind.MAX_POOL, SwitchUnpool("spread")),
    ),
)


def test_t11_rules_by_place_are_the_same_on_a_cone_and_on_the_whole_image(record_error):
    named = [same(3, name=f"block{1 + number // 2}_conv{1 + number % 2}") for number in range(4)]
    graph = flatten(
        model_of(*named[:2], layers.MaxPooling2D(2), *named[2:], same(3), layers.Dropout(0.5, name="dropout"), shape=(48, 44, 2))
    )
    used = [rule for call in graph.calls if (rule := PLACED.rule_for(call)) is not None]
    assert set(used) == {rule for _, rule in PLACED.rules}, used
    for position in ((6, 7), (0, 21)):
        value, picture = differences_on_cone(graph, list(graph.visible.values())[-1], images(1, 48, 44, 2), position, PLACED)
        assert record_error("T11", max(value, picture)) <= 1e-5, position


def test_a_cone_has_the_rules_of_the_network_it_is_made_of():
    graph = flatten(model_of(same(3), layers.MaxPooling2D(2), same(3), same(3), shape=(64, 64, 2)))
    cone = any_cones_of(graph, list(graph.visible.values())[-1], (64, 64)).graph
    everything = Ruleset("all", ((lambda call: True, Epsilon()),))
    made = [call for call in cone.calls if call.origin is not None]
    assert [call.origin for call in made] == [call for call in graph.calls if call.kind is not Kind.INPUT]
    put_in = [call for call in cone.calls if call.origin is None and call.kind is not Kind.INPUT]
    assert put_in
    assert not any(everything.rule_for(call) for call in put_in)


def test_a_strangers_rule_runs_on_whole_images_unless_it_says_more():
    class Mine(SwitchUnpool):
        def backward(self, record, upstream):
            return [upstream]

    class Exacter(Rule):
        exact = Exact.CROP

        def backward(self, record, upstream):
            return [upstream]

    assert deconvnet().exact is GRADIENT.exact is Exact.CONE
    assert deconvnet().with_first([(Kind.RELU, Mine())]).exact is Exact.WHOLE
    assert deconvnet().with_first([(Kind.RELU, Exacter())]).exact is Exact.CROP
    assert RULESETS.get("lrp-epsilon-plus-flat").exact is Exact.CROP


def test_the_built_in_rulesets_have_names():
    assert list(RULESETS)[:6] == [
        "deconvnet-switches",
        "deconvnet-spread",
        "deconvnet-center",
        "deconvnet-switches-first",
        "gradient",
        "guided",
    ]
    assert all(RULESETS.get(name).name == name for name in RULESETS)
    assert as_ruleset("guided") == GUIDED
    assert as_ruleset(deconvnet(ties="first")) == as_ruleset("deconvnet-switches-first")
    assert all(as_ruleset(one) is one for one in EVERYWHERE.values())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("guide", "No ruleset `guide`.*guided"),
        (Ruleset("guided"), "named `guided`, which is the name of another one"),
        (3, "Received int as a ruleset"),
    ],
)
def test_what_is_no_ruleset_is_refused(given, message):
    with pytest.raises(OptionError, match=message):
        as_ruleset(given)


def test_a_ruleset_of_ones_own_enters_by_the_same_door():
    mine = Ruleset("mine-of-a-test", ((is_first, PassThrough()),))
    assert RULESETS.register(mine.name, mine) == as_ruleset("mine-of-a-test")
    assert np.all([name in RULESETS for name in ("mine-of-a-test", "gradient")])


@pytest.mark.parametrize("entry", [(3, PassThrough()), (Kind.RELU, PassThrough), ("*", None)])
def test_what_is_no_entry_is_refused(entry):
    with pytest.raises(OptionError, match="`mine` has the entry .* Expected a Kind"):
        Ruleset("mine", (entry,))


@pytest.mark.parametrize("wrong", [lambda signal: [signal[:, :1]], lambda signal: [signal, signal], lambda signal: []])
def test_a_rule_that_hands_down_another_shape_is_refused_by_name(wrong):
    class Wrong(Rule):
        def backward(self, record, upstream):
            return wrong(upstream)

    with pytest.raises(ModelError, match="The rule Wrong hands .* from `block2_conv`, whose inputs are"):
        project(three(), images(1, 8, 8, 3), np.ones_like, Ruleset("wrong", ((both("block2_*", Kind.RELU), Wrong()),)))
