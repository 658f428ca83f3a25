"""`--custom`: the user's own code runs because it was named, and no other."""

import json
import zipfile

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import ModelError, OptionError
from convscope.models.custom import as_custom
from networks import array, filled, images

CODE = """
import os
from os.path import join

import keras
from keras.layers import Dense

class Doubling(keras.layers.Layer):
    def call(self, value):
        return value * 2.0

def halved(value):
    return value * 0.5

def scaled(value, scale=1.0, path=None):
    return value * scale

def written(path, text):
    open(path, "w").write(text)

class _Private(Doubling):
    pass

def _private(value):
    return value
"""


@pytest.fixture
def code(tmp_path, monkeypatch):
    (tmp_path / "own_layers_for_test.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "own_layers_for_test.py"


def test_a_file_a_module_a_name_and_the_thing_itself(code):
    public = {"Doubling", "halved", "scaled", "written"}
    assert set(as_custom(str(code)).names()) == public
    assert set(as_custom("own_layers_for_test").names()) == public
    assert as_custom(f"{code}:_Private").names() == ["_Private"]
    assert as_custom(["own_layers_for_test:halved"]).names() == ["halved"]
    kind = as_custom(code).find("Doubling")
    assert as_custom(kind).find("mine>Doubling") is kind
    assert as_custom({"Other": kind}).find("Other") is kind


def test_a_model_of_own_layers_needs_them_named(code, tmp_path):
    own = as_custom(code)
    picture = keras.Input((8, 8, 3), name="image")
    value = keras.layers.Conv2D(2, 3, activation=own.function("halved"), name="conv")(picture)
    model = filled(keras.Model(picture, own.find("Doubling")(name="twice")(value)))
    model.save(tmp_path / "own.keras")
    with pytest.raises(ModelError, match=r"activation 'halved'.*`custom="):
        convscope.load(tmp_path / "own.keras")
    with pytest.raises(ModelError, match=r"`twice` is of the class .*Doubling.*`custom="):
        convscope.load(tmp_path / "own.keras", custom="own_layers_for_test:halved")
    bundle = convscope.load(tmp_path / "own.keras", custom=[str(code)])
    assert [info.address for info in convscope.layers(bundle)] == ["conv", "twice"]
    assert bundle.given["custom"] == [str(code)]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("missing.py", "No file"),
        ("no_such_module_anywhere", "cannot be imported"),
        ("json:nothing", "`json` of `custom` has no `nothing`"),
        ([3], "Received int"),
    ],
)
def test_what_is_no_code_is_said(named, said):
    with pytest.raises(OptionError, match=said):
        as_custom(named)


def test_code_that_fails_is_said(tmp_path):
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(ModelError, match="ZeroDivisionError"):
        as_custom(tmp_path / "broken.py")


def test_classes_that_a_package_hands_on(tmp_path, monkeypatch):
    package = tmp_path / "package_for_test"
    package.mkdir()
    (package / "inner.py").write_text(CODE)
    (package / "__init__.py").write_text("from keras.layers import Conv2D\nfrom .inner import Doubling, halved, _private\n")
    (tmp_path / "own.py").write_text("from package_for_test import Doubling as Twice, halved\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert set(as_custom("package_for_test").names()) == {"Doubling", "halved"}
    assert as_custom(tmp_path / "own.py").names() == ["Twice"]  # a function of another package was not meant


def saved_layer(path, layer):
    """Write a model of a convolution, the layer that a config says, and a pooling."""
    picture = keras.Input((6, 6, 3), name="image")
    value = keras.layers.Conv2D(2, 3, name="conv")(picture)
    model = filled(keras.Model(picture, keras.layers.Activation("relu", name="slot")(value), name="net"))
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    slot = next(one for one in config["config"]["layers"] if one["name"] == "slot")
    slot.update({"class_name": layer[0], "config": {"name": "slot", **layer[1]}})
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return model


def naming(function, **arguments):
    return "Lambda", {"function": {"class_name": "function", "config": function, "module": "builtins"}, "arguments": arguments}


def test_a_file_has_functions_applied_to_one_tensor_and_nothing_else(code, tmp_path):
    path, mark = tmp_path / "net.keras", str(tmp_path / "mark")
    model = saved_layer(path, naming("scaled", scale=3.0))
    loaded = convscope.load(path, custom=str(code), preprocess="unit").network
    pixels = images(1, 6, 6, 3)
    conv = keras.Model(model.input, model.get_layer("conv").output)
    assert np.allclose(array(loaded(pixels)), 3.0 * array(conv(pixels)), atol=1e-6)
    refused = {
        "would pass .* as 'path'": naming("scaled", path=mark),
        "does not take one tensor": ("Activation", {"activation": "written"}),
        "is of the class 'written'": ("written", {"path": mark, "text": "x"}),
        "has the activation '_private'": ("Activation", {"activation": "_private"}),
        "of the function '_private'": naming("_private"),
        "of the function 'join'": naming("join"),
    }
    for said, layer in refused.items():
        saved_layer(path, layer)
        with pytest.raises(ModelError, match=said):
            convscope.load(path, custom=str(code))
    saved_layer(path, naming("scaled", path=mark))
    assert convscope.load(path, custom=f"{code}:scaled", preprocess="unit")  # named itself, it also takes text
    assert not (tmp_path / "mark").exists()


OWN_WORDS = """
import keras

class Strided(keras.layers.Layer):
    def __init__(self, p, stride, seed, gate, inner, **options):
        super().__init__(**options)
        self.p, self.stride, self.seed = p, stride, seed
        self.gate = keras.activations.get(gate)
        self.inner = keras.layers.deserialize(inner)

    def call(self, value):
        return self.gate(self.inner(value)) * self.p + self.stride + self.seed
"""


@pytest.mark.parametrize("writer", ["2.2.4", "3.0.5"])
def test_a_class_of_ones_own_gets_its_own_words(tmp_path, writer):
    """Words that are old ones of Keras' (p, stride, seed) are handed on; what stands inside means what the writer's Keras meant."""
    (tmp_path / "own.py").write_text(OWN_WORDS)
    path = tmp_path / "net.keras"
    inner = {"class_name": "Activation", "config": {"name": "inside", "activation": "hard_sigmoid"}}
    model = saved_layer(path, ("Strided", {"p": 2.0, "stride": 3, "seed": 5, "gate": "hard_sigmoid", "inner": inner}))
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["metadata.json"] = json.dumps({"keras_version": writer}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    loaded = convscope.load(path, custom=str(tmp_path / "own.py"), preprocess="unit").network
    pixels = images(2, 6, 6, 3)
    value = array(keras.Model(model.input, model.get_layer("conv").output)(pixels))
    slope = 0.2 if writer.startswith("2") else 1 / 6
    for _ in ("inner", "gate"):
        value = np.clip(slope * value + 0.5, 0, 1)
    assert np.allclose(array(loaded(pixels)), value * 2.0 + 8, atol=1e-5)
