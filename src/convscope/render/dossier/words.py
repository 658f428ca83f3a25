"""What picture and page of a dossier say in the same words."""

import math
import shlex
from pathlib import PurePath

from ...legible import counted
from ...results import Dossier, Patches, UnitTrust, Weakest
from ..histogram import Histogram
from ..layout import Heading, heading_notes, model_name, number
from ..patches import exceptions, patch_notes, share
from ..sheet import joined
from ..trust import SYNTHETIC, meanings

MOST_CLASSES = 10
SYNTHETIC_NOTE = "The score of the synthetic picture is the unit's largest activation on the 8-bit picture."


def heading(result: Dossier) -> Heading:
    """Return title, subtitle and notes."""
    fires = f"fires on {share(result.fires)}" if not silent(result) else "silent" if result.patches.is_silent else "not finite"
    known = "" if result.name is None else result.name.said
    subtitle = joined(
        model_name(result), result.dataset, counted(result.images, "image"), fires, *exceptions(result.patches), field(result), known
    )
    trusted = () if result.trust is None else meanings([result.trust])
    notes = heading_notes(
        result, SYNTHETIC_NOTE, *patch_notes([result.patches], result.spread, view="both", single=result.steady), *trusted
    )
    return Heading(result.legend(result.unit), subtitle, notes)


def silent(result: Dossier) -> bool:
    """Say whether no image of the data set excites the unit."""
    return result.patches.count == 0


def field(result: Dossier) -> str:
    """Return the size of the receptive field."""
    if result.field is None:
        return "sees the whole image"
    return "receptive field {} x {} px".format(*result.field)


def is_cropped(patches: Patches) -> bool:
    """Say whether the windows are smaller than the images."""
    return patches.pixels.shape[1:3] != patches.size


def standing(result: Dossier) -> str:
    """Return where the synthetic picture stands among the images."""
    if not math.isfinite(result.score):
        return "its values are NaN or infinite"
    if not result.score > 0:
        return "ascent did not excite the unit"
    if result.percentile >= 100:
        return f"score {number(result.score)}, above every image"
    return f"score {number(result.score)}, above {share(result.percentile / 100)} of the images"


def upper(result: Dossier) -> tuple[tuple[str, str], ...]:
    """Return a name and a line of detail for the synthetic picture, the patches, their projections, and what is seen through these."""
    count = result.patches.count
    real = "Real: the strongest image" if count == 1 else f"Real: the {count} strongest images"
    cropped = "cropped to the receptive field" if is_cropped(result.patches) else "as they enter the network"
    return (
        ("Synthetic: gradient ascent", standing(result)),
        (real if count else "Real images", cropped if count else "none excites it"),
        _projections(result),
        ("Seen through", f"each patch where its {'projection' if result.patches.gradients is None else 'gradient'} has energy"),
    )


def _projections(result: Dossier) -> tuple[str, str]:
    if result.steady:
        return "Projection", "the same for all patches: no max pooling"
    return "Projections" + ("" if result.spread is None else " with switches"), "what in each patch excited it"


def without(result: Dossier) -> tuple[str, str]:
    """Return the name and the detail of the projections without switches."""
    if result.spread_steady:
        return "Projection without switches", "the same for all patches"
    return "Projections without switches", "each value spread over its window"


def histogram(result: Dossier) -> Histogram:
    """Return the distribution of the unit's maxima, the synthetic score marked on it."""
    shown = math.isfinite(result.score) and result.score > 0
    before = "" if result.patches.saturated is None else ", before its activation"
    return Histogram(
        [float(edge) for edge in result.edges],
        [int(count) for count in result.counts],
        result.score if shown else None,
        f"synthetic: {standing(result).removeprefix('score ')}",
        [float(value) for value in result.patches.before[: result.patches.count]],
        f"the unit's maximum on an image{before}. Ticks below: the {result.patches.count} strongest",
    )


def histogram_words(result: Dossier) -> tuple[str, str]:
    """Return the histogram's name, and how often the unit fires and its quantiles."""
    levels = (f"{'median' if level == '0.5' else f'{100 * float(level):g} %'} {number(value)}" for level, value in result.quantiles.items())
    counted_images = int(sum(result.counts))
    drawn = "" if counted_images == result.images else f"{counted(counted_images, 'image')} drawn: those on which the unit fires"
    return "Maxima over the data set", joined(f"fires on {share(result.fires)}", *levels, drawn)


def classes(result: Dossier) -> list[tuple[str, float, float]]:
    """Return name, mean maximum and share among the strongest images of the classes to show, the largest mean first.

    Those of the strongest images are shown before others with larger means.
    """
    rows = [(name, mean, result.class_top.get(name, 0.0)) for name, mean in result.class_means.items()]
    shown = sorted(rows, key=lambda row: (row[2] == 0, -row[1], row[0]))[:MOST_CLASSES]
    return sorted(shown, key=lambda row: (-row[1], row[0]))


def class_words(result: Dossier) -> tuple[str, str]:
    """Return the class mix' name and what its numbers are."""
    total, shown = len(result.class_means), len(classes(result))
    return "Class mix" if shown == total else f"Class mix: {shown} of {total} classes", "mean maximum, and how many of the strongest"


def field_words(result: Dossier) -> tuple[str, str]:
    """Return the name of the picture with the receptive field on it, and the image's."""
    height, width = result.patches.size
    where = "the whole image" if result.field is None else f"{result.field[0]} x {result.field[1]} of {height} x {width} px"
    return "Receptive field", joined(where, *(PurePath(result.patches.names[place]).name for place in result.patches.places[:1]))


def opposite_words(result: Dossier) -> tuple[str, str]:
    """Return the name of the picture that the unit wants least, and the unit's value on it."""
    known = math.isfinite(result.opposite_score)
    return (
        "The other end",
        f"ascent on minus the unit, which is {number(result.opposite_score)} on it" if known else "ascent on minus the unit",
    )


def weakest_words(weakest: Weakest) -> tuple[str, str]:
    """Return the name of the weakest images, and what is to be said of ties."""
    count = len(weakest.images)
    name = "The weakest image" if count == 1 else f"The {count} weakest images"
    largest = f"the unit is at most {number(float(weakest.values[-1]))} on them" if count else ""
    return f"{name} of {weakest.of:,}", weakest.said or largest


def among(result: Dossier, part: float) -> str:
    """Return how many of the strongest images are of a class."""
    return f"{round(part * result.patches.count)} of {result.patches.count}"


def command(result: Dossier) -> str:
    """Return the command that makes the page again, where the run's folder is."""
    return shlex.join(["convscope", "dossier", str(result.unit), "-r", PurePath(result.provenance.parameters.get("run", "RUN")).name])


def trust_words(trusted: UnitTrust) -> tuple[str, str]:
    """Return the name of the numbers on how far the pictures can be trusted, and of which synthetic picture they are."""
    return (
        "How far these pictures can be trusted",
        f"measured with a synthetic picture {SYNTHETIC.get(trusted.synthetic, trusted.synthetic)}",
    )
