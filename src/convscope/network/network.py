"""A network: a loaded model with its flat graph, and what is worked out from it once and kept with it."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import cached_property
from typing import Any

from ..backend import compiled
from ..graph.batches import mixing
from ..graph.calls import Graph
from ..graph.history import flatten
from ..graph.lesions import silenced
from ..graph.selecting import with_chosen
from ..locality.cones import Cones
from ..locality.crops import Crops
from ..models import ModelBundle, as_bundle


class Compiled:
    """Functions that the backend compiled, the last few: each holds memory, and layers are looked at one after the other.

    `patience`: how often a function whose compilation does not pay at once runs as it is before it is compiled all the same; None for
    always. Compiled code differs in the last digit, so a number belongs only to a network of which nothing is written.
    """

    most = 8
    patience: int | None = None

    def __init__(self) -> None:
        self.kept: dict[Hashable, Callable[..., Any]] = {}
        self._asked: Counter[Hashable] = Counter()

    def pays_by_now(self, key: Hashable) -> bool:
        """Count that the function of this `key` is asked for, and say whether it is compiled, or was asked for often enough to be."""
        if self.patience is None:
            return False
        self._asked[key] += 1
        return key in self.kept or self._asked[key] > self.patience

    def get(self, key: Hashable, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function` compiled, the same one for the same `key`."""
        if key not in self.kept:
            while len(self.kept) >= self.most:
                del self.kept[next(iter(self.kept))]
            self.kept[key] = compiled(function)
        return self.kept[key]


class Network:
    """A model bundle seen as a flat list of calls.

    `bundle`: the model, its preprocessing and its labels. `parts`: which part of an image stands for the whole, by call, (height, width)
    and the largest share of the work that a cone may be; None where no part does. `compiled`: functions of this network.
    """

    def __init__(self, bundle: ModelBundle) -> None:
        self.bundle = bundle
        self.parts: dict[tuple[int, tuple[int, int], float], Cones | Crops | None] = {}
        self.compiled = Compiled()

    def __repr__(self) -> str:
        return f"Network({self.bundle.name!r}, {len(self.graph.calls)} calls)"

    @cached_property
    def graph(self) -> Graph:
        """The flat graph, with its image input, the values of the others and the units that are silenced. Raises UnitError for those."""
        graph = flatten(self.bundle.network)
        inputs = {graph.calls[index].address: index for index in graph.inputs}
        fixed = {inputs[name]: value for name, value in self.bundle.inputs.items()}
        graph = replace(graph, image_input=inputs.get(self.bundle.image_input, graph.image_input), fixed=fixed)
        return with_chosen(silenced(replace(graph, mixing=mixing(graph)), self.bundle.without))


def as_network(model: Any, *, classes: bool = False) -> Network:
    """Return the network of a bundle, a path, a name or a Keras model, the same one each time it is asked for; see `models.as_bundle`."""
    if isinstance(model, Network):
        return model
    bundle = as_bundle(model, classes=classes)
    if bundle.flat is None:
        object.__setattr__(bundle, "flat", Network(bundle))
    network: Network = bundle.flat
    return network
