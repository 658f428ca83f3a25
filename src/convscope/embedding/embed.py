"""Images or features in, a map of them out."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, OptionError
from ..formats.map_reference import Reference
from ..graph.finite import spoilt_units, weight_notes
from ..images import as_image_set
from ..method import Method, provenance
from ..models import ModelBundle, as_bundle, load_default
from ..network.features import feature_call, feature_notes, few_features
from ..network.network import Network, as_network
from ..options import FOLDER, Opt, Stop, Theme, check_options
from ..progress import working
from ..reach import user_path
from ..results import CAUTION_TSNE, Embedding
from .affinities import affinities
from .engines import EARLY, ENGINES, FEWEST, FEWEST_FOR_TSNE, MOST_SEED, Settings, lay_out, settle
from .features import extract
from .grid import arrange_on_grid
from .material import Material, check_finite
from .neighbours import Neighbours, nearest
from .pca import DIMENSIONS, PrincipalAxes, all_equal, principal_axes
from .placement import axes_of, check_near, place, read_reference, refuse_settings
from .quality import NEAR, divergence, procrustes, quality
from .runs import holds_run, read_run
from .vectors import holds_features, is_features, read_features

SHOWN = 8
EASY = 20_000  # images up to which all numbers of quality are computed unasked
COLOURS = ("label", "prediction")
QUALITIES = ("auto", "all", "seeds")


def tsne(
    model: Any,
    images: Any,
    *,
    layer: Annotated[str | None, Opt("Layer whose output is mapped.", shown="what feeds the network's last decision")] = None,
    perplexity: Annotated[
        float | None, Opt("Effective number of neighbours.", least=1, shown="30, fewer for few images, 15 beyond 5,000")
    ] = None,
    dimensions: Annotated[int, Opt("Number of principal components for t-SNE.", least=1)] = DIMENSIONS,
    exaggeration: Annotated[
        float | None, Opt("How strongly to draw clusters together.", least=1, most=int(EARLY), shown="1, beyond 100,000 images 2")
    ] = None,
    seed: Annotated[int, Opt("Seed of the map: the same seed gives the same map.", least=0, most=MOST_SEED - 1)] = 0,
    engine: Annotated[str, Opt("Program that computes t-SNE.", choices=("auto", *ENGINES))] = "auto",
    onto: Annotated[
        str | Path | None, Opt("Place the images on the map in this folder, written by `convscope tsne`.", names=FOLDER)
    ] = None,
    quality: Annotated[
        str, Opt("Which measures of quality to compute: `all`, or also the agreement of two `seeds`.", choices=QUALITIES)
    ] = "auto",
    theme: Theme = "light",
    colour: Annotated[str, Opt("What colours the images. Without labels it is the prediction.", choices=COLOURS)] = "label",
    exact: Annotated[bool, Opt("Draw thumbnails at their exact coordinates, even if they overlap.")] = False,
    stop: Stop = None,
) -> Embedding:
    """Return a map of images: t-SNE of the network's features, started from their principal components.

    - `images`: everything that `as_image_set` takes. Without a model (None) also features: a Run or its folder, a 2-D .npy, an .npz with
      `features`, a Parquet file, or an array. The images of the rows may follow.
    - `layer`: whose output is mapped, averaged over space. By default what feeds the network's last decision.
    - `perplexity`: 30, fewer for few images, 15 beyond 5,000. `dimensions`: principal components for t-SNE. `exaggeration`: 1, beyond
      100,000 images 2. `engine`: "sklearnex", "openTSNE", "sklearn", or the fastest one installed. `seed`: the same seed gives the same
      map.
    - `onto`: the folder of a map on which to place these images.
    - `quality`: "all" measures beyond 20,000 images too, or "seeds": also the agreement of two seeds.
    - `theme`: "light" or "dark". `colour`: by "label" or "prediction". `exact`: draw thumbnails at their exact coordinates, even if they
      overlap. `stop`: end after this many strides of the map; an interrupted result records it.

    `.points` is (image, 2) float32, `.features` (image, feature), `.cells` the places on a grid. `.quality` says how faithful the map is.
    Below 50 images the first two principal components take the place of t-SNE, with a note. Ctrl-C keeps the map so far, except with
    scikit-learn. Raises ImageError, OptionError, UnitError.

    >>> convscope.tsne("fashion", "sample:fashion").save("map/")
    """
    options = check_options(tsne, locals())
    asked = {name: getattr(options, name) for name in ("perplexity", "exaggeration", "seed", "engine")}
    reference = None if onto is None else read_reference(onto)

    def placeable(count: int) -> None:
        refuse_settings(count, asked)

    bundle, material = _material(model, images, layer, (lambda count: settle(count, **asked)) if reference is None else placeable)
    clock = _Clock()
    digest, preprocessing = (material.network, material.preprocessing) if bundle is None else (bundle.digest, bundle.preprocessing.name)
    values = material.values
    _check(material, reference, colour)
    axes = principal_axes(values, options.dimensions) if reference is None else _axes_of(reference, material, digest, preprocessing)
    components = axes.project(values)
    if reference is not None:
        check_near(components, reference)
    clock.read("PCA")
    settings = replace(settle(max(FEWEST, len(components)), **asked), stop=options.stop)
    mapped = _mapped(components, material, settings, reference, quality, clock)
    parameters = options.recorded() | {"layer": layer and material.layer, "onto": onto and str(user_path(onto).absolute())}
    strides = mapped.pop("strides")
    parameters |= {"stop": strides} if mapped["interrupted"] else {}
    if reference is None:
        kept = Reference(digest, material.layer, axes.mean, axes.axes, components, mapped["points"], axes.scale, preprocessing)
        mapped |= {"reference": kept, "quality": mapped["quality"] | {"variance kept": axes.kept}}
    return Embedding(
        provenance=provenance("tsne", bundle, material.inputs, parameters, options.seed),
        notes=_notes(material, axes, reference, mapped["engine"]),
        layer=material.layer,
        features=material.values,
        thumbnails=material.thumbnails,
        image_names=material.names,
        labels=material.labels,
        predictions=material.predictions,
        probabilities=material.probabilities,
        seconds=clock.seconds,
        theme=theme,
        colour=colour,
        exact=options.exact,
        network=material.model_name if bundle is None else bundle.name,
        **mapped,
    )


def _check(material: Material, reference: Reference | None, colour: str) -> None:
    """Raise OptionError or ImageError for what no map can be made of."""
    if colour == "prediction" and material.predictions is None:
        raise OptionError(
            "There are no predictions to colour by: the network does not end in a softmax, or the file has no "
            "predictions. Leave the option out."
        )
    check_finite(material)
    if reference is None and all_equal(material.values):
        raise ImageError(
            f"All {len(material.values)} images have the same features, so no map can separate them. Expected features that differ. "
            f"The layer may be dead: name another with `layer`."
        )


def _axes_of(reference: Reference, material: Material, digest: str, preprocessing: str) -> PrincipalAxes:
    return axes_of(reference, material.values.shape[1], digest, material.layer, preprocessing)


def _mapped(
    components: NDArray[np.float32], material: Material, settings: Settings, reference: Reference | None, asked: str, clock: "_Clock"
) -> dict[str, Any]:
    """Return the fields of the record that follow from the components: the map, the grid, neighbours and quality."""
    with working(f"neighbours of {len(components):,} images"):
        found = nearest(components, max(NEAR, SHOWN, int(3 * settings.perplexity)))
    clock.read("neighbours")
    layout = lay_out(components, found, settings) if reference is None else place(components, reference)
    clock.read("t-SNE")
    with working("grid"):
        grid = arrange_on_grid(layout.points)
    clock.read("grid")
    classes = np.unique(material.labels, return_inverse=True)[1] if material.labels else None
    brief = asked == "auto" and len(components) > EASY
    enough = len(components) >= FEWEST
    numbers = quality(components, layout.points, found, classes, settings.seed, brief=brief) if enough else {}
    interrupted = layout.interrupted
    if reference is None and len(components) >= FEWEST_FOR_TSNE and not interrupted:
        if not brief:
            numbers["kl"] = divergence(affinities(found, settings.perplexity), layout.points)
        if asked == "seeds":
            left = None if settings.stop is None else max(0, settings.stop - layout.strides)
            other = _second(components, found, replace(settings, seed=settings.seed + 1, stop=left))
            interrupted = other is None
            numbers |= {} if other is None else {"procrustes of two seeds": procrustes(layout.points, other)}
    clock.read("quality")
    return {
        "points": layout.points,
        "engine": layout.engine,
        "interrupted": interrupted,
        "strides": layout.strides,
        "neighbours": found.indices[:, :SHOWN],
        "cells": grid.cells,
        "grid": grid.shape,
        "quality": numbers | {"grid displacement": grid.displacement},
        "backdrop": None if reference is None else reference.points,
    }


def _second(components: NDArray[np.float32], found: Neighbours, settings: Settings) -> NDArray[np.float32] | None:
    """Return the map of another seed, None if Ctrl-C ended it: the first one is whole and is kept."""
    try:
        layout = lay_out(components, found, settings)
    except KeyboardInterrupt:
        return None
    return None if layout.interrupted else layout.points


class _Clock:
    """Reads how long each step took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def read(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step], self._since = now - self._since, now


