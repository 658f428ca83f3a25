"""Weights of recurrent layers as Keras 1 and cuDNN's layers stored them -> the three arrays of today's.

Keras 1 wrote an array for each gate, unless it computed for a GPU; CuDNNLSTM and CuDNNGRU turned every kernel round and kept two biases.
Source: `preprocess_weights_for_loading` of Keras 2.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import hdf5


@dataclass(frozen=True)
class Made:
    """An array put together from those of a file."""

    values: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sides."""
        return self.values.shape

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return self.values.size

    def read(self) -> NDArray[Any]:
        """Return the numbers."""
        return self.values


Array = hdf5.Array | Made
Named = list[tuple[str, Array]]
GATE = re.compile(r"(?P<layer>.*)_(?P<part>[WUb])_(?P<gate>[ifcozrh])(?::\d+)?")
ORDER = {frozenset("ifco"): "ifco", frozenset("zrh"): "zrh"}  # the order in which today's kernels hold the gates
PARTS = {"W": "kernel", "U": "recurrent_kernel", "b": "bias"}


def joined(stored: Named, first: bool) -> Named:
    """Return the arrays of a layer with those of single gates put together; `first`: kernels of convolutions begin with the filters."""
    gates: dict[str, dict[tuple[str, str], Array]] = {}
    found: list[tuple[str, Array] | str] = []
    for name, array in stored:
        match = GATE.fullmatch(name.rsplit("/", 1)[-1])
        if match is None:
            found.append((name, array))
            continue
        if match["layer"] not in gates:
            found.append(match["layer"])
        gates.setdefault(match["layer"], {})[match["part"], match["gate"]] = array
    return [one for item in found for one in ([item] if isinstance(item, tuple) else _whole(item, gates[item], first))]


def _whole(layer: str, gates: dict[tuple[str, str], Array], first: bool) -> Named:
    order = ORDER.get(frozenset(gate for _, gate in gates), "")
    if not order or len(gates) != 3 * len(order):
        return [(f"{layer}_{part}_{gate}", array) for (part, gate), array in gates.items()]
    whole: Named = []
    for part, today in PARTS.items():
        arrays = [gates[part, gate].read() for gate in order]
        whole.append((f"{layer}_{today}", Made(np.concatenate(arrays, axis=0 if first and arrays[0].ndim == 4 else -1))))
    return whole


def from_cudnn(stored: Named) -> Named:
    """Return the arrays of layers with those of cuDNN's (kernel, recurrent kernel, bias in a row) as today's layers hold them."""
    found = list(stored)
    for place in range(len(found) - 2):
        (first, kernel), (second, recurrent), (third, bias) = found[place : place + 3]
        if "recurrent_kernel" not in second or (len(kernel.shape), len(recurrent.shape), len(bias.shape)) != (2, 2, 1):
            continue
        units, columns = recurrent.shape
        if kernel.shape[1] != columns or columns not in (3 * units, 4 * units) or bias.size != 2 * columns:
            continue
        gates = columns // units if units else 1
        sides = bias.read().reshape(2, -1)
        found[place : place + 3] = [
            (first, Made(np.hstack([one.T.reshape(one.shape, order="F") for one in np.hsplit(kernel.read(), gates)]))),
            (second, Made(np.hstack([one.T for one in np.hsplit(recurrent.read(), gates)]))),
            (third, Made(sides if gates == 3 else sides.sum(axis=0))),
        ]
    return found
