"""The synthetic pictures of an atlas: gradient ascent on 16 units of a layer at a time."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ..ascent import AscentJob, Attempt, ascend_all
from ..ascent.ascend import ascended, canvas_for
from ..ascent.image import fourier
from ..ascent.inputs import has_one_size
from ..ascent.moves import Move, adam, jitter, of_number, zoom
from ..formats.atlas import data_path, synthetic_name
from ..network.targets import as_targets
from ..results.record import plain
from . import tiles
from .ledger import Made, Task, key_of
from .subject import Layer, Subject

NONE, FAST, BEST = "none", "fast", "best"
SYNTHETIC = (NONE, FAST, BEST)
# What a fast picture takes: enough to see what a unit answers to, at a third of the time or less.
FAST_SIDE, FAST_STEPS, FAST_ATTEMPTS = 64, 32, 2
CLASS_SIDE = 128  # of a class, whose picture is of whole things
# The pictures of networks that flatten small grey maps, such as those of digits and garments: their objects fill the image, bright on dark.
# Enlarged parts of them, and the spectrum and calm contrasts of photographs, leave noise.
SMALL, SMALL_STEPS = 48, 128
LARGEST_TILE = 128
COLUMNS = 4


class Synthetic:
    """What climbs for an atlas, one layer at a time: its step is compiled once for all chunks that follow one another."""

    def __init__(self, subject: Subject, precision: str = "auto") -> None:
        self.subject, self.precision = subject, precision
        self._job = lru_cache(1)(self._made_job)
        self._sides: dict[str, int] = {}

    def tasks(self, layer: Layer, chunks: range) -> Iterator[Task]:
        """Yield the sheets of synthetic pictures of some of a layer's chunks."""
        if self.subject.settings.synthetic == NONE:
            return
        for chunk in chunks:
            yield Task(synthetic_name(layer.n, chunk), self._key(layer, chunk), partial(self._made, layer, chunk))

    def side(self, layer: Layer) -> int:
        """Return the side of a layer's tiles in pixels, 0 without pictures."""
        if self.subject.settings.synthetic == NONE:
            return 0
        if layer.address not in self._sides:
            job = self._job(layer)
            self._sides[layer.address] = min(LARGEST_TILE, max(canvas_for(job.climber, job.units[:1])))
        return self._sides[layer.address]

    def _key(self, layer: Layer, chunk: int) -> str:
        settings = self.subject.settings
        made_by = [settings.synthetic, settings.size, _fast_side(layer), FAST_STEPS, FAST_ATTEMPTS, tiles.COLOUR]
        small = [SMALL_STEPS] if self._is_small(layer) else []
        return key_of(self.subject.maker, self.subject.network_key, layer.address, layer.chunks[chunk], [*made_by, *small])

    def _is_fixed(self, layer: Layer) -> bool:
        """Say whether pictures of a layer have the size of the network's input and no other."""
        return has_one_size(self.subject.network, as_targets(self.subject.network, f"{layer.address}:0"))

    def _is_small(self, layer: Layer) -> bool:
        """Say whether a layer's fast pictures are made as `_small_attempt` says."""
        bundle, fast = self.subject.network.bundle, self.subject.settings.synthetic == FAST
        return fast and bundle.channels == 1 and max(self.subject.run.fit.size) <= SMALL and self._is_fixed(layer)

    def _made_job(self, layer: Layer) -> AscentJob:
        settings, bundle, units = self.subject.settings, self.subject.network.bundle, f"{layer.address}:all"
        targets = as_targets(self.subject.network, f"{layer.address}:0")
        fixed = self._is_fixed(layer)
        size = None if fixed else settings.size if settings.synthetic == BEST or settings.size else _fast_side(layer)
        job = ascend_all(bundle, units, size=size, precision=self.precision)
        if settings.synthetic == BEST:
            return job
        attempts = [replace(attempt, steps=FAST_STEPS) for attempt in job.climber.attempts(targets)[:FAST_ATTEMPTS]]
        if self._is_small(layer):
            attempts = [_small_attempt(), attempts[-1]]
        return ascend_all(bundle, units, size=size, attempts=attempts, precision=self.precision)

    def _made(self, layer: Layer, chunk: int) -> Made:
        """Return the sheet of a chunk, and its scores: the network's on the pictures as they climbed, not on the smaller tiles."""
        job, side = self._job(layer), self.side(layer)
        by_channel = {target.unit.channel: target for target in job.units if target.unit is not None}
        record = ascended(job.climber, [by_channel[channel] for channel in layer.chunks[chunk]], _unwatched)
        if record.interrupted:
            raise KeyboardInterrupt
        pictures = [tiles.small(tiles.shown(image), tiles.fitted_size(image.shape[:2], side)) for image in record.images]
        facts = {"scores": [plain(score) for score in record.scores], "dead": [bool(one) for one in record.dead]}
        content = tiles.sheet(np.stack(pictures), side, COLUMNS)
        return Made({data_path(synthetic_name(layer.n, chunk), "webp"): content}, facts)


def _fast_side(layer: Layer) -> int:
    return CLASS_SIDE if layer.classes else FAST_SIDE


def _small_attempt() -> Attempt:
    """Return one way to climb with smooth waves of strong contrast that move and grow a little."""
    image = fourier(deviation=0.01, contrast=3.0, decay=3.0, natural=None)
    return Attempt("smooth waves of strong contrast", image, _moved_a_little, adam(0.1, of_number), SMALL_STEPS)


def _moved_a_little(side: int) -> list[Move]:
    return [jitter(max(1, side // 14)), zoom(0.9, 1.2), jitter(max(1, side // 28))]


def _unwatched(stage: Any) -> None:
    """Take a step of a climb without a bar of its own."""
