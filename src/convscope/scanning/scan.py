"""The scan: a network and a set of images in, a run's folder out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import backend
from ..errors import ModelError, OptionError
from ..files import as_path
from ..images import as_image_set
from ..models import ModelBundle, as_bundle, load
from ..models.reload import files_of
from .completion import complete_run, difference, known_settings
from .executors import Processes
from .measure import NetworkMeasure, chosen_layers
from .run import Run, open_run
from .shards import Finished, Shard, work

OUT = Path("convscope-out")
MOST_TOP = 1000
MOST_WORKERS = 1024


def scan(
    model: Any,
    images: Any,
    *,
    layers: str | Sequence[str] = "all",
    top: int = 9,
    out: str | Path | None = None,
    precision: str = "auto",
    workers: int = 1,
) -> Run:
    """Return the run of `images` through the network: for every filter the `top` images that excite it most, and where.

    One forward pass serves all `layers` ("all" with filters, or addresses and patterns such as "block4_*"), each taken after its
    activation, the output before its softmax. Kept of each filter: the top images, the distribution of its maxima, how often it fires,
    its mean by class; of each image: the features that feed its last decision and the prediction. `images`: what `as_image_set` takes.
    `out`: the run's folder, `convscope-out/scan-MODEL` by default. `precision`: "auto" is that of a run that
    is resumed, else bfloat16 where it is faster. `workers`: processes. The result depends on neither batches nor workers.

    What stops it costs at most the shard in flight: the same call resumes. Ctrl-C returns what was reached; `run.complete` tells. More
    images for a finished run are added: those it knows, by their names, are not read again. Pictures that cannot be read are skipped and
    listed. Raises ImageError, OptionError, UnitError, OutputError.

    >>> convscope.scan("fashion", "sample:fashion", out="run/").top("block3_conv1").images
    """
    if not 1 <= top <= MOST_TOP:
        raise OptionError(f"Received top {top}. Expected 1 to {MOST_TOP} images.")
    if not 1 <= workers <= MOST_WORKERS:
        raise OptionError(f"Received {workers} workers. Expected 1 to {MOST_WORKERS:,}.")
    bundle = as_bundle(model)
    run = as_path(out) if out is not None else OUT / f"scan-{bundle.name}"
    if precision == "auto" and (known := known_settings(run)) is not None:
        precision = known["precision"]
    settings = Settings(tuple(chosen_layers(bundle, layers)), top, backend.resolve_precision(precision))
    given = as_image_set(images)
    measure = NetworkMeasure(bundle, settings.layers, settings.precision)
    recorded = settings.recorded(measure)
    executor, function = (None, None) if workers == 1 else (Processes(workers), Job(_said(bundle), settings, recorded))
    complete_run(run, given, measure, recorded, executor, function)
    return open_run(run, images=given, allow=files_of(bundle.identity()))


@dataclass(frozen=True)
class Settings:
    """What a run is of, beside its images: it can only go on with the same."""

    layers: tuple[str, ...]
    top: int
    precision: str

    def recorded(self, measure: NetworkMeasure) -> dict[str, Any]:
        """Return it as plain data."""
        fit = {"channels": measure.fit.channels, "height": measure.fit.size[0], "width": measure.fit.size[1]}
        return {
            "model": measure.bundle.identity(),
            "measured": list(self.layers),
            "top": self.top,
            "precision": self.precision,
            "fit": fit,
            "backend": {"name": backend.choose(), "device": backend.device_name()},
            "ranked": measure.ranked(),
        }


@dataclass
class Job:
    """The work as another process does it: loads the network once, at its first shard, which must be the run's.

    `model`: what `load` is told; `settings`, and what they `recorded` of the run.
    """

    model: dict[str, Any]
    settings: Settings
    recorded: dict[str, Any]
    _measure: NetworkMeasure | None = field(default=None, repr=False)

    def __call__(self, shard: Shard) -> Finished:
        """Measure the images of a shard."""
        if self._measure is None:
            measure = NetworkMeasure(load(**self.model), self.settings.layers, self.settings.precision)
            if what := difference(self.recorded, self.settings.recorded(measure)):
                raise ModelError(
                    f"The run is of {what}, which a worker loaded from `{self.model['path']}`. Expected the same file and "
                    f"set-up for every worker. Restore the model, and the same command resumes."
                )
            self._measure = measure
        return work(shard, self._measure, self.settings.top)


def _said(bundle: ModelBundle) -> dict[str, Any]:
    """Return what to tell `load` in another process."""
    if bundle.source == "memory" or bundle.weights == "none":
        raise ModelError(f"`{bundle.name}` exists only in this process's memory, where workers cannot find it. Save it, or use workers=1.")
    weights = bundle.weights if bundle.weights in ("imagenet", "embedded") else None
    return {"path": bundle.source, "weights": weights, **bundle.given}
