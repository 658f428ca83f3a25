"""Explain a prediction: the classes, the maps, the units for and against, the nearest images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ..attribution.cams import CAMS
from ..attribution.gradients import placed
from ..attribution.maps import Settings, mapped
from ..attribution.scores import Placed, Score
from ..errors import OptionError, UnitError
from ..graph.finite import weight_notes
from ..images import as_image_set
from ..method import Method, provenance
from ..models import as_bundle
from ..network.entering import batch_for, require_images
from ..network.network import Network, as_network
from ..numerals import natural
from ..options import RUN, Opt, Options, Stop, Theme, check_options
from ..portraits.layers import portraits_of
from ..portraits.scanned_units import network_of_run, scanned_network
from ..progress import counting
from ..projection.caveats import HONEST
from ..projection.slopes import require_slope, slope_notes
from ..results import Confusion, Explained, Explanation, FloatArray, LayerEvidence, Patches, Windows, map_of
from ..scanning import Run, as_run
from ..units import Unit
from .evidence import Ask, evidence, layers_of, mean_contributions, measured_unit, with_strip
from .heads import Decides, Head, Said, aim_of, head_of
from .neighbours import nearest_images

MAPS = ("gradcam", "integrated", "occlusion")
STRIP, NEAREST = 4, 6
Strip = tuple[tuple[FloatArray, ...], tuple[str, ...]]
EXACT = (
    "Contributions in {} are exact: all that follows is linear, so that they and the biases add up to the score{}. Elsewhere they are "
    "activation times slope, the first order of it."
)
FIRST_ORDER = (
    "A contribution is a unit's activation times the slope of the score by it, summed over its map: the first order of what it adds."
)
OF_RIVALS = ", of a class against all others to its score less the mean of the others, each weighed by its probability among them"


def explain(
    model: Any,
    images: Any,
    *,
    target: Annotated[
        str | None,
        Opt("Class, unit or expression to explain.", metavar="CLASS", shown="what the network says"),
    ] = None,
    against: Annotated[str | None, Opt("Class that it is explained against.", metavar="CLASS", shown="all others")] = None,
    region: Annotated[str | None, Opt("Part of an output with rows and columns: top,left,bottom,right.", metavar="T,L,B,R")] = None,
    layers: Annotated[
        str | None, Opt("Layers whose units are asked, a layer pattern.", metavar="PATTERN", shown="the last of the last two map sizes")
    ] = None,
    units: Annotated[int, Opt("Units that argue for it, and as many against.", least=1, most=64)] = 4,
    classes: Annotated[int, Opt("Classes that are listed.", least=1, most=100)] = 5,
    run: Annotated[
        Path | Any, Opt("A scan, for strongest patches, names and nearest images.", short="-r", metavar="RUN", names=RUN, recorded=False)
    ] = None,
    theme: Theme = "light",
    stop: Stop = None,
) -> Explanation:
    """Return why a network says what it says of each image: what it decides, which pixels and which units argue for that and against it.

    - `model`: what `load` returns, a path or a name. `images`: everything that docs/images.md lists.
    - `target`: a class by name or number, a unit, or an expression; by default what the network says. `against`: another class; by default
      all others (log odds), or of an image whose label says otherwise, the true class. One output is explained as yes or no, a label by its
      own score, a segmentation by the mean over the places that it takes for the class, or over a `region` of its map.
    - `layers`: whose units are asked, `units` of each for the score and as many against it. `classes`: how many are listed.
    - `run`: a scan with the same network: then units have their strongest patches and names, and images their nearest ones.
    - `theme`: "light" or "dark". `stop`: end after this many images; an interrupted result records it.

    A contribution is a unit's activation times the slope of the score by it, summed over its map. Where all that follows is linear, as a
    mean over the map and a dense layer, it is exact. Iterates over images (`Explained`); `.confusions` says what several that are taken
    alike have in common. Saving writes a picture, and a page (HTML) with its pictures inside. Raises UnitError, ImageError, OptionError,
    ModelError, ReplayError.

    >>> convscope.explain("squeezenet", "cat.jpg").save("why/")
    """
    options = check_options(explain, locals())
    opened = _run_of(run)
    network = scanned_network(opened, model) if opened is not None else as_network(model, classes=True)
    require_images(network.bundle)
    head = head_of(network)
    batch = batch_for(network.bundle, images, [head.call])
    labels = {source.name: source.label for source in as_image_set(images).sources}
    asking = _Asking(network, head, opened, options, _region(region), batch.pixels, batch.names, [labels.get(name) for name in batch.names])
    found, stopped = asking.explained()
    parameters = options.recorded() | stopped | ({} if opened is None else {"run": str(opened.path.absolute())})
    return Explanation(
        provenance=provenance("explain", network.bundle, batch.inputs, parameters),
        notes=(*asking.notes(found), *batch.notes),
        interrupted=bool(stopped),
        theme=theme,
        explained=tuple(found),
        images=batch.pixels[: len(found)],
        confusions=confusions(found) if len(found) > 1 else (),
        run="" if opened is None else opened.dataset,
    )


def _run_of(run: Any) -> Run | None:
    return None if run is None else as_run(run)


def _region(text: str | None) -> tuple[int, int, int, int] | None:
    """Return the (top, left, bottom, right) that a text means. Raises OptionError."""
    if text is None:
        return None
    try:
        top, left, bottom, right = (natural(part) for part in text.split(","))
    except ValueError as error:
        raise OptionError(f"`{text}` is not a region. Expected top,left,bottom,right of the output's map, such as 0,0,8,8.") from error
    return top, left, bottom, right


@dataclass(frozen=True)
class _Asking:
    """What is asked, of which images (image, height, width, channel)."""

    network: Network
    head: Head
    run: Run | None
    options: Options
    region: tuple[int, int, int, int] | None
    images: FloatArray
    names: Sequence[str]
    labels: Sequence[str | None]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images."""
        return self.images.shape[1], self.images.shape[2]

    @cached_property
    def _said(self) -> list[Said]:
        return self.head.computed(self.images)

    def explained(self) -> tuple[list[Explained], dict[str, int]]:
        """Return the images explained, and what the provenance records if Ctrl-C or `stop` ends them early."""
        end = min(self.options.stop or len(self.images), len(self.images))
        found: list[Explained] = []
        try:
            with counting("explaining", end) as advance:
                for image in range(end):
                    found.append(self._one(image))
                    advance(1)
        except KeyboardInterrupt:
            if not found:
                raise
        return found, {"stop": len(found)} if len(found) < len(self.images) else {}

    def _one(self, image: int) -> Explained:
        said, pixels = self._said[image], self.images[image : image + 1]
        aim = aim_of(self.head, said, self.labels[image], self.options.target, self.options.against, self.region)
        score = Score(self.network.graph, aim.target)
        for call in score.calls:
            require_slope(self.network.graph, call, self.size)
        ((one,),) = placed(self.network, [score], pixels)
        value, maps = self._maps(one, pixels)
        ask = Ask(self.network, pixels, one, self.options.units)
        chosen = layers_of(self.network, score, self.options.layers, self.size)
        layers = tuple(self._with_run(evidence(ask, layer)) for layer in chosen)
        near = () if self.run is None else nearest_images(self.network, self.run, pixels, NEAREST, self.names[image])
        classes = () if self.head.decides is Decides.VALUE else self.head.classes(said, self.options.classes)
        return Explained(self.names[image], self.labels[image], classes, aim.target.recorded, aim.said, value, maps, layers, near)

    def _maps(self, one: Placed, pixels: FloatArray) -> tuple[float, dict[str, FloatArray]]:
        """Return the score, and the maps by method; without class activation maps where no layer has a map."""
        found: dict[str, FloatArray] = {}
        value = 0.0
        for method in MAPS:
            try:
                ((made,),) = mapped(Settings(self.network), method, pixels, [[one]])
            except UnitError:
                if method not in CAMS:
                    raise
                continue
            value = made.score
            whole = Windows([[made.signal]], np.array([[made.window[:2]]], np.int64), self.size).part(0, 0)
            found[method] = map_of(method, whole)
        return value, found

    def _with_run(self, found: LayerEvidence) -> LayerEvidence:
        if self.run is None:
            return found
        units = [one.unit for one in (*found.pro, *found.contra)]
        measured = {unit: measured_unit(self.network.graph, unit, self.run.layers) for unit in units}
        return with_strip(found, self._strips(measured), self._names(measured))

    def _strips(self, measured: Mapping[Unit, Unit | None]) -> dict[Unit, Strip]:
        assert self.run is not None
        found: dict[Unit, Strip] = {}
        for layer in dict.fromkeys(one.layer for one in measured.values() if one is not None):
            own = [(unit, one) for unit, one in measured.items() if one is not None and one.layer == layer]
            portraits = portraits_of(self.run, self.network, layer, [one.channel for _, one in own])
            for (unit, _), portrait in zip(own, portraits, strict=True):
                patches, places = portrait.patches, portrait.patches.places[:STRIP]
                found[unit] = tuple(_inside(patches, place) for place in places), tuple(patches.names[place] for place in places)
        return found

    def _names(self, measured: Mapping[Unit, Unit | None]) -> dict[Unit, str]:
        assert self.run is not None
        names = self.run.names
        if names is None:
            return {}
        found = {unit: names.of(one.layer, one.channel) for unit, one in measured.items() if one is not None}
        return {unit: one.said for unit, one in found.items() if one is not None}

    def notes(self, found: Sequence[Explained]) -> tuple[str, ...]:
        """Return the sentences that belong under the picture."""
        graph = self.network.graph
        exact = [layer.layer for layer in found[0].layers if layer.exact]
        odds = OF_RIVALS if any(one.target.startswith("odds(") for one in found) else ""
        contributions = EXACT.format(" and ".join(exact), odds) if exact else FIRST_ORDER
        cut = slope_notes(graph, [self.head.scores], self.size)
        names = self.run.names if self.run is not None else None
        stale = ("The names of units are those of an earlier state of the run. `convscope name` makes them again.",)
        return (
            contributions,
            *(stale if names is not None and names.outdated else ()),
            HONEST,
            *self.head.notes,
            *cut,
            *weight_notes(graph, [self.head.call]),
        )


