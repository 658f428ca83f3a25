"""All that an atlas says of a unit in words and numbers: 16 units in one script, made for every chunk before any of its pictures is."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.atlas import CONNECTIONS, KIND, data_path, detail_name
from ..network.addresses import class_names
from ..network.circuits import all_feeds, connections
from ..portraits.alike import Alike, alike
from ..portraits.histogram import EvenHistogram
from ..portraits.layers import UnitPortrait, portraits_of
from ..render import site
from ..render.trust import SYNTHETIC, beside_words, value_words
from ..results.circuits import Connection, UnitConnections, UnitFeeds
from ..results.trust import Figure, UnitTrust
from ..tables import parquet
from ..units import Unit
from .images import Gallery
from .ledger import Made, Task, key_of
from .subject import SHOWN, Layer, Subject

# Of each unit: the classes with the largest means, the share of the sample's images with its largest values, its likest units.
CLASSES, SAMPLE_SHARE, ALIKE = 8, 0.05, 8
IMAGE = -1  # the number of the layer that the image itself is
STEPS = 127  # of a pattern's numbers, from zero to the largest
TRUST = "How far to trust it"
QUANTILES = {"q50": 0.5, "q95": 0.95, "q99": 0.99}


class Details:
    """What is known of the units of an atlas's layers; what takes long is worked out for a whole layer at its first chunk."""

    def __init__(self, subject: Subject, gallery: Gallery) -> None:
        self.subject, self.gallery = subject, gallery
        self.connections = lru_cache(1)(self._connections)
        self.sample = lru_cache(1)(self._sample)
        self.alike = lru_cache(1)(self._alike_of)
        self._stream: Iterator[Alike] = iter(())

    @cached_property
    def key(self) -> str:
        """Return what stands for all of it except the chunk."""
        subject = self.subject
        layers = [[layer.n, layer.address] for layer in subject.layers]
        named = list(subject.labels or ())
        return key_of(
            subject.maker, subject.network_key, subject.run_key, layers, named, self.gallery.key, SAMPLE_SHARE, *subject.names_key
        )

    def _chunk_key(self, layer: Layer, channels: Sequence[int]) -> str:
        """Return what stands for a chunk, with what was measured of its units beside the run."""
        measured = [self.trust[unit].summary() for channel in channels if (unit := Unit(layer.address, channel)) in self.trust]
        return key_of(self.key, layer.address, channels, *([measured] if measured else []))

    @cached_property
    def trust(self) -> Mapping[Unit, UnitTrust]:
        """How far the pictures of units can be trusted, as far as it was measured."""
        return {one.unit: one for one in self.subject.run.trust()}

    @cached_property
    def feeds(self) -> Mapping[str, tuple[UnitFeeds, ...]]:
        """What the units of each layer feed, by address."""
        subject = self.subject
        return all_feeds(subject.network, list(subject.by_address), subject.activity, measured=subject.run.layers)

    def tasks(self, layer: Layer) -> Iterator[Task]:
        """Yield the scripts of a layer's chunks."""
        for chunk, channels in enumerate(layer.chunks):
            yield Task(detail_name(layer.n, chunk), self._chunk_key(layer, channels), partial(self._made, layer, chunk))

    def table(self) -> Task:
        """Return the table of all connections, a row for each."""
        return Task(CONNECTIONS, self.key, lambda: Made({CONNECTIONS: parquet(self._rows(), {"kind": KIND})}))

    def _rows(self) -> dict[str, Any]:
        """Return its columns: layer by layer, unit by unit, what excites a unit most before what inhibits it."""
        layers, sources = list[str](), list[str | None]()
        numbers: list[tuple[int, int, float, bool]] = []
        for layer in self.subject.layers:
            for made_of in self.connections(layer):
                for one in made_of.inputs:
                    layers.append(layer.address)
                    sources.append(one.source.layer)
                    numbers.append((made_of.unit.channel, one.source.channel, one.strength, made_of.exact))
        channels, others, strengths, exact = zip(*numbers, strict=True) if numbers else ((), (), (), ())
        return {
            "layer": layers,
            "channel": np.asarray(channels, np.int32),
            "source_layer": sources,
            "source_channel": np.asarray(others, np.int32),
            "strength": np.asarray(strengths, np.float32),
            "exact": np.asarray(exact, np.uint8),
        }

    def _connections(self, layer: Layer) -> list[UnitConnections]:
        subject = self.subject
        return list(connections(subject.network, layer.address, subject.activity, measured=subject.run.layers))

    def _alike_of(self, layer: Layer) -> Alike:
        """Return the units most alike of a layer; the stream that is behind it already is begun anew."""
        found = next((one for one in self._stream if one.layer == layer.address), None)
        if found is None:
            addresses = list(self.subject.by_address)
            self._stream = alike(self.subject.run, addresses[addresses.index(layer.address) :], ALIKE)
            found = next(self._stream)
        return found

    def _sample(self, layer: Layer) -> NDArray[np.float32]:
        return self.subject.run.sample(layer.address)

    def _made(self, layer: Layer, chunk: int) -> Made:
        subject, channels = self.subject, layer.chunks[chunk]
        portraits = portraits_of(subject.run, subject.network, layer.address, channels, pixels=False)
        names = class_names(subject.network, [Unit(layer.address, channel) for channel in channels])
        units = [self._unit(layer, portrait, names) for portrait in portraits]
        # Many units have the same remarks, so each sentence is written once.
        remarks = list(dict.fromkeys(sentence for unit in units for sentence in unit["remarks"]))
        packed = [unit | {"remarks": [remarks.index(sentence) for sentence in unit["remarks"]]} for unit in units]
        name = detail_name(layer.n, chunk)
        return Made({data_path(name): site.data_file(name, {"n": layer.n, "k": chunk, "remarks": remarks, "units": packed})})

    def _unit(self, layer: Layer, portrait: UnitPortrait, names: Mapping[str, str]) -> dict[str, Any]:
        unit = portrait.unit
        made_of = self.connections(layer)[unit.channel]
        called = [name for name in (names.get(str(unit)), self._said(unit)) if name]
        known = {"name": " \N{MIDDLE DOT} ".join(called)} if called else {}
        return {
            "channel": unit.channel,
            **known,
            "images": portrait.images,
            "fires": number(portrait.fires),
            "mean": number(portrait.mean),
            "max": number(portrait.largest),
            "quantiles": {name: number(portrait.quantiles[share]) for name, share in QUANTILES.items()},
            "histogram": _histogram(portrait.histogram),
            "notes": self._notes(portrait),
            "tops": self._tops(portrait),
            "classes": self._classes(portrait),
            "alike": self._alike(layer, unit.channel),
            **self._circuit(made_of),
            "feeds": [[self._n(one.target), one.target.channel, short(one.strength)] for one in self._fed(layer, unit)],
            "sample": self._strongest(layer, unit.channel),
            **self._cards(unit),
        }

    def _said(self, unit: Unit) -> str:
        """Return what a unit fires for, "" where the run does not know."""
        names = self.subject.names
        found = None if names is None else names.of(unit.layer, unit.channel)
        return "" if found is None or found.name is None else found.said

    def _cards(self, unit: Unit) -> dict[str, Any]:
        """Return what was measured of the unit beside the run as cards of its page: a title, a note, and names with values."""
        found = self.trust.get(unit)
        return {} if found is None else {"cards": [[TRUST, trust_note(found), [[one.name, trust_words(one)] for one in found.figures()]]]}

    def _tops(self, portrait: UnitPortrait) -> list[list[Any]]:
        """Return the strongest images as [image, value, class or label, position, field, whether at the border, name].

        What comes last is left out where it says nothing: the name of an image that the atlas shows is told there.
        """
        patches, numbers = portrait.patches, {name: place for place, name in enumerate(self.subject.run.classes)}
        found = list[list[Any]]()
        for place in range(min(patches.count, SHOWN)):
            image, label = int(patches.images[place]), patches.labels[place]
            border = bool(patches.border is not None and patches.border[place])
            where = [patches.positions[place].tolist(), patches.fields[place].tolist()] if portrait.field else [None, None]
            rest = [*where, border, None if self.gallery.place(image) is not None else patches.names[place]]
            while rest and not rest[-1]:
                rest.pop()
            found.append([image, number(patches.values[place]), numbers.get(label or "", label), *rest])
        return found

    def _alike(self, layer: Layer, channel: int) -> list[list[Any]]:
        """Return the units most alike, as [layer, channel, correlation]; those of layers that the atlas does not show are left out."""
        run, found = self.subject.run, self.alike(layer)
        places = zip(found.layers[channel].tolist(), found.channels[channel].tolist(), found.correlations[channel].tolist(), strict=True)
        units = [(self.subject.by_address.get(run.layers[place]), other, r) for place, other, r in places if place >= 0]
        return [[one.n, other, short(r)] for one, other, r in units if one is not None]

    def _fed(self, layer: Layer, unit: Unit) -> tuple[Any, ...]:
        return tuple(one for one in self.feeds[layer.address][unit.channel].targets if one.target.layer in self.subject.by_address)

    def _circuit(self, made_of: UnitConnections) -> dict[str, Any]:
        inputs = [
            one for one in made_of.inputs if one.source.layer in self.subject.by_address or one.source.layer not in self.subject.run.layers
        ]
        return {
            "inputs": [[self._n(one.source), one.source.channel, short(one.strength), place] for place, one in enumerate(inputs)],
            "patterns": _patterns(inputs),
            "exact": made_of.exact,
            "remarks": list(made_of.remarks),
        }

    def _n(self, unit: Unit) -> int:
        layer = self.subject.by_address.get(unit.layer)
        return IMAGE if layer is None else layer.n

    def _classes(self, portrait: UnitPortrait) -> list[list[Any]]:
        """Return the classes with the largest mean maxima as [class, mean, share among the strongest images, if any]."""
        numbers, shares = {name: place for place, name in enumerate(self.subject.run.classes)}, portrait.class_top
        ranked = sorted(portrait.class_means.items(), key=lambda one: (-one[1], numbers[one[0]]))[:CLASSES]
        return [[numbers[name], number(mean), *([number(shares[name])] if shares.get(name) else [])] for name, mean in ranked]

    def _notes(self, portrait: UnitPortrait) -> list[str]:
        """Return sentences on what is odd about a unit."""
        patches, images = portrait.patches, len(self.subject.run)
        said = []
        if patches.not_finite:
            said.append(f"Its value is NaN or infinite on {patches.not_finite:,} of {images:,} images, which do not count.")
        if patches.saturated:
            said.append(f"It is at the ceiling of its activation on {patches.saturated:,} of {images:,} images.")
        if patches.padded:
            said.append("It is strongest at the border of nearly every image, so it may answer to the padding there.")
        return said

    def _strongest(self, layer: Layer, channel: int) -> dict[str, Any]:
        """Return the images of the sample where a unit is largest, by their places in the sample, and its values there as shares of 255."""
        values = np.nan_to_num(self.sample(layer)[:, channel], posinf=0.0, neginf=0.0)
        most = float(values.max(initial=0.0))
        places = np.lexsort((np.arange(len(values)), -values))[: max(1, round(SAMPLE_SHARE * len(values)))]
        places = np.sort(places[values[places] > 0])
        shares = np.rint(values[places] / most * 255) if most > 0 else np.zeros(0)
        return {"index": site.rising(places), "value": site.column(shares, "u1")}


