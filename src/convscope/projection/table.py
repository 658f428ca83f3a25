"""Projections of units from images as a table: what a picture of them shows and a file of them holds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from ..backend import available_memory
from ..errors import ExhaustedError
from ..graph.finite import spoilt_units
from ..graph.rules import Ruleset
from ..graph.saturation import own_values, seed_call
from ..locality.borders import at_border, mostly_at_border
from ..locality.shapes import call_shapes
from ..network.network import Network
from ..results import FloatArray, Windows
from ..units import Unit
from .driver import NOTHING, Projected, project
from .plan import plan_for
from .seeds import Seed, Spot

Row = Sequence[Projected]


@dataclass(frozen=True)
class Table:
    """Rows are images, columns are units. What is in it is described in `results.Projections`."""

    windows: Windows
    values: FloatArray
    seeds: FloatArray
    positions: NDArray[np.int64]
    fields: NDArray[np.int64]
    border: NDArray[np.bool_]
    padded: tuple[bool, ...]


def rows_of(
    network: Network, units: Sequence[Unit], images: FloatArray, rules: Ruleset, spot: Spot, known: Mapping[int, FloatArray] = NOTHING
) -> list[Row]:
    """Return the projections of units from each of `images` (image, height, width, channel), one row an image; `known` as for `project`.

    Their values are the units' own, after an activation that is flat above. Those of a unit that NaN or infinite weights reach are NaN.
    """
    count = len(images)
    seeds = [Seed(unit, image, spot) for unit in units for image in range(count)]
    down = sorted(project(network, seeds, images, rules, known), key=attrgetter("number"))
    columns = [_own(network, unit, down[column * count : (column + 1) * count]) for column, unit in enumerate(units)]
    return list(zip(*columns, strict=True))


def _own(network: Network, unit: Unit, column: Row) -> Row:
    graph = network.graph
    if spoilt_units(graph, seed_call(graph, unit))[unit.channel]:
        column = [one._replace(value=np.nan, amount=np.nan) for one in column]
    values = own_values(graph, unit, np.asarray([one.value for one in column], np.float32))
    return [one._replace(value=float(value)) for one, value in zip(column, values, strict=True)]


def table_of(network: Network, units: Sequence[Unit], rows: Sequence[Row], size: tuple[int, int]) -> Table:
    """Return the table of what `rows_of` returned for images of `size` (height, width)."""
    positions = np.array([[one.position or (-1, -1) for one in row] for row in rows], np.int64)
    fields = np.array([[one.field for one in row] for row in rows], np.int64)
    maps = [_map_shape(network, unit, size) for unit in units]
    borders = [at_border(positions[:, column], fields[:, column], shape, size) for column, shape in enumerate(maps)]
    named = zip(units, borders, maps, strict=True)
    return Table(
        windows=windows_of(rows, size),
        values=np.array([[one.value for one in row] for row in rows], np.float32),
        seeds=np.array([[one.amount for one in row] for row in rows], np.float32),
        positions=positions,
        fields=np.clip(fields, 0, [*size, *size]),
        border=np.stack(borders, axis=1),
        padded=tuple(unit.position is None and mostly_at_border(border, shape) for unit, border, shape in named),
    )


def windows_of(rows: Sequence[Row], size: tuple[int, int]) -> Windows:
    """Return the signals of rows on their windows of images of `size` (height, width)."""
    corners = np.array([[one.window[:2] for one in row] for row in rows], np.int64)
    return Windows([[one.signal for one in row] for row in rows], corners, size)


def with_columns(rows: Iterable[Row], columns: Sequence[int], others: Iterable[Row]) -> list[Row]:
    """Return rows in which those `columns` are the columns of the `others`."""
    pairs = ((row, dict(zip(columns, other, strict=True))) for row, other in zip(rows, others, strict=True))
    return [[replaced.get(column, one) for column, one in enumerate(row)] for row, replaced in pairs]


def check_memory(network: Network, units: Sequence[Unit], images: FloatArray, rules: Ruleset, spot: Spot) -> None:
    """Raise ExhaustedError for projections from `images` that would not fit into memory, before any is computed."""
    size = (images.shape[1], images.shape[2])
    # A window in the middle of the image is the largest, because those at the border are cut there.
    calls = [seed_call(network.graph, unit) for unit in units]
    areas = {}
    for call, unit in dict(zip(calls, units, strict=True)).items():
        plan, sides = plan_for(network, call, size, rules, forward=True), _map_shape(network, unit, size)
        middle = (sides[0] // 2, sides[1] // 2) if len(sides) == 2 and spot is not Spot.MAP else None
        window = plan.window(plan.field(middle))
        areas[call] = window.height * window.width
    wanted, free = 4 * len(images) * images.shape[-1] * sum(areas[call] for call in calls), available_memory()
    if wanted > free:
        raise ExhaustedError(
            f"{len(images)} images times {len(set(units))} units are {wanted / 2**30:.1f} GB of projections, but {free / 2**30:.1f} GB of "
            "memory are free. Use fewer images or units, or the strongest N."
        )


def _map_shape(network: Network, unit: Unit, size: tuple[int, int]) -> tuple[int, ...]:
    """Return the (rows, columns) of the unit's map on images of that size, () where it has none."""
    call = seed_call(network.graph, unit)
    return tuple(int(side or 0) for side in call_shapes(network.graph, call, size)[call.index][1:-1])
