import numpy as np
from drawing import column

from convscope.atlases.details import SAMPLE_SHARE, number, short
from convscope.formats.atlas import read_data
from convscope.network.circuits import connections
from convscope.portraits.layers import portraits_of


def units_of(whole, layer):
    start = read_data(whole.folder, "start")
    found = next(one for one in start["layers"] if one["address"] == layer)
    return [unit for chunk in range(len(found["done"])) for unit in read_data(whole.folder, f"detail-{found['n']}-{chunk}")["units"]]


def test_patterns_are_those_of_the_connections(whole, subject, run):
    made_of = list(connections(subject.network, "search", subject.activity, measured=run.layers))
    for unit in units_of(whole, "search"):
        inputs = made_of[unit["channel"]].inputs
        scales = [(group, place) for group in unit["patterns"] for place in range(len(group["scale"]))]
        assert len(unit["inputs"]) == len(inputs) == len(scales)
        for one, (n, channel, strength, place) in zip(inputs, unit["inputs"], strict=True):
            group, row = scales[place]
            shape = len(group["scale"]), group["h"], group["w"]
            pattern = column(group["data"]).reshape(shape)[row] / 127 * group["scale"][row]
            assert (n, channel, strength) == (0, one.source.channel, short(one.strength))
            assert np.abs(pattern - one.pattern).max() <= np.abs(one.pattern).max() / 200


def test_the_lowest_layer_is_made_of_the_image(whole):
    assert {n for unit in units_of(whole, "first") for n, *_ in unit["inputs"]} == {-1}


def test_histograms_are_those_of_the_portraits(whole, subject, run):
    portraits = {one.unit.channel: one for one in portraits_of(run, subject.network, "first", pixels=False)}
    for unit in units_of(whole, "first"):
        histogram, known = unit["histogram"], portraits[unit["channel"]].histogram
        assert column(histogram["counts"]).tolist() == known.counts.tolist()
        assert [histogram["low"], histogram["high"]] == [number(known.edges[0]), number(known.edges[-1])]


def test_the_sample_is_where_a_unit_is_largest(whole, run):
    values = run.sample("first")
    for unit in units_of(whole, "first"):
        own, places = values[:, unit["channel"]], column(unit["sample"]["index"])
        count = max(1, round(SAMPLE_SHARE * len(own)))
        assert len(places) <= count and own[places].min() >= np.sort(own)[-count]
        assert column(unit["sample"]["value"]).tolist() == np.rint(own[places] / own.max() * 255).tolist()


def test_a_short_decimal_means_the_very_float32():
    for value in np.random.default_rng(0).normal(size=100).astype(np.float32) * np.float32(1e-3):
        assert np.float32(number(value)) == value and len(str(number(value))) <= 15
    assert number(np.nan) is None and short(np.inf) is None and short(1234.56) == 1235.0
