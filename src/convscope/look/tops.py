"""What a run knows of a unit, for a page: its strongest images, cut to what the unit sees, and how it answers to all of them."""

from typing import Any

import numpy as np

from ..errors import ImageError, OptionError
from ..render.pixels import kept_inside, unit_to_rgb
from ..results.record import plain
from . import colouring
from .gallery import OF_RUN
from .sight import Sight

SHOWN = 9


def tops(sight: Sight, address: str) -> dict[str, Any]:
    """Return the strongest images of a unit in the run, cut to its receptive field there, and its statistics. Raises OptionError."""
    layer, unit = sight.unit(address)
    run = sight.run
    if run is None or layer.address not in run.layers:
        raise OptionError(f"This page has no scan of `{layer.address}`. Start it with the folder of one: convscope look MODEL -r RUN")
    found, known = run.top(layer.address, [unit.channel]), run.units(layer.address, [unit.channel])
    shown = []
    for image, value, field in zip(found.images[0][:SHOWN].tolist(), found.values[0], found.fields[0], strict=False):
        if image >= 0 and np.isfinite(value):
            shown.append(
                {"image": f"{OF_RUN}{image}", "name": run.name(image), "label": run.label(image), "value": plain(value)}
                | _patch(run, image, field)
            )
    means = None if known.class_means is None else known.class_means[0]
    classes = [] if means is None else [[run.classes[one], plain(means[one])] for one in np.argsort(-np.nan_to_num(means, nan=-np.inf))[:5]]
    return {
        "unit": str(unit),
        "tops": shown,
        "fires": plain(known.fires[0]),
        "mean": plain(known.mean[0]),
        "largest": plain(known.largest[0]),
        "classes": classes,
    }


def _patch(run: Any, image: int, field: Any) -> dict[str, Any]:
    try:
        pixels = run.picture(image)
    except ImageError as error:
        return {"missing": str(error)}
    top, left, bottom, right = kept_inside(field, pixels.shape[:2])
    return {"picture": colouring.png(unit_to_rgb(pixels[top:bottom, left:right]))}
