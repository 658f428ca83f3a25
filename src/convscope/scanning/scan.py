"""The scan: a network and a set of images in, a run's folder out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import backend
from ..engines import Engine, Processes, Serial, engine_of
from ..errors import ModelError, OptionError
from ..files import as_path
from ..images import as_image_set
from ..models import ModelBundle, load
from ..models.reload import files_of
from ..network.network import Network, as_network
from .completion import complete_run, difference, known_settings
from .maxima import NetworkMeasure, chosen_layers, description
from .measure import MakeMeasure, Measure, check_measure
from .run import Run, open_run
from .shards import Finished, Shard, work

OUT = Path("convscope-out")
MOST_TOP = 1000


def scan(
    model: Any,
    images: Any,
    *,
    layers: str | Sequence[str] = "all",
    top: int = 9,
    out: str | Path | None = None,
    precision: str = "auto",
    workers: int | str | None = None,
    engine: str | Engine | None = None,
    measure: MakeMeasure | None = None,
) -> Run:
    """Return the run of `images` through the network: for every unit the `top` images that excite it most, and where.

    - `images`: everything that `as_image_set` takes.
    - `layers`: "all" layers that learn (convolutions and dense layers), or addresses and patterns such as "block4_*,predictions". Each is
      measured after its activation, the output before its softmax. One forward pass serves all.
    - `out`: the folder of the run, `convscope-out/scan-MODEL` by default.
    - `precision`: "auto" keeps a resumed run's precision; a new run uses bfloat16 if it is faster.
    - `engine`: who works, as a name of `convscope.engines.ENGINES` ("local", "processes:4", "ray") or an object of one's own, such as a
      pool (docs/extending.md). By default this process, or processes if there are several workers.
    - `workers`: how many, or "auto": as many as there are processors. The result depends on neither batches nor workers nor the engine.
    - `measure`: what to record of each image instead. Each process makes it from network, layers and precision (docs/extending.md).

    The run holds for each unit the top images, the distribution of its maxima, how often it fires, and its mean by class. For each image
    it holds the prediction and the features behind it.

    An interruption costs at most the shard in progress: the same call resumes. After Ctrl-C the run holds the images so far, and
    `run.complete` is False. More images for a finished run are added; known ones, by their names, are not read again. Images that cannot
    be read are skipped and listed. Raises ImageError, OptionError, UnitError, OutputError.

    >>> convscope.scan("fashion", "sample:fashion", out="run/").top("block3_conv1").images
    """
    if not 1 <= top <= MOST_TOP:
        raise OptionError(f"Received top {top}. Expected 1 to {MOST_TOP} images.")
    chosen = engine_of(engine, workers)
    network = as_network(model)
    folder = as_path(out) if out is not None else OUT / f"scan-{network.bundle.name}"
    if precision == "auto" and (known := known_settings(folder)) is not None:
        precision = known["precision"]
    options = ScanOptions(tuple(chosen_layers(network, layers)), top, backend.resolve_precision(precision), _maker(measure))
    if isinstance(chosen, Processes):
        load_arguments(network.bundle)  # now, not in a worker
    given = as_image_set(images)
    measured = options.opened(network)
    job = Job(network, options, measured)
    complete_run(folder, given, measured, job.recorded, None if type(chosen) is Serial else chosen, job)
    return open_run(folder, images=given, allow=files_of(network.bundle.identity()))


def _maker(measure: MakeMeasure | None) -> MakeMeasure:
    """Return what makes the measure. Raises OptionError for a measure that is made already: each process makes its own."""
    if measure is None:
        return NetworkMeasure
    if not callable(measure) or (hasattr(measure, "layers") and not isinstance(measure, type)):
        raise OptionError(
            f"Received {type(measure).__name__} as measure. Expected a class, or a function of network, layers and precision."
        )
    return measure


@dataclass(frozen=True)
class ScanOptions:
    """What a run is of, beside its network and its images: it resumes only with the same."""

    layers: tuple[str, ...]
    top: int
    precision: str
    make: MakeMeasure

    def opened(self, network: Network) -> Measure:
        """Return the measure of a network. Raises OptionError for one that no run can hold."""
        measure = self.make(network, self.layers, self.precision)
        check_measure(measure)
        return measure

    def recorded(self, network: Network, measure: Measure) -> dict[str, Any]:
        """Return what the run records as plain data."""
        said = description(measure)
        return {
            "model": network.bundle.identity(),
            "measured": list(self.layers),
            "top": self.top,
            "precision": self.precision,
            "fit": {"channels": measure.fit.channels, "height": measure.fit.size[0], "width": measure.fit.size[1]},
            "backend": {"name": backend.choose(), "device": backend.device_name()},
            "ranked": measure.ranked(),
        } | ({"measure": said} if said else {})


class Job:
    """The function that an engine is handed: a shard -> what is finished of it. In threads of this process it shares the network.

    It pickles as words for `load`, never as a network. Elsewhere it loads that network at its first shard, and checks that it is the run's.
    """

    def __init__(self, network: Network, options: ScanOptions, measure: Measure) -> None:
        self.measure: Measure | None = measure
        self.options, self.recorded = options, options.recorded(network, measure)
        self._bundle: ModelBundle | None = network.bundle
        self._arguments: dict[str, Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the network. Raises ModelError for one that lies in memory only."""
        arguments = load_arguments(self._bundle) if self._bundle is not None else self._arguments
        return self.__dict__ | {"measure": None, "_bundle": None, "_arguments": arguments}

    def __call__(self, shard: Shard) -> Finished:
        """Measure the images of a shard."""
        if self.measure is None:
            self.measure = self._loaded()
        return work(shard, self.measure, self.options.top)

    def _loaded(self) -> Measure:
        network = as_network(load(**(self._arguments or {})))
        measure = self.options.opened(network)
        if what := difference(self.recorded, self.options.recorded(network, measure)):
            raise ModelError(
                f"The run is of {what}, which a worker loaded from `{(self._arguments or {}).get('path')}`. Expected the same file and "
                "set-up for every worker. Restore the model, and the same command resumes."
            )
        return measure


def load_arguments(bundle: ModelBundle) -> dict[str, Any]:
    """Return what to tell `load` in another process. Raises ModelError for a network that lies in memory only."""
    if bundle.source == "memory" or bundle.weights == "none":
        raise ModelError(f"`{bundle.name}` exists only in this process's memory, where workers cannot find it. Save it, or use workers=1.")
    weights = bundle.weights if bundle.weights in ("imagenet", "embedded") else None
    return {"path": bundle.source, "weights": weights, **bundle.given}