def number(value: float) -> float | None:
    """Return a float32 as the shortest decimal that means it; None for one that is not finite."""
    return float(str(np.float32(value))) if np.isfinite(value) else None


def short(value: float) -> float | None:
    """Return a number to four digits, of what is looked at and not computed with; None for one that is not finite."""
    return float(f"{value:.4g}") if np.isfinite(value) else None


def _histogram(histogram: EvenHistogram) -> dict[str, Any]:
    """Return a histogram of even bins by its ends and its counts."""
    counts = histogram.counts
    kind = "u2" if counts.max(initial=0) < 2**16 else "i4"
    return {"low": number(histogram.edges[0]), "high": number(histogram.edges[-1]), "counts": site.column(counts, kind)}


def _patterns(inputs: Sequence[Connection]) -> list[dict[str, Any]]:
    """Return the patterns of inputs in 255 steps, those of one shape that follow one another together.

    `data` over 127, times the `scale` of each, are its numbers.
    """
    found = []
    for (height, width, step), together in groupby(inputs, lambda one: (*one.pattern.shape, one.step)):
        patterns = np.stack([one.pattern for one in together])
        scales = np.abs(patterns).max(axis=(1, 2), initial=0.0)
        data = np.rint(patterns / np.where(scales > 0, scales, 1.0)[:, None, None] * STEPS).astype(np.int8)
        shape = {"h": height, "w": width, "step": list(step)}
        found.append(shape | {"scale": [short(one) for one in scales], "data": site.column(data)})
    return found


def trust_note(found: UnitTrust) -> str:
    """Return the sentence above the numbers on how far the pictures of a unit can be trusted."""
    return f"Measured with a synthetic picture {SYNTHETIC.get(found.synthetic, found.synthetic)}."


def trust_words(one: Figure) -> str:
    """Return a number, its word, and what to compare it with."""
    beside = beside_words(one)
    return f"{value_words(one)}, {one.word}" + (f" ({beside})" if beside else "")
