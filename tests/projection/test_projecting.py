"""Projections of given places: on crops and on whole images the same, compiled and not, in the order asked for."""

import numpy as np
import pytest

import convscope
from convscope.graph.rules import GUIDED, deconvnet
from convscope.locality import cost
from convscope.locality.cones import Cones
from convscope.network.addresses import graph_of
from convscope.network.network import as_network
from convscope.projection import projecting
from convscope.projection.projecting import Place, project_places, project_strongest
from convscope.units import Unit
from networks import images, small

SIDE = 48


@pytest.fixture(scope="module")
def network():
    return small(side=SIDE)


@pytest.fixture(scope="module")
def bundle(network):
    return convscope.load(network, preprocess="caffe")


def asked():
    places = [Place(Unit("conv2", channel), image, (row, 23 - row)) for channel in range(5) for image in range(3) for row in (0, 9, 23)]
    return [Place(Unit("predictions", 1), 2, None), *places[::2], Place(Unit("conv1", 3), 0, (47, 0)), *places[1::2]]


@pytest.mark.parametrize("rules", [deconvnet(), deconvnet("spread")], ids=lambda rules: rules.name)
def test_crops_and_whole_images_give_the_same(bundle, rules, record_error, monkeypatch):
    pixels = images(3, SIDE, SIDE, 3)
    found = project_places(bundle, asked(), pixels, rules)
    monkeypatch.setattr(projecting, "_parts_of", lambda *asked, **more: None)
    for one, whole in zip(found, project_places(bundle, asked(), pixels, rules), strict=True):
        assert one.field == whole.field
        scale = np.abs(whole.signal).max() or 1.0
        assert record_error("T11", np.abs(one.signal - whole.signal).max() / scale) <= 1e-5
        assert one.value == pytest.approx(whole.value, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("heavy", [True, False], ids=["compiled", "called"])
@pytest.mark.parametrize(
    "rules", [deconvnet(), deconvnet(ties="spread"), deconvnet("center"), GUIDED], ids=["first", "spread", "center", "guided"]
)
def test_the_way_down_after_one_forward_pass_is_that_of_whole_images(network, rules, heavy, record_error, monkeypatch):
    monkeypatch.setattr(cost, "GRAPH", 0.0 if heavy else 1e12)
    bundle, pixels = convscope.load(network, preprocess="caffe"), images(3, SIDE, SIDE, 3)
    units = [Unit("conv2", 0), Unit("conv2", 3, (23, 0)), Unit("conv1", 2), Unit("conv2", 4)]
    assert isinstance(projecting._parts_of(bundle, graph_of(bundle).find("conv2"), (SIDE, SIDE), rules, forward=True), Cones)
    found = dict(project_strongest(bundle, units, pixels, rules))
    assert {(place.unit, place.image) for place in found} == {(unit, image) for unit in units for image in range(3)}
    maps = {layer: convscope.activations(bundle, layer, pixels).maps for layer in ("conv1", "conv2")}
    monkeypatch.setattr(projecting, "_parts_of", lambda *asked, **more: None)
    for (place, one), whole in zip(found.items(), project_places(bundle, list(found), pixels, rules), strict=True):
        largest = maps[place.unit.layer][place.image, ..., place.unit.channel].max()
        assert one.value == pytest.approx(whole.value, rel=1e-5, abs=1e-6)
        assert place.position == place.unit.position or one.value == pytest.approx(largest, rel=1e-5)
        scale = np.abs(whole.signal).max() or 1.0
        assert record_error("T11", np.abs(one.signal - whole.signal).max() / scale) <= 1e-5


def test_of_many_places_on_an_image_the_forward_pass_is_made_once(bundle, monkeypatch):
    pixels, passes = images(5, SIDE, SIDE, 3), []
    places = [Place(Unit("conv2", channel), image, (row, 5)) for image in (3, 0, 2, 1, 4) for channel in range(5) for row in range(24)]
    few = project_places(bundle, places[::60], pixels, deconvnet())
    monkeypatch.setattr(projecting, "_forward", lambda *given, own=projecting._forward: passes.append(len(given[2])) or own(*given))
    many = project_places(bundle, places, pixels, deconvnet())
    assert passes == [4, 1]
    for one, other in zip(many[::60], few, strict=True):
        assert np.abs(one.signal - other.signal).max() <= 1e-5 * max(1.0, np.abs(one.signal).max())


def test_small_fields_do_run_on_crops_and_many_of_them_compiled(bundle, monkeypatch):
    taken = []
    monkeypatch.setattr(projecting._Way, "_on_images", lambda way, wanted, places: taken.extend(wanted) or iter(()))
    places = asked()[1:]
    project_places(bundle, places, images(3, SIDE, SIDE, 3), deconvnet())
    assert not taken
    assert len(places) >= projecting.WORTH_COMPILING
    assert "places" in [key[0] for key in as_network(bundle).compiled.kept]


def test_batches_that_do_not_divide_evenly_lose_nothing(bundle, monkeypatch):
    pixels = images(3, SIDE, SIDE, 3)
    at_once = project_places(bundle, asked(), pixels, deconvnet())
    monkeypatch.setattr(projecting, "MOST_AT_ONCE", 7)
    for one, other in zip(at_once, project_places(bundle, asked(), pixels, deconvnet()), strict=True):
        assert np.abs(one.signal - other.signal).max() <= 1e-5 * max(1.0, np.abs(one.signal).max())


def test_a_negative_value_projects_to_nothing(bundle):
    graph = graph_of(bundle)
    call = graph.preactivation(graph.find("conv2"))
    assert call.inner  # the visible unit is rectified: its value is 0 where the map is silent
    pixels = np.zeros((1, SIDE, SIDE, 3), np.float32)
    maps = convscope.activations(bundle, "conv2", pixels).maps[0]
    row, column, channel = np.argwhere(maps == 0)[0]
    (one,) = project_places(bundle, [Place(Unit("conv2", int(channel)), 0, (int(row), int(column)))], pixels, deconvnet())
    assert one.value == 0
    assert not one.signal.any()
