"""What can be looked at: every layer that has units, with its address, shape, channels and receptive field."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ..errors import UnitError, near_misses
from ..models import as_bundle
from .addresses import graph_of
from .calls import Call, Graph
from .kinds import ACTIVATIONS, Kind
from .receptive import Field, call_shapes, receptive_field

# Receptive fields are measured at a centre unit of a picture this large, so that borders do not cut them.
PROBE = 2048


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
    def has_filters(self) -> bool:
        """Say whether the layer learns filters: a convolution or a dense layer."""
        return self.kind in (Kind.CONVOLUTION.value, Kind.TRANSPOSED.value, Kind.DENSE.value)


def layers(model: Any) -> list[LayerInfo]:
    """Return the layers whose output has channels, in the order in which they compute.

    `model` is what `load` returns, or a path or name for it. Any of the addresses followed by `:channel` is a unit.
    """
    bundle = as_bundle(model)
    if "layers" not in bundle.memo:
        graph = graph_of(bundle)
        bundle.memo["layers"] = [_info(graph, call) for call in _with_channels(graph)]
    return list(bundle.memo["layers"])


def matching(model: Any, pattern: str) -> list[LayerInfo]:
    """Return the convolution and dense layers whose address the glob `pattern` matches; "all" means every convolution.

    Raises UnitError where there is none.
    """
    learned = [layer for layer in layers(model) if layer.has_filters]
    if pattern == "all":
        found = [layer for layer in learned if layer.kind != Kind.DENSE.value]
    else:
        found = [layer for layer in learned if fnmatchcase(layer.address, pattern)]
    if not found:
        raise UnitError(
            f"No layer with filters matches `{pattern}`. Expected all, or a pattern such as block[45]*. "
            f"Closest: {near_misses(pattern.strip('*'), [layer.address for layer in learned])}. List them with: convscope layers"
        )
    return found


def _with_channels(graph: Graph) -> Iterator[Call]:
    for call in graph.visible.values():
        if call.kind is not Kind.INPUT and len(call.shape) >= 2 and isinstance(call.shape[-1], int):
            yield call


def _info(graph: Graph, call: Call) -> LayerInfo:
    linear = graph.calls[call.sources[0].call] if call.sources else call
    fused = linear.inner and linear.address == call.address
    field, stride = field_and_stride(graph, call)
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
    if len(call.shape) != 4 or len(graph.calls[graph.image_input].shape) != 4:
        return None, None
    fixed = graph.calls[graph.image_input].shape[1:3]
    size = (fixed[0] or PROBE, fixed[1] or PROBE)
    shape = call_shapes(graph, call, size)[call.index]
    if len(shape) != 4:  # an operation of several outputs
        return None, None
    rows, columns = (side or 0 for side in shape[1:3])
    field = receptive_field(graph, call, (rows // 2, columns // 2), size, gates=gates)
    if field == Field(0, 0, *size):
        return None, None
    above = receptive_field(graph, call, (rows // 2 - 1, columns // 2), size, gates=gates) if rows > 1 else None
    return field.height, None if above is None else field.top - above.top
