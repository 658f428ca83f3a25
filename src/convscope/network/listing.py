"""What can be looked at: every layer that has units, with its address, shape, channels and receptive field.

What a layer pattern means is said here and nowhere else:

    block4_conv2              the layer of this address, whatever it computes
    block[45]_conv*           every listed layer whose address matches: * stands for any text, ? for one letter, [45] for 4 or 5
    all                       every layer that learns: the convolutions and the dense layers
    convolutions              of these the convolutions
    block5_*,predictions      several of them, divided by commas
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import ModelError, UnitError, closest
from ..graph.calls import Call, Graph
from ..graph.kinds import ACTIVATIONS, Kind
from ..hints import listing
from ..legible import counted, legible, told
from ..locality.receptive import receptive_field, receptive_fields
from ..locality.shapes import call_shapes, shapes_up_to
from ..locality.windows import Field
from ..notebook import cell_text
from ..tables import Table
from ..units import LAYER_GRAMMAR
from .network import Network, as_network

# Receptive fields are measured at a centre unit of a picture this large, so that borders do not cut them.
PROBE = 2048
LONGEST_PATTERN = 1_000
BETWEEN = re.compile(r",(?![^\[]*\])")  # a comma in [ ] is one of its letters


@dataclass(frozen=True)
class LayerInfo:
    """One layer: `shape` is (height, width) of its map at the listed image size, () behind a dense layer.

    `field` is the side of its receptive field in pixels, None for the whole image; `stride` the pixels from one unit's field to the
    next one's. `activation` names what follows inside the layer.
    """

    address: str
    kind: str
    type: str
    shape: tuple[int | None, ...]
    channels: int
    field: int | None
    stride: int | None
    activation: str | None

    @property
    def convolves(self) -> bool:
        """Say whether the layer is a convolution, transposed or not."""
        return self.kind in (Kind.CONVOLUTION.value, Kind.TRANSPOSED.value)

    @property
    def learns(self) -> bool:
        """Say whether the layer learns its units: a convolution or a dense layer."""
        return self.convolves or self.kind == Kind.DENSE.value


class Layers(list[LayerInfo], Table):
    """The layers of a network, in the order in which they compute: a list of `LayerInfo`, and a table. `print` shows all of them."""

    def __init__(self, infos: Iterable[LayerInfo] = (), name: str = "") -> None:
        super().__init__(infos)
        self.name = name

    def __repr__(self) -> str:
        ends = f"{self[0].address} to {self[-1].address}" if self else ""
        return told(self, f"{counted(len(self), 'layer')} of {self.name!r}", ends)

    def __str__(self) -> str:
        columns = self.as_columns()
        rows = [[*columns], *([legible(cell_text(value)) for value in row] for row in zip(*columns.values(), strict=True))]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each layer: an address followed by `:channel` is a unit; a receptive field of the whole image is empty."""
        names = ("address", "type", "channels", "field", "stride", "activation")
        columns = {name: [getattr(info, name) for info in self] for name in names}
        return columns | {"shape": [" x ".join("any" if side is None else str(side) for side in info.shape) for info in self]}


WORDS: dict[str, Callable[[LayerInfo], bool]] = {"all": lambda info: info.learns, "convolutions": lambda info: info.convolves}
# Measuring the fields of a deep network takes a second, so each network is listed once.
_LISTED: WeakKeyDictionary[Network, list[LayerInfo]] = WeakKeyDictionary()


def layers(model: Any) -> Layers:
    """Return the layers whose output has channels, in the order in which they compute.

    `model`: the result of `load`, a path or a name. An address followed by `:channel` is a unit. The list prints as a table, is one in a
    notebook, and `.to_frame()` makes one for pandas.

    >>> print(convscope.layers("fashion"))
    """
    network = as_network(model)
    if network not in _LISTED:
        graph = network.graph
        calls = list(_with_channels(graph))
        _LISTED[network] = [_info(graph, call, *sides) for call, sides in zip(calls, _fields_and_strides(graph, calls), strict=True)]
    return Layers(_LISTED[network], network.bundle.name)


def matching(model: Any, patterns: str | Sequence[str]) -> list[LayerInfo]:
    """Return the layers that layer patterns mean, in the order in which they compute. Raises UnitError for one that means none."""
    network = as_network(model)
    return chosen(layers(network), patterns, network.bundle.name)


def chosen(known: Sequence[LayerInfo], patterns: str | Sequence[str], name: str) -> list[LayerInfo]:
    """Return those among the `known` layers of the network `name` that the patterns mean, in their order. Raises UnitError."""
    found: set[str] = set()
    for text in [patterns] if isinstance(patterns, str) else patterns:
        if len(text) > LONGEST_PATTERN:
            raise UnitError(f"A pattern of {len(text):,} letters does not name a layer. Expected {LAYER_GRAMMAR}.")
        for part in [text] if any(text == info.address for info in known) else BETWEEN.split(text):
            addresses = {info.address for info in known if _means(part.strip(), info)}
            if not addresses:
                raise _unmatched(part.strip(), known, name)
            found |= addresses
    if not found:
        raise UnitError(f"Received no layer. Expected {LAYER_GRAMMAR}. List the layers with: {listing()}")
    return [info for info in known if info.address in found]


