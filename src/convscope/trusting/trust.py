"""How far the pictures of some units can be trusted: measured chunk by chunk, kept beside the run's tables, and never measured twice."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from ..backend import versions
from ..errors import OutputError
from ..formats.trust_file import TABLE, read_trust, write_trust
from ..method import Method, provenance
from ..options import Opt, Options, Theme, check_options
from ..portraits.scanned_units import ScannedUnits, ScanRun, network_of_run, scanned_units
from ..progress import counting
from ..results import Provenance
from ..results.trust import Trust, UnitTrust, as_rows, of_rows
from ..scanning import Run
from ..units import Unit
from .gathering import Layer
from .judge import LAYERS, NAME, Judge
from .measuring import Measuring, layers_of
from .settings import EFFORTS, FEW, LAYER, UNIT, Settings
from .synthetic import BEST, FAST, FAST_SIDE, FAST_STEPS, SYNTHETIC

JUDGED = f"Readability: the judge is the embedded {NAME}, by {LAYERS[0]} to {LAYERS[-1]}. It sees images whole, at 128 pixels."
ITSELF = "The judge of readability is the network itself here, so it is not a stranger to its units."
NO_SAMPLE = "The run holds no sample of values, so readability was not measured. Repeat the scan command, which adds the sample."
SMALL = "Synthetic pictures are small and fast here: {} pixels, {} steps. `best` measures those that `ascend` makes."
SAMPLED = (
    "Projections were measured for {} of the {} units, one place each: they differ little between the units of a layer, and cost most."
)
GROWN = "The run has changed since trust.parquet was written, so its rows were measured again."
UNWRITABLE = "The numbers were not kept beside the run: {}"
Pairs = dict[Unit, UnitTrust]


def trust(
    model: Any,
    units: Any,
    *,
    run: ScanRun = None,
    synthetic: Annotated[
        str | None,
        Opt(
            "Which synthetic pictures are checked: `best` and `paper` as `ascend` makes them, or small `fast` ones.",
            choices=SYNTHETIC,
            shown=f"best; fast for more than {FEW} units of a layer",
            asked=True,
        ),
    ] = None,
    seed: Annotated[int, Opt("Seed of all that chance decides: noise, random weights, random images.", least=0, most=2**32 - 1)] = 0,
    theme: Theme = "light",
) -> Trust:
    """Return how far the pictures of units can be trusted: five measures, each with what to compare it with and a word.

    - `model`: the run, as `scan` or `open_run` returns it, or its folder. With `run`, the network of the scan, if its file has moved.
    - `units`: addresses, such as "block4_conv2:17"; a bare layer means all its units.
    - `synthetic`: which pictures of gradient ascent are checked. By default "best"; "fast" for more than 16 units of a layer.
    - `seed`: of noise, random weights and random images. `theme`: "light" or "dark".

    The measures: whether the layers below treat the synthetic picture as they treat images (path check), what is left of projections when
    weights are random, and at other units' places, whether a judge can foresee the unit from its references (readability), and how far the
    picture reaches. `UnitTrust.figures()` lists them; docs/trust.md says what each can and cannot tell.

    Of more than 16 units of a layer projections are measured for eight. Numbers are kept in `trust.parquet` in the run's folder, chunk by
    chunk: an interrupted call resumes, and what is there with the same settings is not measured again. The model is only read. Raises
    UnitError, ImageError, ModelError, OptionError, ReplayError.

    >>> convscope.trust("run/", "block3_conv1:5").save("trust.png")
    """
    options = check_options(trust, locals())
    scanned = scanned_units(model, units, run)
    store = Store(scanned.run, layers_of(scanned.network))
    notes, interrupted = dict.fromkeys(store.notes), False
    judge, counts = _Once(), Counter(unit.layer for unit in scanned.units)
    try:
        for layer, count in counts.items():
            channels = [unit.channel for unit in scanned.units if unit.layer == layer]
            _measure(scanned, layer, channels, settings_for(count, options), store, judge, notes)
    except KeyboardInterrupt:
        interrupted = True
    wanted = ((unit, settings_for(counts[unit.layer], options)) for unit in scanned.units)
    found = tuple(one for unit, settings in wanted if (one := store.get(unit, settings)) is not None)
    if interrupted and not found:
        raise KeyboardInterrupt
    return Trust(
        provenance=_recorded(scanned, options, found),
        notes=(*dict.fromkeys([*notes, *store.notes]), *_notes(scanned, found)),
        interrupted=interrupted,
        class_names=scanned.class_names,
        theme=options.theme,
        units=found,
        images=len(scanned.run),
        dataset=scanned.run.dataset,
    )


def settings_for(count: int, options: Options) -> Settings:
    """Return how so many units of a layer are measured."""
    effort = EFFORTS[UNIT if count <= FEW else LAYER]
    return Settings(effort, options.synthetic or (BEST if effort.name == UNIT else FAST), options.seed)


class _Once:
    """The judge, made when it is first wanted: it is a network of its own."""

    def __init__(self) -> None:
        self._judge: Judge | None = None

    def __call__(self) -> Judge:
        self._judge = self._judge or Judge()
        return self._judge


def _measure(
    scanned: ScannedUnits,
    address: str,
    channels: Sequence[int],
    settings: Settings,
    store: "Store",
    judge: _Once,
    notes: dict[str, None],
) -> None:
    """Measure what the store lacks of a layer's units, and keep each chunk."""
    missing = [channel for channel in channels if not store.has(Unit(address, channel), settings)]
    if not missing:
        return
    layer = Layer(scanned.run, scanned.network, address, settings)
    scanned.run.check_pictures()
    measuring = Measuring(layer, missing, judge(), channels)
    with counting(f"measuring {address}", len(channels), len(channels) - len(missing)) as tell:
        for start in range(0, len(missing), settings.effort.together):
            chunk = missing[start : start + settings.effort.together]
            store.keep(measuring.of(chunk))
            tell(len(chunk))
    if layer.unreadable:
        first = layer.unreadable[min(layer.unreadable)]
        notes[f"Images that are unavailable: {len(layer.unreadable)}. The first: {first}"] = None


