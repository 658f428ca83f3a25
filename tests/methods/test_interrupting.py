"""What Ctrl-C cuts short records what was reached, and is made again from its record, byte for byte."""

import importlib

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.ascent import climb, run
from convscope.backend import keras
from convscope.catalogue import METHODS
from convscope.embedding import engines
from convscope.render import writer
from networks import awake, images, model_of, small
from sampling import all_but

SETTINGS = {"size": 16, "precision": "float32"}


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(awake(small(side=16)), preprocess="unit")


@pytest.fixture(scope="module")
def dozy():
    """One filter that wakes, one that nothing excites: the second is tried by every attempt."""
    model = model_of(keras.layers.Conv2D(2, 3, activation="relu", name="conv"), shape=(None, None, 3))
    model.get_layer("conv").set_weights([np.ones((3, 3, 3, 2), "float32"), np.float32([0.0, -100.0])])
    return convscope.load(model, preprocess="unit")


class Interrupt:
    """Raises KeyboardInterrupt at the `number`th call of a function, before or after what it does."""

    def __init__(self, function, number, *, after):
        self.function, self.left, self.after = function, number, after

    def __call__(self, *arguments, **options):
        self.left -= 1
        if self.left == 0 and not self.after:
            raise KeyboardInterrupt
        found = self.function(*arguments, **options)
        if self.left == 0:
            raise KeyboardInterrupt
        return found


def interrupted_at(monkeypatch, owner, name, number, *, after=False):
    function = getattr(owner, name)
    interrupt = Interrupt(function, number, after=after)
    monkeypatch.setattr(owner, name, lambda *arguments, **options: interrupt(*arguments, **options))


def replayed(bundle, found, **images):
    """Return the result that its own record asks for."""
    method = METHODS.get(found.provenance.method)
    parameters = dict(found.provenance.parameters)
    taken = [images[name] if name in images else parameters.pop(name) for name in method.takes]
    return method.run(bundle, *taken, **parameters)


def same(found, other):
    """Say whether two results are written to the same bytes, pictures and animations; a map's table holds how long it took."""
    assert found.provenance == other.provenance
    drawn, again = ({name: one for name, one in writer._artefacts(made).items() if name != "map.parquet"} for made in (found, other))
    assert drawn.keys() == again.keys()
    return all(encoded(found, name, one) == encoded(other, name, again[name]) for name, one in drawn.items())


def encoded(result, name, artefact):
    return artefact if isinstance(artefact, str | bytes) else writer.picture_bytes(result, name)


@pytest.mark.long
def test_pictures_that_are_made_are_kept_when_the_real_images_are_cut_short(bundle, monkeypatch):
    pictures, units = images(6, 16, 16, 3), ["conv1:0", "conv2:1"]

    def cut_short_at(layer):
        with monkeypatch.context() as patched:
            interrupted_at(patched, importlib.import_module("convscope.ascent.inputs"), "strongest_values", layer)
            return convscope.ascend(bundle, units, real=pictures, steps=3, **SETTINGS)

    whole = convscope.ascend(bundle, units, real=pictures, steps=3, **SETTINGS)
    first, second = cut_short_at(1), cut_short_at(2)
    assert all(found.interrupted and np.array_equal(found.images, whole.images) for found in (first, second))
    assert first.real is None and first.provenance.parameters["real"] is None
    assert same(first, replayed(bundle, first))
    assert second.real[0] == whole.real[0] and np.isnan(second.real[1])


PLACES = [
    pytest.param(climb.AscentRun, "step", False, marks=pytest.mark.long, id="before a step"),
    pytest.param(climb.AscentRun, "step", True, id="after a step"),
    pytest.param(climb.Climber, "scores", False, id="measuring"),
    pytest.param(run.Frames, "see", False, marks=pytest.mark.long, id="keeping a frame"),
]


@pytest.mark.parametrize(("owner", "name", "after"), PLACES)
@pytest.mark.parametrize("number", all_but([2], [1, 2, 5, 7, 9, 12], once=True))
def test_an_interrupted_ascent_is_made_again(bundle, monkeypatch, owner, name, after, number):
    """Three layers of other fields, each a batch of its own: the size is that of all, also where only the first is reached."""
    units, options = ["conv1:0-1", "conv2:0-1", "conv1:0 - conv2:1"], {"steps": 4, "every": 3, "precision": "float32"}
    with monkeypatch.context() as patched:
        interrupted_at(patched, owner, name, number, after=after)
        try:
            found = convscope.ascend(bundle, units, **options)
        except KeyboardInterrupt:
            assert number <= 2
            return
    recorded = found.provenance.parameters["units"]
    assert recorded == [str(unit) for unit in dict.fromkeys(found.units)]
    if found.interrupted:
        assert found.provenance.parameters["steps"] == 4
        assert len(recorded) < 5 or number >= 9
    assert same(found, replayed(bundle, found))


