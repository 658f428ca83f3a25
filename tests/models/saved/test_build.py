"""Layers that a file describes in words of its own."""

import json
import sys
import threading
import zipfile

import h5py
import numpy as np
import pytest

import convscope
from convscope.backend import keras, ops
from convscope.errors import ModelError
from convscope.models.saved.budget import Budget
from convscope.models.saved.build import ModelBuilder
from convscope.models.saved.entries import parse_network
from convscope.models.saved.trust import Custom
from convscope.models.saved.wiring import Wires
from models import hostile
from networks import filled, images


def saved_with_lambda(path, name, arguments):
    """Write an HDF5 model whose last layer, an addition of 0.17 times the second branch, is described as Keras 2 did: as a Lambda."""
    from keras.src.legacy.saving import legacy_h5_format

    layers = keras.layers
    picture = keras.Input((8, 8, 3), name="image")
    one, other = layers.Conv2D(3, 3, name="one")(picture), layers.Conv2D(3, 3, name="other")(picture)
    model = filled(keras.Model(picture, layers.Add(name=name)([one, other]), name="net"))
    legacy_h5_format.save_model_to_hdf5(model, str(path))
    with h5py.File(path, "r+") as file:
        config = file.attrs["model_config"].replace('"class_name": "Add"', '"class_name": "Lambda"')
        place = config.index("{", config.index('"Lambda"'))
        file.attrs["model_config"] = (
            f'{config[: place + 1]}"function": ["4wEAAAA=", null, null], "arguments": {arguments}, {config[place + 1 :]}'
        )
    return model


def test_the_lambda_of_an_inception_resnet_is_known_without_running_it(tmp_path):
    model = saved_with_lambda(tmp_path / "net.h5", "block35_1", '{"scale": 0.17}')
    pixels = images(1, 8, 8, 3)
    branches = [ops.convert_to_numpy(model.get_layer(name)(pixels)) for name in ("one", "other")]
    found = convscope.activations(convscope.load(tmp_path / "net.h5", preprocess="unit"), "block35_1", pixels).maps
    assert np.allclose(found, branches[0] + 0.17 * branches[1], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments"), [("block35_x", '{"scale": 0.17}'), ("block8_2", '{"scale": 1, "y": 2}'), ("block8_2", "{}")]
)
def test_any_other_lambda_is_refused(tmp_path, name, arguments):
    saved_with_lambda(tmp_path / "net.h5", name, arguments)
    with pytest.raises(ModelError, match="is refused: a Lambda"):
        convscope.load(tmp_path / "net.h5")


def same(model, path, inputs, **options):
    """Save a model, load it, and return the largest difference between what both compute."""
    if path.suffix == ".h5":
        from keras.src.legacy.saving import legacy_h5_format

        legacy_h5_format.save_model_to_hdf5(model, str(path))
    else:
        model.save(path)
    loaded = convscope.load(path, preprocess="unit", **options).network
    pairs = zip(*(keras.tree.flatten(one(inputs, training=False)) for one in (model, loaded)), strict=True)
    return max(float(np.abs(ops.convert_to_numpy(a) - ops.convert_to_numpy(b)).max()) for a, b in pairs)


def encoder(name):
    picture = keras.Input((6, 6, 3))
    return keras.Model(picture, keras.layers.Conv2D(3, 3, padding="same", activation="tanh", name="conv")(picture), name=name)


SUFFIXES = pytest.mark.parametrize("suffix", [".keras", ".h5"])


@SUFFIXES
def test_a_shared_model_whose_calls_are_the_outputs(tmp_path, suffix):
    shared, one, other = encoder("shared"), keras.Input((6, 6, 3), name="one"), keras.Input((6, 6, 3), name="other")
    model = filled(keras.Model([one, other], [shared(one), shared(other)], name="pair"))
    assert same(model, tmp_path / f"pair{suffix}", [images(2, 6, 6, 3), images(2, 6, 6, 3, seed=1)]) < 1e-6


@SUFFIXES
def test_shared_models_called_in_turn_keep_their_order(tmp_path, suffix):
    there, back = encoder("there"), encoder("back")
    x, y = keras.Input((6, 6, 3), name="x"), keras.Input((6, 6, 3), name="y")
    fake_y = there(x)
    cycled_x, fake_x = back(fake_y), back(y)
    model = filled(keras.Model([x, y], [there(fake_x), cycled_x, fake_y], name="cycle"))
    assert same(model, tmp_path / f"cycle{suffix}", [images(2, 6, 6, 3), images(2, 6, 6, 3, seed=1)]) < 1e-6


@SUFFIXES
def test_constants_that_are_arrays_and_casts(tmp_path, suffix):
    picture = keras.Input((6, 6, 3), name="image")
    value = ops.cast((picture - np.array([0.1, 0.2, 0.3], dtype="float32")) * 2.0, "float32")
    model = filled(keras.Model(picture, keras.layers.Conv2D(2, 3, name="conv")(value), name="net"))
    assert same(model, tmp_path / f"net{suffix}", images(2, 6, 6, 3)) < 1e-5


def wrapped():
    layers = keras.layers
    frames = keras.Input((4, 8, 8, 3), name="frames")
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()], name="inner")
    value = layers.TimeDistributed(layers.Conv2D(3, 3, padding="same"), name="each")(frames)
    value = layers.TimeDistributed(inner, name="whole")(value)
    return keras.Model(frames, layers.Bidirectional(layers.GRU(3), name="both")(value), name="net")


def test_layers_and_models_inside_wrappers(tmp_path):
    assert same(filled(wrapped()), tmp_path / "net.keras", images(2, 4, 8, 8, 3)) < 1e-5


