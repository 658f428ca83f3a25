"""The images of a data set that excite each unit of a layer most, patches beside projections (Zeiler & Fergus 2014, Figure 2)."""

import shlex
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Annotated, Any

from ..errors import OptionError, UnitError
from ..hints import command
from ..method import Earlier, Method, Pieces, paged, provenance
from ..options import Opt, Options, Theme, check_options
from ..projection.caveats import is_pooled
from ..projection.choices import Contrast, Switches, Ties, View
from ..results import CONTRAST, Provenance, TopPatches
from ..units import in_words, slug
from .faces import latest, names_notes
from .layers import portraits_of, unreadable_in, unreadable_notes
from .scanned_units import ScannedUnits, ScanRun, network_of_run, rules_of, scanned_units

# Units on one sheet: as many as can be looked at; a whole layer is divided into pages of so many.
ON_A_PAGE = 16
MOST_BYTES = 4 * 2**30


def top(
    model: Any,
    units: Any,
    *,
    run: ScanRun = None,
    switches: Switches = "switches",
    ties: Ties = "spread",
    view: View = "projection",
    contrast: Contrast = CONTRAST,
    theme: Theme = "light",
    filters: Annotated[Any, Opt("Deprecated: channels of UNIT, as earlier releases wrote them.", hidden=True, recorded=False)] = None,
) -> TopPatches:
    """Return the images of a scan that excite units of a layer most, cropped to the receptive field, and their projections.

    - `model`: the run, as `scan` or `open_run` returns it, or its folder. With `run`, the network of the scan, if its file has moved.
    - `units`: as everywhere, such as "block3_conv1:0-15" or a class, all of one layer. A bare layer means all its units.
    - `switches`, `ties`, `view`, `contrast`: as for `deconv`. `theme`: "light" or "dark".

    It shows the images that `Run.top` returns as numbers. Each patch comes from the image that entered the network, and is projected from
    the position that was largest. If an image is gone or has changed since the scan, its place stays empty. Units that fire on no image
    are marked silent. Raises UnitError, ImageError, ModelError, OptionError, ReplayError. Source: Zeiler & Fergus 2014, Figure 2.

    >>> convscope.top("run/", "block3_conv1:0-15").save("top.png")
    """
    options = check_options(top, locals())
    rules = rules_of(options.switches, ties)
    scanned = _chosen(model, units, run, filters)
    if len(scanned.layers) > 1:
        raise UnitError(
            f"The units belong to {len(scanned.layers)} layers: {', '.join(scanned.layers[:4])}. One sheet shows units of one layer. "
            "Call top once for each."
        )
    _check_memory(scanned)
    run, network, layer = scanned.run, scanned.network, scanned.layer
    portraits = list(portraits_of(run, network, layer, scanned.channels, rulesets=[rules], view=view))
    unreadable, patches = unreadable_in(portraits), tuple(one.patches for one in portraits)
    known, names = run.units(layer), run.names
    return TopPatches(
        provenance=_recorded(scanned, options, unreadable),
        notes=(*unreadable_notes(unreadable), *scanned.notes([rules], patches), *names_notes(names)),
        names={} if names is None else {str(unit): named for unit in scanned.units if (named := names.of(unit.layer, unit.channel))},
        class_names=scanned.class_names,
        layer=layer,
        patches=patches,
        fires=known.fires[scanned.channels].astype("float32"),
        channels=run.channels(layer),
        silent=int(((known.fires == 0) & (known.count > 0)).sum()),
        not_finite=int((known.count < len(run)).sum()),
        images=len(run),
        dataset=run.dataset,
        variant=options.switches if is_pooled(scanned.way) else "unpooled",
        steady=rules.is_steady(scanned.way),
        view=view,
        contrast=options.contrast,
        theme=theme,
    )


def pages(model: Any, units: Any, *, run: Any = None, filters: Any = None, **options: Any) -> Pieces:
    """Return the pages of a request: units of one layer each, 16 at most; the run is opened once for all."""
    scanned = _chosen(model, units, run, filters)
    parts = scanned.pages(ON_A_PAGE)
    title = f"top {in_words(units)}"
    network, checked = None if model is None else scanned.network.bundle, check_options(top, options)
    named = {_page_name(part): part for part in parts}
    drawn = {name: partial(top, network, part.address, run=scanned.run, **options) for name, part in named.items()}
    earlier = {name: Earlier(partial(_recorded, part, checked), part.units, latest(part.run)) for name, part in named.items()}
    return paged(title, drawn, earlier)


def _recorded(scanned: ScannedUnits, options: Options, unreadable: Iterable[int] = ()) -> Provenance:
    """Return the provenance of a sheet of these units, of which `unreadable` images could not be had."""
    parameters = {"units": [scanned.address], "run": str(scanned.run.path.absolute())} | options.recorded()
    return provenance("top", scanned.network.bundle, (scanned.input(unreadable),), parameters)


def _page_name(part: ScannedUnits) -> str:
    """Return the name of a page: its layer, its first and its last channel, so that names sort as channels do."""
    width = len(str(part.run.channels(part.layer) - 1))
    return f"{slug(part.layer)}-{part.channels[0]:0{width}}-{part.channels[-1]:0{width}}"


def as_units_option(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded parameters of a picture; earlier releases recorded a layer and its filters apart."""
    now = dict(parameters)
    if "layer" in now:
        now["units"] = [f"{now.pop('layer')}:{now.pop('filters')}"]
    return now


def _chosen(model: Any, units: Any, run: Any, filters: Any) -> ScannedUnits:
    """Return the units that are meant. Raises OptionError that shows today's form of the option `filters`."""
    if filters is None:
        return scanned_units(model, units, run)
    layer = in_words(units)
    channels = filters if isinstance(filters, str | int) else ",".join(map(str, filters))
    again = command(f"top {shlex.quote(f'{layer}:{channels}')}", f'convscope.top(run, "{layer}:{channels}")', run=True)
    raise OptionError(f"Received the option filters, `{channels}`. Expected it in the address of the units: {again}")


def _check_memory(scanned: ScannedUnits) -> None:
    """Raise OptionError for pictures that would not fit into memory, before any is read."""
    fit, fields, count = scanned.run.fit, scanned.run.top(scanned.layer).fields, len(scanned.units)
    height, width = (min(int((fields[..., side + 2] - fields[..., side]).max(initial=0)), fit.size[side]) for side in (0, 1))
    wanted = 2 * count * fields.shape[1] * height * width * fit.channels * 4
    if wanted > MOST_BYTES:
        raise OptionError(
            f"{count} units are {wanted / 2**30:.0f} GiB of patches and projections. The limit is {MOST_BYTES / 2**30:.0f} "
            f"GiB. Take {ON_A_PAGE} units at a time."
        )


METHOD = Method(
    name="top",
    run=top,
    examples=(
        "convscope top block3_conv1:0-15 -r run/",
        "convscope top block4_conv2 -r run/ --no-switches -o block4/   # the whole layer as pages, and a page of all",
    ),
    description=(
        "A bare layer means all its units. RUN is the folder of a `convscope scan`, and may also stand after -m. The network is that of "
        "the scan; -m names its file if it has moved. More than 16 units of a layer, or units of several layers, become pages of at most "
        "16, with an index.html that shows them all. If it is interrupted, the same command makes the rest."
    ),
    network=network_of_run,
    divide=pages,
    in_todays_words=as_units_option,
)