@pytest.mark.parametrize("number", all_but([3], [1, 2, 3, 90, 100, 170, 260], once=True))
def test_an_ascent_interrupted_while_it_wakes_a_unit_is_made_again(dozy, monkeypatch, number):
    with monkeypatch.context() as patched:
        interrupted_at(patched, climb.AscentRun, "step", number, after=True)
        found = convscope.ascend(dozy, "conv:0-1", steps=2, **SETTINGS)
    assert found.interrupted
    assert found.provenance.parameters["stop"] == number
    assert same(found, replayed(dozy, found))


@pytest.mark.long
def test_an_ascent_that_finds_its_own_end_is_made_again_when_interrupted(bundle, monkeypatch):
    """Without a number of steps pictures stand still one by one: the number of steps alone would not make them again."""
    whole = convscope.ascend(bundle, "conv2:all", **SETTINGS)
    ends = [int(np.isfinite(course).sum()) for course in whole.courses.T]
    assert len(set(ends)) > 1
    with monkeypatch.context() as patched:
        interrupted_at(patched, climb.AscentRun, "step", max(ends) - 1, after=True)
        found = convscope.ascend(bundle, "conv2:all", **SETTINGS)
    assert found.interrupted
    assert found.provenance.parameters["steps"] is None
    assert same(found, replayed(bundle, found))


@pytest.mark.long
def test_every_kind_of_ascent_is_made_again_when_interrupted(bundle, dozy, monkeypatch, tmp_path):
    photo = tmp_path / "photo.png"
    Image.fromarray((images(1, 20, 26, 3)[0] * 255).astype("uint8")).save(photo)
    np.save(tmp_path / "way.npy", np.ones(2, np.float32))
    kinds = [
        (bundle, "conv1:0-1", {"steps": 6, "diversity": 2, **SETTINGS}),
        (bundle, ["conv1:0", "conv2:0"], {"steps": 6, "mode": "paper", **SETTINGS}),
        (dozy, "conv:0", {"steps": 6, "start": str(photo), "precision": "float32"}),
        (dozy, ["conv:0", f"conv:{tmp_path / 'way.npy'}"], {"steps": 6, "real": str(photo), **SETTINGS}),
        (dozy, "conv:0", {"steps": 6, "image": "maco", **SETTINGS}),
    ]
    for network, units, options in kinds:
        with monkeypatch.context() as patched:
            interrupted_at(patched, climb.AscentRun, "step", 4, after=True)
            found = convscope.ascend(network, units, **options)
        assert found.interrupted
        assert same(found, replayed(network, found))


@pytest.mark.long
def test_units_of_maps_are_climbed_alike_beside_units_behind_dense_layers():
    model = model_of(
        keras.layers.Conv2D(2, 3, activation="relu", name="conv"),
        keras.layers.Flatten(),
        keras.layers.Dense(2, name="dense"),
        shape=(12, 12, 3),
    )
    network = convscope.load(awake(model), preprocess="unit")
    together = convscope.ascend(network, ["conv:0", "dense:0"], steps=3, precision="float32")
    alone = convscope.ascend(network, "conv:0", size=12, steps=3, precision="float32")
    assert together.images[0].tobytes() == alone.images[0].tobytes()


METHODS_ON_IMAGES = {
    "activations": ("conv1", "convscope.methods.activations", "to_array"),
    "deconv": ("conv2:0-1", "convscope.methods.deconv", "rows_of"),
    "saliency": ("conv1:1", "convscope.methods.mapping", "project"),
}


@pytest.mark.parametrize("name", METHODS_ON_IMAGES)
def test_methods_on_images_keep_those_that_were_reached(bundle, monkeypatch, name):
    taken, module, function = METHODS_ON_IMAGES[name]
    pictures, method = images(20, 16, 16, 3), METHODS.get(name)
    with monkeypatch.context() as patched:
        interrupted_at(patched, importlib.import_module(module), function, 3)
        found = method.run(bundle, taken, pictures)
    assert found.interrupted
    reached = found.provenance.parameters["stop"]
    assert 0 < reached < 20
    assert len(found.images) == len(found.image_names) == reached
    assert same(found, replayed(bundle, found, images=pictures))
    whole, first = method.run(bundle, taken, pictures), method.run(bundle, taken, pictures[:reached])
    assert not whole.interrupted
    assert "stop" not in whole.provenance.parameters
    assert all(np.array_equal(array, first.arrays()[key]) for key, array in found.arrays().items())


@pytest.mark.once
@pytest.mark.parametrize("number", all_but([9], [2, 9, 16, 24]))
def test_an_interrupted_map_is_made_again(monkeypatch, number):
    features = np.random.default_rng(0).normal(size=(60, 5)).astype("float32")
    strides = engines._strides

    def ending(points, count, stride, stop):
        return strides(points, count, lambda reached, at: step(stride, reached, at), stop)

    left = [number]

    def step(stride, reached, at):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return stride(reached, at)

    engine = {"engine": "openTSNE", "quality": "seeds"}
    with monkeypatch.context() as patched:
        patched.setattr(engines, "_strides", ending)
        found = convscope.tsne(None, features, **engine)
    assert found.interrupted
    assert found.provenance.parameters["stop"] == min(number - 1, 15)
    assert same(found, replayed(None, found, images=features))
