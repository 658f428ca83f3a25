"""The scan: a network and a set of images in, a run's folder out."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from .. import backend
from ..backend.precision import PRECISIONS
from ..engines import EVERYWHERE, USUAL, Serial, kind_of_workers, reach_of, using
from ..errors import ImageError, ModelError, OptionError
from ..files import OUT, as_path, check_local
from ..images import as_image_set
from ..images.places import check_reach, missing, unseen
from ..models.reference import Travelling
from ..models.reload import files_of
from ..network.network import Network, as_network
from ..options import ENGINE, Opt, check_options
from ..units import LAYER_GRAMMAR
from .completion import KEEP, complete_run, difference, known_settings
from .leases import Finished, Lease, Merge, worked
from .maxima import NetworkMeasure, chosen_layers, description
from .measure import MakeMeasure, Measure, check_measure
from .opening import open_run
from .run import Run

MOST_TOP = 1000


def scan(
    model: Any,
    images: Any,
    *,
    layers: Annotated[str | Sequence[str], Opt(f"Which layers: {LAYER_GRAMMAR}.", metavar="PATTERN", several=True)] = "all",
    top: Annotated[int, Opt("Images to keep for each unit.", least=1, most=MOST_TOP)] = 9,
    out: str | Path | None = None,
    precision: Annotated[str, Opt("Number format of the network. `auto` uses bfloat16 if it is faster here.", choices=PRECISIONS)] = "auto",
    workers: int | str | None = None,
    engine: Annotated[
        Any | str | None,
        Opt(
            "Who works: `local` (this process), `processes:N`, `ray` or `ray:N` (a cluster, docs/cluster.md), or an engine of a plug-in.",
            metavar="ENGINE",
            shown=USUAL,
            names=ENGINE,
            recorded=False,
        ),
    ] = None,
    keep_maxima: Annotated[
        bool,
        Opt("Keep the values of all units for every image, not for 4,096 alone: 2 bytes a unit and image. `name` then learns from all."),
    ] = False,
    measure: MakeMeasure | None = None,
) -> Run:
    """Return the run of `images` through the network: for every unit the `top` images that excite it most, and where.

    - `images`: everything that `as_image_set` takes, or what it returns.
    - `layers`: "all" layers that learn (convolutions and dense layers), or addresses and patterns such as "block4_*,predictions". Each is
      measured after its activation, the output before its softmax. One forward pass serves all.
    - `out`: the folder of the run, `convscope-out/scan-MODEL` by default.
    - `precision`: "auto" keeps a resumed run's precision; a new run uses bfloat16 if it is faster.
    - `engine`: who works, as a name of `convscope.engines.ENGINES` ("local", "processes:4", "ray") or an object of one's own, such as a
      pool (docs/extending.md). By default this process, or processes if there are several workers.
    - `workers`: how many, or "auto": as many as there are processors. The result depends on neither batches nor workers nor the engine.
    - `keep_maxima`: keep the values of all units for every image. A finished run gets them by the same call, which measures all images
      again whose values it lacks. A run that keeps them never drops them.
    - `measure`: what to record of each image instead. Each process makes it from network, layers and precision (docs/extending.md).

    The run holds for each unit the top images, the distribution of its maxima, how often it fires, and its mean by class. For each image
    it holds the prediction and the features behind it.

    An interruption costs at most the shard in progress: the same call resumes. After Ctrl-C the run holds the images so far, and
    `run.complete` is False. More images for a finished run are added; known ones, by their names, are not read again. Images that cannot
    be read are skipped and listed. Raises ImageError, OptionError, UnitError, OutputError.

    >>> convscope.scan("fashion", "sample:fashion", out="run/").top("block3_conv1").images
    """
    top = check_options(scan, {"top": top, "precision": precision, "keep_maxima": keep_maxima}).top
    network = as_network(model)
    folder = as_path(out) if out is not None else OUT / f"scan-{network.bundle.name}"
    check_local(folder)
    if precision == "auto" and (known := known_settings(folder)) is not None:
        precision = known["precision"]
    addresses, make, given = tuple(chosen_layers(network, layers)), _maker(measure), as_image_set(images)
    with using(engine, workers) as chosen:
        places = check_reach(given.sources, reach_of(chosen))
        kind = kind_of_workers(chosen, precision)
        options = ScanOptions(addresses, top, kind["precision"], make, keep_maxima)
        measured = options.opened(network)
        job = Job(network, options, measured, kind, far=reach_of(chosen) == EVERYWHERE, places=places)
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
    keep_maxima: bool = False

    def opened(self, network: Network) -> Measure:
        """Return the measure of a network. Raises OptionError for one that no run can hold."""
        measure = self.make(network, self.layers, self.precision)
        check_measure(measure)
        return measure

    def recorded(self, network: Network, measure: Measure, device: str) -> dict[str, Any]:
        """Return what the run records as plain data. `device`: that of the workers."""
        said = description(measure)
        return {
            "model": network.bundle.identity(),
            "measured": list(self.layers),
            "top": self.top,
            "precision": self.precision,
            "fit": {"channels": measure.fit.channels, "height": measure.fit.size[0], "width": measure.fit.size[1]},
            "backend": {"name": backend.choose(), "device": device},
            "ranked": measure.ranked(),
            **({"measure": said} if said else {}),
            **({KEEP: True} if self.keep_maxima else {}),
        }


class Job:
    """The function that an engine is handed: a lease or merge -> what became of it. In threads of this process it shares the network.

    It pickles as a reference to the network. Elsewhere it loads that network at its first lease, and checks that it is the run's, and that
    the worker is of the `kind` of the others and sees the `places` where images lie.
    """

    def __init__(
        self,
        network: Network,
        options: ScanOptions,
        measure: Measure,
        kind: Mapping[str, str],
        *,
        far: bool = False,
        places: tuple[str, ...] = (),
    ) -> None:
        self.measure: Measure | None = measure
        self.options, self.recorded, self.places = options, options.recorded(network, measure, kind["device"]), places
        self.network = Travelling(network.bundle, kind, far=far)

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the network. Raises ModelError for one that no other process can load."""
        return self.__dict__ | {"measure": None}

    def __call__(self, item: Lease | Merge) -> Finished:
        """Measure the images of a lease, or merge parts."""
        return worked(item, self.opened)

    def opened(self) -> Measure:
        """Return the measure, made here at its first use. Raises ModelError and BackendError where it would not be that of the run."""
        if self.measure is None:
            self.measure = self._loaded()
        return self.measure

    def _loaded(self) -> Measure:
        if away := missing(self.places):
            raise ImageError(unseen(platform.node(), away))
        network = as_network(self.network.load())
        measure = self.options.opened(network)
        if what := difference(self.recorded, self.options.recorded(network, measure, self.network.kind["device"])):
            raise ModelError(
                f"The run is of {what}, which a worker loaded from `{self.network.path}`. Expected the same file and "
                "set-up for every worker. Restore the model, and the same command resumes."
            )
        return measure
