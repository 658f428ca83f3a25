"""The model doctor: what a model file holds and what each method will mean on it, before anything is computed."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from .graph.calls import Graph
from .graph.finite import weight_notes
from .graph.kinds import Kind
from .graph.rules import deconvnet
from .graph.saturation import ranking_call
from .models import as_bundle
from .network.addresses import graph_of
from .network.features import feature_call, feature_notes
from .network.listing import LayerInfo, layers


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
    bundle = as_bundle(model)
    graph = graph_of(bundle)
    return Examination(
        name=bundle.name,
        format=bundle.format,
        weights=bundle.weights,
        input=bundle.shape,
        preprocessing=bundle.preprocessing.name,
        scores=_scores(graph),
        notes=(*bundle.notes, *weight_notes(graph, graph.calls)),
        methods=_methods(graph) if bundle.takes_images else {"activations": "the only method for sequences and volumes so far"},
        layers=tuple(layers(bundle)),
    )


def _scores(graph: Graph) -> str | None:
    output = graph.calls[graph.outputs[0].call]
    return ranking_call(graph, graph.score(output)).address if len(output.shape) == 2 else None


def _methods(graph: Graph) -> dict[str, str]:
    kinds = Counter(call.kind for call in graph.visible.values())
    pools, relus = kinds[Kind.MAX_POOL], kinds[Kind.RELU]
    notes = deconvnet().notes(graph.calls)
    switches = f"{pools} max pooling{'s' if pools > 1 else ''} with switches" if pools else "no max pooling, so switches change nothing"
    scores = _scores(graph)
    return {
        "activations": "every layer below, after its activation",
        "deconv": "; ".join([switches, f"{relus} ReLUs rectify the signal" if relus else "no ReLU rectifies it", *notes]),
        "saliency": f"scores of `{scores}`, before any softmax" if scores else "values of the unit that is named",
        "ascend": "values before each activation, where one exists",
        "tsne": ". ".join((f"features of `{feature_call(graph, None).address}`", *feature_notes(graph, None))),
    }
