"""A network arrives elsewhere as the same network, by its file, its name or as bytes; or it stays, and a sentence says why."""

import pickle
import sys
import types

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import ModelError
from convscope.models import reference
from convscope.models.reference import ModelReference
from networks import array, images, model_of, small


def arrived(bundle, **how):
    """Return the network as another process has it."""
    reference._last.clear()
    return pickle.loads(pickle.dumps(ModelReference.of(bundle, **how))).load()


def same(bundle, other):
    shape = (2, *bundle.size, bundle.channels)
    before, after = (array(one.network(one.preprocessing.apply(images(*shape)))) for one in (bundle, other))
    assert np.array_equal(before, after)
    assert (other.digest, other.name, other.labels, other.preprocessing) == (
        bundle.digest,
        bundle.name,
        bundle.labels,
        bundle.preprocessing,
    )
    assert other.identity()["source"] == bundle.source


def test_a_network_in_memory_arrives(tmp_path):
    bundle = convscope.load(small(), labels=["a", "b", "c"], preprocess="127/128")
    same(bundle, arrived(bundle))


def test_a_file_travels_as_its_bytes_where_it_may_not_be_seen(tmp_path):
    path = tmp_path / "model.h5"
    small().save(path)
    bundle = convscope.load(path)
    near, far = ModelReference.of(bundle), ModelReference.of(bundle, far=True)
    assert (near.path, near.content, far.path, far.content) == (str(path), None, None, path.read_bytes())
    path.unlink()
    same(bundle, pickle.loads(pickle.dumps(far)).load())
    with pytest.raises(ModelError, match="model.h5"):
        near.load()


def test_an_embedded_network_travels_as_its_name():
    told = ModelReference.of(convscope.load("fashion"), far=True)
    assert (told.path, told.content) == ("fashion", None)


@pytest.mark.once
@pytest.mark.long
def test_a_network_whose_file_spells_it_otherwise_keeps_its_digest():
    """Its name has a dot, which the file does not keep, and initialisers, which convscope does not read."""
    bundle = convscope.load("mobilenetv2", weights="none")
    told = ModelReference.of(bundle)
    assert told.digest == bundle.digest != told.arrives
    same(bundle, arrived(bundle))


def test_bytes_of_another_network_are_refused():
    one, other = (ModelReference.of(convscope.load(small(classes=count))) for count in (3, 4))
    mixed = reference.replace(one, content=other.content)
    with pytest.raises(ModelError, match=rf"another model than a worker loaded.*expected {one.arrives}"):
        mixed.load()


def test_layers_of_ones_own_travel_by_their_names(monkeypatch):
    class Doubled(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2

    Doubled.__qualname__ = "Doubled"
    bundle = convscope.load(model_of(Doubled(), keras.layers.Flatten(), keras.layers.Dense(2)), custom=Doubled)
    with pytest.raises(ModelError, match="its layer Doubled is defined in `.*`, where a worker cannot import it. Put it into a module"):
        ModelReference.of(bundle)
    module = types.ModuleType("doubling")
    module.Doubled, Doubled.__module__, module.__spec__ = Doubled, "doubling", types.SimpleNamespace(name="doubling")
    monkeypatch.setitem(sys.modules, "doubling", module)
    assert ModelReference.of(bundle).options["custom"] == ["doubling:Doubled"]
    same(bundle, arrived(bundle))


def test_what_convscope_cannot_read_again_stays(monkeypatch):
    bundle = convscope.load(model_of(keras.layers.Lambda(lambda value: value * 3), keras.layers.Flatten(), keras.layers.Dense(2)))
    with pytest.raises(ModelError, match=r"exists only in this process's memory.*Lambda.*`engine=\"local\"`"):
        ModelReference.of(bundle)
    told = convscope.load(small())
    monkeypatch.setattr(reference, "_answers", lambda one: [np.zeros(2) if one is told else np.ones(2)])
    with pytest.raises(ModelError, match="it computes other numbers"):
        ModelReference.of(told)
