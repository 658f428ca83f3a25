"""`Watch`: a Keras callback that draws units while `fit` runs, within its share of the time."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..backend import device_name, keras, versions
from ..backend.select import choose
from ..errors import OptionError
from ..files import OUT
from ..images import ImageBatch, as_batch
from ..legible import first_line, told
from ..models import ModelBundle, as_bundle
from ..network.entering import fit_of
from ..network.network import as_network
from ..results import FloatArray, Provenance
from ..results.evolutions import Evolution, UnitLook
from ..units import Unit
from .evolve import BATCH, JUMPS
from .looking import looks, whole_units
from .summaries import Summaries

EPOCH = "epoch"
FIRST_GUESS = 3.0  # seconds that the first look is expected to take, while none has been measured
PICTURE = "watch.png"


class Watch(keras.callbacks.Callback):
    """Draws what units see of some images while a network trains, for `model.fit(..., callbacks=[Watch(...)])`.

    - `units`: addresses, such as "block2_conv1:0-7". `images`: anything that holds images, a few hundred at most: they stay in memory.
    - `every`: "epoch", or a number of batches after which a look is due.
    - `budget`: the share of the time of `fit` that the callback may take, 0.05 by default. A look that is due waits until the time that
      has passed pays for it, at the price of the dearest look so far. Before the first look that price is a guess of 3 seconds; what the
      look takes beyond its share is paid back before the next one. None: no limit, and a look before the first step.
    - `folder`: where `watch.png` is written, which grows by a column at each look. `tensorboard`: a folder of logs for image summaries too.
    - `preprocess`, `custom` and others: as for `load`. Without `preprocess` it is recognised at the first look.

    `.evolution` is the record of all looks so far, `.spent` and `.share` say what they took. An error while it draws does not end the
    training: it is said once, and counted in `.failures`. The network is only read, and its training is the same to the bit.

    >>> model.fit(x, y, epochs=5, callbacks=[convscope.Watch("block2_conv1:0-7", "photos/", folder="watch/")])
    """

    def __init__(
        self,
        units: Any,
        images: Any,
        *,
        every: int | str = EPOCH,
        budget: float | None = 0.05,
        folder: str | Path = OUT,
        tensorboard: str | Path | None = None,
        clock: Callable[[], float] = time.perf_counter,
        **told_to_load: Any,
    ) -> None:
        super().__init__()
        if every != EPOCH and (isinstance(every, bool | str) or every < 1):
            raise OptionError(f'`every` is {every!r}. Expected "{EPOCH}", or a number of batches, at least 1.')
        if budget is not None and not 0 < budget <= 1:
            raise OptionError(f"`budget` is {budget!r}. Expected a share of the time above 0 and at most 1, or None for no limit.")
        self.units, self.images, self.every, self.budget = units, images, every, budget
        self.folder, self.clock = Path(folder), clock
        self.summaries = None if tensorboard is None else Summaries(Path(tensorboard))
        self.spent, self.failures, self.skipped = 0.0, 0, 0
        self._told = told_to_load
        self._batch: ImageBatch | None = None
        self._began: float | None = None
        self._dearest, self._due, self._steps, self._epoch, self._ended = FIRST_GUESS, "", 0, 0, 0.0
        self._inside = False  # of an epoch
        self._looks: list[tuple[UnitLook, ...]] = []
        self._names: list[str] = []
        self._digests: list[str] = []
        self._source: Provenance | None = None
        self._wanted: tuple[Unit, ...] = ()

    def __repr__(self) -> str:
        return told(self, str(self.units), f"{len(self._looks)} looks", f"{100 * self.share:.1f} % of the time")

    @property
    def elapsed(self) -> float:
        """Seconds since `fit` began, until it ended."""
        return 0.0 if self._began is None else (self._ended or self.clock()) - self._began

    @property
    def share(self) -> float:
        """The share of the time of `fit` that the callback took so far."""
        return self.spent / self.elapsed if self.elapsed > 0 else 0.0

    @property
    def evolution(self) -> Evolution | None:
        """What the units saw at each look so far, None before the first."""
        if self._source is None or self._batch is None:
            return None
        return Evolution(
            provenance=self._source,
            notes=(JUMPS, *self._batch.notes),
            units=self._wanted,
            checkpoints=tuple(self._names),
            digests=tuple(self._digests),
            looks=tuple(self._looks),
            image_names=self._batch.names,
        )

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock; without a budget, look before the first step."""
        self._began, self._ended, self._steps, self.spent = self.clock(), 0.0, 0, 0.0
        if self.budget is None:
            self._due = "start"
            self._look_if_paid()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look if a look is due and paid for."""
        self._steps, self._inside = self._steps + 1, True
        if self.every != EPOCH and self._steps % int(self.every) == 0:
            self._become_due(f"step {self._steps}")
        if self._due:
            self._look_if_paid()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look if a look is due and paid for."""
        self._epoch, self._inside = epoch + 1, False
        if self.every == EPOCH:
            self._become_due(f"epoch {self._epoch}")
        if self._due:
            self._look_if_paid()

    def on_train_end(self, logs: Any = None) -> None:
        """Stop the clock, and close what is open."""
        self._ended = self.clock()
        if self.summaries is not None:
            self.summaries.close()
        if self.budget is not None and self.share > self.budget and self._looks:
            took = f"{self.spent:.1f} of {self.elapsed:.1f} seconds, {100 * self.share:.0f} %"
            _say(
                f"convscope.Watch took {took}, more than its budget of {100 * self.budget:.0f} %: the training ended before that was "
                "paid back."
            )

    def _become_due(self, name: str) -> None:
        self.skipped += bool(self._due)
        self._due = name

    def _look_if_paid(self) -> None:
        start = self.clock()
        if self.budget is not None and self.spent + self._dearest > self.budget * self.elapsed:
            return
        name, self._due = self._due if self._due == "start" else self._now(), ""
        try:
            self._look(name)
        except Exception as error:  # whatever goes wrong in a picture, the training continues
            self.failures += 1
            if self.failures == 1:
                _say(f"convscope.Watch could not draw: {type(error).__name__}: {first_line(error)} The training continues.")
        took = self.clock() - start
        self.spent += took
        self._dearest = took if self._dearest == FIRST_GUESS else max(self._dearest, took)

    def _now(self) -> str:
        """Return what the moment is called: a look that waited shows the network as it is now."""
        return (
            f"step {self._steps:,}" if self.every != EPOCH else f"epoch {self._epoch}" + (f", step {self._steps:,}" if self._inside else "")
        )

    def _look(self, name: str) -> None:
        bundle = self._bundle()
        network = as_network(bundle)
        if self._batch is None:
            self._batch = as_batch(self.images, fit_of(bundle))
        self._wanted = self._wanted or whole_units(network, self.units)
        seen = tuple(looks(network, self._wanted, self._batches, self._picture))
        self._source = self._source or self._provenance(bundle, self._batch)
        self._looks.append(seen)
        self._names.append(name)
        self._digests.append("")
        self.folder.mkdir(parents=True, exist_ok=True)
        evolution = self.evolution
        assert evolution is not None
        evolution.save(self.folder / PICTURE)
        if self.summaries is not None:
            self.summaries.write(seen, self._steps)

    def _bundle(self) -> ModelBundle:
        """Return the network with its weights of now: compiled code of an earlier look may hold those of then."""
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()  # in JAX the variables lag behind while an epoch runs
        bundle = as_bundle(self.model, **self._told)
        self._told.setdefault("preprocess", bundle.preprocessing.name)
        return bundle

    def _batches(self) -> Iterator[FloatArray]:
        assert self._batch is not None
        for start in range(0, len(self._batch.pixels), BATCH):
            yield self._batch.pixels[start : start + BATCH]

    def _picture(self, image: int) -> FloatArray:
        assert self._batch is not None
        return self._batch.pixels[image]

    def _provenance(self, bundle: ModelBundle, batch: ImageBatch) -> Provenance:
        """Return what a picture says of itself: the weights on the way are gone, so it names no file that they could be loaded from."""
        model = {"name": bundle.name, "source": "memory", "weights": "training", "preprocessing": bundle.preprocessing.name, "digest": ""}
        parameters = {"units": [str(unit) for unit in self._wanted], "every": self.every, "budget": self.budget}
        where = {"name": choose(), "device": device_name()}
        return Provenance("evolve", model | {"load": {}}, batch.inputs, parameters, None, where, versions())


def _say(words: str) -> None:
    print(words, file=sys.stderr)
