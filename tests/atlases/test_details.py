import numpy as np
import pytest
from drawing import column

from convscope import atlas
from convscope.atlases.details import SAMPLE_SHARE, number, short
from convscope.backend import keras
from convscope.formats.atlas import read_data
from convscope.models import load
from convscope.network.circuits import connections
from convscope.portraits.layers import portraits_of
from networks import array, model_of


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


@pytest.mark.once
def test_networks_with_batch_normalization_weigh_inputs_by_what_lies_above_its_mean(photos, tmp_path):
    layers = keras.layers
    first, second = layers.Conv2D(6, 3, padding="same", name="first"), layers.Conv2D(5, 3, padding="same", use_bias=False, name="second")
    norm = layers.BatchNormalization(epsilon=1e-3, name="norm")
    bundle = load(model_of(first, norm, layers.ReLU(), second, layers.GlobalAveragePooling2D(), shape=(16, 16, 3)), preprocess="unit")
    made = atlas(bundle, photos, out=tmp_path / "atlas", layers="first,second", synthetic="none", projections=0)
    gamma, variance, mean = (array(one) for one in (norm.gamma, norm.moving_variance, norm.moving_mean))
    # What a unit adds: its kernel, times the slope of the normalization, times how far the input's mean maximum lies above the mean.
    slopes = gamma / np.sqrt(variance + 1e-3)
    active = np.maximum(made.run.units("first").mean - mean, 0)
    strengths = array(second.kernel).sum(axis=(0, 1)) * (slopes * active)[:, None]
    for unit in units_of(made, "second"):
        own = strengths[:, unit["channel"]]
        found = {channel: strength for _, channel, strength, _ in unit["inputs"]}
        told = [*np.argsort(-own, kind="stable")[:5], *np.argsort(own, kind="stable")[:5]]
        assert found == {int(channel): pytest.approx(float(own[channel]), rel=2e-3) for channel in told if own[channel]}
