"""The model doctor: what a model file holds and what each method will mean on it, before anything is computed."""

from dataclasses import asdict, dataclass
from typing import Any

from .catalogue import METHODS
from .graph.finite import weight_notes
from .network.features import scores_layer
from .network.listing import LayerInfo, layers
from .network.network import Network, as_network


@dataclass(frozen=True)
class Examination:
    """What is known of a model without running it.

    `format`: kind of file and the Keras that wrote it. `scores`: the layer whose values are the classes' scores, before any softmax.
    `notes`: what `load` recognised and repaired. `methods`: a sentence for each.
    """

    name: str
    format: str
    weights: str
    input: tuple[int | None, ...]
    preprocessing: str
    scores: str | None
    notes: tuple[str, ...]
    methods: dict[str, str]
    layers: tuple[LayerInfo, ...]

    def as_record(self) -> dict[str, Any]:
        """Return all of it as plain data, for JSON."""
        return asdict(self)


def examine(model: Any) -> Examination:
    """Return what a model holds and what each method will mean on it. `model` is what `load` returns, or a path or name for it."""
    network = as_network(model)
    bundle, graph = network.bundle, network.graph
    return Examination(
        name=bundle.name,
        format=bundle.format,
        weights=bundle.weights,
        input=bundle.shape,
        preprocessing=bundle.preprocessing.name,
        scores=scores_layer(graph),
        notes=(*bundle.notes, *weight_notes(graph, graph.calls)),
        methods=_methods(network) if bundle.takes_images else {"activations": "the only method for sequences and volumes so far"},
        layers=tuple(layers(network)),
    )


def _methods(network: Network) -> dict[str, str]:
    """Return what each method that explains itself shows of the network."""
    explaining = ((name, METHODS.get(name).explain) for name in METHODS)
    return {name: explain(network) for name, explain in explaining if explain is not None}
