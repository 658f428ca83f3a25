"""Weights-only files: the architecture is recognised among keras.applications, or named."""

import json

import h5py
import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import ModelError
from convscope.models import applications, architectures
from networks import filled, small
from sampling import all_but

pytestmark = pytest.mark.once


def saved(network, path):
    """Write weights as Keras 2 released them for its applications."""
    from keras.src.legacy.saving import legacy_h5_format

    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    return path


def first_weights(network):
    return np.asarray(keras.ops.convert_to_numpy(network.weights[0]))


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("MobileNet", {"include_top": False}, "MobileNet without its top"),
        pytest.param("MobileNet", {"classes": 7, "input_shape": (32, 32, 3)}, "MobileNet, recognised", marks=pytest.mark.long),
        pytest.param("EfficientNetB0", {"include_top": False}, "EfficientNetB0 without its top", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
def test_an_application_is_recognised_by_its_weights(tmp_path, name, settings, said, suffix):
    network = filled(getattr(keras.applications, name)(weights=None, **settings))
    path = tmp_path / f"any{suffix}"
    if suffix == ".h5":
        saved(network, path)
    else:
        network.save_weights(path)
    bundle = convscope.load(path)
    assert any(said in note for note in bundle.notes)
    assert np.array_equal(first_weights(bundle.network), first_weights(network))


def test_the_table_holds_every_application():
    assert set(architectures.known()) == set(applications.names())


@pytest.mark.parametrize("name", all_but(["MobileNetV3Small"], ["DenseNet121", "MobileNetV3Small", "VGG16"]))
def test_the_table_is_right(name):
    weights, features = architectures.known()[name]
    network = getattr(keras.applications, name)(weights=None, include_top=False)
    counted = sum(int(np.prod(weight.shape)) for weight in network.weights)
    assert abs(counted - weights) <= architectures.TOLERANCE
    assert network.output_shape[-1] == features


def test_another_network_is_asked_for_and_taken_from_json(tmp_path):
    network = small()
    path = saved(network, tmp_path / "own.h5")
    with pytest.raises(ModelError, match="`architecture=.model.json"):
        convscope.load(path)
    (tmp_path / "own.json").write_text(network.to_json())
    bundle = convscope.load(path, architecture=str(tmp_path / "own.json"))
    assert np.array_equal(first_weights(bundle.network), first_weights(network))
    assert bundle.given["architecture"].endswith("own.json")


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("resnet50", "do not fit ResNet50"),
        ("resnet5", "Closest of the names in keras.applications: ResNet50"),
        ("missing.json", "cannot be read"),
    ],
)
def test_an_architecture_that_does_not_fit_is_said(tmp_path, named, said):
    path = saved(small(), tmp_path / "own.h5")
    with pytest.raises(ModelError, match=said):
        convscope.load(path, architecture=named)


def test_the_json_is_untrusted_too(tmp_path):
    path = saved(small(), tmp_path / "own.h5")
    config = json.loads(small().to_json())
    config["config"]["layers"][1]["class_name"] = "Lambda"
    (tmp_path / "own.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="is refused: a Lambda"):
        convscope.load(path, architecture=str(tmp_path / "own.json"))
