"""The deconvolutional network: what in this image excited this unit (Zeiler & Fergus 2014), with switches and without."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from ..errors import OptionError
from ..graph.calls import Call, Graph
from ..graph.kinds import Kind
from ..graph.rules import GRADIENT, Ruleset, deconvnet
from ..graph.rulesets import as_ruleset
from ..graph.saturation import seed_call
from ..method import Method, provenance
from ..models import names_classes
from ..network.addresses import as_candidates, as_units, class_names, unit_call
from ..network.entering import batch_for, require_images
from ..network.network import Network, as_network
from ..network.strongest import strongest_units
from ..options import RANKED, Opt, Options, Stop, Theme, check_options
from ..projection.caveats import is_pooled, likeness_notes, wants_gradients, way_notes
from ..projection.choices import SWITCHES, TIE, Contrast, Rules, SwitchesOrRules, TiesOrRules, View
from ..projection.driver import IMAGES_AT_ONCE
from ..projection.seeds import Spot
from ..projection.slopes import require_slope
from ..projection.table import Row, check_memory, rows_of, table_of, windows_of, with_columns
from ..results import CONTRAST, Projections
from ..units import Unit
from .chunks import in_chunks

SEEDS = tuple(spot.value for spot in Spot)


def deconv(
    model: Any,
    units: Any,
    images: Any,
    *,
    switches: SwitchesOrRules = None,
    seed: Annotated[str, Opt("Project the strongest activation, or the whole map.", choices=SEEDS)] = "strongest",
    ties: TiesOrRules = None,
    rules: Rules = None,
    strongest: Annotated[
        int | None,
        Opt(
            "Take the N units that the images excite most. A bare layer means all its units.",
            least=1,
            metavar="N",
            names=RANKED,
            recorded=False,
        ),
    ] = None,
    view: View = "both",
    contrast: Contrast = CONTRAST,
    theme: Theme = "light",
    stop: Stop = None,
) -> Projections:
    """Return the projection of each unit for each image, down to the pixels that excited it.

    - `units`: addresses, or bare layers with `strongest`. `images`: everything that docs/images.md lists.
    - `switches`: "switches" sends the signal to the recorded maxima, "spread" g/k² to every position of a window, "center" g to its
      centre. By default "switches".
    - `seed`: the "strongest" activation of the unit's map, or the whole "map"; before a flat activation (ReLU6, sigmoid, tanh). The seed
      of a class is its score minus the mean of the others.
    - `ties`: equal maxima "spread" the signal, or the "first" in row-major order takes it. By default "spread".
    - `rules`: a `Ruleset`, or the name of one such as "guided", instead of `switches` and `ties`.
    - `strongest`: take the N of the units that the images excite most. A bare layer means all its units.
    - `view`: draw the signed "projection", the image seen "through" its energy, "both", or the plain "gradient" in both ways. Where the
      projection does not depend on the image, the image is seen through the gradient.
    - `contrast`: percentage of the values within the scale of grey, 50 to 100. The pictures of one unit share a scale.
    - `theme`: "light" or "dark". `stop`: end after this many images; an interrupted result records it.

    `.pixels` is (image, unit, height, width, channel) float32, signed, RGB order, on the scale of the network's input. It is made from
    `.windows` on first use. Class units are measured before the softmax. Raises UnitError, ImageError, OptionError, ExhaustedError.
    Source: Zeiler & Fergus 2014, section 2.1.

    >>> convscope.deconv(model, "block4_conv2:17", "cat.jpg").save("17.png")
    """
    options, ruleset = _settled(check_options(deconv, locals()))
    network, spot = as_network(model, classes=names_classes(units)), Spot(seed)
    require_images(network.bundle)
    ruleset.check(network.graph.calls)
    chosen = as_units(network, units) if strongest is None else as_candidates(network, units)
    batch = batch_for(network.bundle, images, (unit_call(network.graph, unit) for unit in chosen))
    pixels, size = batch.pixels, (batch.pixels.shape[1], batch.pixels.shape[2])
    if strongest is not None:
        chunks = (pixels[start : start + IMAGES_AT_ONCE] for start in range(0, len(pixels), IMAGES_AT_ONCE))
        chosen = strongest_units(network, chosen, chunks, options.strongest)
    ways = _ways(network.graph, chosen, ruleset, size)
    columns = [column for column, unit in enumerate(chosen) if wants_gradients(ways[unit], ruleset, view)]
    seen = [chosen[column] for column in columns]
    check_memory(network, [*chosen, *seen], pixels, ruleset, spot)

    def project(some: slice) -> tuple[list[Row], list[Row]]:
        rows = rows_of(network, chosen, pixels[some], ruleset, spot)
        gradients = rows_of(network, seen, pixels[some], GRADIENT, spot) if seen else []
        return rows, with_columns(rows, columns, gradients) if seen else []

    parts, stopped = in_chunks(len(pixels), IMAGES_AT_ONCE, options.stop, project, "projecting")
    rows, gradients = ([row for part in side for row in part] for side in zip(*parts, strict=True))
    table = table_of(network, chosen, rows, size)
    parameters = {"units": list(map(str, chosen))} | options.recorded() | stopped | ({} if rules is None else {"rules": ruleset.name})
    alike = likeness_notes(network, chosen, pixels, table.positions, ruleset) if spot is Spot.STRONGEST else ()
    return Projections(
        provenance=provenance("deconv", network.bundle, batch.inputs, parameters),
        notes=(*way_notes(network.graph, list(ways.values()), ruleset, size), *alike, *batch.notes),
        class_names=class_names(network, chosen),
        interrupted=bool(stopped),
        theme=theme,
        units=chosen,
        **vars(table),
        gradient_windows=windows_of(gradients, size) if seen else None,
        images=pixels[: len(rows)],
        image_names=batch.names[: len(rows)],
        variant=_variant(ruleset, options, ways),
        seeded=seed,
        steady=tuple(spot is Spot.STRONGEST and ruleset.is_steady(ways[unit]) for unit in chosen),
        view=view,
        contrast=options.contrast,
    )


def _settled(options: Options) -> tuple[Options, Ruleset]:
    """Return the options, decided, and the rules for the way down. Raises OptionError for rules beside what they replace."""
    if options.rules is None:
        decided = options.but(switches=options.switches or SWITCHES, ties=options.ties or TIE)
        return decided, deconvnet(decided.switches, decided.ties)
    ruleset = as_ruleset(options.rules)
    beside = [f"{name} `{value}`" for name in ("switches", "ties") if (value := getattr(options, name)) is not None]
    if beside:
        raise OptionError(
            f"Received the rules `{ruleset.name}` and {', '.join(beside)}. A ruleset says itself how it unpools. Leave one of them out."
        )
    return options, ruleset


def _variant(ruleset: Ruleset, options: Options, ways: Mapping[Unit, Sequence[Call]]) -> str:
    """Return what the picture says of the way down."""
    if options.rules is not None:
        return ruleset.name
    return str(options.switches) if any(map(is_pooled, ways.values())) else "unpooled"


def _in_todays_words(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded parameters of a picture; earlier ones call the rules `ruleset`, beside defaults that did not count."""
    now = dict(parameters)
    if "ruleset" in now:
        now |= {"rules": now.pop("ruleset"), "switches": None, "ties": None}
    return now


