"""What entries say of shapes before anything is built: their inputs, the batch that one fixed, the order of the axes."""

from collections.abc import Iterator, Mapping
from typing import Any

from .entries import Entry

Shape = tuple[int | None, ...]


def without_batch(shape: Any) -> Shape | None:
    """Return a batch shape without its batch, None for one that says nothing."""
    return tuple(shape[1:]) if isinstance(shape, list | tuple) and len(shape) > 1 else None


def is_first(entry: Entry) -> bool:
    """Say whether any layer of a network of Keras 1 computes channels first."""
    inside = entry.network.layers if entry.network is not None else ()
    return entry.config.get("dim_ordering") == "th" or any(is_first(one) for one in inside)


def fixed_batches(entry: Entry) -> Iterator[int]:
    """Find the sizes of a batch that inputs fix."""
    for key in ("batch_shape", "batch_input_shape"):
        shape = entry.config.get(key)
        if isinstance(shape, list) and shape and isinstance(shape[0], int):
            yield shape[0]
    for one in entry.network.layers if entry.network is not None else ():
        yield from fixed_batches(one)


def told_shape(first: Entry | None) -> Shape | None:
    """Return the shape of one input that a chain's first layer says, or the first one inside it, without its batch; None if none says."""
    if first is None:
        return None
    inner = first.network
    if inner is not None and inner.sequential:
        return (told_shape(inner.layers[0]) if inner.layers else None) or without_batch(inner.shape)
    return without_batch(first.config.get("batch_input_shape") or first.config.get("batch_shape"))


def tells_shape(first: Entry | None) -> bool:
    """Say whether a nested network at the beginning of a chain knows its own input."""
    if first is None or first.network is None:
        return False
    inner = first.network
    if not inner.sequential:
        return True
    return bool(inner.layers) and (
        inner.layers[0].class_name == "InputLayer" or bool(told_shape(inner.layers[0])) or tells_shape(inner.layers[0])
    )


def shape_in(build_config: Mapping[str, Any]) -> Shape | None:
    """Return the shape of the input with which a layer was built, its batch free; None if it is unknown."""
    shape = build_config.get("input_shape") or build_config.get("shapes_dict", {}).get("input_shape")
    return (None, *shape[1:]) if isinstance(shape, list) and all(one is None or isinstance(one, int) for one in shape) else None
