"""The scan, whole: equal to brute force, whatever the batches, the order, the workers and the interruptions."""

import pickle

import arithmetic
import numpy as np
import outside
import pytest

import convscope
from convscope import backend
from convscope.backend import keras
from convscope.errors import BackendError, ModelError, OptionError
from convscope.network.network import as_network
from convscope.scanning.maxima import NetworkMeasure
from convscope.scanning.scan import Job, ScanOptions
from networks import images, model_of

LAYERS = ("block1_conv1", "block3_conv1", "dense1")


@pytest.fixture(scope="module")
def fashion():
    return convscope.load("fashion")


@pytest.fixture(scope="module")
def run(fashion, tmp_path_factory):
    return convscope.scan(fashion, "sample:fashion[0-299]", out=tmp_path_factory.mktemp("run") / "run", precision="float32")


def test_the_top_images_are_those_of_brute_force(fashion, run):
    """T15."""
    for layer in LAYERS:
        maps = convscope.activations(fashion, layer, "sample:fashion[0-299]").maps
        flat = maps.reshape(300, -1, maps.shape[-1])
        maxima, places = flat.max(axis=1), flat.argmax(axis=1)
        found = run.top(layer)
        for unit in range(maps.shape[-1]):
            expected = np.sort(maxima[:, unit])[::-1][:9]
            assert np.allclose(found.values[unit], expected, rtol=1e-5, atol=1e-5)
            assert np.allclose(maxima[found.images[unit], unit], found.values[unit], rtol=1e-5, atol=1e-5)
            if maps.ndim == 4:
                rows, columns = np.divmod(places[found.images[unit], unit], maps.shape[2])
                near = maps[found.images[unit], found.rows[unit], found.columns[unit], unit]
                assert np.allclose(near, expected, rtol=1e-5, atol=1e-5)
                assert ((rows == found.rows[unit]) & (columns == found.columns[unit])).mean() > 0.85


@pytest.mark.long
def test_two_processes_with_the_network_give_the_bytes_of_one(fashion, run, tmp_path):
    other = convscope.scan(fashion, "sample:fashion[0-299]", out=tmp_path / "run", precision="float32", workers=2)
    for name in arithmetic.RESULT:
        assert (other.path / name).read_bytes() == (run.path / name).read_bytes(), name


@pytest.mark.parametrize("engine", [outside.Pool(2), outside.Elsewhere(1)], ids=["threads", "bytes"])
def test_an_engine_from_outside_gives_the_bytes_of_one_process(fashion, run, tmp_path, engine):
    other = convscope.scan(fashion, "sample:fashion[0-299]", out=tmp_path / "run", precision="float32", engine=engine)
    assert arithmetic.result(other.path) == arithmetic.result(run.path)


@pytest.mark.parametrize("engine", [outside.Pool(2), outside.Elsewhere()], ids=["threads", "bytes"])
def test_a_network_in_memory_goes_wherever_the_work_is(tmp_path, engine):
    model = model_of(keras.layers.Conv2D(3, 3, name="conv"), keras.layers.Flatten(), keras.layers.Dense(4))
    pictures = images(300, 8, 8, 3)
    alone = convscope.scan(model, pictures, out=tmp_path / "alone", precision="float32")
    pooled = convscope.scan(model, pictures, out=tmp_path / "pooled", precision="float32", engine=engine)
    assert arithmetic.result(pooled.path) == arithmetic.result(alone.path)


def test_what_is_not_one_engine_is_refused(fashion, tmp_path):
    for engine in (outside.Pool, print, 3):
        with pytest.raises(OptionError, match=r"as engine. Expected a name \(local, processes.*an object with a method map"):
            convscope.scan(fashion, "sample:fashion[0-3]", out=tmp_path / "run", engine=engine)
    with pytest.raises(OptionError, match="2 workers and an engine that is made already"):
        convscope.scan(fashion, "sample:fashion[0-3]", out=tmp_path / "run", engine=outside.Pool(2), workers=2)


def test_images_come_in_any_order_into_the_same_top(fashion, run, tmp_path):
    """T15: ids differ, names do not."""
    parts = [f"sample:fashion[{first}-{first + 99}]" for first in (200, 0, 100)]
    other = convscope.scan(fashion, parts, out=tmp_path / "run", precision="float32", layers="block3_*")
    ours, theirs = run.top("block3_conv1"), other.top("block3_conv1")
    assert np.array_equal(ours.values, theirs.values)
    unequal = np.diff(ours.values, axis=1, append=-np.inf) < 0  # equal values come in the order of ids
    unequal[:, 1:] &= unequal[:, :-1]
    place = np.arange(300).reshape(3, 100)[[1, 2, 0]].ravel()
    assert np.array_equal(place[ours.images][unequal], theirs.images[unequal])


@pytest.mark.parametrize(
    ("more", "said"), [({"top": 0}, "`top` is 0"), ({"workers": 0}, "0 workers"), ({"precision": "half"}, "precision `half`")]
)
def test_options_that_mean_nothing_are_refused(fashion, tmp_path, more, said):
    with pytest.raises(OptionError, match=said):
        convscope.scan(fashion, "sample:fashion[0-2]", out=tmp_path / "run", **more)
    assert not (tmp_path / "run").exists()


def test_a_worker_that_loads_another_network_is_refused(tmp_path):
    """The file of the model is replaced after the run has begun, as on a node with another file of that name."""
    from networks import small

    path = tmp_path / "model.keras"
    small().save(path)
    network, options = as_network(path), ScanOptions(("conv1",), 9, "float32", NetworkMeasure)
    job = pickle.loads(pickle.dumps(Job(network, options, options.opened(network), backend.worker_kind("float32"))))
    other = small()
    other.set_weights([weights + 1 for weights in other.get_weights()])
    other.save(path)
    with pytest.raises(ModelError, match="request is of another model than a worker loaded from"):
        job.opened()


def test_a_worker_that_computes_otherwise_is_refused(tmp_path, fashion):
    """Its numbers would differ without a word: it says in one sentence what is not as with the others."""
    network, options = as_network(fashion), ScanOptions(("dense1",), 9, "float32", NetworkMeasure)
    kind = backend.worker_kind("float32") | {"keras": "3.12.0"}
    job = pickle.loads(pickle.dumps(Job(network, options, options.opened(network), kind)))
    with pytest.raises(BackendError, match=r"A worker on `.+` has keras .+, the others have 3.12.0. Their numbers would differ"):
        job.opened()
