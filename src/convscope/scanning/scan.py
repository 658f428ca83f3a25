"""The scan: a network and a set of images in, a run's folder out."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import backend
from ..errors import ImageError, ModelError, OptionError, near_misses
from ..files import write_files
from ..images import ImageSet, as_image_set
from ..models import ModelBundle, as_bundle, load
from ..progress import counting
from ..tables import parquet, read_parquet
from .executors import Executor, Processes, Serial
from .journal import FOLDER, Journal, locked
from .measure import Measure, chosen_layers
from .run import Run, keyed, open_run, written_as
from .shards import READ, Finished, Shard, read, unfinished, work
from .written import Listed, write_run

OUT = Path("convscope-out")
MOST_TOP = 1000
MOST_CELLS = 2**23  # classes x units whose means are kept: 128 MiB
CHECKED = 16


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
    its mean by class; of each image: the features of the last dense layer and the prediction. `images`: what `as_image_set` takes.
    `out`: the run's folder, `convscope-out/scan-MODEL` by default. `precision`: "auto" is bfloat16 where the processor has it and
    TensorFlow runs. `workers`: processes. The result depends on neither batches nor workers.

    What stops it costs at most the shard in flight: the same call goes on. Ctrl-C returns what was reached; `run.complete` tells. More
    images for a finished run are added: those it knows, by their names, are not read again. Pictures that cannot be read are skipped and
    listed. Raises ImageError, OptionError, UnitError, OutputError.

    >>> convscope.scan("fashion", "sample:fashion", out="run/").top("block3_conv1").images
    """
    if not 1 <= top <= MOST_TOP:
        raise OptionError(f"Received top {top}. Expected 1 to {MOST_TOP} images.")
    if workers < 1:
        raise OptionError(f"Received {workers} workers. Expected at least 1.")
    bundle = as_bundle(model)
    settings = Settings(tuple(chosen_layers(bundle, layers)), top, backend.resolve_precision(precision))
    given = as_image_set(images)
    run = Path(out) if out is not None else OUT / f"scan-{bundle.name}"
    measure = Measure(bundle, settings.layers, settings.precision)
    with locked(run):
        _check_settings(run, settings.recorded(measure))
        listed, sources = _listed(run, given, measure)
        journal = Journal(run, len(sources), measure.features)
        _check_unchanged(run, journal, sources, measure)
        left = list(unfinished(journal.spans, len(sources)))
        index = {name: number for number, name in enumerate(listed.classes)}
        keep_classes = len(index) * measure.units <= MOST_CELLS
        classes = np.asarray([index[one] if one is not None and keep_classes else -1 for one in listed.labels], np.int64)
        shards = (Shard(first, tuple(sources[first:end]), classes[first:end]) for first, end in left)
        executor: Executor = Serial() if workers == 1 else Processes(workers)
        done = len(sources) - sum(end - first for first, end in left)
        with counting("scanning", len(sources), done) as advance:
            if workers == 1:
                function: Any = lambda shard: work(shard, measure, top, advance)  # noqa: E731
            else:
                function = Job(_said(bundle), settings)
            _work_off(executor, function, shards, journal, advance if workers > 1 else lambda count: None)
        write_run(run, journal, listed, measure, settings.recorded(measure))
    return open_run(run, images=given)


@dataclass(frozen=True)
class Settings:
    """What a run is of, beside its images: it can only go on with the same."""

    layers: tuple[str, ...]
    top: int
    precision: str

    def recorded(self, measure: Measure) -> dict[str, Any]:
        """Return it as plain data."""
        fit = {"channels": measure.fit.channels, "height": measure.fit.size[0], "width": measure.fit.size[1]}
        return {
            "model": measure.bundle.identity(),
            "measured": list(self.layers),
            "top": self.top,
            "precision": self.precision,
            "fit": fit,
            "backend": {"name": backend.choose(), "device": backend.device_name()},
        }


@dataclass
class Job:
    """The work as another process does it: loads the network once, at its first shard."""

    model: dict[str, Any]
    settings: Settings
    _measure: Measure | None = field(default=None, repr=False)

    def __call__(self, shard: Shard) -> Finished:
        """Measure the images of a shard."""
        if self._measure is None:
            self._measure = Measure(load(**self.model), self.settings.layers, self.settings.precision)
        return work(shard, self._measure, self.settings.top)


