"""The measure against NumPy: spatial maxima, their first places, features and predictions; on every backend."""

import functools
import json

import numpy as np
import pytest
from pyarrow import parquet as pq

import convscope
from convscope.backend import engine, keras
from convscope.errors import OptionError, UnitError
from convscope.network.network import as_network
from convscope.scanning.maxima import NetworkMeasure, chosen_layers, peak
from networks import array, filled, images, model_of, residual, small, tensor


def of_numpy(maps):
    flat = maps.reshape(len(maps), -1, maps.shape[-1])
    return flat.max(axis=1), flat.argmax(axis=1)


@pytest.mark.parametrize("shape", [(3, 6, 12, 5), (2, 7, 7, 3), (2, 1, 9, 2), (2, 5, 1, 2), (1, 1, 1, 4), (4, 3, 28, 2), (2, 30, 4)])
@pytest.mark.parametrize("kind", ["different", "equal", "negative", "all equal"])
def test_peaks_are_the_first_maxima_in_row_major_order(shape, kind):
    rng = np.random.default_rng(len(shape))
    maps = rng.normal(size=shape).astype(np.float32)
    maps = {"different": maps, "equal": np.round(maps), "negative": np.round(maps) - 9, "all equal": maps * 0}[kind]
    highest, places = (array(one) for one in engine().compiled(peak)(tensor(maps)))
    expected, first = of_numpy(maps)
    assert np.array_equal(highest, expected) and np.array_equal(places, first)


@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_peaks_are_exact_in_both_precisions(kind):
    maps = tensor(np.random.default_rng(0).normal(size=(3, 8, 20, 16)), kind)
    highest, places = (array(one) for one in peak(maps))
    expected, first = of_numpy(array(keras.ops.cast(maps, "float32")))
    assert np.array_equal(highest, expected) and np.array_equal(places, first)


def test_a_layer_without_space_has_no_places():
    values = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    highest, places = (array(one) for one in peak(tensor(values)))
    assert np.array_equal(highest, values) and (places == -1).all()


def test_all_layers_with_filters_after_their_activation_and_scores_before_the_softmax():
    model = small()
    measure = NetworkMeasure(as_network(model), chosen_layers(as_network(model), "all"), "float32")
    assert [(one.address, one.channels, one.shape, one.first) for one in measure.layers] == [
        ("conv1", 4, (8, 8), 0),
        ("conv2", 5, (4, 4), 4),
        ("predictions", 3, (), 9),
    ]
    pixels = images(measure.batch, 8, 8, 3)
    found = measure(pixels)
    for layer in measure.layers[:2]:
        maps = convscope.activations(model, layer.address, pixels).maps
        assert maps.min() >= 0
        assert np.allclose(found.values[:, layer.units], maps.max(axis=(1, 2)), atol=1e-5)
    probabilities = convscope.activations(model, "predictions", pixels).maps
    scores = found.values[:, 9:]
    softmax = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert np.allclose(softmax, probabilities, atol=1e-5) and not np.allclose(scores, probabilities, atol=1e-2)
    assert np.array_equal(found.predicted, probabilities.argmax(axis=1))
    assert np.allclose(found.probability, probabilities.max(axis=1), atol=1e-5)
    assert (found.places[:, 9:] == -1).all()


def test_features_are_those_of_the_map_of_images():
    model = residual()
    measure = NetworkMeasure(as_network(model), ["stem_relu"], "float32")
    pixels = images(measure.batch, 12, 12, 3)
    found = measure(pixels)
    assert measure.feature_layer == "logits" or found.features.shape[1] == measure.features
    expected = convscope.activations(model, measure.feature_layer, pixels).maps
    expected = expected.mean(axis=(1, 2)) if expected.ndim == 4 else expected
    assert np.allclose(found.features, expected, atol=1e-5)
    assert (found.predicted == -1).all() and np.isnan(found.probability).all()  # it ends in no softmax


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_an_image_has_the_same_numbers_whatever_else_is_in_the_batch_and_at_whatever_place(precision):
    model = small(side=16)
    measure = NetworkMeasure(as_network(model), chosen_layers(as_network(model), "all"), precision)
    pixels = images(measure.batch, 16, 16, 3)
    there, alone, moved = measure(pixels), np.zeros_like(pixels), np.roll(pixels, 5, axis=0)
    alone[3] = pixels[3]
    for other, place in ((measure(alone), 3), (measure(moved), 8)):
        for name in ("values", "places", "features", "predicted", "probability"):
            assert np.array_equal(getattr(other, name)[place], getattr(there, name)[3]), name


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("all", ["stem", "expand", "depthwise", "logits"]),
        ("stem*", ["stem", "stem_bn", "stem_relu"]),
        (["logits", "expand"], ["expand", "logits"]),
        (["*relu"], ["stem_relu", "both_relu"]),
        ("logits,convolutions", ["stem", "expand", "depthwise", "logits"]),
    ],
)
def test_layers_are_chosen_by_patterns_and_come_in_computing_order(wanted, found):
    assert chosen_layers(as_network(residual()), wanted) == found


def test_a_pattern_that_matches_nothing_names_what_is_near():
    with pytest.raises(UnitError, match=r"No layer of `.*` matches `stam`.*Closest of its layers: stem"):
        chosen_layers(as_network(residual()), "stam")


