"""The sheets of patches and projections hold, for every unit, the tiles of its own portrait."""

from dataclasses import replace

import numpy as np
import pytest

from convscope.atlases import tiles
from convscope.atlases.patches import columns_of, detail_tile, sheets
from convscope.formats.atlas import WITHOUT, data_path, detail_name, read_data, wall_name
from convscope.portraits.layers import both_ways, portraits_of

# WebP of this quality moves a colour by some steps of 255; another unit's projection, or one the other way, lies further off.
LOSS = 12


@pytest.mark.once
def test_projections_with_and_without_switches_lie_on_sheets_of_their_own(whole, subject):
    layer, side = subject.by_address["search"], detail_tile(subject.by_address["search"])
    patches, projections = columns_of(subject, layer)
    rulesets = both_ways(subject.network, layer.address)
    found = list(portraits_of(subject.run, subject.network, layer.address, layer.order, rulesets=rulesets, projected=projections))
    apart = (whole.folder / data_path(wall_name(layer.n, "without", 0), "webp")).read_bytes()
    ways = []
    for rank, portrait in enumerate(found):
        sheet = (whole.folder / data_path(detail_name(layer.n, rank // layer.chunk), "webp")).read_bytes()
        beside = [rank % layer.chunk * (patches + projections) + patches + place for place in range(projections)]
        cut = tiles.cut(sheet, side, beside, 3), tiles.cut(apart, side, [rank * projections + place for place in range(projections)], 3)
        expected = [tiles.projection_tiles(portrait.patches, signals, projections, side) for signals in portrait.projections]
        for shown, meant in zip(cut, expected, strict=True):
            assert np.abs(shown.astype(int) - meant).mean() < LOSS
        ways.append(np.abs(expected[0].astype(int) - expected[1]).mean())
    assert max(ways) > 2 * LOSS  # so the test tells the two from each other
    assert next(one for one in read_data(whole.folder, "start")["layers"] if one["n"] == layer.n)["without"] == "1"


@pytest.mark.once
def test_other_values_make_other_sheets_without_switches_alone(subject, monkeypatch):
    layer = subject.by_address["search"]
    before = {task.name: task.key for task in sheets(subject, layer, range(len(layer.chunks)))}
    top = subject.tops[layer.address]
    monkeypatch.setitem(subject.tops, layer.address, replace(top, values=1.01 * top.values))
    after = {task.name: task.key for task in sheets(subject, layer, range(len(layer.chunks)))}
    assert [name for name, key in after.items() if key != before[name]] == [name for name in before if WITHOUT in name] != []


@pytest.mark.once
def test_a_layer_before_any_pooling_has_no_second_way(whole, subject):
    layer = subject.by_address["first"]
    assert not (whole.folder / data_path(wall_name(layer.n, "without", 0), "webp")).exists()
    assert next(one for one in read_data(whole.folder, "start")["layers"] if one["n"] == layer.n)["without"] == ""


def test_the_classes_of_a_network_have_smaller_chunks_than_features_that_end_one(subject):
    assert {layer.address: layer.chunk for layer in subject.layers} == {"first": 16, "search": 16, "classes": 8}
