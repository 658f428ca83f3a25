"""Files and names -> bundles."""

import contextlib
import json
import time

import h5py
import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import ModelError, OptionError
from convscope.models import ModelBundle, applications, as_bundle


def legacy():
    """Return Keras' writer of old HDF5 files."""
    from keras.src.legacy.saving import legacy_h5_format

    return legacy_h5_format


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty folder in place of Keras' own cache."""
    monkeypatch.setattr(applications, "cache_folder", lambda: tmp_path / "models")
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def small(seed=1, classes=3):
    initial = keras.initializers.GlorotUniform(seed)
    return keras.Sequential(
        [
            keras.Input((12, 12, 3), name="image"),
            keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer=initial, name="conv"),
            keras.layers.GlobalAveragePooling2D(name="average"),
            keras.layers.Dense(classes, activation="softmax", kernel_initializer=initial, name="predictions"),
        ],
        name="small",
    )


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".hdf5"])
def test_a_saved_model_loads_and_answers_alike(tmp_path, suffix):
    model = small()
    path = tmp_path / f"model{suffix}"
    if suffix == ".keras":
        model.save(path)
    else:
        legacy().save_model_to_hdf5(model, str(path))
    bundle = convscope.load(path)
    image = np.random.default_rng(0).random((2, 12, 12, 3), dtype=np.float32)
    assert bundle.name == "model"
    assert np.allclose(model.predict(image, verbose=0), bundle.network.predict(image, verbose=0), atol=1e-6)


def test_without_a_name_it_is_vgg16_and_says_which(cache):
    bundle = convscope.load()
    assert bundle.weights == "embedded"
    assert "embedded" in bundle.notes[0]
    assert bundle.preprocessing.name == "caffe"
    assert bundle.fixed_size is None
    assert len(convscope.layers(bundle)) == 18


def test_the_full_checkpoint_is_taken_when_the_cache_holds_it(cache):
    # A small architecture stands for VGG16's half gigabyte; the way is the same for all.
    asked = []

    def remember(fname, origin=None, *_, cache_subdir="datasets", **__):
        asked.append(fname)
        return applications._only_cached(fname, origin, cache_subdir=cache_subdir)

    with applications._get_file(remember), pytest.raises(applications._NotCached):
        applications.build("MobileNet", "imagenet")
    network = applications.build("MobileNet", None)
    with h5py.File(cache / asked[0], "w") as file:
        legacy().save_weights_to_hdf5_group(file, network)
    bundle = convscope.load("mobilenet")
    assert bundle.weights == "imagenet"
    assert np.array_equal(np.asarray(bundle.network.weights[0]), np.asarray(network.weights[0]))


def test_a_name_that_is_not_cached_says_how_to_fetch_it(cache):
    with pytest.raises(ModelError, match="convscope fetch resnet50"):
        convscope.load("resnet50")


def test_a_fetch_without_a_network_ends_soon_and_clearly(cache, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="could not be downloaded.*Check the network"):
        applications.fetch("MobileNet", probe_seconds=3)


def test_a_server_that_never_answers_is_given_up(monkeypatch):
    def silent(*_, **__):
        time.sleep(1)
        return contextlib.nullcontext()

    monkeypatch.setattr(applications.urllib.request, "urlopen", silent)
    with pytest.raises(ModelError, match="no answer within 0.2 seconds"):
        applications._probe("https://example.invalid/x", 0.2)


def test_random_weights_by_name():
    bundle = convscope.load("mobilenet", weights="none")
    assert bundle.weights == "none"
    assert bundle.preprocessing.name == "symmetric"


def test_a_model_in_memory_and_as_bundle():
    bundle = as_bundle(small())
    assert isinstance(bundle, ModelBundle)
    assert as_bundle(bundle) is bundle
    with pytest.raises(ModelError, match="Received int"):
        as_bundle(3)


def test_the_digest_is_of_weights_and_architecture():
    assert convscope.load(small(1)).digest == convscope.load(small(1)).digest
    assert convscope.load(small(1)).digest != convscope.load(small(2)).digest
    assert convscope.load(small(1, 3)).digest != convscope.load(small(1, 4)).digest


def test_labels_from_lists_and_files(tmp_path):
    lines, index = tmp_path / "names.txt", tmp_path / "names.json"
    lines.write_text("cat\ndog\nbird\n")
    index.write_text(json.dumps({"0": ["n01", "cat"], "1": ["n02", "dog"], "2": ["n03", "bird"]}))
    for labels in (["cat", "dog", "bird"], lines, index):
        assert convscope.load(small(), labels=labels).labels == ("cat", "dog", "bird")
    with pytest.raises(OptionError, match="Received 2 labels, but the network has 3"):
        convscope.load(small(), labels=["a", "b"])


def test_a_lambda_is_not_run(tmp_path):
    path = tmp_path / "lambda.keras"
    inputs = keras.Input((8, 8, 3))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x * 2, name="lambda")(inputs)).save(path)
    with pytest.raises(ModelError, match="Layer `lambda` is refused"):
        convscope.load(path)


def test_a_second_input_says_so():
    layers = keras.layers
    image, number = keras.Input((8, 8, 3), name="image"), keras.Input((4,), name="number")
    joined = layers.Concatenate()([layers.Flatten()(layers.Conv2D(2, 3, name="conv")(image)), number])
    bundle = convscope.load(keras.Model([image, number], layers.Dense(2, name="out")(joined)))
    pixels = np.zeros((8, 8, 3), np.float32)
    assert convscope.deconv(bundle, "conv:0", pixels).pixels.shape == (1, 1, 8, 8, 3)
    for look in (convscope.deconv, convscope.saliency):
        with pytest.raises(ModelError, match="second input, `number`.*`inputs="):
            look(bundle, "out:0", pixels)


@pytest.mark.once
@pytest.mark.parametrize("name", ["a" * 5000 + ".h5", "x" * 5000, "~nobody-of-that-name/model.h5", "a\0b.keras"])
def test_a_path_that_no_file_can_have_is_a_sentence(name):
    with pytest.raises(ModelError, match="is not a possible path|No file"):
        convscope.load(name)
