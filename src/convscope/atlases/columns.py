"""What an atlas says of every unit in a few numbers: columns of a layer for its page, and a table of all units for programs."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.atlas import KIND, UNITS, data_path, synthetic_name, units_name
from ..formats.run_folder import SHARES
from ..render import site
from ..scanning import UnitStatistics
from ..tables import parquet
from .classes import Told
from .ledger import Ledger, Made, Task, key_of
from .plan import selectivity, top_classes
from .subject import Layer, Subject

ORDINARY, SILENT, DEAD, SATURATED, NOT_FINITE = range(5)
VERDICTS = ("ordinary", "silent", "dead", "saturated", "not finite")

Floats = NDArray[np.float32]


class Columns:
    """The columns of one layer, each by channel; see docs/atlas.md. What is not known is NaN."""

    def __init__(self, subject: Subject, layer: Layer, ledger: Ledger, told: Told) -> None:
        self.subject, self.layer, self.told = subject, layer, told
        self.statistics = subject.statistics[layer.address]
        self.score, self.dead, self.scored = _scores(layer, ledger)

    def key(self) -> str:
        """Return what stands for them."""
        subject = self.subject
        return key_of(subject.maker, subject.run_key, self.layer.order, self.score.tolist(), self.dead.tolist(), *subject.names_key)

    @cached_property
    def verdict(self) -> NDArray[np.uint8]:
        """What is odd about each unit: a place among `VERDICTS`."""
        return verdicts(self.statistics, self.dead, len(self.subject.run))

    @cached_property
    def numbers(self) -> dict[str, NDArray[Any]]:
        """The columns by name."""
        known, top = self.statistics, self.subject.tops[self.layer.address]
        found: dict[str, NDArray[Any]] = {
            "fires": known.fires.astype(np.float32),
            "mean": known.mean,
            "max": known.largest,
            "q50": known.quantiles[0.5],
            "q99": known.quantiles[0.99],
            "score": self.score,
            "percentile": known.percentiles(self.score).astype(np.float32),
            "verdict": self.verdict,
            "top_class": site.narrow(top_classes(known)),
            "selectivity": selectivity(known).astype(np.float32),
            "best": site.narrow(top.images[:, 0]),
        }
        return found if (auc := self.told.best(self.layer)) is None else found | {"auc": auc}

    @cached_property
    def names(self) -> tuple[list[str | None] | None, Floats]:
        """The name of each unit that has one which tells when it fires, None where there are no names, and its AUC."""
        known, auc = self.subject.names, np.full(len(self.layer.order), np.nan, np.float32)
        if known is None:
            return None, auc
        found = [known.of(self.layer.address, channel) for channel in range(len(auc))]
        for channel, one in enumerate(found):
            auc[channel] = np.nan if one is None or not one.explains else one.auc
        return [one.name if one is not None and one.explains else None for one in found], auc

    def _said(self) -> list[str | None] | None:
        """Return the names as walls and the search show them."""
        names, known = self.names[0], self.subject.names
        if names is None or known is None or not known.is_pseudo:
            return names
        return [None if name is None else f"{name} (pseudo)" for name in names]

    def record(self) -> dict[str, Any]:
        """Return what the page of the layer reads."""
        numbers = self.numbers
        if not self.scored:
            numbers = {name: values for name, values in numbers.items() if name not in ("score", "percentile")}
        unknown: dict[str, Any] = {"score": None, "percentile": None, "auc": None}
        found = unknown | {name: site.column(values) for name, values in numbers.items()}
        names = self.subject.labels if self.layer.classes and len(self.subject.labels or ()) == len(self.layer.order) else self._said()
        order = site.column(np.asarray(self.layer.order), "u2" if len(self.layer.order) < 2**16 else "i4")
        return {"n": self.layer.n, "address": self.layer.address, "order": order, **found} | ({"names": names} if names else {})


def task(columns: Columns) -> Task:
    """Return the script with the columns of a layer."""
    name = units_name(columns.layer.n)
    return Task(name, columns.key(), lambda: Made({data_path(name): site.data_file(name, columns.record())}))


def table_task(subject: Subject, every: Mapping[str, Columns]) -> Task:
    """Return the table of all units, a row for each, layer by layer and by channel."""
    key = key_of([columns.key() for columns in every.values()], [layer.n for layer in subject.layers])
    return Task(UNITS, key, lambda: Made({UNITS: parquet(_table(subject, every), {"kind": KIND})}))


def _table(subject: Subject, every: Mapping[str, Columns]) -> dict[str, Any]:
    parts: dict[str, list[NDArray[Any]]] = {}
    texts: dict[str, list[str | None]] = {"layer": [], "verdict": [], "top_class": [], "best_image": []}
    names = dict(zip(subject.run.ids.tolist(), subject.run.images.texts["name"], strict=True))
    for layer in subject.layers:
        columns = every[layer.address]
        numbers, known = dict(columns.numbers), columns.statistics
        count, tops = len(layer.order), numbers.pop("top_class")
        texts["layer"] += [layer.address] * count
        texts["verdict"] += [VERDICTS[one] for one in numbers.pop("verdict")]
        texts["top_class"] += [subject.run.classes[one] if one >= 0 else None for one in tops]
        texts["best_image"] += [names.get(int(image)) for image in numbers["best"]]
        rank = np.empty(count, np.int32)
        rank[list(layer.order)] = np.arange(count)
        own: dict[str, NDArray[Any]] = {
            "channel": np.arange(count, dtype=np.int32),
            "rank": rank,
            "images": known.count,
            "least": known.least,
        }
        own |= {name: known.quantiles[share] for name, share in SHARES.items()}
        numbers.setdefault("auc", np.full(count, np.nan, np.float32))
        for name, values in (own | numbers).items():
            parts.setdefault(name, []).append(values)
    order = ("channel", "rank", "images", "fires", "mean", "least", "max", *SHARES, "score", "percentile", "selectivity", "auc", "best")
    return (
        {"layer": texts["layer"]}
        | {name: np.concatenate(parts[name]) for name in order}
        | {name: texts[name] for name in ("verdict", "top_class", "best_image")}
        | _names(subject, every)
    )


def _names(subject: Subject, every: Mapping[str, Columns]) -> dict[str, Any]:
    """Return the columns that say what units fire for, empty where no name tells."""
    called = [every[layer.address].names for layer in subject.layers]
    texts = [name for names, auc in called for name in (names or [None] * len(auc))]
    return {"name": texts, "name_auc": np.concatenate([auc for _, auc in called])}


def verdicts(known: UnitStatistics, dead: NDArray[np.bool_], images: int) -> NDArray[np.uint8]:
    """Return for each unit whether it is ordinary (0), silent on the images (1), not excited by anything either (2), at its ceiling on all
    images (3), or NaN or infinite on some of so many (4).
    """
    silent = (known.fires == 0) & (known.count > 0)
    found = np.where(silent, np.where(dead, DEAD, SILENT), ORDINARY)
    found = np.where((known.saturated == known.count) & (known.count > 0), SATURATED, found)
    return np.where(known.count < images, NOT_FINITE, found).astype(np.uint8)


def _scores(layer: Layer, ledger: Ledger) -> tuple[Floats, NDArray[np.bool_], bool]:
    """Return each unit's score on its synthetic picture, whether nothing excites it, and whether any picture is there."""
    scores, dead, known = np.full(len(layer.order), np.nan, np.float32), np.zeros(len(layer.order), bool), False
    for chunk, channels in enumerate(layer.chunks):
        part = ledger.part(synthetic_name(layer.n, chunk))
        if part is None or len(part.facts.get("scores", ())) != len(channels):
            continue
        known = True
        for channel, score, asleep in zip(channels, part.facts["scores"], part.facts["dead"], strict=True):
            scores[channel], dead[channel] = np.nan if score is None else score, asleep
    return scores, dead, known


def of_layers(subject: Subject, ledger: Ledger, told: Told) -> Iterator[tuple[str, Columns]]:
    """Yield the columns of each layer, by address."""
    for layer in subject.layers:
        yield layer.address, Columns(subject, layer, ledger, told)
