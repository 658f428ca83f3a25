"""What a layer computes in: whole numbers and truth values as Keras does, all else in float32, which is said."""

import numpy as np
import pytest

import convscope
from convscope.backend import choose, keras, ops
from convscope.graph.history import at_precision
from convscope.models.differences import difference_notes
from convscope.models.saved.entries import parse_network
from convscope.models.saved.repair import repaired
from convscope.network.network import as_network
from networks import array, images, model_of, tensor

layers = keras.layers


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_a_layer_of_whole_numbers_keeps_them(tmp_path, dtype, suffix):
    model = model_of(layers.Rescaling(9.0), layers.Identity(dtype=dtype, name="whole"), layers.Conv2D(2, 1))
    model.save(tmp_path / f"model{suffix}")
    bundle = convscope.load(tmp_path / f"model{suffix}", preprocess="unit")
    image = images(2, 8, 8, 3)
    image[0, 0] = 0
    plain = array(keras.Model(model.input, model.get_layer("whole").output)(image)).astype("float32")
    assert np.ptp(plain) > 0
    assert np.array_equal(convscope.activations(bundle, "whole", image).maps, plain)
    graph = at_precision(as_network(bundle).graph, "bfloat16")
    assert np.array_equal(array(graph.run(tensor(image), [graph.find("whole").index])[0]).astype("float32"), plain)


def test_before_keras_3_such_a_layer_left_its_input_as_it_was():
    config = {"name": "one", "activation": "relu", "dtype": "int32"}
    layer = {"class_name": "Activation", "config": config}
    (entry,) = parse_network({"class_name": "Sequential", "config": {"name": "old", "layers": [layer]}}).network.layers
    assert "dtype" not in repaired(entry, 2)[1]
    assert repaired(entry, 3)[1]["dtype"] == "int32"


def test_another_floating_point_policy_is_said_once(tmp_path):
    keras.Sequential([keras.Input((8, 8, 3)), *(layers.Conv2D(2, 3, dtype="mixed_float16") for _ in range(2))]).save(
        tmp_path / "half.keras"
    )
    notes = [note for note in convscope.load(tmp_path / "half.keras").notes if "mixed_float16" in note]
    assert notes == ["computed in float32: the file's policy is mixed_float16, whose rounding is not repeated"]


def test_a_bicubic_resizing_of_pytorch_is_said():
    model = model_of(
        layers.Resizing(4, 4, "bicubic", name="smaller"), lambda value: ops.image.resize(value, (6, 6), "bicubic", antialias=True)
    )
    found = difference_notes(model)
    assert len(found) == (choose() == "torch")
    assert all(note.endswith("range: `smaller`") for note in found)