def test_a_weight_that_is_one_number(tmp_path):
    first = keras.Input((4, 4, 3), name="image")
    flat = keras.layers.Reshape((16, 3))(first)
    model = filled(keras.Model(first, keras.layers.Attention(use_scale=True, name="look")([flat, flat]), name="net"))
    model.get_layer("look").set_weights([np.float32(0.7)])
    assert same(model, tmp_path / "net.h5", images(2, 4, 4, 3)) < 1e-5


def test_names_that_not_every_backend_takes(tmp_path):
    picture = keras.Input((6, 6, 3), name="image")
    model = filled(keras.Model(picture, keras.layers.Conv2D(2, 3, name="conv")(picture), name="net"))
    model.save(tmp_path / "net.keras")
    with zipfile.ZipFile(tmp_path / "net.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = parts["config.json"].replace(b'"conv"', '"a.b c/\u00fc"'.encode())
    with zipfile.ZipFile(tmp_path / "odd.keras", "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    bundle = convscope.load(tmp_path / "odd.keras")
    assert [info.address for info in convscope.layers(bundle)] == ["a_b_c__"]
    assert convscope.ascend(bundle, "a_b_c__:1", steps=2).images.shape[0] == 1


def test_bfloat16_weights(tmp_path):
    picture = keras.Input((6, 6, 3), name="image")
    model = filled(keras.Model(picture, keras.layers.Conv2D(2, 3, name="conv", dtype="bfloat16")(picture), name="net"))
    model.save(tmp_path / "net.keras")
    kernel = ops.convert_to_numpy(ops.cast(model.get_layer("conv").kernel, "float32"))
    loaded = convscope.load(tmp_path / "net.keras").network.get_layer("conv").kernel
    assert np.array_equal(ops.convert_to_numpy(loaded), kernel)


def test_quantised_weights_are_said_to_be():
    picture = keras.Input((6, 6, 3), name="image")
    model = keras.Model(picture, keras.layers.Dense(4, name="dense")(picture), name="net")
    model.get_layer("dense").quantize("int8")
    with pytest.raises(ModelError, match=r"`dense` holds quantised weights.*before you call quantize"):
        ModelBuilder(3, Budget(10_000), Custom({})).model(parse_network(json.loads(model.to_json())))


def test_layers_made_by_other_threads_keep_their_initialisers():
    with Budget(10_000).guarding():
        made = []
        thread = threading.Thread(target=lambda: made.append(keras.layers.Dense(3)))
        thread.start()
        thread.join()
        worker = threading.Thread(target=lambda: made[0].build((None, 4)))
        worker.start()
        worker.join()
        own = keras.layers.Dense(3)
        own.build((None, 4))
    assert np.any(ops.convert_to_numpy(made[0].kernel))
    assert not np.any(ops.convert_to_numpy(own.kernel))
    after = keras.layers.Dense(3)
    after.build((None, 4))
    assert np.any(ops.convert_to_numpy(after.kernel))


def shuffled(layers, seed):
    return [layers[number] for number in np.random.default_rng(seed).permutation(len(layers))]


@pytest.mark.once
@pytest.mark.parametrize(
    "order", [list, lambda layers: layers[::-1], lambda layers: shuffled(layers, 3)], ids=["ahead", "backward", "shuffled"]
)
def test_layers_in_any_order_are_connected_in_a_number_of_steps_that_grows_with_their_number(tmp_path, monkeypatch, order):
    config = hostile.network(*(hostile.layer("ReLU", f"r{number}") for number in range(300)))
    config["config"]["layers"] = order(config["config"]["layers"])
    asked, missing = [], Wires.missing
    monkeypatch.setattr(Wires, "missing", lambda wires, call: asked.append(call) or missing(wires, call))
    network = convscope.load(hostile.hdf5_file(tmp_path / "net.h5", config), preprocess="unit").network
    assert [layer.name for layer in network.layers][2:-2] == [f"r{number}" for number in range(300)]
    assert len(asked) < 3 * 304


@pytest.mark.once
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_layers_whose_long_names_begin_alike_are_told_apart(tmp_path, suffix):
    picture = value = keras.Input((6, 6, 3), name="x" * 300)
    for number in range(4):
        value = keras.layers.Conv2D(3, 1, name="a" * 230 + str(number))(value)
    model = keras.Model(picture, keras.layers.GlobalAveragePooling2D(name="a" * 230)(value))
    model.set_weights([np.random.default_rng(3).normal(size=one.shape) for one in model.get_weights()])
    assert same(model, tmp_path / f"net{suffix}", images(2, 6, 6, 3)) == 0
    names = [layer.name for layer in convscope.load(tmp_path / f"net{suffix}", preprocess="unit").network.layers]
    assert len(set(names)) == 6 and max(map(len, names)) <= 200


@pytest.mark.long
@pytest.mark.once
@pytest.mark.parametrize("form", ["functional", "sequential"])
def test_a_chain_longer_than_python_calls_functions_loads_and_is_listed(tmp_path, form):
    layers = hostile.chain(*(hostile.layer("ReLU", f"r{number}") for number in range(1200)))
    config = hostile.functional(layers) if form == "functional" else hostile.sequential(layers)
    limit = sys.getrecursionlimit()
    assert len(convscope.layers(convscope.load(hostile.keras_file(tmp_path / "net.keras", config), preprocess="unit"))) == 1203
    assert sys.getrecursionlimit() == limit


@pytest.mark.once
def test_more_layers_than_any_network_has_are_refused(tmp_path):
    layers = hostile.chain(*(hostile.layer("ReLU", f"r{number}") for number in range(10_000)))
    with pytest.raises(ModelError, match=r"has 10,004 layers. Expected at most 10,000"):
        convscope.load(hostile.keras_file(tmp_path / "net.keras", hostile.sequential(layers)))