def _ways(graph: Graph, units: Iterable[Unit], rules: Ruleset, size: tuple[int, int]) -> dict[Unit, list[Call]]:
    """Return the calls that a signal passes on its way down from each unit, the seeded one last. Raises UnitError where none comes down."""
    seeded = {unit: seed_call(graph, unit) for unit in units}
    for call in dict.fromkeys(seeded.values()):
        require_slope(graph, call, size, rules)
    return {unit: graph.ancestors([call.index]) for unit, call in seeded.items()}


def _explanation(network: Network) -> str:
    """Return what it shows of a network."""
    kinds = Counter(call.kind for call in network.graph.visible.values())
    pools, relus = kinds[Kind.MAX_POOL], kinds[Kind.RELU]
    switches = f"{pools} max pooling{'s' if pools > 1 else ''} with switches" if pools else "no max pooling, so switches change nothing"
    rectified = f"{relus} ReLUs rectify the signal" if relus else "no ReLU rectifies it"
    return "; ".join([switches, rectified, *deconvnet().notes(network.graph.calls)])


METHOD = Method(
    name="deconv",
    run=deconv,
    explain=_explanation,
    in_todays_words=_in_todays_words,
    examples=(
        "convscope deconv block4_conv2:17 sample:cat",
        "convscope deconv block5_conv3 sample:cat --strongest 6 --no-switches",
        'convscope deconv predictions:Sneaker "sample:fashion[0-8]" -m fashion',
    ),
)
