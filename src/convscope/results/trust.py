"""How far the pictures of units can be trusted: numbers, what each is compared with, and the word that it deserves."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..formats.trust_file import TrustTable
from ..legible import counted, few, told
from ..tables import Tabular
from ..units import Unit
from .record import FloatArray, Result, plain

SUPPORTED, DOUBTFUL, CONTRADICTED, UNTOLD = "well supported", "doubtful", "contradicted", "cannot be told"
WORDS = (SUPPORTED, DOUBTFUL, CONTRADICTED, UNTOLD)
# The ways of projecting that are measured, and what a reader calls them.
WAYS = {"switches": "with switches", "spread": "without switches", "gradient": "gradient"}
UNPOOLED = WAYS | {"switches": "deconvnet"}  # where no max pooling comes before, there are no switches


@dataclass(frozen=True)
class Scale:
    """How a kind of number is read: from `supported` on it is well supported, from `contradicted` on contradicted, between doubtful.

    Where `supported` is the smaller, small numbers are good. `meaning` is one sentence; `reason` says why the thresholds lie where they do.
    """

    name: str
    meaning: str
    supported: float
    contradicted: float
    reason: str

    def word(self, value: float) -> str:
        """Return the word for a number; a number that is NaN tells nothing."""
        if math.isnan(value):
            return UNTOLD
        sign = 1.0 if self.supported > self.contradicted else -1.0
        if sign * value >= sign * self.supported:
            return SUPPORTED
        return CONTRADICTED if sign * value <= sign * self.contradicted else DOUBTFUL


# The one place of all thresholds; docs/trust.md shows them, and a test compares.
SCALES = {
    "path": Scale(
        "Path check",
        "How alike the layers below treat the synthetic picture and the strongest images: 0 as random images, 1 as other strong images.",
        0.5,
        0.1,
        "From 0.5 on the picture is nearer to strong images than to random ones. Up to 0.1 a random image does about as well.",
    ),
    "randomised": Scale(
        "Random weights",
        "How much of the projection is left when the weights are random: 0 what the shape of the field leaves, 1 all of it.",
        0.2,
        0.5,
        "Up to 0.2 little is left that the weights did not make. From 0.5 on more than half of the picture is not the network's.",
    ),
    "others": Scale(
        "Other units",
        "How alike the projections of other units from the same place of the same image are: 1 is the same picture.",
        0.5,
        0.8,
        "A cosine of 0.5 means that a quarter of one picture's energy is in the other, one of 0.8 nearly two thirds.",
    ),
    "readable": Scale(
        "Readability",
        "How often a judge tells which of two new images excites the unit more, from likeness to the references alone; chance is 0.5.",
        0.75,
        0.6,
        "0.75 is half-way from chance to certainty, the usual threshold of such tasks. Up to 0.6 is within two standard errors of chance.",
    ),
    "percentile": Scale(
        "Reach",
        "The percentage of the data set's images that excite the unit less than its synthetic picture does.",
        99.0,
        50.0,
        "A picture that shows what the unit answers to most should beat nearly every image. One below the median shows something else.",
    ),
    "border": Scale(
        "Border",
        "How much of the activation comes from the border of the synthetic picture: 0 what the border's share of places gives, 1 all.",
        0.2,
        0.5,
        "Up to 0.2 the border counts about as any place does. From 0.5 on the unit answers to the padding more than to the picture.",
    ),
}
# What `trust.parquet` has of each unit, and what it means.
NUMBERS = {
    "images": "the strongest images that the path check compares with",
    "side": "side of the synthetic picture in pixels",
    "score": "the unit's largest activation on the synthetic picture",
    "percentile": "percentage of the data set's images below that score",
    "border": "share of the positive activation on the synthetic picture at places of the map's border that see padding",
    "border_even": "share of the map's places there: the share of an even activation",
    "path": "mean of the curve `paths` over its last third",
    "places": "strongest images from whose places the unit was projected; 0 where it was not among those that were",
    "others": "projections of other units that it was compared with",
    "rank_switches": "rank correlation of absolute values with the projection by random weights, all layers up to the unit's",
    "rank_spread": "the same without switches",
    "rank_gradient": "the same of the gradient",
    "floor_switches": "rank correlation with the random projection from another image: what the shape of the field alone gives",
    "floor_spread": "the same without switches",
    "floor_gradient": "the same of the gradient",
    "like_switches": "mean cosine with projections of other units from the same places",
    "like_spread": "the same without switches",
    "like_gradient": "the same of the gradient",
    "edges_switches": "rank correlation of the projection's energy with the edges of the image itself",
    "edges_spread": "the same without switches",
    "edges_gradient": "the same of the gradient",
    "natural": "share of pairs that the judge tells apart, by likeness to strongest and weakest images",
    "natural_error": "its standard error",
    "drawn": "share of pairs that the judge tells apart, by likeness to the synthetic picture alone",
    "drawn_error": "its standard error",
    "pairs": "held-out images of each side: as many strong as weak ones",
    "tied": "share of the weakest images that share the least value, and so have no order",
}
CURVES = {
    "paths": "the path check: 0 as random images, 1 as other strong images",
    "path_synthetic": "rank correlation of the synthetic picture with the strongest images",
    "path_natural": "rank correlation among the strongest images",
    "path_random": "rank correlation of random images with the strongest images",
    "ranks_switches": "rank correlation with the projection when this layer and all above it are random",
    "ranks_spread": "the same without switches",
    "ranks_gradient": "the same of the gradient",
    "ssims_switches": "structural similarity with that projection",
    "ssims_spread": "the same without switches",
    "ssims_gradient": "the same of the gradient",
}


@dataclass(frozen=True)
class Figure:
    """One number of a unit: `scale` and `of` name it, `value` as it was measured, `judged` as its scale reads it.

    `error`: the standard error, NaN for none. `beside`: what to compare the value with, by name.
    """

    scale: str
    of: str
    value: float
    judged: float
    error: float = math.nan
    beside: tuple[tuple[str, float], ...] = ()

    @property
    def name(self) -> str:
        """What to call it."""
        return f"{SCALES[self.scale].name}: {self.of}" if self.of else SCALES[self.scale].name

    @property
    def word(self) -> str:
        """What it deserves."""
        return SCALES[self.scale].word(self.judged)

    @property
    def meaning(self) -> str:
        """What it means, in one sentence."""
        return SCALES[self.scale].meaning

    def summary(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        beside = {name: plain(value) for name, value in self.beside}
        return {
            "name": self.name,
            "value": plain(self.value),
            "error": plain(self.error),
            "judged": plain(self.judged),
            "word": self.word,
            "compare": beside,
            "meaning": self.meaning,
        }


@dataclass(frozen=True, kw_only=True, repr=False)
class UnitTrust(Tabular):
    """How far the pictures of one unit can be trusted.

    `numbers` by the names of NUMBERS, NaN for what was not measured; `curves` by those of CURVES, (layer,) float32 for the network's
    `layers` that learn, NaN at those above the unit and where nothing was measured. `synthetic`: "fast", "best" or "paper", how the
    synthetic picture was made. `effort`: "unit" where the unit was measured for itself, "layer" as one of many. `seed`: of its noise.
    """

    unit: Unit
    layers: tuple[str, ...]
    numbers: Mapping[str, float]
    curves: Mapping[str, FloatArray]
    synthetic: str
    effort: str
    seed: int = 0

    def __repr__(self) -> str:
        words = Counter(one.word for one in self.figures())
        return told(self, str(self.unit), *(f"{words[word]} {word}" for word in WORDS if words[word]))

    def figures(self) -> tuple[Figure, ...]:
        """Return all numbers with their references and words; those of projections only where these were measured."""
        return tuple(self._figures())

    def _figures(self) -> Iterator[Figure]:
        at, ways = self.numbers, self.ways
        yield Figure("path", "", at["path"], at["path"], beside=(("random images", 0.0), ("strong ones", 1.0)))
        for way, name in ways.items():
            rank, floor = at[f"rank_{way}"], at[f"floor_{way}"]
            yield Figure("randomised", name, rank, above(rank, floor), beside=(("another image", floor),))
        for way, name in ways.items():
            like, edges = at[f"like_{way}"], at[f"edges_{way}"]
            yield Figure("others", name, like, like, beside=(("the image's edges", edges),))
        natural, drawn = (("chance", 0.5),), (("chance", 0.5), ("natural images", at["natural"]))
        yield Figure("readable", "natural images", at["natural"], at["natural"], at["natural_error"], natural)
        yield Figure("readable", "synthetic picture", at["drawn"], at["drawn"], at["drawn_error"], drawn)
        yield Figure("percentile", "", at["percentile"], at["percentile"], beside=(("the median image", 50.0),))
        even = at["border_even"]
        yield Figure("border", "", at["border"], above(at["border"], even), beside=(("an even activation", even),))

    @property
    def ways(self) -> dict[str, str]:
        """The ways of projecting that were measured, and what they are called."""
        if not self.numbers["places"] > 0:
            return {}
        pooled = not (math.isnan(self.numbers["rank_spread"]) and math.isnan(self.numbers["like_spread"]))
        return dict(WAYS if pooled else {way: name for way, name in UNPOOLED.items() if way != "spread"})

    def curve(self, name: str) -> tuple[tuple[str, ...], FloatArray]:
        """Return the layers at which a curve has a value, and its values."""
        there = np.isfinite(self.curves[name])
        return tuple(layer for layer, here in zip(self.layers, there, strict=True) if here), self.curves[name][there]

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each number: its name, value, error, what it is compared with, and its word."""
        return columns_of([self])

    def summary(self) -> dict[str, Any]:
        """Return all of it as plain JSON values."""
        curves = {name: {layer: plain(value) for layer, value in zip(*self.curve(name), strict=True)} for name in CURVES}
        return {
            "unit": str(self.unit),
            "synthetic": self.synthetic,
            "effort": self.effort,
            "seed": self.seed,
            "figures": [one.summary() for one in self.figures()],
            "numbers": {name: plain(self.numbers[name]) for name in NUMBERS},
            "curves": {name: curve for name, curve in curves.items() if curve},
        }


