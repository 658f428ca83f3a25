"""Tables of projections: what is in which row and column, and what is refused before it is begun."""

import numpy as np
import pytest

import convscope
from convscope.errors import ExhaustedError
from convscope.graph.rules import GRADIENT, deconvnet
from convscope.network.network import as_network
from convscope.projection import table
from convscope.projection.seeds import Spot
from convscope.projection.table import check_memory, rows_of, table_of, with_columns
from convscope.units import Unit
from networks import images, small

SIZE = (48, 48)
UNITS = (Unit("conv2", 1), Unit("predictions", 0), Unit("conv1", 3, (0, 5)))


@pytest.fixture(scope="module")
def network():
    return as_network(convscope.load(small(side=48)))


@pytest.fixture(scope="module")
def rows(network):
    return rows_of(network, UNITS, images(5, *SIZE, 3), deconvnet(), Spot.STRONGEST)


def test_rows_are_images_and_columns_units(network, rows):
    found = table_of(network, UNITS, rows, SIZE)
    maps = convscope.activations(network.bundle, "conv2", images(5, *SIZE, 3)).maps
    assert found.values[:, 0] == pytest.approx(maps[..., 1].max(axis=(1, 2)), rel=1e-5)
    assert found.positions[:, 1].tolist() == [[-1, -1]] * 5 and found.positions[:, 2].tolist() == [[0, 5]] * 5
    assert found.fields[:, 1].tolist() == [[0, 0, *SIZE]] * 5
    assert found.border[:, 2].all() and not found.border[:, 1].any() and not any(found.padded[1:])
    top, left, bottom, right = found.fields[3, 0]
    assert found.windows.signals[3][0].shape == (bottom - top, right - left, 3)


def test_windows_take_no_more_memory_than_receptive_fields(network):
    found = table_of(network, [UNITS[0]], rows_of(network, [UNITS[0]], images(5, *SIZE, 3), deconvnet(), Spot.STRONGEST), SIZE)
    kept = sum(signal.nbytes if signal.base is None else 10**9 for row in found.windows.signals for signal in row)
    assert kept * 10 < found.windows.array().nbytes


def test_columns_are_replaced_by_those_of_others(network, rows):
    gradients = rows_of(network, UNITS[2:], images(5, *SIZE, 3), GRADIENT, Spot.STRONGEST)
    mixed = with_columns(rows, [2], gradients)
    assert [row[:2] for row in mixed] == [list(row[:2]) for row in rows]
    assert all(row[2] is other[0] for row, other in zip(mixed, gradients, strict=True))


@pytest.mark.once
def test_what_does_not_fit_into_memory_is_refused_before_it_is_begun(network, monkeypatch):
    pixels = np.zeros((10, *SIZE, 3), np.float32)
    whole, field = pixels.nbytes, 10 * 8 * 8 * 3 * 4
    for units, spot, needed in ((UNITS[1:2], Spot.STRONGEST, whole), (UNITS[:1], Spot.MAP, whole), (UNITS[:1], Spot.STRONGEST, field)):
        monkeypatch.setattr(table, "available_memory", lambda free=needed: free)
        check_memory(network, units, pixels, deconvnet(), spot)
        monkeypatch.setattr(table, "available_memory", lambda free=needed: free - 1)
        with pytest.raises(ExhaustedError, match="10 images times 1 units"):
            check_memory(network, units, pixels, deconvnet(), spot)
