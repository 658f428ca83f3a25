"""The maps of a saliency method as a record, and those of all methods beside one another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import Any

import numpy as np

from ..attribution.baselines import BASELINES
from ..attribution.cams import cam_layer
from ..attribution.curves import Curves, curves
from ..attribution.gradients import placed
from ..attribution.maps import Mapped, Settings, mapped
from ..attribution.measures import Measure, measure_of
from ..attribution.scores import Placed, Score
from ..errors import UnitError
from ..graph.calls import Call
from ..graph.finite import spoilt_units, weight_notes
from ..graph.rules import GRADIENT, GUIDED, Ruleset
from ..graph.saturation import ranking
from ..images import ImageBatch
from ..locality.windows import Field
from ..method import provenance
from ..network.addresses import class_names, unit_call
from ..network.network import Network
from ..network.targets import Target, recorded_as
from ..options import Options
from ..projection.caveats import HONEST_GUIDED
from ..projection.driver import IMAGES_AT_ONCE, project
from ..projection.seeds import Seed, slope_sign
from ..projection.slopes import require_slope, slope_notes
from ..results import SALIENCIES, ComparedMaps, FloatArray, Saliency, Windows, map_of
from ..units import Unit
from .chunks import in_chunks, one_by_one

CAMS = ("gradcam", "gradcam++", "layercam")
# Done a few images at a time, because an image costs little.
QUICK = ("gradient", "guided", "input", *CAMS)
RANDOM = "random"
INCOMPLETE = (
    "Integrated gradients of {} {} at {} points: their sum differs from the difference of the scores by {:.0%}. Allow more `points`, or "
    "do not read them as shares of the score."
)
STRETCHED = "The map of `{}` has {} x {} places and is stretched over the image, so its edges are as coarse as that."
CURVES = (
    "Deletion: area below the {} while the most important pixels turn grey, small for a good map. Insertion: while they come back into the "
    "blurred image, large for a good map (Petsiuk et al. 2018). Random is the floor: a map that does not beat it says nothing."
)


@dataclass(frozen=True)
class Look:
    """What is looked at: targets in a network on a batch of images, by a method and its options."""

    network: Network
    targets: tuple[Target, ...]
    options: Options
    batch: ImageBatch | None = None

    def on(self, batch: ImageBatch) -> "Look":
        """Return the same look on images. Raises UnitError where no gradient reaches what a method needs one of."""
        found = replace(self, batch=batch)
        if self.options.method != "occlusion":
            for call in self.calls:
                require_slope(self.network.graph, call, found.size, self.rules)
        return found

    @property
    def images(self) -> FloatArray:
        """The images, (image, height, width, channel)."""
        assert self.batch is not None
        return self.batch.pixels

    @property
    def size(self) -> tuple[int, int]:
        """Their height and width."""
        return self.images.shape[1], self.images.shape[2]

    @property
    def rules(self) -> Ruleset:
        """The rules on the way down."""
        return GUIDED if self.options.method == "guided" else GRADIENT

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """What is scored."""
        return tuple(Score(self.network.graph, target) for target in self.targets)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls whose values are scored, each once."""
        return tuple(dict.fromkeys(call for score in self.scores for call in score.calls))

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units among the targets."""
        return tuple(target.unit for target in self.targets if target.unit is not None)

    def settings(self, tick: Callable[[float], None] = lambda share: None) -> Settings:
        """Return what the methods are told."""
        names = ("layer", "baseline", "samples", "noise", "points", "patch", "stride", "seed")
        return Settings(self.network, **{name: getattr(self.options, name) for name in names}, tick=tick)

    def about(self, parameters: dict[str, Any], interrupted: bool) -> dict[str, Any]:
        """Return the fields that every record has."""
        assert self.batch is not None
        units = [target.recorded for target in self.targets]
        return {
            "provenance": provenance(
                "saliency",
                self.network.bundle,
                self.batch.inputs,
                {"units": units} | self.options.recorded() | parameters,
                self.options.seed if self.options.method in ("smooth", "all") else None,
            ),
            "class_names": class_names(self.network, self.units),
            "interrupted": interrupted,
            "theme": self.options.theme,
        }

    def notes(self, *more: str) -> tuple[str, ...]:
        """Return the sentences that belong under a picture."""
        assert self.batch is not None
        graph = self.network.graph
        cut = slope_notes(graph, self.calls, self.size, self.rules) if self.options.method != "occlusion" else ()
        return (*more, *cut, *weight_notes(graph, self.calls), *self.batch.notes)


def looked(look: Look) -> Saliency:
    """Return the maps of one method."""
    method, count = look.options.method, len(look.images)
    if method in QUICK:

        def some(chunk: slice) -> list[list[Mapped]]:
            return _quick(look, look.images[chunk])

        parts, stopped = in_chunks(count, IMAGES_AT_ONCE, look.options.stop, some, f"computing {method} maps")
    else:

        def one(image: int, tick: Callable[[float], None]) -> list[list[Mapped]]:
            pixels = look.images[image : image + 1]
            return mapped(look.settings(tick), method, pixels, placed(look.network, look.scores, pixels))

        parts, stopped = one_by_one(count, look.options.stop, one, f"computing {method} maps")
    rows = [row for part in parts for row in part]
    return _record(look, rows, stopped)


def _quick(look: Look, pixels: FloatArray) -> list[list[Mapped]]:
    """Return (image, target) maps. Of single units a gradient needs no look for their places first: the way down finds them."""
    if look.options.method not in ("gradient", "guided") or len(look.units) < len(look.targets):
        return mapped(look.settings(), look.options.method, pixels, placed(look.network, look.scores, pixels))
    signs = [slope_sign(look.network.graph, unit) for unit in look.units]
    seeds = [Seed(unit, image, amount=sign) for image in range(len(pixels)) for unit, sign in zip(look.units, signs, strict=True)]
    down = sorted(project(look.network, seeds, pixels, look.rules), key=attrgetter("number"))
    found = [Mapped(one.value * one.amount, one.window, one.signal, one.field, {}) for one in down]
    return [found[start : start + len(look.units)] for start in range(0, len(found), len(look.units))]


def _record(look: Look, rows: Sequence[Sequence[Mapped]], stopped: dict[str, int]) -> Saliency:
    assert look.batch is not None
    scores = np.array([[one.score for one in row] for row in rows], np.float32)
    corners = np.array([[one.window[:2] for one in row] for row in rows], np.int64)
    fields = np.array([[one.seen for one in row] for row in rows], np.int64)
    values = scores.copy()
    for place, target in enumerate(look.targets):
        if (unit := target.unit) is not None:
            if spoilt_units(look.network.graph, look.scores[place].calls[0])[unit.channel]:
                scores[:, place] = np.nan
            values[:, place] = ranking(look.network.graph, unit_call(look.network.graph, unit)).one(unit.channel, scores[:, place])
    alone = len(look.targets) == 1
    names = look.batch.names[: len(rows)]
    return Saliency(
        **look.about(stopped, bool(stopped)),
        notes=look.notes(*_said(look, rows, names)),
        units=recorded_as(look.targets),
        method=look.options.method,
        windows=Windows([[one.signal for one in row] for row in rows], corners, look.size),
        scores=scores[:, 0] if alone else scores,
        values=values[:, 0] if alone else values,
        fields=fields[:, 0] if alone else fields,
        images=look.images[: len(rows)],
        image_names=names,
        details=_details(rows),
    )


def _details(rows: Sequence[Sequence[Mapped]]) -> tuple[tuple[str, Any], ...]:
    """Return what was settled, by name: one value where it is the same for all images and units, else (image, unit) of them."""
    found = []
    for name in rows[0][0].details:
        table = [[one.details[name] for one in row] for row in rows]
        first = table[0][0]
        found.append((name, first if all(one == first for row in table for one in row) else table))
    return tuple(found)


def _said(look: Look, rows: Sequence[Sequence[Mapped]], names: Sequence[str]) -> Iterator[str]:
    """Yield the sentences that a method's maps need."""
    method = look.options.method
    if method == "guided":
        yield HONEST_GUIDED
    pairs = [(name, target, one) for name, row in zip(names, rows, strict=True) for target, one in zip(look.targets, row, strict=True)]
    if method == "integrated":
        for name, target, one in pairs:
            if one.details["error"] > 0.01:
                yield INCOMPLETE.format(target, f"on {name}", one.details["steps"], one.details["error"])
    if method in CAMS:
        yield from dict.fromkeys(STRETCHED.format(one.details["layer"], *one.details["map"]) for _, _, one in pairs)
        if any(one.window != Field(0, 0, *look.size) for _, _, one in pairs):
            yield "The map is cut to the receptive field: no pixel beyond it can matter."
    if method == "occlusion":
        tall, wide = pairs[0][2].details["patch"]
        down, right = pairs[0][2].details["stride"]
        cover = look.options.baseline or "grey"
        yield f"Covered by {cover} patches of {tall} x {wide} pixels, every {down} and {right} pixels. Nothing finer can be told."


