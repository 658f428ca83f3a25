"""Files in the words that people's own Keras wrote, with that Keras' outputs beside them (tests/corpus/faults)."""

from pathlib import Path

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import ModelError

FOLDER = Path(__file__).resolve().parent.parent / "corpus" / "faults"


def error_of(file, output="y", **options):
    """Return the largest relative difference from what the writer's predict gave for the same pictures."""
    with np.load((FOLDER / file).with_suffix(".npz")) as data:
        given, expected = data["x"], data[output]
    network = convscope.load(FOLDER / file, preprocess="unit", **options).network
    given = given / 255 if given.dtype == np.uint8 else given
    found = keras.ops.convert_to_numpy(network(given.astype("float32"), training=False))
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("lstm.h5", {}),  # LSTM(recurrent_activation="hard_sigmoid") in Bidirectional
        ("wrap.h5", {}),  # hard_sigmoid in TimeDistributed and Bidirectional
        ("renorm3.h5", {}),  # BatchNormalization(renorm=True) of Keras 3.15
        ("renorm3.keras", {}),
        ("tfk-1.h5", {}),  # tf.reshape(h, (1, -1)) behind a fixed batch of 1
        ("k3-8.keras", {}),  # keras.ops.reshape(h, (8, -1)) behind a fixed batch of 8
    ],
)
def test_what_the_writer_computed(file, options, record_error):
    assert record_error("old words", error_of(file, **options)) < 1e-6


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("tfk-lam.h5", {"unsafe": True}),
        ("tfkv3.keras", {"unsafe": True}),
        ("k3-named.keras", {"custom": "keras.applications.mobilenet_v2:preprocess_input"}),
    ],
)
def test_lambdas_of_code_and_of_a_function_by_name(file, options):
    given = np.load((FOLDER / file).with_suffix(".npz"))
    network = convscope.load(FOLDER / file, preprocess="none", **options).network
    found = keras.ops.convert_to_numpy(network(given["x"].astype("float32"), training=False))
    assert np.abs(found - given["y"]).max() < 1e-5 * np.abs(given["y"]).max()


def test_a_lambda_that_names_a_function_says_so_when_it_is_missing():
    with pytest.raises(ModelError, match=r"`prep` is a Lambda of the function 'preprocess_input', whose code is not in the file.*`custom="):
        convscope.load(FOLDER / "k3-named.keras", unsafe=True)


def test_networks_in_the_config_of_a_custom_model():
    bundle = convscope.load(FOLDER / "sub.keras", custom=str(FOLDER / "vae_code.py"), preprocess="unit")
    addresses = [info.address for info in convscope.layers(bundle)]
    assert addresses[:2] == ["encoder/e1", "encoder/e2"]
    assert "encoder/z" in addresses  # a class that forgets its name is called as the file's entry says
    with pytest.raises(ModelError, match="VAE"):
        convscope.load(FOLDER / "sub.keras")
