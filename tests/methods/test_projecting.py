"""Projections of given places: on crops and on whole images the same, compiled and not, in the order asked for."""

import numpy as np
import pytest

import convscope
from convscope.graph.addresses import graph_of
from convscope.graph.rules import deconvnet
from convscope.methods import projecting
from convscope.methods.projecting import Place, project_places
from convscope.units import Unit
from networks import images, small

SIDE = 48


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(small(side=SIDE), preprocess="caffe")


def asked():
    places = [Place(Unit("conv2", channel), image, (row, 23 - row)) for channel in range(5) for image in range(3) for row in (0, 9, 23)]
    return [Place(Unit("predictions", 1), 2, None), *places[::2], Place(Unit("conv1", 3), 0, (47, 0)), *places[1::2]]


@pytest.mark.parametrize("rules", [deconvnet(), deconvnet("spread")], ids=lambda rules: rules.name)
def test_crops_and_whole_images_give_the_same(bundle, rules, record_error):
    pixels = images(3, SIDE, SIDE, 3)
    found = project_places(bundle, asked(), pixels, rules)
    whole = dict(projecting._on_images(bundle, range(len(asked())), asked(), pixels, rules))
    for number, one in enumerate(found):
        assert one.field == whole[number].field
        scale = np.abs(whole[number].signal).max() or 1.0
        assert record_error("T11", np.abs(one.signal - whole[number].signal).max() / scale) <= 1e-5
        assert one.value == pytest.approx(whole[number].value, rel=1e-5, abs=1e-6)


def test_small_fields_do_run_on_crops_and_many_of_them_compiled(bundle, monkeypatch):
    taken = []
    monkeypatch.setattr(projecting, "_on_images", lambda bundle, wanted, *rest: taken.extend(wanted) or iter(()))
    places = asked()[1:]
    project_places(bundle, places, images(3, SIDE, SIDE, 3), deconvnet())
    assert not taken
    assert len(places) >= projecting.WORTH_COMPILING
    assert "places" in [key[0] for key in bundle.memo["compiled"]]


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
