"""The grid: a permutation, optimal for few images, near that for many."""

from itertools import permutations

import numpy as np
import pytest

from convscope.embedding import grid
from convscope.embedding.grid import arrange_on_grid

MAP = np.random.default_rng(0).normal(size=(3000, 2)).astype(np.float32)


def cost(points, cells, shape):
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    share = (points.astype(np.float64) - low) / span
    wanted = np.stack([share[:, 0] * (shape[0] - 1), (1 - share[:, 1]) * (shape[1] - 1)], axis=1)
    return ((wanted - cells) ** 2).sum()


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100, 2600])
def test_every_image_keeps_a_place_of_its_own(count):
    found = arrange_on_grid(MAP[:count])
    columns, rows = found.shape
    numbers = found.cells[:, 1] * columns + found.cells[:, 0]
    assert sorted(numbers) == list(range(count))  # free cells end the last row
    assert (rows - 1) * columns < count <= rows * columns


def test_few_images_are_placed_as_well_as_can_be():
    points = MAP[:7]
    found = arrange_on_grid(points)
    cells = found.cells
    best = min(cost(points, cells[list(order)], found.shape) for order in permutations(range(7)))
    assert cost(points, cells, found.shape) == pytest.approx(best)


def test_many_images_are_placed_nearly_as_well(monkeypatch):
    points = MAP[:600]
    exact = arrange_on_grid(points)
    monkeypatch.setattr(grid, "EXACT", 10)
    near = arrange_on_grid(points)
    assert cost(points, near.cells, near.shape) < 1.03 * cost(points, exact.cells, exact.shape)
    shuffled = near.cells[np.random.default_rng(1).permutation(600)]
    assert cost(points, near.cells, near.shape) < 0.3 * cost(points, shuffled, near.shape)


def test_a_map_that_is_a_grid_stays_one(monkeypatch):
    monkeypatch.setattr(grid, "EXACT", 10)
    places = np.stack(np.meshgrid(np.arange(20), np.arange(20)), axis=-1).reshape(-1, 2)
    found = arrange_on_grid((places * (1, -1)).astype(np.float32))
    assert (found.cells == places).all()
    assert found.displacement == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_broken_maps_have_a_grid_too(value):
    assert len(np.unique(arrange_on_grid(np.full((9, 2), value, np.float32)).cells, axis=0)) == 9