def above(value: float, floor: float) -> float:
    """Return how far a value lies above a floor, on the scale from there to 1; NaN where the floor is 1."""
    return (value - floor) / (1.0 - floor) if floor < 1.0 else math.nan


def columns_of(units: Sequence[UnitTrust]) -> dict[str, Any]:
    """Return a row for each number of some units."""
    rows = [(one.unit, figure) for one in units for figure in one.figures()]
    return {
        "unit": [str(unit) for unit, _ in rows],
        "number": [figure.name for _, figure in rows],
        "value": [float(figure.value) for _, figure in rows],
        "error": [float(figure.error) for _, figure in rows],
        "judged": [float(figure.judged) for _, figure in rows],
        "word": [figure.word for _, figure in rows],
        "compare": ["; ".join(f"{name} {value:.3g}" for name, value in figure.beside) for _, figure in rows],
    }


@dataclass(frozen=True)
class Tally:
    """One number over many units: of how many it has a value, its quartiles, and how many units deserve each word."""

    name: str
    count: int
    quartiles: tuple[float, float, float]
    words: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Trust(Result):
    """How far the pictures of some units can be trusted, in the order in which the units were named.

    `images`: how many the run has, of `dataset`. `sampled`: of how many units the projections were measured; of the others the numbers
    that need none are there. Iterates over its `units`.
    """

    units: tuple[UnitTrust, ...]
    images: int
    dataset: str

    @property
    def sampled(self) -> int:
        """Of how many units projections were measured."""
        return sum(one.numbers["places"] > 0 for one in self.units)

    def __len__(self) -> int:
        return len(self.units)

    def __iter__(self) -> Iterator[UnitTrust]:
        return iter(self.units)

    def facts(self) -> tuple[str, ...]:
        """Return its units, and in which data set."""
        return (f"{few([one.unit for one in self.units])} in {self.network_name!r}", f"{counted(self.images, 'image')} of {self.dataset}")

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each unit and number."""
        return columns_of(self.units)

    def tallies(self) -> tuple[Tally, ...]:
        """Return each number over all units."""
        found: dict[str, list[Figure]] = {}
        for unit in self.units:
            for one in unit.figures():
                found.setdefault(one.name, []).append(one)
        return tuple(_tally(name, ones) for name, ones in found.items())

    def mean_curve(self, name: str) -> tuple[tuple[str, ...], FloatArray]:
        """Return the layers at which units have a curve, and its mean over those that have it."""
        curves = np.stack([one.curves[name] for one in self.units])
        there = np.asarray(np.isfinite(curves).any(axis=0))
        return tuple(layer for layer, here in zip(self.units[0].layers, there, strict=True) if here), np.nanmean(curves[:, there], axis=0)

    def summary(self) -> dict[str, Any]:
        """Return all numbers, and for several units each of them over all."""
        over = [
            {"name": one.name, "units": one.count, "quartiles": list(map(plain, one.quartiles)), "words": dict(one.words)}
            for one in self.tallies()
        ]
        more = {"layer": over} if len(self.units) > 1 else {}
        return {"images": self.images, "dataset": self.dataset, **more, "units": [one.summary() for one in self.units]}


def _tally(name: str, ones: Sequence[Figure]) -> Tally:
    values = np.array([one.value for one in ones if not math.isnan(one.value)])
    quartiles = np.quantile(values, (0.25, 0.5, 0.75)) if len(values) else np.full(3, np.nan)
    words = Counter(one.word for one in ones)
    low, middle, high = map(float, quartiles)
    return Tally(name, len(values), (low, middle, high), {word: words[word] for word in WORDS if words[word]})


def as_rows(units: Sequence[UnitTrust]) -> tuple[dict[str, list[str]], dict[str, Any], dict[str, Any]]:
    """Return units as the texts, numbers and curves of the table's rows."""
    texts = {
        "layer": [one.unit.layer for one in units],
        **{name: [getattr(one, name) for one in units] for name in ("synthetic", "effort")},
    }
    numbers: dict[str, Any] = {"channel": [one.unit.channel for one in units], "seed": [one.seed for one in units]}
    numbers |= {name: np.array([one.numbers[name] for one in units], np.float32) for name in NUMBERS}
    return texts, numbers, {name: np.stack([one.curves[name] for one in units]) for name in CURVES}


def of_rows(table: TrustTable, layer: str | None = None) -> dict[Unit, UnitTrust]:
    """Return the units of a table, of one `layer` or of all. What an earlier release did not measure is NaN."""
    rows, missing = table.rows, np.full(len(table.layers), np.nan, np.float32)
    found = {}
    for place, address in enumerate(rows.texts["layer"]):
        if layer is None or address == layer:
            unit = Unit(str(address), int(rows.numbers["channel"][place]))
            found[unit] = UnitTrust(
                unit=unit,
                layers=table.layers,
                numbers={name: float(rows.numbers[name][place]) if name in rows.numbers else math.nan for name in NUMBERS},
                curves={name: rows.vectors[name][place] if name in rows.vectors else missing for name in CURVES},
                synthetic=str(rows.texts["synthetic"][place]),
                effort=str(rows.texts["effort"][place]),
                seed=int(rows.numbers["seed"][place]),
            )
    return found
