"""Which units climb together: as many of a layer as memory has room for."""

from collections.abc import Iterator, Sequence
from typing import Any

from ...units import Unit

PIXELS_AT_ONCE = 16 * 128 * 128


def batches(units: Sequence[Unit], canvas: tuple[int, int]) -> Iterator[list[Unit]]:
    """Yield the units in batches of one layer (and one position) each, small enough for memory."""
    most = max(1, PIXELS_AT_ONCE // (canvas[0] * canvas[1]))
    by_layer: dict[Any, list[Unit]] = {}
    for unit in units:
        by_layer.setdefault((unit.layer, unit.position), []).append(unit)
    for together in by_layer.values():
        yield from (together[start : start + most] for start in range(0, len(together), most))
