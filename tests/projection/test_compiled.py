"""What of a projection is compiled: the same numbers as without, and few sizes of batches."""

import numpy as np
import pytest

import convscope
from convscope.backend import ops
from convscope.graph.rules import deconvnet
from convscope.graph.tensors import to_array
from convscope.locality import cost
from convscope.network.entering import network_input
from convscope.network.network import as_network
from convscope.projection import compiled
from convscope.projection.compiled import batches, maps_of, strongest_projected
from networks import images, small


@pytest.mark.once
def test_batches_are_filled_up_to_few_sizes(monkeypatch):
    monkeypatch.setattr(compiled, "MOST_PER_BATCH", 16)
    for count in (1, 3, 8, 16, 17, 25, 31, 40):
        found = list(batches(list(range(count)), (10, 10)))
        assert [one for batch, _ in found for one in batch] == list(range(count))
        for batch, filled in found:
            assert list(filled[: len(batch)]) == list(batch) and set(filled) == set(batch)
            assert len(filled) in (1, 2, 4, 8, 16)
    assert [len(filled) for _, filled in batches(list(range(3)), (224, 224))] == [1, 1, 1]


@pytest.mark.parametrize("layer", ["conv2", "predictions"])
def test_compiled_and_called_maps_are_the_same(layer, monkeypatch):
    network = as_network(convscope.load(small()))
    call, pixels = network.graph.find(layer), network_input(network.bundle, images(3, 8, 8, 3))
    (called,) = maps_of(network, pixels, [call])
    assert not network.compiled.kept
    monkeypatch.setattr(cost, "WORK_PER_COMPILED_CALL", 0.0)
    (made,) = maps_of(network, pixels, [call])
    assert [key[0] for key in network.compiled.kept] == ["maps"]
    assert np.allclose(to_array(made), to_array(called), rtol=1e-5, atol=1e-6)


def test_the_step_that_finds_the_strongest_place_itself_takes_the_first_of_equal_ones():
    network = as_network(convscope.load(small()))
    call = network.graph.find("conv1")
    flat = ops.ones((1, 8, 8, 3))
    down, maps = map(to_array, strongest_projected(network, call, 2, deconvnet())(flat))
    row, column = np.unravel_index(maps[0, ..., 2].argmax(), (8, 8))
    rows, columns = np.nonzero(down[0].any(axis=-1))
    assert maps[0, row, column, 2] > 0
    assert (rows.min() >= row - 1, rows.max() <= row + 1, columns.min() >= column - 1, columns.max() <= column + 1) == (True,) * 4
