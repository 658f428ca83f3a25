"""What several methods need and none owns: images brought to its network."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ..errors import OptionError
from ..graph.addresses import channel_count, graph_of
from ..graph.calls import Call
from ..graph.entering import fit_of, network_input, numpy, require_images
from ..graph.receptive import check_size
from ..images import ImageBatch, as_array_batch, as_batch
from ..models import ModelBundle
from ..progress import track
from ..units import Unit

__all__ = ["batch_for", "class_names", "fit_of", "in_chunks", "network_input", "numpy", "require_images"]

Part = TypeVar("Part")


def in_chunks(count: int, chunk: int, stop: int | None, make: Callable[[slice], Part], label: str) -> tuple[list[Part], dict[str, int]]:
    """Return what `make` returns for a few of `count` images at a time, and what the provenance records if these are not all of them.

    They end after `stop` images, where that is given, or where Ctrl-C ends them; with nothing made it is passed on. Raises OptionError.
    """
    if stop is not None and stop < 1:
        raise OptionError(f"`stop` is {stop}. Give 1 or more.")
    end = count if stop is None else min(stop, count)
    parts: list[Part] = []
    try:
        for start in track(range(0, end, chunk), label):
            parts.append(make(slice(start, min(start + chunk, end))))
    except KeyboardInterrupt:
        if not parts:
            raise
    reached = min(end, len(parts) * chunk)
    return parts, {"stop": reached} if reached < count else {}


def batch_for(bundle: ModelBundle, images: Any, calls: Iterable[Call]) -> ImageBatch:
    """Return images as one batch that enters the network; raise ImageError also where they are too small to reach `calls`.

    For a network on sequences or volumes these are arrays as they are.
    """
    if not bundle.takes_images:
        return as_array_batch(images, bundle.shape)
    calls = {call.index: call for call in calls}.values()
    if bundle.fixed_size is not None:  # before pictures of that size are made
        _check_sizes(bundle, calls, bundle.fixed_size)
    batch = as_batch(images, fit_of(bundle))
    _check_sizes(bundle, calls, batch.pixels.shape[1:3])
    return batch


def _check_sizes(bundle: ModelBundle, calls: Iterable[Call], size: Any) -> None:
    for call in calls:
        check_size(graph_of(bundle), call, size)


def class_names(bundle: ModelBundle, units: Iterable[Unit]) -> dict[str, str]:
    """Return the class names of the output units among `units`, by address."""
    labels = bundle.labels or ()
    outputs = {output.call for output in graph_of(bundle).outputs}
    calls = {unit: graph_of(bundle).find(unit.layer) for unit in units}
    return {str(unit): labels[unit.channel] for unit, call in calls.items() if call.index in outputs and channel_count(call) == len(labels)}