def _said(bundle: ModelBundle) -> dict[str, Any]:
    """Return what to tell `load` in another process."""
    if bundle.source == "memory" or bundle.weights == "none":
        raise ModelError(f"`{bundle.name}` lies in this process's memory only, where workers cannot find it. Save it, or give workers=1.")
    weights = bundle.weights if bundle.weights in ("imagenet", "embedded") and bundle.source != "fashion" else None
    return {"path": bundle.source, "weights": weights, **bundle.given}


def _work_off(executor: Executor, function: Any, shards: Iterable[Shard], journal: Journal, advance: Any) -> None:
    """Keep what the executor finishes, until all is done or Ctrl-C."""
    results = executor.map(function, shards)
    try:
        for finished in results:
            journal.add(finished)
            advance(finished.span[1] - finished.span[0])
        journal.merge()
    except KeyboardInterrupt:
        return
    finally:
        if hasattr(results, "close"):
            results.close()


def _check_settings(run: Path, asked: dict[str, Any]) -> None:
    """Write what the run is of, or raise OptionError if it is of something else."""
    path = run / FOLDER / "settings.json"
    if not path.exists():
        if any(one.name not in ("lock", FOLDER) for one in run.iterdir()):
            raise OptionError(f"`{run}` holds files, but no run of this program that can go on. Give a new or an empty folder with --out.")
        write_files({path: json.dumps(asked, indent=1, sort_keys=True).encode()}, durable=True)
        return
    before, now = (_compared(one) for one in (json.loads(path.read_text()), asked))
    for noun, value in now.items():
        if before[noun] != value:
            long = noun in ("model", "layers")
            raise OptionError(
                f"The run in `{run}` is of {f'another {noun}' if long else f'{noun} {before[noun]}, not {value}'}. "
                "Go on with the same, or begin another run with --out."
            )


def _compared(settings: dict[str, Any]) -> dict[str, Any]:
    model = settings["model"]
    return {
        "model": model["digest"],
        "preprocessing": model["preprocessing"],
        "layers": settings["measured"],
        "top": settings["top"],
        "precision": settings["precision"],
        "fit": settings["fit"],
        "backend": settings["backend"]["name"],
    }


def _listed(run: Path, given: ImageSet, measure: Measure) -> tuple[Listed, list[Any]]:
    """Return the images in the order of their ids, and where they are: first those the run knows, by name, then the new ones."""
    path = run / FOLDER / "sources.parquet"
    by_key = keyed(given.sources)
    names: list[str] = []
    labels: list[str | None] = []
    if path.exists():
        table = read_parquet(path)
        names, labels = list(table.texts["name"]), list(table.texts["label"])  # type: ignore[arg-type]
    seen: Counter[str] = Counter()
    sources = []
    for image, name in enumerate(names):
        source = by_key.pop((name, seen[name]), None)
        seen[name] += 1
        if source is None:
            raise ImageError(
                f"The run in `{run}` knows {len(names)} images, and `{name}` of them is not among the {len(given)} given. "
                f"Closest: {near_misses(name, (one.name for one in given.sources))}. Give all of them again, and new ones beside them; "
                "or begin another run with --out."
            )
        if written_as(source.label) != labels[image]:
            raise ImageError(
                f"The run in `{run}` knows `{name}` with the label {labels[image]}, not {source.label}. Begin another run with --out."
            )
        sources.append(source)
    new = list(by_key.values())
    if new:
        names.extend(written_as(one.name) for one in new)
        labels.extend(written_as(one.label) for one in new)
        write_files({path: parquet({"name": names, "label": labels}, {})}, durable=True)
    classes = tuple(dict.fromkeys(one for one in labels if one is not None))
    return Listed(tuple(names), tuple(labels), classes, given.given), [*sources, *new]


def _check_unchanged(run: Path, journal: Journal, sources: Sequence[Any], measure: Measure) -> None:
    """Raise ImageError if one of a few known images is not what it was: another data set may have the same names."""
    facts = journal.facts.read()
    known = np.flatnonzero(facts["state"] == READ)
    for image in known[np.linspace(0, len(known) - 1, min(CHECKED, len(known))).astype(int)]:
        try:
            same = read(sources[image], measure.fit)[1] == facts["digest"][image].tobytes()
        except ImageError:
            same = False
        if not same:
            raise ImageError(
                f"`{sources[image].name}` has changed since the run in `{run}` read it. Put the same images back, or begin another run "
                "with --out."
            )