def _material(model: Any, images: Any, layer: str | None, check: Callable[[int], object]) -> tuple[Any, Material]:
    """Return the network, None where features are given, and what the map is made of; `check` speaks before anything is computed."""
    if isinstance(images, Material):  # of another room, which has read it
        check(len(images.values))
        return None, images
    if holds_run(images) or holds_features(images) or (model is None and layer is None and is_features(images)):
        if model is not None or layer is not None:
            raise OptionError("The features come from a file, so a model or layer has no effect. Leave them out, or name images.")
        material = read_run(images) if holds_run(images) else read_features(images)
        check(len(material.values))
        return None, replace(material, notes=(*few_features(material.values.shape[1]), *material.notes))
    bundle = as_bundle(model, classes=True)
    call = feature_call(as_network(bundle).graph, layer)
    given = as_image_set(images)
    check(len(given))
    graph = as_network(bundle).graph
    odd = weight_notes(graph, [call])
    if spoilt_units(graph, call).any():
        raise ImageError(f"The features of `{call.address}` are not finite. {' '.join(odd)} Name an earlier layer with `layer`.")
    material = extract(bundle, given, call)
    return bundle, replace(material, notes=(*feature_notes(graph, layer), *odd, *material.notes))


def _notes(material: Material, axes: PrincipalAxes, reference: Reference | None, engine: str) -> tuple[str, ...]:
    caution = () if engine.startswith("PCA") else (CAUTION_TSNE,)
    kept = () if reference else (f"PCA to {axes.axes.shape[1]} dimensions keeps {axes.kept:.1%} of the variance.",)
    return (*caution, *kept, *material.notes)


