"""`compare`: a fine-tuned network against its base, two seeds, two epochs."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from ..images import ImageSet, as_image_set
from ..method import Method, provenance
from ..models import ModelBundle, as_bundle
from ..models.reload import reload_model
from ..network.entering import require_images
from ..network.network import as_network
from ..options import Opt, Theme, check_options
from ..progress import working
from ..results.comparisons import Comparison, Parting, UnitPair, Verdict
from ..units import LAYER_GRAMMAR, Unit
from .cka import cka, cka_of_products
from .partners import matched, namesakes
from .sight import Sight, products_of_maps, seen

FEATURES = ("mean", "maps")
PATCHES, ARGUING = 4, 3
FEWEST = 3  # images on which anything can be alike
RELATED = 0.3  # the median correlation of units of one address from which on two networks count as related
# What the first network is told, the second is told too, where it is a name or a file.
TOLD = ("preprocess", "architecture", "input_shape", "custom", "unsafe")
NAMESAKES = "Side by side: units of one address, of each layer the one that changed most."
PARTNERS = "Side by side: of each layer the unit with the most similar partner. Units of one address have nothing in common here."
CKA_NOTE = {
    "mean": "CKA: linear, of the means over each map (Kornblith et al. 2019). 1 is the same up to rotation and scale.",
    "maps": "CKA: linear, of all numbers of each map (Kornblith et al. 2019). 1 is the same up to rotation and scale.",
}


def compare(
    model: Any,
    other: Any,
    images: Any,
    *,
    layers: Annotated[str, Opt(f"Which layers of both networks: {LAYER_GRAMMAR}.")] = "all",
    features: Annotated[
        str, Opt("What stands for an image in a layer: the mean of each map, or all numbers of the maps.", choices=FEATURES)
    ] = "mean",
    least: Annotated[float, Opt("The correlation from which a unit counts as having a partner.", least=0, most=1)] = 0.5,
    count: Annotated[int, Opt("Pairs of units to draw, and images that are taken for different classes.", least=1, most=48)] = 8,
    theme: Theme = "light",
) -> Comparison:
    """Return how two networks see the same images: linear CKA of all pairs of layers, best partners of all units, predictions that part.

    - `model`, `other`: what `load` returns, a path, a name or a Keras model each. What the first is told (preprocessing, custom code) holds
      for the second too where that is a path or a name.
    - `images`: anything that holds images, as for `scan`. Each enters each network at that network's own size. They need not fit in memory.
    - `features`: "mean" keeps one number for each unit and image. "maps" is CKA as in the paper; each image then runs several times.

    A unit's partner is the unit of the other network, of any layer, whose maxima correlate most with its own over the images, as in the
    atlas. `.partings` are images that the two take for different classes, with the units that argue most for each class, by activation
    times slope of the difference of the two scores. Raises UnitError, ImageError, ModelError, OptionError. Source: Kornblith et al. 2019.

    >>> convscope.compare("base.keras", "tuned.keras", "photos/").save("compare.png")
    """
    options = check_options(compare, locals())
    bundle = as_bundle(model)
    second_bundle = _named_alike(_other(other, bundle), bundle)
    for one in (bundle, second_bundle):
        require_images(one)
    found = as_image_set(images)
    first, second = (
        seen(as_network(one), found, layers, f"{words} network") for one, words in ((bundle, "first"), (second_bundle, "second"))
    )
    _check(first, second)
    units = _units(first, second, options.count)
    partings, parted = _partings(first, second, options.count)
    parameters = {"other": second_bundle.identity()} | options.recorded()
    lesion = (f"The second network is without {', '.join(second_bundle.without)}.",) if second_bundle.without else ()
    return Comparison(
        provenance=provenance("compare", bundle, first.inputs, parameters),
        notes=(*lesion, CKA_NOTE[features], NAMESAKES if units["paired"] == "namesakes" else PARTNERS, *first.notes),
        theme=theme,
        other=second_bundle.identity(),
        layers=first.layers,
        other_layers=second.layers,
        cka=_cka(first, second, features),
        **units,
        least=options.least,
        partings=partings,
        parted=parted,
        agreement=_agreement(first, second),
        accuracies=_accuracies(first, second),
        features=features,
        images=len(first.sources),
        dataset=_dataset(found),
    )


def _other(other: Any, bundle: ModelBundle) -> ModelBundle:
    if isinstance(other, Mapping):
        return reload_model(other, "picture", bundle.given.get("custom", ()), bool(bundle.given.get("unsafe")))
    told = {name: bundle.given[name] for name in TOLD if bundle.given.get(name)} if isinstance(other, str) else {}
    return as_bundle(other, **told)


def _named_alike(other: ModelBundle, bundle: ModelBundle) -> ModelBundle:
    """Return the second network with the first one's names of classes, where it has none and as many outputs."""
    outputs = getattr(other.network, "output_shape", None)
    fits = bundle.labels is not None and isinstance(outputs, tuple) and outputs[-1:] == (len(bundle.labels),)
    return replace(other, labels=bundle.labels) if other.labels is None and fits else other


def _units(first: Sight, second: Sight, count: int) -> dict[str, Any]:
    """Return what a comparison says of units: their partners, their namesakes, and those that are shown side by side."""
    with working("comparing units"):
        ours, theirs = matched(first.peaks, second.peaks)
        same = namesakes(first.peaks, second.peaks)
        known = [value for value in same.values() if np.isfinite(value)]
        related = bool(known) and float(np.median(known)) >= RELATED
        pairs = _namesakes(same, count) if related else _best(ours.units, ours.partners, ours.correlations, count)
        return {
            "units": ours.units,
            "partners": ours.partners,
            "correlations": ours.correlations,
            "other_units": theirs.units,
            "other_partners": theirs.partners,
            "other_correlations": theirs.correlations,
            "namesakes": {str(unit): value for unit, value in same.items()},
            "pairs": tuple(_pair(first, second, *one) for one in pairs),
            "paired": "namesakes" if related else "partners",
        }