def compared(look: Look) -> ComparedMaps:
    """Return the maps of all methods, and of chance, with their curves. Raises UnitError for several units."""
    assert look.batch is not None
    if len(look.targets) != 1:
        raise UnitError(f"All maps are compared for one unit, but received {len(look.targets)}: {look.targets[0]} to {look.targets[-1]}.")
    methods = (*_possible(look), RANDOM)

    def one(image: int, tick: Callable[[float], None]) -> "_Compared":
        return _compared(look, methods, look.images[image : image + 1], lambda share: tick(share / len(methods)))

    found, stopped = one_by_one(len(look.images), look.options.stop, one, "comparing maps")
    return ComparedMaps(
        **look.about(stopped, bool(stopped)),
        notes=look.notes(CURVES.format(found[0].measure)),
        unit=recorded_as(look.targets)[0],
        methods=methods,
        maps=np.stack([each.maps for each in found]),
        scores=np.array([each.score for each in found], np.float32),
        deletion=np.stack([[both.deletion for both in each.curves] for each in found]),
        insertion=np.stack([[both.insertion for both in each.curves] for each in found]),
        measure=found[0].measure,
        images=look.images[: len(found)],
        image_names=look.batch.names[: len(found)],
    )


@dataclass(frozen=True)
class _Compared:
    """All maps of one image (method, height, width), the score, and the curves of each, of what is called `measure`."""

    maps: FloatArray
    score: float
    curves: list[Curves]
    measure: str


