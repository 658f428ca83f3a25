"""`--custom`: the user's own code runs because it was named, and no other."""

import pytest

import convscope
from convscope.backend import keras
from convscope.errors import ModelError, OptionError
from convscope.models.custom import as_custom
from networks import filled

CODE = """
import keras

class Doubling(keras.layers.Layer):
    def call(self, value):
        return value * 2.0

def halved(value):
    return value * 0.5
"""


@pytest.fixture
def code(tmp_path, monkeypatch):
    (tmp_path / "own_layers_for_test.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "own_layers_for_test.py"


def test_a_file_a_module_a_name_and_the_thing_itself(code):
    assert set(as_custom(str(code)).names()) == {"Doubling", "halved"}
    assert set(as_custom("own_layers_for_test").names()) == {"Doubling", "halved"}
    assert as_custom(["own_layers_for_test:halved"]).names() == ["halved"]
    kind = as_custom(code).find("Doubling")
    assert as_custom(kind).find("mine>Doubling") is kind
    assert as_custom({"Other": kind}).find("Other") is kind


def test_a_model_of_own_layers_needs_them_named(code, tmp_path):
    own = as_custom(code)
    picture = keras.Input((8, 8, 3), name="image")
    value = keras.layers.Conv2D(2, 3, activation=own.find("halved"), name="conv")(picture)
    model = filled(keras.Model(picture, own.find("Doubling")(name="twice")(value)))
    model.save(tmp_path / "own.keras")
    with pytest.raises(ModelError, match=r"activation 'halved'.*--custom"):
        convscope.load(tmp_path / "own.keras")
    with pytest.raises(ModelError, match=r"`twice` is of the class .*Doubling.*--custom"):
        convscope.load(tmp_path / "own.keras", custom="own_layers_for_test:halved")
    bundle = convscope.load(tmp_path / "own.keras", custom=[str(code)])
    assert [info.address for info in convscope.layers(bundle)] == ["conv", "twice"]
    assert bundle.given["custom"] == [str(code)]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("missing.py", "No file"),
        ("no_such_module_anywhere", "cannot be imported"),
        ("json:nothing", "has no `nothing`"),
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
