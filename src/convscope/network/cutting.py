"""A network cut behind a layer: what comes before is computed once, what comes after for each unit that is silenced."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backend import compiled, ops
from ..errors import ModelError
from ..graph.kinds import Kind
from ..graph.lesions import check_inside, way_out
from ..graph.tensors import to_array
from ..hints import listing
from .entering import network_input
from .network import Network

FloatArray = NDArray[np.float32]
ROWS = 32  # images with a unit silenced that run at once


class Scored(NamedTuple):
    """What silencing a unit does to an image: `row` of the batch, `unit`, and the `scores` (class,) before any softmax."""

    row: int
    unit: int
    scores: FloatArray


class Cut:
    """A network cut where the units of a `layer` leave for other layers, up to its scores of classes.

    `scored`: the call of the scores, before a softmax; `is_softmax`: whether one follows. Raises UnitError for a layer behind which
    nothing follows, ModelError for a network that does not classify.
    """

    def __init__(self, network: Network, layer: str) -> None:
        graph = network.graph
        call = graph.find(layer)
        check_inside(graph, call)
        output = graph.calls[graph.outputs[0].call]
        self.scored = graph.score(output)
        self.is_softmax = output.kind is Kind.SOFTMAX
        if len(self.scored.shape) != 2 or (self.scored.shape[-1] or 0) < 2 or self.scored.index not in graph.rivals:
            raise ModelError(
                f"`{network.bundle.name}` ends in `{output.address}`, which does not choose among classes. Expected a softmax, or scores "
                f"of two classes or more. `{listing()}` lists the layers; --without silences units for the other commands."
            )
        self.network, self.exit = network, way_out(graph, call)[-1]
        self.channels = int(self.exit.shape[-1] or 0)
        self.steps, self.held = graph.behind(self.exit, self.scored)
        if not self.steps:
            raise ModelError(f"`{call.address}` does not lead to `{output.address}`. Expected a layer on the way to the scores of classes.")

    def scores(self, pixels: FloatArray) -> tuple[FloatArray, Iterator[Scored]]:
        """Return the scores of a batch of images (image, height, width, channel) in [0, 1], and those with each unit silenced in turn.

        Only images on which a unit is not 0 everywhere are yielded: for the others nothing changes, to the bit.
        """
        before = self._before(network_input(self.network.bundle, pixels))
        values = dict(zip((*self.held, self.scored.index), before, strict=True))
        own = to_array(values[self.exit.index])
        active = (own != 0).any(axis=tuple(range(1, own.ndim - 1))) if own.ndim > 2 else own != 0
        return to_array(values[self.scored.index]), self._silenced(values, np.argwhere(active.T)[:, ::-1])

    def _silenced(self, values: Mapping[int, Any], pairs: NDArray[np.int64]) -> Iterator[Scored]:
        for start in range(0, len(pairs), ROWS):
            batch = pairs[start : start + ROWS]
            filled = batch[np.arange(ROWS) % len(batch)]  # one size is one compilation
            rows = ops.convert_to_tensor(filled[:, 0].astype(np.int32))
            taken = [_rows(values[index], rows) for index in self.held]
            scores = to_array(self._after(taken, ops.convert_to_tensor(filled[:, 1].astype(np.int32))))
            yield from (Scored(int(row), int(unit), one) for (row, unit), one in zip(batch, scores, strict=False))

    @cached_property
    def _before(self) -> Any:
        targets = [*self.held, self.scored.index]
        return compiled(lambda entered: self.network.graph.values(entered, targets))

    @cached_property
    def _after(self) -> Any:
        def run(taken: Sequence[Any], units: Any) -> Any:
            values = dict(zip(self.held, taken, strict=True))
            own = values[self.exit.index]
            mute = ops.equal(ops.arange(self.channels, dtype="int32")[None], units[:, None])
            mute = ops.reshape(mute, (-1, *[1] * (len(own.shape) - 2), self.channels))
            values[self.exit.index] = ops.where(mute, ops.zeros_like(own), own)
            return self.network.graph.onward(values, self.steps)

        return compiled(run)


def _rows(value: Any, rows: Any) -> Any:
    """Return these rows of a value, of each of several outputs."""
    return [_rows(part, rows) for part in value] if isinstance(value, list) else ops.take(value, rows, axis=0)