@dataclass
class Store:
    """The rows of `trust.parquet` of a run, and those that are added. `layers`: through which curves go."""

    run: Run
    layers: tuple[str, ...]
    rows: Pairs = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the table. Rows of a run that has changed since are left out."""
        table = read_trust(self.run.path)
        if table is not None and table.run == self.run.digest and table.layers == self.layers:
            self.rows = of_rows(table)
        elif table is not None:
            self.notes.append(GROWN)

    def get(self, unit: Unit, settings: Settings) -> UnitTrust | None:
        """Return the row of a unit, if it was measured so; one that was measured for itself also serves as one of a layer."""
        found = self.rows.get(unit)
        enough = found is not None and found.effort in (UNIT, settings.effort.name)
        same = found is not None and (found.synthetic, found.seed) == (settings.synthetic, settings.seed)
        return found if enough and same else None

    def has(self, unit: Unit, settings: Settings) -> bool:
        """Say whether it was measured so."""
        return self.get(unit, settings) is not None

    def keep(self, units: Iterable[UnitTrust]) -> None:
        """Add rows, in place of others of the same units, and write the table."""
        self.rows |= {one.unit: one for one in units}
        order = {layer: place for place, layer in enumerate(self.run.layers)}
        rows = sorted(self.rows.values(), key=lambda one: (order.get(one.unit.layer, len(order)), one.unit.channel))
        try:
            write_trust(self.run.path, self.run.digest, self.layers, *as_rows(rows), release=versions()["convscope"])
        except OutputError as error:
            said = UNWRITABLE.format(error)
            if said not in self.notes:
                self.notes.append(said)


def _recorded(scanned: ScannedUnits, options: Options, found: Sequence[UnitTrust]) -> Provenance:
    units = [str(one.unit) for one in found] or [str(unit) for unit in scanned.units]
    parameters: dict[str, Any] = {"units": _joined(units), "run": str(scanned.run.path.absolute())} | options.recorded()
    return provenance("trust", scanned.network.bundle, (scanned.run.input(),), parameters, options.seed)


def _joined(units: Sequence[str]) -> list[str]:
    """Return addresses, the channels of a layer together."""
    channels: dict[str, list[str]] = {}
    for unit in units:
        layer, _, channel = unit.rpartition(":")
        channels.setdefault(layer, []).append(channel)
    return [f"{layer}:{','.join(some)}" for layer, some in channels.items()]


def _notes(scanned: ScannedUnits, found: Sequence[UnitTrust]) -> Iterator[str]:
    """Yield sentences on how the numbers came about."""
    yield JUDGED if scanned.run.has_sample else NO_SAMPLE
    if scanned.network.bundle.name == NAME and scanned.run.has_sample:
        yield ITSELF
    if any(one.synthetic == FAST for one in found):
        yield SMALL.format(FAST_SIDE, FAST_STEPS)
    sampled = sum(one.numbers["places"] > 0 for one in found)
    if any(one.effort == LAYER for one in found) and sampled < len(found):
        yield SAMPLED.format(sampled, len(found))


METHOD = Method(
    name="trust",
    run=trust,
    examples=(
        "convscope trust block3_conv1:5 -r run/",
        "convscope trust block4_conv2:all -r run/ --theme dark   # run it again to resume",
        "convscope trust block4_conv2:0-7 -r run/ --synthetic paper --json",
    ),
    description=(
        "Five measures, each with what to compare it with, and a word: well supported, doubtful or contradicted. The numbers are kept as "
        f"{TABLE} in the folder of the run, and shown by `dossier` and `atlas`. A bare layer means all its units."
    ),
    network=network_of_run,
)
