"""Receptive fields, by following the calls backward: which window of the input can change a unit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.calls import Call, Graph
from ..graph.kinds import Kind
from .shapes import call_shapes, shapes_up_to
from .windows import Field, through

# Windows end there: a chain of strides would leave what an integer of 64 bits can hold.
FARTHEST = 2**30
NOWHERE = 2**40


def receptive_field(graph: Graph, call: Call, position: tuple[int, int] | None, size: tuple[int, int], *, gates: bool = True) -> Field:
    """Return the input window that can change the unit of `call` at `position` for a picture of `size` (height, width).

    Exact for convolutions and transposed ones, pooling, padding, cropping, upsampling by repetition, and branches (their union); at a
    border an upper bound, because padding on the way can stand where the window says picture. Where the path meets an operation whose
    reach is not known, or `position` is None, the window is the whole image. Without `gates`: see `cone`.
    """
    windows = None if position is None else cone(graph, call, position, size, gates=gates)
    return Field(0, 0, *size) if windows is None else windows.get(graph.image_input, Field(0, 0, *size))


def cone(graph: Graph, call: Call, position: tuple[int, int], size: tuple[int, int], *, gates: bool = True) -> dict[int, Field] | None:
    """Return the window of every call's output that can change the unit of `call` at `position`, by the calls' indices.

    Windows may reach over the maps' borders, where padding is. None where the reach of an operation on the way is not known. Without
    `gates`, what is one value a channel for a whole map (squeeze and excitation) is passed over: it says how much, not where.
    """
    shapes = call_shapes(graph, call, size)
    fields: dict[int, Field] = {call.index: Field(position[0], position[1], position[0] + 1, position[1] + 1)}
    for current in reversed(graph.ancestors([call.index])):
        if current.index not in fields or current.kind is Kind.INPUT:
            continue
        for source in current.sources:
            if source.call not in graph.downstream or (not gates and _is_gate(shapes[source.call], shapes[current.index])):
                continue
            step = through(current, fields[current.index], shapes[source.call], shapes[current.index])
            if step is None:
                return None
            known = fields.get(source.call, step)
            fields[source.call] = Field(*map(min, known[:2], step[:2]), *map(max, known[2:], step[2:]))
    return fields


def receptive_fields(graph: Graph, places: Sequence[tuple[Call, tuple[int, int]]], size: tuple[int, int]) -> list[Field]:
    """Return what `receptive_field` does for each of many places, a call and a position there, in one way back over the graph.

    One place after another takes time with the square of the calls: half a minute for 2,000 layers.
    """
    whole = Field(0, 0, *size)
    shapes = shapes_up_to(graph, [call.index for call, _ in places], size)
    windows: dict[int, NDArray[np.int64]] = {}
    for number, (call, (row, column)) in enumerate(places):
        windows.setdefault(call.index, _nowhere(len(places)))[:, number] = row, column, row + 1, column + 1
    unknown = np.zeros(len(places), bool)
    for current in reversed(graph.ancestors(list(windows))):
        if current.kind is Kind.INPUT or current.index not in windows:
            continue
        window = windows.pop(current.index)
        there = window[0] < NOWHERE
        for source in current.sources:
            if source.call not in graph.downstream:
                continue
            step = through(current, Field(*window), shapes[source.call], shapes[current.index])
            if step is None:
                unknown |= there
                continue
            known = windows.setdefault(source.call, _nowhere(len(places)))
            for side, edge in enumerate(step):
                (np.minimum if side < 2 else np.maximum)(known[side], np.clip(edge, -FARTHEST, FARTHEST), out=known[side], where=there)
    edges = windows.get(graph.image_input, _nowhere(len(places)))
    whole_ones = unknown | (edges[0] == NOWHERE)
    return [whole if everything else Field(*map(int, edges[:, number])) for number, everything in enumerate(whole_ones)]


def _nowhere(count: int) -> NDArray[np.int64]:
    """Return empty windows, which the union with another leaves as the other."""
    return np.repeat(np.array([[NOWHERE], [NOWHERE], [-NOWHERE], [-NOWHERE]], np.int64), count, axis=1)


def _is_gate(before: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
    return before[1:3] == (1, 1) != after[1:3]
