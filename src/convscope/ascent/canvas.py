"""How large pictures are: from the receptive field of what they are climbed for, or as the network or the user wants it."""

from collections.abc import Sequence

from ..errors import OptionError
from ..expressions import as_objective
from ..graph.calls import Graph
from ..locality.receptive import check_size, receptive_field
from ..models import ModelBundle
from ..network.addresses import graph_of, unit_call
from ..units import Unit
from .settings import Size
from .targets import Target

SMALLEST, LARGEST = 64, 192


def canvas_of(bundle: ModelBundle, targets: Sequence[Target], size: Size, start: tuple[int, int] | None = None) -> tuple[int, int]:
    """Return the (height, width) of these targets' pictures; `start`: that of the picture they begin with.

    Raises OptionError for what the network or sense does not allow, ImageError and UnitError for a canvas too small to reach a unit.
    """
    canvas = _canvas(bundle, targets, size, start)
    for unit in _units_in(targets):
        check_size(graph_of(bundle), unit_call(graph_of(bundle), unit), canvas, unit.position)
    return canvas


def is_flat(graph: Graph, targets: Sequence[Target]) -> bool:
    """Say whether a dense layer or the like comes before one of the targets, or is one."""
    calls = [unit_call(graph, unit).index for unit in _units_in(targets)]
    return any(len(call.shape) != 4 for call in graph.ancestors(calls))


def sees_all(graph: Graph, targets: Sequence[Target]) -> bool:
    """Say whether one of the targets has no map: a class, or another unit of which a picture has one value."""
    calls = [unit_call(graph, unit) for unit in _units_in(targets)]
    return any(len(call.shape) != 4 or call.shape[1:3] == (1, 1) for call in calls)


def _canvas(bundle: ModelBundle, targets: Sequence[Target], size: Size, start: tuple[int, int] | None) -> tuple[int, int]:
    fixed = bundle.fixed_size if is_flat(graph_of(bundle), targets) else None
    wanted = (size, size) if isinstance(size, int) else size
    if fixed is not None:
        if wanted is not None and wanted != fixed:
            raise OptionError(f"`size` is {size}; a dense layer before these units fixes it to {fixed[0]} x {fixed[1]}.")
        return fixed
    if wanted is not None and not all(8 <= side <= 4096 for side in wanted):
        raise OptionError(f"`size` is {size}. Give 8 to 4096 pixels.")
    if start is not None:
        return start  # read at `size` already
    if wanted is not None:
        return wanted
    side = max(_derived_side(bundle, unit) for unit in _units_in(targets))
    return side, side


def _units_in(targets: Sequence[Target]) -> list[Unit]:
    """Return a unit for each layer and position that the targets are made of: what decides the size of their pictures."""
    terms = [term for target in targets for term in as_objective(target).terms]
    return list(dict.fromkeys(Unit(term.layer, 0, term.position) for term in terms))


def _derived_side(bundle: ModelBundle, unit: Unit) -> int:
    """Return half as much again as the receptive field, in steps of 32 pixels."""
    graph = graph_of(bundle)
    call = unit_call(graph, unit)
    if len(call.shape) != 4:
        return bundle.size[0]
    field = receptive_field(graph, call, (0, 0), (LARGEST, LARGEST), gates=False)
    return int(min(max(-(-field.height * 3 // 2 // 32) * 32, SMALLEST), LARGEST))
