"""What may be seen of a climb while it goes on: its stages, a bar that counts them, the pictures on the way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..progress import track
from .targets import Target


@dataclass(frozen=True)
class Stage:
    """How far a batch has climbed: `step` of at most `steps`, 0 before the first; `pictures()` returns its pictures as they stand.

    `last`: no step follows.
    """

    units: Sequence[Target]
    step: int
    steps: int
    pictures: Callable[[], NDArray[np.float32]]
    last: bool = False


Watch = Callable[[Stage], object]


def counting(steps: int) -> Watch:
    """Return what shows a progress bar over so many steps; a batch that needs fewer than it may take counts as all of them."""
    ticks = iter(track(range(steps), "ascending"))

    def watch(stage: Stage) -> None:
        for _ in range(1 + (stage.steps - stage.step if stage.last else 0)):
            next(ticks, None)

    return watch


class Frames:
    """Keeps the pictures of a batch at its start, after every so many steps and at its end, as 8-bit arrays."""

    def __init__(self, every: int | None) -> None:
        self._every = every
        self._seen: dict[int, NDArray[np.uint8]] = {}

    def see(self, stage: Stage) -> None:
        """Keep the pictures of a stage, if it is one to be kept."""
        if self._every and (stage.step % self._every == 0 or stage.last):
            self._seen[stage.step] = np.round(stage.pictures() * 255.0).astype(np.uint8)

    def by_unit(self) -> list[tuple[NDArray[np.uint8], ...]]:
        """Return the frames of each unit in turn."""
        return [tuple(frame) for frame in zip(*self._seen.values(), strict=True)]
