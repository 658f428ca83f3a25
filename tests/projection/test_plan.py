"""Plans: which part of an image stands for the whole, when the whole image does, and what is outside of the window."""

from dataclasses import dataclass

import pytest

import convscope
from convscope.backend import keras
from convscope.graph.kinds import Kind
from convscope.graph.rules import GRADIENT, Exact, Rule, deconvnet
from convscope.locality.cones import Cones
from convscope.locality.crops import Crops
from convscope.network.network import as_network
from convscope.projection.plan import plan_for
from networks import model_of, small

pytestmark = pytest.mark.once
layers = keras.layers


@dataclass(frozen=True)
class Strange(Rule):
    """A stranger's rule: nobody knows what it does with the rest of the map."""

    def backward(self, record, upstream):
        return [upstream]


@pytest.fixture
def network():
    return as_network(convscope.load(small(side=48)))


def plan(network, layer, rules=GRADIENT, *, forward=True, side=48):
    return plan_for(network, network.graph.score(network.graph.find(layer)), (side, side), rules, forward=forward)


def test_a_unit_that_sees_little_is_projected_on_its_cone(network):
    found = plan(network, "conv2")
    assert isinstance(found.parts, Cones)
    assert found.read() and plan(network, "conv2", forward=False).read() is None
    field = found.field((12, 12))
    assert found.window(field) == field and field.height < 48
    assert found.window(found.field((0, 0))).top == 0


def test_it_is_found_once(network):
    assert plan(network, "conv2").parts is plan(network, "conv2", deconvnet()).parts


def test_where_no_cone_is_exact_there_are_crops():
    network = as_network(
        convscope.load(model_of(layers.Conv2D(2, 3, padding="same"), layers.UpSampling2D(2, name="up"), shape=(64, 64, 3)))
    )
    found = plan(network, "up", side=64)
    assert isinstance(found.parts, Crops) and found.read() is None


@pytest.mark.parametrize("layer", ["predictions", "conv2"])
def test_classes_and_the_rules_of_strangers_take_the_whole_image(network, layer):
    rules = GRADIENT if layer == "predictions" else deconvnet().with_first([(Kind.CONVOLUTION, Strange())])
    found = plan(network, layer, rules)
    assert found.parts is None and found.part((3, 3)) is None
    assert found.window(found.field((3, 3) if layer == "conv2" else None)) == (0, 0, 48, 48)


@dataclass(frozen=True)
class Shallow(Strange):
    """One that is exact where the network itself runs on a part of the image."""

    exact = Exact.CROP


def test_rules_that_are_exact_on_crops_have_no_cones(network):
    rules = deconvnet().with_first([(Kind.CONVOLUTION, Shallow())])
    assert isinstance(plan(network, "conv2", rules).parts, Crops)
    assert isinstance(plan(network, "conv2").parts, Cones)


def test_one_forward_pass_serves_many_seeds_on_few_images(network):
    found = plan(network, "conv2")
    few = int(3 / found.parts.cost)
    assert found.serves(few + 1, 3) and not found.serves(few, 3)
