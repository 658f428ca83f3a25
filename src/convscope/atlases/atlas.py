"""The one call that makes an atlas: from nothing, or from wherever the last call was left, to the site."""

import contextlib
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from ..engines import USUAL, Engine, using
from ..errors import OptionError, OutputError
from ..files import OUT, as_path, check_local, remove_forgotten
from ..formats import atlas as folders
from ..formats.atlas import MANIFEST, PAGE
from ..hints import command
from ..legible import told
from ..models.sources import as_bundle
from ..network.entering import require_images
from ..network.network import Network, as_network
from ..notebook import page_frame
from ..numerals import real
from ..options import ENGINE, Opt, check_options
from ..portraits.scanned_units import scanned_units
from ..reach import user_path
from ..scanning import Run, open_run, scan
from ..scanning.lock import locked
from ..units import LAYER_GRAMMAR
from .ledger import Ledger, key_of
from .making import Making
from .pages import model as described
from .patches import PROJECTIONS
from .subject import Subject, subject_of
from .synthetic import FAST, SYNTHETIC

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
BUDGET = re.compile(r"\s*([0-9.]+)\s*([smh]?)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Atlas:
    """The folder of an atlas, and how far it is made. `page`: the file to open; `run`: the scan that it shows.

    `units`, `layers`: how many it shows. `parts` of `of` are made, each a script or sheet, or what 16 units need. `interrupted`: by
    Ctrl-C; `complete`: nothing is left to make. `notes`: sentences on what is left, or odd.
    """

    folder: Path
    run: Run
    units: int
    layers: int
    parts: int
    of: int
    interrupted: bool
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        made = f"{self.parts:,} of {self.of:,} parts"
        return told(self, repr(str(self.folder)), f"{self.units:,} units of {self.layers} layers", made)

    def _repr_html_(self) -> str:
        return page_frame(self.page, repr(self))

    _repr_part_ = _repr_html_

    @property
    def page(self) -> Path:
        """The page to open in a browser."""
        return self.folder / PAGE

    @property
    def complete(self) -> bool:
        """Say whether nothing is left to make."""
        return self.parts == self.of and not self.interrupted


def atlas(
    model: Any = None,
    images: Any = None,
    *,
    run: Any = None,
    out: str | Path | None = None,
    layers: Annotated[Any | str, Opt(f"Which of the run's layers: {LAYER_GRAMMAR}.", metavar="PATTERN", several=True)] = "all",
    synthetic: Annotated[
        str,
        Opt("Pictures by gradient ascent: `fast` of 64 pixels and 32 steps, `best` as `ascend` makes them, or none.", choices=SYNTHETIC),
    ] = FAST,
    size: Annotated[
        int | None, Opt("Side of the synthetic pictures in pixels.", least=16, most=512, shown="64; best: the receptive field")
    ] = None,
    projections: Annotated[
        int,
        Opt("Of how many of the nine strongest images of a unit to draw projections. 3 take a third of the time.", choices=PROJECTIONS),
    ] = 9,
    budget: Annotated[
        Any | str | None, Opt("Stop after this time, such as 30m or 2h. The same command makes the rest.", metavar="TIME", recorded=False)
    ] = None,
    engine: Annotated[
        Any | str | None,
        Opt(
            "Who scans and draws units: `local`, `processes:N`, `ray` or `ray:N` (docs/cluster.md).",
            metavar="ENGINE",
            shown=USUAL,
            names=ENGINE,
            recorded=False,
        ),
    ] = None,
) -> Atlas:
    """Make the atlas of a network, a site of all its units in one folder, or what is missing of it, and return what there is.

    - `model`, `images`: as for `scan`. The run is kept beside the folder, as `FOLDER-run`, and resumed or extended as by `scan`.
    - `run`: the run of a scan, or its folder, in place of images. With `model`, the network of the scan, if its file has moved.
    - `out`: the folder of the atlas, `convscope-out/atlas-MODEL` by default.
    - `layers`: those of the run to show. `synthetic`: "none", "fast" or "best". `size`: side of these pictures. `projections`: 0, 3 or 9.
    - `budget`: seconds, or text such as "30m". The most telling units of all layers come first. The next call makes the rest.
    - `engine`: who scans the images and draws the units, as for `scan`. Workers on other machines must see the run's folder.

    The folder opens from disk and from any static host. Everything is also there as tables for programs (docs/atlas.md).
    An interruption costs at most the 16 units in progress: the same call resumes. If the images, the layers or a setting have changed,
    it makes again only what depends on them. Raises ImageError, ModelError, OptionError, OutputError, PageError, ReplayError, UnitError.

    >>> convscope.atlas("fashion", "sample:fashion", out="atlas/").page
    """
    settings = check_options(atlas, locals() | {"budget": None if budget is None else str(budget)})
    deadline = None if budget is None else time.monotonic() + seconds_of(budget)
    with using(engine) as chosen:
        run, network, folder = _opened(model, images, run, out, chosen)
        known = _known(folder, network, run)
        orders = {one["address"]: one["order"] for one in known.get("layers", ())}
        subject = subject_of(run, network, layers, orders, settings)
        making = Making(subject, Ledger(folder, _facts(subject, known), known.get("parts", {})))
        interrupted = False
        with locked(folder):
            _clean(folder)
            try:
                making.make(deadline, chosen)
            except KeyboardInterrupt:
                interrupted = True
            making.flush()
    return _result(making, interrupted=interrupted)


def _clean(folder: Path) -> None:
    """Remove what a kill left half written. Only whoever holds the folder's lock may call it: nobody else writes there then."""
    for place in (folder, *(one for one in folder.rglob("*") if one.is_dir())):
        remove_forgotten(place, older_than=0.0)


def seconds_of(budget: Any) -> float:
    """Return a budget in seconds: a number, or text such as "90s", "30m" or "2h". Raises OptionError."""
    found = BUDGET.fullmatch(str(budget))
    with contextlib.suppress(ValueError):
        if found is not None and (value := real(found.group(1)) * SECONDS[found.group(2).lower()]) > 0:
            return value
    raise OptionError(f"`budget` is {budget!r}. Expected a time above 0, such as 30m, 2h or 90s.")


def _opened(model: Any, images: Any, run: Any, out: str | Path | None, engine: Engine) -> tuple[Run, Network, Path]:
    """Return the run, scanned now if images are given, its network, and the folder of the atlas."""
    if run is not None and images is not None:
        raise OptionError("Received images and a run. A run holds its images. Name one of them.")
    if run is None and images is None:
        again = command("atlas IMAGES", 'convscope.atlas(model, "photos/")')
        raise OptionError(f"Received no images. Expected images to scan, or the run of a scan: {again}")
    if run is not None:
        scanned = _scanned(model, open_run(run) if isinstance(run, str | Path) else run)
        return *scanned, _folder(out, scanned[1])
    network = as_network(as_bundle(model))
    require_images(network.bundle)
    folder = _folder(out, network)
    _known(folder, network, None)
    made = scan(network.bundle, images, out=folder.with_name(f"{folder.name}-run"), engine=engine)
    if not made.complete and not made.unreachable:
        raise KeyboardInterrupt
    return *_scanned(network.bundle, made), folder


def _scanned(model: Any, run: Any) -> tuple[Run, Network]:
    """Return a run and its network. Raises ModelError for a network that is not the run's, OptionError for a run without a sample."""
    if not isinstance(run, Run):
        raise OptionError(f"Received {type(run).__name__} as a run. Expected the folder of a scan, or what open_run returns.")
    scanned = scanned_units(run if model is None else as_bundle(model), f"{run.layers[0]}:0", None if model is None else run)
    return scanned.run, scanned.network


def _folder(out: str | Path | None, network: Network) -> Path:
    folder = as_path(out) if out is not None else OUT / f"atlas-{network.bundle.name}"
    check_local(folder)
    return folder


def _known(folder: Path, network: Network, run: Run | None) -> dict[str, Any]:
    """Return the manifest of the atlas in a folder, nothing for a new one.

    Raises PageError for a folder that holds something else, or the atlas of another network or of other images.
    """
    if not (folder / MANIFEST).exists():
        if (folder / PAGE).exists():
            raise OutputError(f"`{folder}` holds a page that is not an atlas. Use another folder.")
        return {}
    found = folders.read_manifest(user_path(folder))
    digest, bundle = found["model"]["digest"], network.bundle
    if digest != bundle.digest:
        raise OptionError(
            f"`{folder}` is the atlas of `{found['model'].get('name')}` ({digest}), but the network is `{bundle.name}` ({bundle.digest}). "
            "Use another folder."
        )
    if run is not None and found["run"]["first"] != first_image(run):
        raise OptionError(
            f"`{folder}` is the atlas of other images ({found['run'].get('dataset')}). Use another folder, or name the run that it shows."
        )
    return found


def first_image(run: Run) -> str:
    """Return what stays of a run when images are added: its first image."""
    texts = run.images.texts
    return key_of(texts["name"][0], texts["digest"][0]) if len(run) else ""


def _facts(subject: Subject, known: dict[str, Any]) -> dict[str, Any]:
    """Return what the manifest says besides the parts; layers that the atlas had keep their order, even if they are not shown now."""
    run, settings = subject.run, subject.settings
    shown = [
        {"address": one.address, "n": one.n, "units": len(one.order), "order": list(one.order), "shown": True} for one in subject.layers
    ]
    hidden = [one | {"shown": False} for one in known.get("layers", ()) if one["address"] not in subject.by_address]
    return {
        "convscope": subject.maker[0],
        "versions": {"convscope": subject.maker[0]},
        "model": described(subject),
        "run": {
            "images": len(run),
            "complete": run.complete,
            "dataset": run.dataset,
            "first": first_image(run),
            "key": subject.run_key,
        },
        "settings": {name: value for name, value in settings.recorded().items() if name != "layers"},
        "layers": sorted([*shown, *hidden], key=lambda one: int(one["n"])),
    }


def _result(making: Making, *, interrupted: bool) -> Atlas:
    subject, (parts, of) = making.subject, making.count()
    left = () if parts == of else (f"{of - parts:,} of {of:,} parts are not made yet. The same command makes them.",)
    return Atlas(
        folder=making.ledger.folder,
        run=subject.run,
        units=sum(len(layer.order) for layer in subject.layers),
        layers=len(subject.layers),
        parts=parts,
        of=of,
        interrupted=interrupted,
        notes=(*left, *making.notes()),
    )
