"""What may be seen of a climb while it goes on: its stages, a bar that counts them, the pictures on the way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...progress import track
from .targets import Target


@dataclass(frozen=True)
class Stage:
    """How far a batch has climbed: `step` of `steps`, 0 before the first; `pictures()` returns its pictures as they stand."""

    units: Sequence[Target]
    step: int
    steps: int
    pictures: Callable[[], NDArray[np.float32]]


Watch = Callable[[Stage], object]


def counting(steps: int) -> Watch:
    """Return what shows a progress bar over so many steps, one for each stage but the first of a batch."""
    ticks = iter(track(range(steps), "ascending"))
    return lambda stage: next(ticks, None) if stage.step else None


class Frames:
    """Keeps the pictures of a batch at its start, after every so many steps and at its end, as 8-bit arrays."""

    def __init__(self, every: int | None) -> None:
        self._every = every
        self._seen: list[NDArray[np.uint8]] = []

    def see(self, stage: Stage) -> None:
        """Keep the pictures of a stage, if it is one to be kept."""
        if self._every and (stage.step % self._every == 0 or stage.step == stage.steps):
            self._seen.append(np.round(stage.pictures() * 255.0).astype(np.uint8))

    def by_unit(self) -> list[tuple[NDArray[np.uint8], ...]]:
        """Return the frames of each unit in turn."""
        return [tuple(frame) for frame in zip(*self._seen, strict=True)]
