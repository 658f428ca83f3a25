"""Images in, a map of them out."""

from typing import Any

import numpy as np

from ...graph.addresses import graph_of
from ...images import as_image_set
from ...models import as_bundle
from ...progress import working
from ...results import Embedding
from ..method import METHODS, Method, Option, provenance
from .engines import ENGINES, check_settings, lay_out, principal_components, quality
from .features import extract, feature_call

HONEST = "t-SNE keeps neighbours; distances between clusters and their sizes carry little meaning."


def embed(
    model: Any, images: Any, *, layer: str | None = None, seed: int = 0, perplexity: float | None = None, engine: str = "auto"
) -> Embedding:
    """Return a map of images: t-SNE of the network's features, started from their principal components.

    `layer`: whose output is mapped (maps are averaged over space); by default the last dense layer before the softmax, or the global
    average where there is none. `perplexity`: 30, less for few images. `engine`: "sklearnex", "openTSNE", "sklearn" or the best installed.

    `.points` is (image, 2) float32, `.features` (image, feature) float32, `.quality` says how faithful the map is. The same seed gives the
    same map. Below 50 images the first two principal components are drawn, and it says so. Raises ImageError, OptionError, UnitError.

    >>> convscope.embed("fashion", "sample:fashion").save("map.png")
    """
    bundle = as_bundle(model)
    call = feature_call(graph_of(bundle), layer)
    given = as_image_set(images)
    check_settings(len(given), perplexity, engine)
    features = extract(bundle, given, call)
    read = features.stream.read
    components, kept = principal_components(features.values)
    with working(f"t-SNE of {len(read)} images"):
        layout = lay_out(components, seed, perplexity, engine)
    labels = tuple(source.label or "" for source in read) if any(source.label for source in read) else None
    classes = np.unique(labels, return_inverse=True)[1] if labels else None
    notes = [HONEST, f"PCA to {components.shape[1]} dimensions keeps {kept:.1%} of the variance."]
    if features.stream.skipped:
        notes.append(f"{len(features.stream.skipped)} pictures could not be read and were skipped; the first: {features.stream.skipped[0]}")
    predicted = features.predicted
    return Embedding(
        provenance=provenance(
            "tsne",
            bundle,
            features.stream.inputs(),
            {"layer": call.address if layer else None, "seed": seed, "perplexity": perplexity, "engine": engine},
            seed,
        ),
        notes=tuple(notes),
        layer=call.address,
        points=layout.points,
        features=features.values,
        thumbnails=features.thumbnails,
        image_names=tuple(source.name for source in read),
        labels=labels,
        predictions=None if predicted is None else tuple(bundle.label(int(index)) for index in predicted),
        engine=layout.engine,
        quality=quality(components, layout.points, classes, seed) | {"variance kept": kept},
    )


METHODS.register(
    "tsne",
    Method(
        name="tsne",
        summary="what the network as a whole has learned: a map of images by t-SNE",
        run=embed,
        takes=("images",),
        options=(
            Option("layer", str, None, "Whose output is mapped [default: the last dense layer before the softmax]."),
            Option("seed", int, 0, "Seed of the map."),
            Option("perplexity", float, None, "Effective number of neighbours [default: 30, less for few images]."),
            Option("engine", str, "auto", "Which t-SNE computes.", choices=("auto", *ENGINES)),
        ),
        examples=("convscope tsne photos/ -m model.h5", "convscope tsne sample:fashion -m fashion"),
    ),
)