def _network(inputs: tuple[Any, ...], options: Mapping[str, Any], told: Mapping[str, Any]) -> ModelBundle | None:
    """Return the default network with classes, None where the inputs hold features already."""
    return None if _has_features(inputs) else load_default(classes=True, **told)


def _has_features(inputs: tuple[Any, ...]) -> bool:
    return holds_run(inputs[0]) or holds_features(inputs[0])


def _explanation(network: Network) -> str:
    """Return what it shows of a network."""
    return ". ".join((f"features of `{feature_call(network.graph, None).address}`", *feature_notes(network.graph, None)))


METHOD = Method(
    name="tsne",
    run=tsne,
    explain=_explanation,
    examples=(
        "convscope tsne photos/ -m model.h5",
        "convscope tsne sample:photos  # the embedded classifier",
        "convscope tsne sample:fashion -m fashion --page",
        "convscope tsne features.npy photos/",
        "convscope tsne run/",
        "convscope tsne new/ -m model.h5 --onto convscope-out/tsne-photos",
    ),
    description=(
        "Instead of images, IMAGE may be features that exist already: the folder of a `convscope scan`, a 2-D .npy, an .npz "
        "with `features`, or a Parquet file. The images of the rows may follow. That needs no model."
    ),
    network=_network,
    suffices=_has_features,
)