def _check(first: Sight, second: Sight) -> None:
    """Raise ImageError for images that do not tell anything apart, or of which the networks read different ones."""
    if len(first.sources) < FEWEST:
        raise ImageError(f"Received {len(first.sources)} readable images. Expected {FEWEST} or more: two are always perfectly correlated.")
    if [one.name for one in first.sources] != [one.name for one in second.sources]:
        raise ImageError("The two networks could not read the same images. Remove those that one of them cannot read.")


def _cka(first: Sight, second: Sight, features: str) -> NDArray[np.float64]:
    if features == "maps":
        tables = (products_of_maps(one, f"maps of the {words} network") for one, words in ((first, "first"), (second, "second")))
        return cka_of_products(*tables)
    with working("comparing layers"):
        return cka(list(first.means.values()), list(second.means.values()))


def _namesakes(same: Mapping[Unit, float], count: int) -> list[tuple[Unit, Unit, float]]:
    """Return of each layer the unit that is least like its namesake, those that changed most first, at most so many."""
    lowest = []
    for _, group in groupby(same, key=lambda unit: unit.layer):
        known = [(same[unit], unit) for unit in group if np.isfinite(same[unit])]
        lowest += [min(known)] if known else []
    chosen = sorted(lowest)[:count]
    return [(unit, unit, value) for value, unit in chosen]


def _best(units: Any, partners: Any, correlations: Any, count: int) -> list[tuple[Unit, Unit, float]]:
    """Return of each layer the unit with the most similar partner, of evenly spread layers where there are more than so many."""
    found = []
    for _, group in groupby(zip(units, partners, correlations, strict=True), key=lambda one: one[0].layer):
        known = [(float(value), unit, partner) for unit, partner, value in group if partner is not None]
        found += [max(known, key=lambda one: one[0])] if known else []
    places = sorted({round(place) for place in np.linspace(0, len(found) - 1, min(count, len(found))).tolist()})
    return [(found[place][1], found[place][2], found[place][0]) for place in places]


def _pair(first: Sight, second: Sight, unit: Unit, other: Unit, correlation: float) -> UnitPair:
    return UnitPair(unit, other, correlation, tuple(first.patches(unit, PATCHES)), tuple(second.patches(other, PATCHES)))


def _same_classes(first: Sight, second: Sight) -> bool:
    one, two = first.probabilities, second.probabilities
    return one is not None and two is not None and one.shape == two.shape


def _agreement(first: Sight, second: Sight) -> float | None:
    return float(np.mean(first.predicted == second.predicted)) if _same_classes(first, second) else None  # type: ignore[arg-type]


def _accuracies(first: Sight, second: Sight) -> tuple[float, float] | None:
    """Return how many of the images that have a label which is a class the networks take for it, as shares."""
    if not _same_classes(first, second):
        return None
    found = []
    for sight in (first, second):
        names = {name.casefold(): index for index, name in enumerate(sight.network.bundle.labels or ())}
        wanted = np.array([names.get((source.label or "").casefold(), -1) for source in sight.sources])
        if not (wanted >= 0).any():
            return None
        found.append(float(np.mean(np.asarray(sight.predicted)[wanted >= 0] == wanted[wanted >= 0])))
    return found[0], found[1]


def _partings(first: Sight, second: Sight, count: int) -> tuple[tuple[Parting, ...], int]:
    """Return the images that the networks take for different classes, those of which both are surest first, and how many there are."""
    if not _same_classes(first, second):
        return (), 0
    sights = (first, second)
    predicted = [np.asarray(one.predicted) for one in sights]
    apart = np.flatnonzero(predicted[0] != predicted[1])
    surest = [np.asarray(one.probabilities)[apart, choice[apart]] for one, choice in zip(sights, predicted, strict=True)]
    order = apart[np.argsort(-np.minimum(*surest), kind="stable")][:count] if len(apart) else apart
    found = []
    for image in order.tolist():
        choices = [int(one[image]) for one in predicted]
        verdicts = [_verdict(one, image, choices[side], choices[1 - side]) for side, one in enumerate(sights)]
        source = first.sources[image]
        found.append(Parting(source.name, first.pixels(image), source.label, verdicts[0], verdicts[1]))
    return tuple(found), len(apart)


def _verdict(sight: Sight, image: int, own: int, other: int) -> Verdict:
    layer, amounts = sight.arguments(image, own, other)
    order = np.argsort(-np.nan_to_num(amounts), kind="stable")[:ARGUING]
    units = tuple((f"{layer}:{channel}", float(amounts[channel])) for channel in order.tolist() if amounts[channel] > 0)
    return Verdict(sight.network.bundle.label(own), float(np.asarray(sight.probabilities)[image, own]), units)


def _dataset(images: ImageSet) -> str:
    given = [str(one).replace("\\", "/").rstrip("/").rpartition("/")[2] or str(one) for one in images.given or ()]
    return ", ".join(given[:2]) + (f" and {len(given) - 2} more" if len(given) > 2 else "") if given else "arrays"


METHOD = Method(
    name="compare",
    run=compare,
    examples=(
        "convscope compare vgg16 squeezenet sample:",
        "convscope compare base.keras tuned.keras photos/ --layers convolutions",
        "convscope compare epoch-01.keras epoch-20.keras photos/ --features maps --json",
    ),
    description=(
        "OTHER is a model as MODEL is; the first may also stand after -m. What the options say of the first model (preprocessing, custom "
        "code) holds for the second. --without silences units of the first, which are then compared with the whole network."
    ),
)
