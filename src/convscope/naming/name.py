"""Names for all units of a run: chosen on one half of the images, tested on the other, and kept in the run's folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from .. import backend
from ..errors import OptionError
from ..formats.names_file import write_names
from ..hints import command
from ..legible import counted
from ..options import Opt, check_options
from ..progress import counting
from ..results.names import IMAGENET, LEAST_AUC, MOST_P, OWN, Names
from ..scanning import Run, open_run
from ..scanning.lock import locked
from .areas import BYTES_AT_ONCE, Floats, Half, Ranks, areas, p_values, ranks_of
from .formulas import Formulas, chosen, tried
from .labels import FOLDERS, IMAGES, Labels, labels_of

AUTO = "auto"


def name(
    run: Any,
    *,
    labels: Annotated[
        str,
        Opt(
            "By which labels: those of the images (`own`), or what SqueezeNet takes the images for (`imagenet`). "
            "`auto`: own, if there are any.",
            choices=(AUTO, OWN, IMAGENET),
        ),
    ] = AUTO,
    split: Annotated[
        str,
        Opt(
            "What the hash puts into a half: single `images`, or whole `folders`, whose images may show the same thing (`imagenet` only).",
            choices=(IMAGES, FOLDERS),
        ),
    ] = IMAGES,
) -> Names:
    """Return what the units of a run fire for, and keep it in the run's folder as `names.parquet`; `run.names` reads it.

    - `run`: a run, as `scan` or `open_run` returns it, or its folder. All images whose maxima it keeps are used.
    - `labels`: "own", those of the images; "imagenet", pseudo-labels: the classes that the embedded SqueezeNet takes the images for, and
      their groups; "auto", own ones where images have more than one.
    - `split`: "folders" keeps the images of a subfolder in one half. If these are views of one thing, a name that is chosen on some of them
      predicts nothing of the others. For pseudo-labels only.

    A unit's name is the label, or two joined by AND, OR and NOT, that best tells on which images the unit is large. It is chosen on half of
    the images, and its AUC and p-value are those of the other half. Names of an AUC below 0.8, or above 0.01 by chance, do not explain the
    unit. Names that the folder holds of the same state of the run and the same labels are returned as they are.

    Raises OptionError for a run without a sample, or with too few labels; ImageError, ReplayError, OutputError. Source: INVERT (Bykov et
    al. 2023), with a test on held-out images.

    >>> convscope.name("run/").of("block3_conv1", 5).said
    """
    options = check_options(name, {"labels": labels, "split": split})
    run = open_run(run) if isinstance(run, str | Path) else run
    if not isinstance(run, Run):
        raise OptionError(f"Received {type(run).__name__} as a run. Expected the folder of a scan, or what open_run returns.")
    told = labels_of(run, options.labels, options.split)
    known, halves = run.names, (int((~told.tested).sum()), int(told.tested.sum()))
    if known is not None and not known.outdated and (known.source, known.vocabulary, known.halves) == (told.source, told.names, halves):
        return known
    made = [*_named(run, told)]
    with locked(run.path):
        write_names(run.path, _columns(run, told, made), _said(run, told, halves, options.split))
    found = run.names
    assert found is not None
    return found


@dataclass(frozen=True)
class _Named:
    """What some units of a layer are called: `tested`, `chosen`: the areas of all labels on each half, (label, unit); the rest (unit,)."""

    channels: NDArray[np.int64]
    names: list[str | None]
    auc: Floats
    p: Floats
    images: Floats
    labels: list[str | None]
    label_auc: Floats
    label_p: Floats
    chosen: Floats
    tested: Floats


def _named(run: Run, told: Labels) -> Iterator[_Named]:
    """Yield the names of all units, some of a layer at a time."""
    halves = told.half(tested=False), told.half(tested=True)
    together = np.asarray((halves[0].held.T @ halves[0].held).toarray(), np.float64)
    rows = [np.searchsorted(run.maxima_images, told.images[told.tested == tested]) for tested in (False, True)]
    at_once = max(1, BYTES_AT_ONCE // (8 * max(len(one) for one in rows)))
    with counting("naming units", sum(map(run.channels, run.layers))) as tell:
        for layer in run.layers:
            for start in range(0, run.channels(layer), at_once):
                channels = np.arange(start, min(start + at_once, run.channels(layer)))
                values = run.maxima(layer, channels.tolist())
                yield _of_units(told, channels, halves, (values[rows[0]], values[rows[1]]), together)
                tell(len(channels))


def _of_units(told: Labels, channels: NDArray[np.int64], halves: tuple[Half, Half], values: tuple[Any, Any], together: Floats) -> _Named:
    first, second = ranks_of(values[0]), ranks_of(values[1])
    sound = np.isfinite(values[0]).all(axis=0) & np.isfinite(values[1]).all(axis=0) & ~(first.constant & second.constant)
    found, formulas = chosen(halves[0], first, together)
    tested = areas(halves[1].sums(second.doubled), halves[1].counts[:, None], halves[1].count)
    single = formulas.single
    label_auc = tested[single, np.arange(len(single))]
    label_p = p_values(label_auc, halves[1].counts[single], halves[1].count, second.ties)
    auc, p, holding = _tested(formulas, halves[1], second)
    corrected = tried(len(told.names))
    unknown = np.where(sound, 0.0, np.nan)
    return _Named(
        channels=channels,
        names=[formulas.words(unit, told.names) if sound[unit] else None for unit in range(len(channels))],
        auc=auc + unknown,
        p=np.minimum(1.0, p * corrected) + unknown,
        images=np.where(sound, holding, 0),
        labels=[told.names[single[unit]] if sound[unit] else None for unit in range(len(channels))],
        label_auc=label_auc + unknown,
        label_p=np.minimum(1.0, label_p * corrected) + unknown,
        chosen=found + unknown,
        tested=tested + unknown,
    )


def _tested(formulas: Formulas, half: Half, ranks: Ranks) -> tuple[Floats, Floats, Floats]:
    """Return the areas of names on the half that did not choose them, their p-values, and for how many images each holds."""
    held = formulas.holds(half)
    counts = held.sum(axis=0).astype(np.float64)
    auc = areas(np.einsum("iu,iu->u", ranks.doubled, held), counts, half.count)
    return auc, p_values(auc, counts, half.count, ranks.ties), counts


def _columns(run: Run, told: Labels, made: list[_Named]) -> dict[str, Any]:
    counts = [sum(len(one.channels) for one in made[:place]) for place in range(len(made))]
    layers = [layer for layer in run.layers for _ in range(run.channels(layer))]
    assert len(layers) == counts[-1] + len(made[-1].channels)
    numbers = {field: np.concatenate([getattr(one, field) for one in made]) for field in ("auc", "p", "label_auc", "label_p")}
    return {
        "layer": layers,
        "channel": np.concatenate([one.channels for one in made]),
        "name": [text for one in made for text in one.names],
        "auc": numbers["auc"],
        "p": numbers["p"],
        "images": np.concatenate([one.images for one in made]).astype(np.int64),
        "label": [text for one in made for text in one.labels],
        "label_auc": numbers["label_auc"],
        "label_p": numbers["label_p"],
        "chosen_areas": np.concatenate([one.chosen.T for one in made]).astype(np.float32),
        "tested_areas": np.concatenate([one.tested.T for one in made]).astype(np.float32),
    }


def _said(run: Run, told: Labels, halves: tuple[int, int], split: str) -> dict[str, Any]:
    """Return what the table says of itself."""
    decides = "the hash of an image's name decides" if split == IMAGES else "the hash of a folder's name decides for all in it"
    few = len(run.maxima_images) < len(run)
    again = command("scan IMAGES --keep-maxima", "convscope.scan(…, keep_maxima=True)")
    part = f"Of {len(run):,} images the run keeps the values on {len(run.maxima_images):,}. For all of them: {again}"
    return {
        "run": run.digest,
        "source": told.source,
        "labels": list(told.names),
        "counts": list(told.counts),
        "halves": list(halves),
        "split": split,
        "tried": tried(len(told.names)),
        "least_auc": LEAST_AUC,
        "most_p": MOST_P,
        "notes": [
            f"Names were chosen on {counted(halves[0], 'image')} and tested on {halves[1]:,} others; {decides}. AUC and p are those of the "
            f"test. p is times the {tried(len(told.names)):,} names that are tried on a unit.",
            *told.notes,
            *([part] if few else []),
        ],
        "versions": backend.versions(),
    }
