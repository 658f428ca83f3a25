"""Layers that a file describes in words of its own."""

import h5py
import numpy as np
import pytest

import convscope
from convscope.backend import keras, ops
from convscope.errors import ModelError
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