def _means(pattern: str, info: LayerInfo) -> bool:
    return info.address == pattern or (WORDS[pattern](info) if pattern in WORDS else fnmatchcase(info.address, pattern))


def _unmatched(pattern: str, known: Sequence[LayerInfo], name: str) -> UnitError:
    if pattern in WORDS:
        noun = "convolution" if pattern == "convolutions" else "layer that learns, neither a convolution nor a dense layer"
        return UnitError(f"`{name}` has no {noun}. Name layers by their addresses; `{listing()}` lists them.")
    if "[" in pattern and "]" not in pattern[pattern.rindex("[") :]:
        return UnitError(
            f"The pattern `{pattern}` opens a bracket and does not close it. Expected {LAYER_GRAMMAR}. Write for example [12]."
        )
    close = closest("its layers", pattern.strip("*"), [info.address for info in known])
    return UnitError(f"No layer of `{name}` matches `{pattern}`. Expected {LAYER_GRAMMAR}. {close} List them with: {listing()}")


def _with_channels(graph: Graph) -> Iterator[Call]:
    for call in graph.visible.values():
        if call.kind is not Kind.INPUT and not call.unfit and len(call.shape) >= 2 and isinstance(call.shape[-1], int):
            yield call


def _info(graph: Graph, call: Call, field: int | None, stride: int | None) -> LayerInfo:
    linear = graph.calls[call.sources[0].call] if call.sources else call
    fused = linear.inner and linear.address == call.address
    return LayerInfo(
        address=call.address,
        kind=(linear if fused else call).kind.value,
        type=call.layer_type,
        shape=call.shape[1:-1],
        channels=int(call.shape[-1] or 0),
        field=field,
        stride=stride,
        activation=_activation_name(call) if fused or call.kind in ACTIVATIONS else None,
    )


def _activation_name(call: Call) -> str:
    return str(getattr(call.operation, "__name__", None) or type(call.operation).__name__)


def field_and_stride(graph: Graph, call: Call, *, gates: bool = True) -> tuple[int | None, int | None]:
    """Return the side of the receptive field of a unit at the centre, and the pixels to its neighbour's; None for the whole image.

    Without `gates` that of its maps alone, as in `receptive_field`.
    """
    size = _probe(graph)
    if not _has_map(graph, call) or len(shape := call_shapes(graph, call, size)[call.index]) != 4:
        return None, None
    return _sides([receptive_field(graph, call, position, size, gates=gates) for position in _centre(shape)], size)


def _fields_and_strides(graph: Graph, calls: Sequence[Call]) -> list[tuple[int | None, int | None]]:
    """Return `field_and_stride` of many calls, found together; None for all behind one that takes no picture of the probe's size."""
    size = _probe(graph)
    mapped = [call for call in calls if _has_map(graph, call)]
    try:
        shapes = shapes_up_to(graph, [call.index for call in mapped], size)
    except ModelError:
        return [_alone(graph, call) for call in calls]
    places = [(call, position) for call in mapped for position in _centre(shapes[call.index])]
    fields: dict[int, list[Field]] = {}
    for (call, _), field in zip(places, receptive_fields(graph, places, size), strict=True):
        fields.setdefault(call.index, []).append(field)
    return [_sides(fields.get(call.index, []), size) for call in calls]


def _alone(graph: Graph, call: Call) -> tuple[int | None, int | None]:
    try:
        return field_and_stride(graph, call)
    except ModelError:
        return None, None


def _has_map(graph: Graph, call: Call) -> bool:
    return len(call.shape) == 4 and len(graph.calls[graph.image_input].shape) == 4


def _probe(graph: Graph) -> tuple[int, int]:
    """Return the size of the picture that fields are measured on."""
    fixed = (*graph.calls[graph.image_input].shape[1:3], None, None)
    return fixed[0] or PROBE, fixed[1] or PROBE


def _centre(shape: tuple[int | None, ...]) -> list[tuple[int, int]]:
    """Return the position of a map's centre and the one above it, where there is one; none for what has several outputs."""
    if len(shape) != 4:
        return []
    rows, columns = (side or 0 for side in shape[1:3])
    return [(rows // 2, columns // 2), (rows // 2 - 1, columns // 2)][: 2 if rows > 1 else 1]


def _sides(fields: list[Field], size: tuple[int, int]) -> tuple[int | None, int | None]:
    if not fields or fields[0] == Field(0, 0, *size):
        return None, None
    return fields[0].height, None if len(fields) == 1 else fields[0].top - fields[1].top
