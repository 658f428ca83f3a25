"""Units found by what they fire for, by likeness to another, or for being silent or the same as others."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from ..errors import OptionError, closest
from ..formats.names_file import read_areas
from ..hints import command
from ..legible import counted
from ..method import Method, provenance
from ..options import Opt, Options, Theme, check_options
from ..portraits.alike import alike
from ..portraits.scanned_units import ScanRun
from ..results import Findings, Found, Names
from ..results.findings import ALIKE, DUPLICATES, LABELS, SILENT
from ..scanning import Run, as_run
from ..units import Unit, in_words, parse

SAME, NEARLY = 0.999, 0.95  # correlations from which units are duplicates, and near-duplicates
NEIGHBOURS = 8  # units most alike that are looked at for each
ORDER = (
    "Units stand in the order of their AUC on the images that names are chosen on. `AUC` is that of the other images, so that a unit which "
    "stands first by chance does not look better than it is."
)
PROFILES = (
    "Likeness is the correlation of log(1 + a) over the images of the sample, a the unit's maximum on an image where that is positive."
)


def find(
    model: Any,
    words: Any,
    *,
    run: ScanRun = None,
    count: Annotated[int, Opt("Units to list.", least=1)] = 20,
    theme: Theme = "light",
) -> Findings:
    """Return the units of a run that fire for labels, those that fire as a unit does, or those that are silent or duplicates.

    - `model`: the run, as `scan` or `open_run` returns it, or its folder; with `run`, it is not used.
    - `words`: words of labels, such as "dog" or "striped cat", all of which must begin words of the label; or the address of a unit, such
      as
      "block3_conv1:5", for the units most alike to it; or "silent"; or "duplicates". "label:silent" means labels in any case.
    - `count`: how many units to list. `theme`: "light" or "dark".

    Labels need the names of the run, which `name` makes. The picture shows the best unit of each layer. Raises OptionError for words that
    no label has, or a run without names or without a sample; UnitError, ReplayError.

    >>> for one in convscope.find("run/", "bag").units[:3]:
    ...     print(one.unit, one.label, one.value)
    """
    options = check_options(find, {"run": run, "count": count, "theme": theme})
    scanned = _run(model if run is None else run)
    text = in_words(words).strip()
    kind = next((known for known in (SILENT, DUPLICATES) if text.lower() == known), None)
    if kind is None and _unit(scanned, text) is not None:
        kind = ALIKE
    made = {SILENT: _silent, DUPLICATES: _duplicates, ALIKE: _alike, None: _labelled}[kind](scanned, text, options.count)
    return Findings(
        provenance=provenance("find", None, (scanned.input(),), _parameters(scanned, text, options)),
        notes=made.notes,
        theme=options.theme,
        words=text,
        kind=kind or LABELS,
        units=made.units,
        matched=made.matched,
        depth=tuple(_depth(scanned, made.best)),
        total=made.total,
        dataset=scanned.dataset,
        images=len(scanned),
        network=str(scanned.model["name"]),
    )


@dataclass(frozen=True)
class _Made:
    """What was found: `units`, those to list of `total`; `matched`: labels; `best`: what the picture shows of each layer."""

    units: tuple[Found, ...]
    total: int
    best: Mapping[str, Found]
    notes: tuple[str, ...]
    matched: tuple[str, ...] = ()


def _labelled(run: Run, text: str, count: int) -> _Made:
    """Find the units that tell labels which the words match from the other images."""
    names = _names(run)
    wanted = text.removeprefix("label:")
    matched = [place for place, label in enumerate(names.vocabulary) if matches(wanted, label)]
    if not matched:
        raise OptionError(
            f"None of the {counted(len(names.vocabulary), 'label')} of `{run.path}` matches `{wanted}`. "
            f"{closest('its labels', wanted, names.vocabulary)}"
        )
    chosen, tested = (areas[:, matched] for areas in read_areas(run.path))
    known = np.flatnonzero(np.isfinite(chosen).all(axis=1))
    label = np.argmax(chosen[known], axis=1)
    best = chosen[known, label]
    order = np.lexsort((known, -best))
    found = [_found(names, int(known[one]), matched[label[one]], tested[known[one], label[one]], best[one]) for one in order]
    notes = (ORDER, *names.notes, *((_outdated(run),) if names.outdated else ()))
    return _Made(tuple(found[:count]), len(found), _first_of_layers(found), notes, tuple(names.vocabulary[one] for one in matched))


def _found(names: Names, row: int, label: int, area: Any, chosen: Any) -> Found:
    unit = Unit(names.layers[row], int(names.channels[row]))
    return Found(unit, float(area), names.vocabulary[label], chosen=float(chosen), name=names.at(row))


def _alike(run: Run, text: str, count: int) -> _Made:
    """Find the units whose maxima go up and down with those of one unit."""
    unit = _unit(run, text)
    assert unit is not None
    names = run.names
    most = max(count, 1)
    (own,) = alike(run, [unit.layer], most)
    places = zip(
        own.layers[unit.channel].tolist(), own.channels[unit.channel].tolist(), own.correlations[unit.channel].tolist(), strict=True
    )
    found = [_other(run, names, run.layers[place], channel, float(value)) for place, channel, value in places if place >= 0]
    same = sum(one.value >= SAME for one in found)
    near = sum(SAME > one.value >= NEARLY for one in found)
    said = f"{same} of them are duplicates (correlation of {SAME} or more), {near} near-duplicates ({NEARLY} or more)."
    silent = () if found else (f"`{unit}` has the same value on all images of the sample, so nothing is alike to it.",)
    return _Made(tuple(found), len(found), _first_of_layers(found), (PROFILES, *((said,) if found else ()), *silent))


def _other(run: Run, names: Names | None, layer: str, channel: int, value: float, beside: Unit | None = None) -> Found:
    return Found(Unit(layer, channel), value, "", name=None if names is None else names.of(layer, channel), beside=beside)


def _duplicates(run: Run, text: str, count: int) -> _Made:
    """Find pairs of units that are the same, or nearly, on all images of the sample; each pair once."""
    names, pairs = run.names, dict[tuple[Unit, Unit], float]()
    for own in alike(run, None, NEIGHBOURS):
        for channel, place in zip(*np.nonzero(own.correlations >= NEARLY), strict=True):
            one, other = Unit(own.layer, int(channel)), Unit(run.layers[own.layers[channel, place]], int(own.channels[channel, place]))
            first, second = sorted((one, other), key=lambda unit: (run.layers.index(unit.layer), unit.channel))
            pairs[first, second] = float(own.correlations[channel, place])
    ordered = sorted(pairs.items(), key=lambda pair: -pair[1])
    found = [_other(run, names, one.layer, one.channel, value, other) for (one, other), value in ordered]
    same = sum(value >= SAME for value in pairs.values())
    said = (
        f"{counted(same, 'pair')} of duplicates (correlation of {SAME} or more), {len(pairs) - same} of near-duplicates ({NEARLY} or more)."
    )
    looked = f"Of each unit the {NEIGHBOURS} most alike are looked at, in all layers."
    return _Made(tuple(found[:count]), len(found), _first_of_layers(found), (said, looked, PROFILES))


def _silent(run: Run, text: str, count: int) -> _Made:
    """Find the units that fire on no image of the run."""
    found, best = list[Found](), dict[str, Found]()
    for layer in run.layers:
        known = run.units(layer)
        here = np.flatnonzero((known.fires == 0) & (known.count > 0))
        found += [Found(Unit(layer, int(channel)), 0.0, "") for channel in here]
        best[layer] = Found(Unit(layer, 0), len(here) / max(1, run.channels(layer)), f"{len(here)} of {run.channels(layer)}")
    said = f"{counted(len(found), 'unit')} of {sum(map(run.channels, run.layers)):,} fire on none of the {len(run):,} images."
    return _Made(tuple(found[:count]), len(found), best, (said,))


def matches(words: str, label: str) -> bool:
    """Say whether each of some words begins a word of a label, whatever their case: "dog" matches "Eskimo dog", not "hotdog"."""
    return all(re.search(rf"(?<!\w){re.escape(word)}", label, re.IGNORECASE) for word in words.split()) and bool(words.split())


def _first_of_layers(found: Sequence[Found]) -> dict[str, Found]:
    best: dict[str, Found] = {}
    for one in found:
        best.setdefault(one.unit.layer, one)
    return best


def _depth(run: Run, best: Mapping[str, Found]) -> Iterator[tuple[str, Found | None]]:
    """Yield each layer in the order of the network, and the best that was found in it."""
    for layer in run.layers:
        yield layer, best.get(layer)


def _names(run: Run) -> Names:
    """Return the names of a run. Raises OptionError for a run without any, with the command that makes them."""
    names = run.names
    if names is None:
        raise OptionError(f"The run `{run.path}` holds no names yet. Make them: {_again(run)}")
    return names


def _outdated(run: Run) -> str:
    return f"The names are of an earlier state of the run. Make them again: {_again(run)}"


def _again(run: Run) -> str:
    return command(f"name {run.path}", f'convscope.name("{run.path}")')


def _unit(run: Run, text: str) -> Unit | None:
    """Return the unit of the run that a text is the address of, None for other words. Raises UnitError for a layer that is not measured."""
    if not re.fullmatch(r"\S+:\d+", text) or text.startswith("label:"):
        return None
    pattern = parse(text)
    if not isinstance(pattern.channels, tuple):
        return None
    run.units(pattern.layer, list(pattern.channels))
    return Unit(pattern.layer, pattern.channels[0])


def _run(given: Any) -> Run:
    if given is None:
        raise OptionError("Received no run. Expected the folder of a scan, or what open_run returns.")
    return as_run(given)


def _parameters(run: Run, text: str, options: Options) -> dict[str, Any]:
    return {"words": [text], "run": str(run.path.absolute())} | options.recorded()


METHOD = Method(
    name="find",
    run=find,
    examples=(
        "convscope find dog -r run/",
        'convscope find "striped" -r run/ --count 5',
        "convscope find block3_conv1:5 -r run/   # units that fire as this one does",
        "convscope find silent -r run/           # also: find duplicates",
    ),
    description=(
        "Prints the units, and draws the best of each layer: from which depth on a label is readable. Labels need the names of the run: "
        "`convscope name RUN` makes them. RUN is the folder of a `convscope scan`."
    ),
    network=lambda inputs, options, told: None,
)
