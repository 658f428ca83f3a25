"""The plain weights of a layer: kernels, norms, and which units are dead, weak or alike."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..legible import counted
from ..units import Unit
from .record import FloatArray, Result, plain

DUPLICATE = 0.95  # the cosine from which two kernels count as the same pattern
WEAK = 0.01  # a norm below this share of the layer's median
FEWEST = 4  # numbers in a kernel; of fewer, two are soon alike


@dataclass(frozen=True, kw_only=True)
class Weights(Result):
    """`kernels`: (unit, row, column, input) float32, all of one `layer`; where its inputs are the image (`of_image`), in RGB order.

    `inputs`: (unit, input) int64, which channels of `source` these are. `bias`: (unit,). `norms`: (unit,) the length of each kernel.
    `dead`: (unit,) whether its weights alone tell that its ReLU never opens. `weak`: (unit,) whether its norm is below 1 % of the median.
    `nearest`: (unit,) int64 the other unit on the same inputs whose kernel is most alike, -1 where there is none; `likeness`: (unit,) the
    cosine of the two, NaN there. `kind`: what the layer is, in words. `order`, `most`, `count`: how it is drawn.
    """

    layer: str
    source: str
    kind: str
    kernels: FloatArray
    inputs: NDArray[np.int64]
    bias: FloatArray
    norms: FloatArray
    dead: NDArray[np.bool_]
    weak: NDArray[np.bool_]
    nearest: NDArray[np.int64]
    likeness: FloatArray
    of_image: bool
    order: str
    most: int
    count: int
    raw: ClassVar[tuple[str, ...]] = ("kernels", "inputs", "bias", "norms", "dead", "weak", "nearest", "likeness")

    @property
    def bands(self) -> int:
        """How many bands its kernels have, where they are drawn as colours."""
        return int(self.kernels.shape[-1]) if self.of_image else 1

    @property
    def duplicates(self) -> NDArray[np.bool_]:
        """(unit,) whether another unit has nearly the same kernel: a cosine of 0.95 or more."""
        return np.asarray(np.nan_to_num(self.likeness, nan=-1.0) >= DUPLICATE)

    @property
    def input_norms(self) -> FloatArray:
        """(unit, input) the length of each input's pattern."""
        return np.asarray(np.sqrt(np.square(self.kernels, dtype=np.float32).sum(axis=(1, 2))))

    def unit(self, channel: int) -> str:
        """Return what a unit is called."""
        return self.legend(Unit(self.layer, channel))

    def strongest(self, channel: int, count: int) -> list[int]:
        """Return the places among its inputs of the `count` whose patterns are longest, longest first."""
        lengths = np.sqrt(np.square(np.nan_to_num(self.kernels[channel])).sum(axis=(0, 1)))
        return [int(place) for place in np.argsort(-lengths, kind="stable")[:count]]

    def facts(self) -> tuple[str, ...]:
        """Return its layer, how many units that has, and what their kernels are."""
        return (f"{self.layer} in {self.network_name!r}", counted(len(self.norms), "unit"), self.kind)

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each unit: its norm and bias, whether it is dead or weak, and the unit whose kernel is most like its own."""
        return {
            "unit": [f"{self.layer}:{channel}" for channel in range(len(self.norms))],
            "norm": self.norms,
            "bias": self.bias,
            "dead": self.dead,
            "weak": self.weak,
            "duplicate": self.duplicates,
            "nearest": [None if other < 0 else f"{self.layer}:{other}" for other in self.nearest.tolist()],
            "likeness": self.likeness,
        }

    def summary(self) -> dict[str, Any]:
        """Return what the layer is, and for each unit its norm, bias, strongest inputs and nearest other unit."""
        lengths = self.input_norms
        units = []
        for channel in range(len(self.norms)):
            other = int(self.nearest[channel])
            strongest = [
                {"input": int(self.inputs[channel, place]), "norm": plain(lengths[channel, place])}
                for place in self.strongest(channel, self.count)
            ]
            units.append(
                {
                    "unit": f"{self.layer}:{channel}",
                    "norm": plain(self.norms[channel]),
                    "bias": plain(self.bias[channel]),
                    "dead": bool(self.dead[channel]),
                    "weak": bool(self.weak[channel]),
                    "duplicate": bool(self.duplicates[channel]),
                    "nearest": None if other < 0 else f"{self.layer}:{other}",
                    "likeness": plain(self.likeness[channel]),
                    "inputs": strongest,
                }
            )
        sides = [int(side) for side in self.kernels.shape[1:]]
        return {"layer": self.layer, "kind": self.kind, "inputs_from": self.source, "kernel": sides, "units": units}