def test_receptive_fields_of_places_are_those_of_each_unit():
    from convscope.locality.receptive import receptive_field

    bundle = convscope.load(residual())
    measure = NetworkMeasure(as_network(bundle), ["stem_relu", "depthwise", "logits"], "float32")
    rows, columns = np.asarray([0, 5, 2, 5]), np.asarray([3, 0, 2, 5])
    graph = as_network(bundle).graph
    for layer in measure.layers[:2]:
        expected = [
            receptive_field(graph, graph.find(layer.address), place, (12, 12))
            for place in zip(rows.tolist(), columns.tolist(), strict=True)
        ]
        assert measure.fields(layer, rows, columns).tolist() == [list(one) for one in expected]
    assert measure.fields(measure.layers[2], rows * 0 - 1, rows * 0 - 1).tolist() == [[0, 0, 12, 12]] * 4


def test_a_network_that_learns_nothing_is_refused():
    image = keras.Input((8, 8, 3))
    model = filled(keras.Model(image, keras.layers.ReLU(name="only")(image)))
    with pytest.raises(UnitError, match="has no layer that learns"):
        chosen_layers(as_network(model), "all")


def capped(activation="relu6"):
    """Return a network of which a layer is at its ceiling for most images."""
    layers = keras.layers
    model = model_of(
        layers.Conv2D(4, 3, name="conv"),
        layers.Activation(activation, name="act"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(3, activation="softmax"),
        shape=(8, 8, 3),
    )
    kernel, bias = model.get_layer("conv").get_weights()
    model.get_layer("conv").set_weights([kernel * 20, bias])
    return model


@pytest.mark.parametrize("activation", ["relu6", "tanh", "hard_sigmoid"])
def test_images_are_ranked_before_what_is_flat_and_both_values_are_told(activation):
    model = capped(activation)
    measure = NetworkMeasure(as_network(model), ["act"], "float32")
    pixels = images(measure.batch, 8, 8, 3)
    found, before = measure(pixels), convscope.activations(model, "conv", pixels).maps
    highest, first = of_numpy(before)
    assert np.allclose(found.before, highest, atol=1e-5) and np.array_equal(found.places, first)
    after = convscope.activations(model, "act", pixels).maps.max(axis=(1, 2))
    assert np.allclose(found.values, after, atol=1e-6) and (after == measure.ceilings).sum() > 9
    assert np.allclose(measure.after(measure.layers[0], found.before), found.values, atol=1e-6)
    assert measure.ranked() == {"act": "conv"}


def test_a_run_ranks_before_what_is_flat_and_counts_what_is_saturated(tmp_path):
    model, pixels = capped(), images(30, 8, 8, 3)
    run = convscope.scan(model, pixels, layers="act", out=tmp_path / "run", precision="float32", top=5)
    before = convscope.activations(model, "conv", pixels).maps.max(axis=(1, 2))
    top, units = run.top("act"), run.units("act")
    order = np.argsort(-before, axis=0, kind="stable")[:5].T
    assert np.array_equal(top.images, order)
    assert np.allclose(top.before, np.take_along_axis(before.T, order, axis=1), atol=1e-5)
    assert np.array_equal(top.values, np.clip(top.before, 0, 6)) and (top.values == 6).sum() > 5
    assert np.array_equal(units.saturated, (before >= 6).sum(axis=0)) and np.allclose(units.fires, (before > 0).mean(axis=0))
    assert np.allclose(units.largest, before.max(axis=0), atol=1e-5) and run.ranked == {"act": "conv"}
    assert run.percentile("act:0", 1e6) == 100.0


@pytest.mark.once
def test_a_run_that_ranks_after_what_is_flat_is_read_and_not_resumed(tmp_path):
    model, pixels = capped(), images(30, 8, 8, 3)
    scan = functools.partial(convscope.scan, model, pixels, layers="act", out=tmp_path / "run", precision="float32", top=5)
    expected = scan().top("act")
    for path in (tmp_path / "run" / "manifest.json", tmp_path / "run" / "shards" / "settings.json"):
        said = json.loads(path.read_text())  # as release 1.0 wrote it
        for novelty in ("ranked", "files", "checksum", "schema", "unreachable"):
            said.pop(novelty, None)
        path.write_text(json.dumps(said | ({"schema": "1.0"} if path.name == "manifest.json" else {})))
    for name, novel in (("top", ["before"]), ("units", ["saturated"]), ("skipped", ["kind"]), ("images", [])):
        table = pq.read_table(tmp_path / "run" / f"{name}.parquet")
        pq.write_table(table.drop_columns(novel), tmp_path / "run" / f"{name}.parquet")
    (tmp_path / "run" / "spans.parquet").unlink()
    old = convscope.open_run(tmp_path / "run")
    found = old.top("act")
    assert old.ranked is None and old.complete and old.features.shape == (30, old.manifest["features"])
    assert np.array_equal(found.images, expected.images) and np.array_equal(found.before, expected.values)
    assert not old.units("act").saturated.any()
    with pytest.raises(OptionError, match=r"ranked the units of `act` after their flat activation.*can be read, but not resumed"):
        scan()
