"""How much memory a network from a file may claim: not more numbers than the file stores for it."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...backend import keras
from ...errors import ModelError

# Counters, seeds and statistics that a network has and a file may leave out.
SLACK = 100_000
LARGEST_OUTPUT = 2**31
LARGEST_SIDE = 2**24
LOCK = threading.RLock()


class Budget:
    """Counts the numbers that variables claim while a network is built, and refuses before any are allocated."""

    def __init__(self, stored: int) -> None:
        self.stored = stored
        self.claimed = 0
        self.layer = ""

    def claim(self, shape: Any) -> None:
        """Count a variable of that shape; raise ModelError that names the layer if the file cannot hold its numbers."""
        self.claimed += math.prod(int(side or 1) for side in shape)
        if self.claimed > self.stored + SLACK:
            raise ModelError(
                f"Layer `{self.layer}` would need weights of shape {tuple(shape)}, which brings the network to {self.claimed:,} numbers; "
                f"the file stores {self.stored:,}. It is damaged, or made to exhaust the memory."
            )

    def check_output(self, tensors: Any) -> None:
        """Raise ModelError for a layer whose output for one image no computer could hold."""
        for tensor in keras.tree.flatten(tensors):
            sides = [side for side in getattr(tensor, "shape", ()) if side is not None]
            if any(not 0 <= side <= LARGEST_SIDE for side in sides) or math.prod(sides) > LARGEST_OUTPUT:
                raise ModelError(
                    f"Layer `{self.layer}` would compute values of shape {tuple(tensor.shape)} for one image: that is too "
                    f"large to be intended."
                )

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Count every weight that a layer asks for while this lasts, and make it of zeros: its values are in the file.

        Layers ask for all their weights by `add_weight`, those inside others and a user's own too; it is Keras' one door.
        """
        loader = threading.get_ident()

        def counted(layer: Any, shape: Any = None, initializer: Any = None, *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != loader:
                return add_weight(layer, shape, initializer, *args, **kwargs)
            self.layer = layer.name
            self.claim(() if shape is None else [shape] if isinstance(shape, int) else shape)
            return add_weight(layer, shape, "zeros", *args, **kwargs)

        with LOCK:  # one file at a time; layers that other threads make are left alone
            add_weight = keras.Layer.add_weight
            keras.Layer.add_weight = counted
            try:
                yield
            finally:
                keras.Layer.add_weight = add_weight