def _inside(patches: Patches, place: int) -> FloatArray:
    """Return the part of a patch that lies on its image."""
    top, left, bottom, right = patches.inside(place)
    return patches.pixels[place, top:bottom, left:right]


def confusions(found: Sequence[Explained], most: int = 6) -> tuple[Confusion, ...]:
    """Return what images that are taken alike have in common: their units with the largest mean contributions, in their last layer."""
    groups: dict[tuple[str | None, str, str], list[Explained]] = {}
    for one in found:
        groups.setdefault((one.label, one.predicted, one.said), []).append(one)
    made = []
    for (label, predicted, said), ones in sorted(groups.items(), key=lambda item: -len(item[1])):
        if not ones[0].layers:
            continue
        means = mean_contributions([one.layers[0] for one in ones], most)
        made.append(Confusion(label, predicted, said, len(ones), ones[0].layers[0].layer, means))
    return tuple(made)


def _network(inputs: tuple[Any, ...], options: Mapping[str, Any], told: Mapping[str, Any]) -> Any:
    """Return the network of a request that names none: that of the run, or the default one with classes."""
    if options.get("run") is not None:
        return network_of_run(inputs, options, told)
    return as_bundle(None, classes=True, **told)


METHOD = Method(
    name="explain",
    run=explain,
    network=_network,
    explain=lambda network: "why it says what it says of an image",
    description=(
        "The picture shows the likeliest classes, maps of three methods, and at some layers the units that argue for the class and against "
        "it. The page beside it holds the same. With -r RUN, the folder of a scan, units have their strongest patches and the image its "
        "nearest ones. Several images make a table."
    ),
    examples=(
        "convscope explain sample:cat -m squeezenet",
        "convscope explain sample:cat -m squeezenet --target lynx --against tabby",
        'convscope explain "sample:fashion[0-8]" -m fashion',
        "convscope explain photo.jpg -r run/",
    ),
)
