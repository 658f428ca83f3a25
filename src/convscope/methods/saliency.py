"""Saliency: which pixels matter to a unit's score (Simonyan 2013), and guided backprop (Springenberg 2014)."""

from typing import Annotated, Any

import numpy as np

from ..backend import ops
from ..errors import UnitError
from ..graph.finite import spoilt_units, weight_notes
from ..graph.projector import Projector
from ..graph.rules import GRADIENT, GUIDED
from ..graph.saturation import ranking
from ..graph.tensors import to_array
from ..method import Method, provenance
from ..models import as_bundle, names_classes
from ..network.addresses import as_units, class_names, graph_of, unit_call
from ..network.entering import batch_for, network_input, require_images
from ..options import Opt, Stop, Theme, check_options, options_of
from ..projection.seeds import peaks, seed_peaks
from ..projection.slopes import require_slope, slope_notes
from ..results import FloatArray, Saliency
from .chunks import in_chunks

HONEST_GUIDED = "Guided backprop fails weight-randomisation checks: it shows edges more than reasons (Adebayo et al. 2018)."
CHUNK = 4


def saliency(
    model: Any,
    unit: Any,
    images: Any,
    *,
    guided: Annotated[bool, Opt("Rectify the signal at every ReLU (guided backprop).", asked=True)] = False,
    theme: Theme = "light",
    stop: Stop = None,
) -> Saliency:
    """Return the gradient of a unit's score by the pixels, for each image.

    The score is the unit's value, for a map the largest of it; a class unit's is taken before the softmax, that of any unit before an
    activation that is flat above (ReLU6, sigmoid, tanh), which has no gradient there. `guided` rectifies the signal at every ReLU.
    `.pixels` is (image, height, width, channel) float32, signed, RGB order; `.maps` the largest magnitude over channels. `theme`: "light"
    or "dark", of the picture. `stop`: end after so many images; a result that Ctrl-C cut short records it. Raises UnitError, ImageError.

    >>> convscope.saliency(model, "predictions:3", "cat.jpg").show()
    """
    options = check_options(saliency, locals())
    bundle = as_bundle(model, classes=names_classes(unit))
    require_images(bundle)
    found = as_units(bundle, unit)
    if len(found) != 1:
        raise UnitError(f"Saliency takes one unit; received {len(found)}: {found[0]} to {found[-1]}.")
    graph = graph_of(bundle)
    ranked = ranking(graph, unit_call(graph, found[0]))
    sign = ranked.signs[found[0].channel]
    call = ranked.before if sign else ranked.call
    batch = batch_for(bundle, images, [call])
    size, rules = (batch.pixels.shape[1], batch.pixels.shape[2]), GUIDED if guided else GRADIENT
    require_slope(graph, call, size, rules)

    def gradients(some: slice) -> tuple[FloatArray, FloatArray, FloatArray]:
        projector = Projector(graph, network_input(bundle, batch.pixels[some]), [call])
        maps = to_array(projector.value(call)) * (sign or 1)
        places, score = peaks(maps, found[0])
        signal = seed_peaks(maps, found[0], places, np.full_like(score, sign or 1))
        down = projector.project(call, ops.convert_to_tensor(signal), rules)
        if spoilt_units(graph, call)[found[0].channel]:
            score = np.full_like(score, np.nan)
        return bundle.preprocessing.to_rgb(to_array(down)), score, ranked.one(found[0].channel, score)

    parts, stopped = in_chunks(len(batch.pixels), CHUNK, options.stop, gradients, "computing gradients")
    pixels, scores, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Saliency(
        provenance=provenance("saliency", bundle, batch.inputs, {"unit": str(found[0])} | options.recorded() | stopped),
        notes=(*((HONEST_GUIDED,) if guided else ()), *slope_notes(graph, [call], size, rules), *weight_notes(graph, [call]), *batch.notes),
        class_names=class_names(bundle, found),
        interrupted=bool(stopped),
        theme=theme,
        unit=found[0],
        pixels=pixels,
        scores=scores,
        values=values,
        images=batch.pixels[: len(pixels)],
        image_names=batch.names[: len(pixels)],
        guided=guided,
    )


METHOD = Method(
    name="saliency",
    run=saliency,
    takes=("unit", "images"),
    options=options_of(saliency),
    examples=(
        "convscope saliency predictions:espresso sample:coffee  # the embedded classifier",
        "convscope saliency block5_conv3:7 sample:cat",
        'convscope saliency predictions:Sneaker "sample:fashion[0-8]" -m fashion --guided',
    ),
)
