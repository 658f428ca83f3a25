"""Saliency: which pixels matter to a unit's score (Simonyan 2013), and guided backprop (Springenberg 2014)."""

from operator import attrgetter
from typing import Annotated, Any

import numpy as np

from ..errors import UnitError
from ..graph.finite import spoilt_units, weight_notes
from ..graph.rules import GRADIENT, GUIDED
from ..graph.saturation import ranking
from ..method import Method, provenance
from ..models import names_classes
from ..network.addresses import as_units, class_names, unit_call
from ..network.entering import batch_for, require_images
from ..network.features import scores_layer
from ..network.network import Network, as_network
from ..options import Opt, Stop, Theme, check_options
from ..projection.caveats import HONEST_GUIDED
from ..projection.driver import IMAGES_AT_ONCE, Projected, project
from ..projection.seeds import Seed, seeded_call, slope_sign
from ..projection.slopes import require_slope, slope_notes
from ..projection.table import windows_of
from ..results import Saliency
from .chunks import in_chunks


def saliency(
    model: Any,
    unit: Any,
    images: Any,
    *,
    guided: Annotated[bool, Opt("Rectify the signal at every ReLU (guided backprop).", asked=True)] = False,
    theme: Theme = "light",
    stop: Stop = None,
) -> Saliency:
    """Return the gradient of a unit's score with respect to the pixels, for each image.

    The score is the unit's value; of a map, its largest value. It is measured before the softmax of a class, and before a flat activation
    (ReLU6, sigmoid, tanh). `guided` also rectifies the signal at every ReLU. `theme`: "light" or "dark". `stop`: end after this many
    images; an interrupted result records it.

    `.pixels` is (image, height, width, channel) float32, signed, RGB order, made from `.windows` on first use. `.maps` is the largest
    magnitude over channels. Raises
    UnitError, ImageError. Source: Simonyan et al. 2013; `guided`: Springenberg et al. 2014.

    >>> convscope.saliency(model, "predictions:3", "cat.jpg").show()
    """
    options = check_options(saliency, locals())
    network = as_network(model, classes=names_classes(unit))
    require_images(network.bundle)
    units = as_units(network, unit)
    if len(units) != 1:
        raise UnitError(f"Saliency takes one unit, but received {len(units)}: {units[0]} to {units[-1]}.")
    graph, wanted = network.graph, units[0]
    seed = Seed(wanted, 0, amount=slope_sign(graph, wanted))
    call = seeded_call(graph, seed)
    batch = batch_for(network.bundle, images, [call])
    size, rules = (batch.pixels.shape[1], batch.pixels.shape[2]), GUIDED if guided else GRADIENT
    require_slope(graph, call, size, rules)

    def gradients(some: slice) -> list[Projected]:
        pixels = batch.pixels[some]
        down = project(network, [seed._replace(image=image) for image in range(len(pixels))], pixels, rules)
        return sorted(down, key=attrgetter("number"))

    parts, stopped = in_chunks(len(batch.pixels), IMAGES_AT_ONCE, options.stop, gradients, "computing gradients")
    projected = [one for part in parts for one in part]
    scores = np.array([one.value * one.amount for one in projected], np.float32)
    if spoilt_units(graph, call)[wanted.channel]:
        scores[:] = np.nan
    return Saliency(
        provenance=provenance("saliency", network.bundle, batch.inputs, {"unit": str(wanted)} | options.recorded() | stopped),
        notes=(*((HONEST_GUIDED,) if guided else ()), *slope_notes(graph, [call], size, rules), *weight_notes(graph, [call]), *batch.notes),
        class_names=class_names(network, units),
        interrupted=bool(stopped),
        theme=theme,
        unit=wanted,
        windows=windows_of([[one] for one in projected], size),
        scores=scores,
        values=ranking(graph, unit_call(graph, wanted)).one(wanted.channel, scores),
        fields=np.array([one.field for one in projected], np.int64),
        images=batch.pixels[: len(projected)],
        image_names=batch.names[: len(projected)],
        guided=guided,
    )


def _explanation(network: Network) -> str:
    """Return what it shows of a network."""
    scores = scores_layer(network.graph)
    return f"scores of `{scores}`, before any softmax" if scores else "values of the unit that is named"


METHOD = Method(
    name="saliency",
    run=saliency,
    explain=_explanation,
    examples=(
        "convscope saliency predictions:espresso sample:coffee  # the embedded classifier",
        "convscope saliency block5_conv3:7 sample:cat",
        'convscope saliency predictions:Sneaker "sample:fashion[0-8]" -m fashion --guided',
    ),
)
