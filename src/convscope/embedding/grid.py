"""The map as a grid: every image gets a cell of its own, as near to its place as can be."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
EXACT = 2500  # 4,000 take a dozen times as long, for 0.3 % less displacement
WINDOW = 10
PASSES = 16
ENOUGH = 2e-3


@dataclass(frozen=True)
class Grid:
    """`cells`: (n, 2) int32, column and row of each image, row 0 at the top. `shape`: columns and rows; free cells end the last row.

    `displacement`: mean distance between an image's place on the map, stretched to the grid, and its cell, as a share of the diagonal.
    """

    cells: NDArray[np.int32]
    shape: tuple[int, int]
    displacement: float


def arrange_on_grid(points: FloatArray) -> Grid:
    """Return the grid of a map (n, 2), nearly square, that keeps the sum of squared displacements small.

    Exact to 2,500 images (linear_sum_assignment); beyond, cells and points are halved together until each cell has its point, and then
    windows of 10 x 10 cells, which overlap, are assigned exactly, again and again until that hardly helps.
    """
    count = len(points)
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    wanted = _stretched(points, columns, rows)
    places = np.stack([np.arange(count) % columns, np.arange(count) // columns], axis=1)
    few = count <= EXACT
    owner = _assigned(wanted, places) if few else _refined(wanted, places, _halved(wanted, places), columns)
    cells = places[owner]
    away = np.linalg.norm(wanted - cells, axis=1).mean() / np.hypot(columns, rows)
    return Grid(cells.astype(np.int32), (columns, rows), float(away))


def _stretched(points: FloatArray, columns: int, rows: int) -> NDArray[np.float64]:
    """Return the map stretched to the grid, in cells; y points up on a map and rows count downwards."""
    values = np.nan_to_num(points.astype(np.float64), posinf=0.0, neginf=0.0)
    low, span = values.min(axis=0), np.maximum(np.ptp(values, axis=0), np.finfo(np.float64).tiny)
    share = (values - low) / span
    return np.stack([share[:, 0] * (columns - 1), (1 - share[:, 1]) * (rows - 1)], axis=1)


def _assigned(wanted: NDArray[np.float64], places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the number of each point's cell where the sum of squared distances is smallest."""
    from scipy.optimize import linear_sum_assignment

    _, best = linear_sum_assignment(((wanted[:, np.newaxis, :] - places[np.newaxis]) ** 2).sum(axis=2))
    return np.asarray(best, np.intp)


def _halved(wanted: NDArray[np.float64], places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each point a cell: both are sorted and halved along the longer side of each part's cells, all parts of a level at once."""
    count = len(wanted)
    point_order, cell_order = np.arange(count), np.arange(count)
    starts = np.array([0, count])
    while (np.diff(starts) > 1).any():
        sizes = np.diff(starts)
        part = np.repeat(np.arange(len(sizes)), sizes)
        low, high = (extreme.reduceat(places[cell_order], starts[:-1]) for extreme in (np.minimum, np.maximum))
        axis = np.argmax(high - low, axis=1)[part]
        point_order = point_order[np.lexsort((wanted[point_order, axis], part))]
        cell_order = cell_order[np.lexsort((places[cell_order, 1 - axis], places[cell_order, axis], part))]
        middles = starts[:-1] + (sizes + 1) // 2
        starts = np.unique(np.concatenate([starts, middles]))
    owner = np.empty(count, np.intp)
    owner[point_order] = cell_order
    return owner


def _refined(wanted: NDArray[np.float64], places: NDArray[np.intp], owner: NDArray[np.intp], columns: int) -> NDArray[np.intp]:
    """Return the assignment after exchanges within windows, which lie half a window further at every other pass."""
    shifts = ((0, 0), (WINDOW // 2, WINDOW // 2), (WINDOW // 2, 0), (0, WINDOW // 2))
    before = np.inf
    for number in range(PASSES):
        window = (places + shifts[number % 4]) // WINDOW
        keys = (window[:, 1] * (columns // WINDOW + 2) + window[:, 0])[owner]
        order = np.argsort(keys, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            held = owner[members]
            owner[members] = held[_assigned(wanted[members], places[held])]
        cost = ((wanted - places[owner]) ** 2).sum()
        if number >= 3 and cost > before * (1 - ENOUGH):
            break
        before = cost
    return owner
