"""The images of a data set that excite each filter of a layer most, patches beside projections (Zeiler & Fergus 2014, Figure 2)."""

import shlex
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..errors import OptionError, UnitError, check_choice
from ..hints import command
from ..method import THEME, THEMES, Method, Option, Part, provenance
from ..methods.deconv import CONTRAST_OPTION, SWITCHES_OPTION, TIES_OPTION, view_option
from ..models import ModelBundle
from ..network.addresses import as_units, class_names
from ..projection.caveats import check_drawn, is_pooled
from ..results import CONTRAST, TopPatches
from ..scanning import Run
from ..units import Unit, slug
from .gathering import gather
from .material import (
    RUN_OPTION,
    as_run,
    dataset_name,
    model_of,
    network_of,
    notes_of,
    rules_of,
    run_input,
    way_to,
)

Filters = str | int | Sequence[int] | None
# Filters on one sheet: as many as can be looked at; a whole layer is divided into pages of so many.
ON_A_PAGE = 16
MOST_BYTES = 4 * 2**30


def top(
    model: Any,
    layer: str,
    *,
    run: Any,
    filters: Filters = None,
    switches: bool | str = True,
    ties: str = "spread",
    view: str = "projection",
    contrast: float = CONTRAST,
    theme: str = "light",
) -> TopPatches:
    """Return the images of a scan that excite each filter of a layer most, cropped to the receptive field, and their projections.

    `model`: None for the network of the run; another must be the same. `run`: what `open_run` returns, or its folder. `filters`: such as
    "0-15" or [3, 17]; all of the layer by default. `switches`, `ties`, `view` and `contrast`: as for
    `deconv`. `theme`: "light" or "dark", of the picture.

    What is shown is what was measured: each patch is cut from the picture that entered the network, and projected from the very place
    that was largest. A picture that is gone or has changed since leaves its place empty. Filters that fire on no image are said to be
    silent. Raises UnitError, ImageError, ModelError, OptionError, ReplayError. Source: Zeiler & Fergus 2014, Figure 2.

    >>> convscope.top(None, "block3_conv1", run="run/", filters="0-15").save("top.png")
    """
    variant = "switches" if switches is True else str(switches)
    rules = rules_of(variant, ties)
    check_choice("theme", theme, THEMES)
    check_drawn(view, contrast)
    run = as_run(run)
    bundle, units = _chosen(run, model, layer, filters)
    _check_memory(run, units)
    gathered = gather(run, bundle, units, [rules], view=view)
    layer, channels = units[0].layer, [unit.channel for unit in units]
    known = run.units(layer)
    parameters = {
        "layer": layer,
        "run": str(run.path.absolute()),
        "filters": ranges(channels),
        "switches": variant,
        "ties": ties,
        "view": view,
        "contrast": contrast,
        "theme": theme,
    }
    return TopPatches(
        provenance=provenance("top", bundle, (run_input(run, gathered.unreadable),), parameters),
        notes=(*gathered.notes(), *notes_of(run, bundle, layer, [rules], gathered.patches)),
        class_names=class_names(bundle, units),
        layer=layer,
        patches=gathered.patches,
        fires=known.fires[channels].astype("float32"),
        filters=run.channels(layer),
        silent=int(((known.fires == 0) & (known.count > 0)).sum()),
        not_finite=int((known.count < len(run)).sum()),
        images=len(run),
        dataset=dataset_name(run),
        variant=variant if is_pooled(way_to(bundle, layer)) else "unpooled",
        steady=rules.is_steady(way_to(bundle, layer)),
        view=view,
        contrast=contrast,
        theme=theme,
    )


def pages(bundle: ModelBundle, layer: str, *, run: Any, filters: Filters = None, **more: Any) -> list[Part]:
    """Return what to call `top` with for each page of a layer's filters; the run is opened once for all."""
    run = as_run(run)
    _, units = _chosen(run, bundle, layer, filters)
    channels = [unit.channel for unit in units]
    if len(channels) <= ON_A_PAGE:
        return [Part("", (layer,), {"run": run, "filters": channels, **more})]
    width = len(str(max(channels)))
    shown = [channels[start : start + ON_A_PAGE] for start in range(0, len(channels), ON_A_PAGE)]
    return [
        Part(f"{slug(layer)}-{part[0]:0{width}}-{part[-1]:0{width}}", (layer,), {"run": run, "filters": part, **more}) for part in shown
    ]


def ranges(channels: Sequence[int]) -> str:
    """Return channels as an address writes them: 0-3,17."""
    starts = [0, *(place + 1 for place, (one, other) in enumerate(pairwise(channels)) if other != one + 1), len(channels)]
    parts = (channels[start:stop] for start, stop in pairwise(starts))
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def _chosen(run: Run, model: Any, layer: str, filters: Filters) -> tuple[ModelBundle, tuple[Unit, ...]]:
    """Return the network and the units that are meant. Raises UnitError for a layer that was not measured first."""
    name, colon, rest = layer.partition(":")
    if colon:
        shell = f"top {shlex.join([name, '--filters', rest])}"
        again = command(shell, f'convscope.top(model, "{name}", run=run, filters="{rest}")', run=True)
        raise UnitError(f"`{layer}` names filters of a layer. Expected the layer; the filters are an option: {again}")
    run.channels(layer)
    bundle = network_of(run, model)
    if filters is None:
        filters = "all"
    elif isinstance(filters, int):
        filters = str(filters)
    elif not isinstance(filters, str):
        filters = ",".join(str(int(channel)) for channel in filters)
    units = as_units(bundle, f"{layer}:{filters}")
    if units[0].position is not None:
        raise UnitError(f"`{filters}` names one place of a filter. Expected filters such as 0-15 or 3,17: a scan measures them whole.")
    return bundle, units


def _check_memory(run: Run, units: Sequence[Unit]) -> None:
    """Raise OptionError for pictures that would not fit into memory, before any is read."""
    fields = run.top(units[0].layer).fields
    height, width = (min(int((fields[..., side + 2] - fields[..., side]).max(initial=0)), run.fit.size[side]) for side in (0, 1))
    wanted = 2 * len(units) * fields.shape[1] * height * width * run.fit.channels * 4
    if wanted > MOST_BYTES:
        raise OptionError(
            f"{len(units)} filters are {wanted / 2**30:.0f} GiB of patches and projections; at most {MOST_BYTES / 2**30:.0f} are made at "
            f"once. Take {ON_A_PAGE} filters at a time, as `convscope top` does."
        )


METHOD = Method(
    name="top",
    run=top,
    takes=("layer",),
    options=(
        RUN_OPTION,
        Option("filters", str, None, "Which filters, such as 0-15 or 3,17 [default: all, 16 to a page]."),
        SWITCHES_OPTION,
        TIES_OPTION,
        view_option("projection"),
        CONTRAST_OPTION,
        THEME,
    ),
    examples=(
        "convscope top block3_conv1 -r run/ --filters 0-15",
        "convscope top block4_conv2 -r run/ --no-switches -o block4/   # the whole layer as pages, and a page of all",
    ),
    description=(
        "RUN is the folder of a `convscope scan`; the network is the one that was scanned, and -m may only name the same. A layer of "
        "more than 16 filters is written as pages, 16 filters each, with an index.html that shows them all."
    ),
    model_of=model_of,
    of_runs=True,
    pages=pages,
)
