"""The stream of a layer's portraits: what one unit is alone, it is among others; nothing is read or held for longer than it is needed."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from convscope.errors import ImageError, UnitError
from convscope.network.network import as_network
from convscope.portraits.layers import UNITS_AT_ONCE, both_ways, portraits_of, unreadable_in
from convscope.portraits.pictures import Pictures, pictures_of


@pytest.fixture(scope="module")
def network(fashion):
    return as_network(fashion)


def layer_of(run, network, layer="block3_conv1", channels=None, **wanted):
    return portraits_of(run, network, layer, channels, rulesets=both_ways(network, layer), view="both", **wanted)


@pytest.mark.parametrize(("layer", "factor"), [("block3_conv1", 2.0), ("predictions", 1.0)])  # classes run forward in any case
def test_the_way_without_switches_takes_the_values_of_the_run(run, network, layer, factor, monkeypatch):
    def projections(**wanted):
        channels = range(0, run.channels(layer), run.channels(layer) // 5)
        return [
            one.projections[0] for one in portraits_of(run, network, layer, channels, rulesets=both_ways(network, layer)[-1:], **wanted)
        ]

    def doubled(self, *request):
        found = own(self, *request)
        return replace(found, values=2 * found.values, before=2 * found.before)

    computed, scanned, own = projections(), projections(scanned=True), type(run).top
    monkeypatch.setattr(type(run), "top", doubled)
    for one, other, twice in zip(computed, scanned, projections(scanned=True), strict=True):
        assert one.any() and np.abs(other - one).max() <= 1e-5 * np.abs(one).max()
        assert np.abs(twice - factor * one).max() <= 1e-5 * np.abs(twice).max()


@pytest.mark.parametrize(("layer", "ways"), [("block1_conv1", 1), ("block3_conv1", 2), ("predictions", 2)])
def test_a_unit_alone_is_the_unit_of_the_stream(run, network, layer, ways, record_error):
    stream = list(layer_of(run, network, layer))
    assert [one.unit.channel for one in stream] == list(range(run.channels(layer)))
    for among in stream[:: len(stream) // 2]:
        (alone,) = layer_of(run, network, layer, [among.unit.channel])
        assert np.array_equal(alone.patches.pixels, among.patches.pixels) and np.array_equal(alone.patches.fields, among.patches.fields)
        assert len(alone.projections) == len(among.projections) == ways
        assert np.array_equal(among.patches.projections, among.projections[0])
        assert (among.patches.gradients is not None) == (layer == "block1_conv1")
        shown = [*zip(alone.projections, among.projections, strict=True)]
        for one, other in shown if among.patches.gradients is None else [*shown, (alone.patches.gradients, among.patches.gradients)]:
            scale = np.abs(one).max()
            assert record_error("a unit alone = in a layer", np.abs(one - other).max() / max(scale, 1e-9)) <= 1e-5


def test_patches_are_the_pixels_of_the_images(run, network):
    for one in portraits_of(run, network, "block3_conv1", range(0, 128, 9)):
        for place in one.patches.places:
            picture = run.picture(int(one.patches.images[place]))
            top, left, bottom, right = one.patches.inside(place)
            down, across = one.patches.fields[place][:2] + np.array([top, left])
            expected = picture[down : down + bottom - top, across : across + right - left]
            assert np.array_equal(one.patches.pixels[place][top:bottom, left:right], expected)


def test_numbers_are_those_of_the_run(run, network):
    known = run.units("dense1")
    for one in portraits_of(run, network, "dense1", pixels=False):
        number = one.unit.channel
        assert (one.images, one.fires) == (known.count[number], known.fires[number])
        assert (one.mean, one.least, one.largest) == (known.mean[number], known.least[number], known.largest[number])
        assert one.quantiles == {share: values[number] for share, values in known.quantiles.items()}
        assert one.class_means == dict(zip(run.classes, known.class_means[number], strict=True))
        assert one.field is None and one.patches.pixels.shape == one.patches.projections.shape == (9, 0, 0, 1)


def test_without_pixels_and_rulesets_no_image_is_read(run, network, monkeypatch):
    monkeypatch.setattr(run, "picture", None)
    pictures_of(run).__init__()
    assert len(list(portraits_of(run, network, "block3_conv1", pixels=False))) == 128


def test_only_the_strongest_are_projected(run, network):
    for one, every in zip(*(layer_of(run, network, channels=range(20), projected=most) for most in (3, None)), strict=True):
        assert not any(way[3:].any() for way in one.projections) and np.array_equal(one.patches.pixels, every.patches.pixels)
        for way, all_of_it in zip(one.projections, every.projections, strict=True):
            assert np.abs(way[:3] - all_of_it[:3]).max() <= 1e-5 * np.abs(all_of_it).max()


def test_images_are_read_once_for_all_units_and_kept_up_to_a_bound(run, monkeypatch):
    read, own = [], type(run).picture
    monkeypatch.setattr(type(run), "picture", lambda self, image, seen=None: read.append(image) or own(self, image, seen))
    kept = Pictures(most=5 * 28 * 28 * 4)
    assert np.array_equal(kept.of(run, 3), own(run, 3)) and kept.of(run, 3) is kept.of(run, 3) and read == [3]
    for image in range(10):
        kept.of(run, image)
    assert len(kept) == 5 and kept.bytes == 5 * 28 * 28 * 4
    kept.of(run, 9), kept.of(run, 0)
    assert read == [3, *(image for image in range(10) if image != 3), 0]
    with pytest.raises(ValueError, match="read-only"):
        kept.of(run, 0)[:] = 0


@pytest.mark.long
def test_memory_does_not_grow_with_the_layer(run, network):
    def peak(count):
        """Return the most that was held at a time, and what the portraits weigh together, in bytes."""
        weight = 0
        tracemalloc.start()
        for one in layer_of(run, network, channels=range(count)):
            weight += one.patches.pixels.nbytes + sum(way.nbytes for way in one.projections)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most, weight

    assert peak(128)[0] > 0  # what is compiled and cached once
    (few, light), (many, heavy) = peak(2 * UNITS_AT_ONCE), peak(128)
    assert many - few <= (heavy - light) / 4  # the collector comes when it comes, so that some of what is done with is still there


def test_images_that_are_gone_are_said(run, network, monkeypatch):
    def gone(self, image, seen=None):
        raise ImageError(f"image {image} is gone")

    monkeypatch.setattr(type(run), "picture", gone)
    pictures_of(run).__init__()
    portraits = list(layer_of(run, network, channels=range(3)))
    assert all(not one.patches.pixels.any() and not one.patches.places for one in portraits)
    assert set(portraits[0].unreadable) == set(portraits[0].patches.images.tolist())
    with pytest.raises(ImageError, match="None of the images is available. The first: image"):
        unreadable_in(portraits)


def test_a_layer_that_was_not_measured_is_refused(run, network):
    with pytest.raises(UnitError, match="`block1_conv2` was not measured"):
        next(layer_of(run, network, "block1_conv2"))
