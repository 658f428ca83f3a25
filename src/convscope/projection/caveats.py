"""The notes under projections: what draws gratings, what does not depend on the image, how far to trust them."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..graph.calls import Call, Graph
from ..graph.finite import weight_notes
from ..graph.kinds import Kind
from ..graph.rules import GRADIENT, CenterUnpool, Ruleset, SwitchUnpool
from ..locality.gratings import gratings
from ..network.network import Network
from ..results import FloatArray
from ..units import Unit
from .likeness import Likeness, likeness
from .slopes import slope_notes

MOST_NAMED = 4
LIKENESS_IMAGES = 3  # on which it is measured
CENTRED = "Only the centre of each pooling window gets the value, which draws a grating with the pooling's stride."
GRATING = "Equal maxima go to the first position of their window, which can draw a grating. `ties spread` removes it."
HONEST = "A deconvnet is partly image recovery and depends weakly on the unit (Nie et al. 2018)."
HONEST_GUIDED = "Guided backprop fails weight-randomisation checks: it shows edges more than reasons (Adebayo et al. 2018)."
HONEST_RELEVANCE = "Relevance that is shared by the signs of weights depends weakly on the layers above (Sixt et al. 2020)."
# By the beginning of a ruleset's name.
HONESTY = {"deconvnet": HONEST, "guided": HONEST_GUIDED, "lrp": HONEST_RELEVANCE}
MEASURED = (
    "Projections of different units of {} from one place have a mean cosine of {:.2f} ({} pairs on these images; 1 means the "
    "same picture). Their plain gradients have {:.2f}."
)
SAME = "{}, so an image changes the size of a projection, not its shape."
UNPOOLED, WITHOUT = "No max pooling comes before this layer", "Without switches the image does not guide the signal"


def is_pooled(calls: Iterable[Call]) -> bool:
    """Say whether there is max pooling among the calls, and so a difference between projections with switches and without."""
    return any(call.kind is Kind.MAX_POOL for call in calls)


def wants_gradients(calls: Sequence[Call], rules: Ruleset, view: str) -> bool:
    """Say whether a picture needs the plain gradients: they are asked for, or the image is seen through energy and projections, other than
    gradients, do not depend on it.
    """
    return view == "gradient" or (view != "projection" and rules.is_steady(calls) and not GRADIENT.is_steady(calls))


def caveats(calls: Sequence[Call], rulesets: Sequence[Ruleset]) -> tuple[str, ...]:
    """Return the sentences that belong under projections down these calls by these rulesets, without `HONEST`."""
    pooled = is_pooled(calls)
    first = any(isinstance(rule, SwitchUnpool) and rule.ties == "first" for one in rulesets for _, rule in one.rules)
    deconvnets = any(one.name.startswith("deconvnet") for one in rulesets)
    steady = any(one.is_steady(calls) for one in rulesets)
    return (
        *dict.fromkeys(note for one in rulesets for note in one.notes(calls)),
        *((GRATING,) if pooled and first and deconvnets else ()),
        *((CENTRED,) if pooled and any(isinstance(rule, CenterUnpool) for one in rulesets for _, rule in one.rules) else ()),
        *_gratings(calls),
        *((SAME.format(WITHOUT if pooled else UNPOOLED),) if steady and deconvnets else ()),
    )


def way_notes(graph: Graph, ways: Iterable[Sequence[Call]], rules: Ruleset, size: tuple[int, int]) -> tuple[str, ...]:
    """Return the sentences on what came down these ways, each the calls up to the one that is seeded, on images of `size`."""
    seeded = list(dict.fromkeys(way[-1] for way in ways))
    said = dict.fromkeys(note for way in ways for note in caveats(way, [rules]))
    honest = (one for name, one in HONESTY.items() if rules.name.startswith(name))
    return (*said, *honest, *slope_notes(graph, seeded, size, rules), *weight_notes(graph, seeded))


def likeness_notes(
    network: Network, units: Sequence[Unit], images: FloatArray, positions: NDArray[np.int64], rules: Ruleset
) -> tuple[str, ...]:
    """Return for each layer of which several units are drawn how much of its projections belongs to one of them.

    It is measured on the first few of `images` (image, height, width, channel), where the layer's first unit is strongest: `positions`
    (image, unit, 2).
    """
    said: list[str] = []
    for layer in dict.fromkeys(unit.layer for unit in units):
        first, *others = (number for number, unit in enumerate(units) if unit.layer == layer)
        places = [None if row < 0 else (int(row), int(column)) for row, column in positions[:LIKENESS_IMAGES, first]]
        if others and places:
            said.extend(measured(layer, likeness(network, layer, images[: len(places)], places, rules)))
    return tuple(said)


def _gratings(calls: Sequence[Call]) -> tuple[str, ...]:
    """Return the sentence that names what in the network draws gratings, whatever comes down it."""
    found = gratings(calls)
    if not found:
        return ()
    periods = ", ".join(str(period) for period in sorted(set(found.values())))
    names = list(found)
    named = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more layers" if len(names) > MOST_NAMED else "")
    one = len(names) == 1
    return (
        f"{'A grating' if one else 'Gratings'} of {periods} pixels {'comes' if one else 'come'} from {named}: "
        f"{'its stride does not divide its window' if one else 'their strides do not divide their windows'}, so some pixels lie in more "
        "windows than others.",
    )


def measured(layer: str, found: Likeness | None) -> tuple[str, ...]:
    """Return the sentence that says how much of its projections belongs to a unit of the layer; none where it could not be measured."""
    return () if found is None else (MEASURED.format(layer, found.projections, found.pairs, found.gradients),)
