"""The ModelBundle: a network and what the methods must know of it. The network is only read, its weights are never copied."""

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..digests import digest, hasher
from ..legible import counted, told
from ..units import Unit, as_lesions, lesion_note
from .preprocessing import Preprocessing

DEFAULT_SIZE = 224


@dataclass(frozen=True, eq=False, repr=False)
class ModelBundle:
    """A network with its preprocessing and labels; the first argument of every public function.

    - `source`: the argument of `load` (an absolute path or a name); `format`: the kind of the file.
    - `weights`: where they came from, "file", "imagenet", "embedded" or "random".
    - `notes`: the sentences that `load` has for the user.
    - `shape`: the input (height, width, channels), None where it is free.
    - `inputs`: the values of the inputs that take no image, by name, without a batch.
    - `alternatives`: names of other preprocessings that the author of the model may have used.
    - `without`: addresses of units that are silenced; see `lesioned`.
    - `flat`: for `network.as_network`; its view of this model lives as long as the bundle.
    """

    name: str
    source: str
    weights: str
    network: Any
    preprocessing: Preprocessing
    shape: tuple[int | None, ...]
    labels: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    given: dict[str, Any] = field(default_factory=dict)
    image_input: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    format: str = "memory"
    alternatives: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    flat: Any = field(default=None, init=False, repr=False)

    def __repr__(self) -> str:
        sides = " x ".join("any" if side is None else str(side) for side in self.shape)
        named = f"{counted(len(self.labels), 'class name')}" if self.labels else "no class names"
        lesion = f"without {', '.join(self.without)}" if self.without else ""
        facts = (f"input {sides}", f"{self.preprocessing.name} preprocessing", f"{self.weights} weights", named, lesion)
        return told(self, repr(self.name), *facts)

    @property
    def channels(self) -> int:
        """Channels of the input image."""
        return int(self.shape[-1] or 0)

    @property
    def takes_images(self) -> bool:
        """Say whether the input is a picture (height, width, channel), not a sequence or a volume."""
        return len(self.shape) == 3

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """The input's (height, width), None where the network takes any size."""
        height, width = self.shape[:2] if self.takes_images else (None, None)
        return None if height is None or width is None else (height, width)

    @property
    def size(self) -> tuple[int, int]:
        """The (height, width) that pictures from files are brought to."""
        return self.fixed_size or (DEFAULT_SIZE, DEFAULT_SIZE)

    @property
    def value_range(self) -> tuple[float, float]:
        """The least and the largest value that an image can have at the network's input."""
        return self.preprocessing.value_range()

    @cached_property
    def digest(self) -> str:
        """The network's identity: a hash of its architecture (serial numbers in names left out), all weights and the silenced units."""
        whole = network_digest(self.network)
        return digest(f"{whole} without {' '.join(self.without)}".encode()) if self.without else whole

    def lesioned(self, units: Any) -> "ModelBundle":
        """Return the same network with more of its units silenced: their values are 0 after their activation, whatever the image is.

        `units`: addresses of whole units, such as "block4_conv2:17,20". The bundle itself stays as it is; the two share their weights. The
        addresses are looked up when the network is used. Raises UnitError.
        """
        without = as_lesions([*self.without, *([units] if isinstance(units, str | Unit) else units)])
        if not without:
            return self
        notes = (*(note for note in self.notes if note != lesion_note(self.without)), lesion_note(without))
        return replace(self, without=without, notes=notes, given=self.given | {"without": list(without)})

    def identity(self) -> dict[str, Any]:
        """Return what the provenance records: how to load this network again, and its digest."""
        return {
            "name": self.name,
            "source": self.source,
            "weights": self.weights,
            "preprocessing": self.preprocessing.name,
            "digest": self.digest,
            "load": self.given,
        }

    def label(self, index: int) -> str:
        """Return the name of an output unit, its number where no names are known."""
        return self.labels[index] if self.labels else str(index)


def network_digest(network: Any) -> str:
    """Return a 128-bit hex digest of a network's architecture and weights; equal before and after every convscope call."""
    found = hasher(re.sub(r"_\d+\"", '"', network.to_json()).encode())
    for variable in network.weights:  # `variables` would add the states of random generators, new at each load
        array = np.ascontiguousarray(variable.numpy() if hasattr(variable, "numpy") else np.asarray(variable))
        found.update(f"{array.shape}{array.dtype}".encode())
        found.update(array.view(np.uint8).data if array.size else b"")
    return found.hexdigest()
