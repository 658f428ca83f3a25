"""What a network loses when each unit of a layer is silenced: loss and accuracy, by class."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..legible import counted
from ..units import Unit
from .record import Result, plain

Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Lesions(Result):
    """`classes`: the names of the classes that occur among the `images` images; `counts`: (class,) how many of each.

    As the network is: `loss` (class,) the mean cross-entropy in nats and `accuracy` (class,) the share that is right. With a unit silenced:
    `loss_without` and `accuracy_without` (unit, class) the same, `changed` (unit,) the share of images whose prediction is another one, and
    `active` (unit,) the share on which the unit is not 0 everywhere. `judged`: "labels", or "predictions" where the images have none that
    fit: then the network as it is counts as right. `run`: the folder of the scan.
    """

    layer: str
    classes: tuple[str, ...]
    counts: Counts
    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    loss_without: NDArray[np.float64]
    accuracy_without: NDArray[np.float64]
    changed: NDArray[np.float64]
    active: NDArray[np.float64]
    judged: str
    images: int
    of: int
    dataset: str
    run: str
    count: int
    raw: ClassVar[tuple[str, ...]] = ("counts", "loss", "accuracy", "loss_without", "accuracy_without", "changed", "active")

    @property
    def loss_lost(self) -> NDArray[np.float64]:
        """(unit,) by how much the mean loss over all images rises when the unit is silenced; below zero the network is better without."""
        return self._mean(self.loss_without - self.loss)

    @property
    def accuracy_lost(self) -> NDArray[np.float64]:
        """(unit,) by how much the share of right predictions falls when the unit is silenced."""
        return self._mean(self.accuracy - self.accuracy_without)

    @property
    def ranked(self) -> list[int]:
        """The channels, the one that costs most loss first; of equals the first."""
        return [int(channel) for channel in np.argsort(-np.nan_to_num(self.loss_lost), kind="stable")]

    def hit(self, channel: int, count: int = 3) -> list[tuple[str, float, float]]:
        """Return the classes that a unit's absence harms most by their loss: name, rise of the loss, fall of the accuracy."""
        rise, fall = self.loss_without[channel] - self.loss, self.accuracy - self.accuracy_without[channel]
        order = np.argsort(-rise, kind="stable")[:count]
        return [(self.classes[place], float(rise[place]), float(fall[place])) for place in order if rise[place] > 0]

    def unit(self, channel: int) -> str:
        """Return what a unit is called."""
        return self.legend(Unit(self.layer, channel))

    def facts(self) -> tuple[str, ...]:
        """Return its layer, how many units that has, and on how many images."""
        return (f"{self.layer} in {self.network_name!r}", counted(len(self.active), "unit"), f"on {counted(self.images, 'image')}")

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each unit and class: loss and accuracy as the network is, and with the unit silenced."""
        units, classes = self.loss_without.shape
        return {
            "unit": [f"{self.layer}:{channel}" for channel in range(units) for _ in range(classes)],
            "class": list(self.classes) * units,
            "images": np.tile(self.counts, units),
            "loss": np.tile(self.loss, units),
            "loss_without": self.loss_without.ravel(),
            "accuracy": np.tile(self.accuracy, units),
            "accuracy_without": self.accuracy_without.ravel(),
        }

    def summary(self) -> dict[str, Any]:
        """Return the network as it is, and what each unit's absence costs, the dearest first, with the classes that it harms most."""
        loss, accuracy, changed = self.loss_lost, self.accuracy_lost, self.changed
        units = [
            {
                "unit": f"{self.layer}:{channel}",
                "loss_lost": plain(loss[channel]),
                "accuracy_lost": plain(accuracy[channel]),
                "changed": plain(changed[channel]),
                "active": plain(self.active[channel]),
                "classes": [
                    {"class": name, "loss_lost": plain(rise), "accuracy_lost": plain(fall)} for name, rise, fall in self.hit(channel)
                ],
            }
            for channel in self.ranked
        ]
        known = {"loss": plain(float(self._mean(self.loss[None])[0])), "accuracy": plain(float(self._mean(self.accuracy[None])[0]))}
        told = {"layer": self.layer, "run": self.run, "judged_by": self.judged, "images": self.images, "of": self.of}
        return told | known | {"units": units}

    def _mean(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean over all images of what is known by class, (any,)."""
        return np.asarray(table @ (self.counts / max(1, int(self.counts.sum()))))