def _possible(look: Look) -> tuple[str, ...]:
    """Return the methods that the network has room for: maps of a layer need one below the unit."""
    try:
        cam_layer(look.network.graph, look.scores[0], look.options.layer, look.size)
    except UnitError:
        if look.options.layer is not None:
            raise
        return tuple(name for name in SALIENCIES if name not in CAMS)
    return SALIENCIES


def _compared(look: Look, methods: Sequence[str], pixels: FloatArray, tick: Callable[[float], None]) -> _Compared:
    ones, image = placed(look.network, look.scores, pixels), pixels[0]
    grey, blurred = BASELINES["grey"](image), BASELINES["blurred"](image)
    maps: list[FloatArray] = []
    drawn: list[Curves] = []
    measure: Measure | None = None
    score = 0.0
    for method in methods:
        values, score = _map(look, method, pixels, ones, score)
        measure = measure or measure_of(look.network, ones[0][0], score)
        maps.append(values)
        drawn.append(curves(measure.of, image, values, grey, blurred))
        tick(1)
    assert measure is not None
    return _Compared(np.stack(maps), score, drawn, measure.name)


def _map(look: Look, method: str, pixels: FloatArray, ones: Sequence[Sequence[Placed]], score: float) -> tuple[FloatArray, float]:
    """Return a map (height, width) of one image, and the score."""
    if method == RANDOM:
        return np.random.default_rng(look.options.seed).random(look.size, np.float32), score
    ((found,),) = mapped(look.settings(), method, pixels, ones)
    windows = Windows([[found.signal]], np.array([[found.window[:2]]], np.int64), look.size)
    return map_of(method, windows.part(0, 0)), found.score
