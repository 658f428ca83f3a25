"""What a journal holds -> the tables of a run, column by column."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import backend
from ..errors import ImageError
from ..formats.run_folder import SHARES, UNREACHABLE, UNREADABLE, write_run
from .accumulators import Statistics, quantiles
from .journal import Journal
from .listing import Listed
from .measure import Measure, MeasuredLayer, columns_of
from .sample import sampled_images
from .shards import SHARD, spans_of

ROWS_AT_ONCE = 2**18  # of the table of images


def write_tables(
    folder: Path,
    journal: Journal,
    listed: Listed,
    measure: Measure,
    settings: dict[str, Any],
    unreached: Sequence[tuple[int, str, str]] = (),
) -> None:
    """Write the tables and the manifest for what the journal holds, all or none. Raises ImageError if no image could be read.

    `unreached`: (image or NO_ID, name, reason) of what could not be had this time.
    """
    facts = journal.facts.read()
    finished = journal.among(journal.spans)
    read = journal.read
    skipped = [(image, listed.names[image], reason) for image, reason in journal.skipped]
    if not len(read):
        missed = sorted([*skipped, *unreached])
        raise ImageError(
            f"None of the {len(missed)} images could be read. The first error: {missed[0][2]}" if missed else "Nothing was read."
        )
    statistics, rows = journal.statistics(), _sample_rows(journal, listed)
    tables = {
        "units": _units(statistics, measure.layers, len(listed.classes)),
        "top": _top(statistics, measure),
        "skipped": _skipped(skipped, unreached),
        "spans": _spans(finished, journal),
    }
    counts = {"images": len(read), "skipped": len(skipped), "unreachable": len(unreached)}
    complete = {"complete": bool(finished.all()) and not unreached}
    sample = {} if rows is None else {"sample": {"images": int((rows >= 0).sum()), "digest": journal.sample.digest(read[rows >= 0])}}
    starts = range(0, len(read), ROWS_AT_ONCE)
    images = (_images(slice(start, start + ROWS_AT_ONCE), read, facts, rows, listed, measure) for start in starts)
    write_run(folder, tables, images, {**_described(listed, read, measure), **settings, **counts, **complete, **sample})


def _sample_rows(journal: Journal, listed: Listed) -> NDArray[np.int32] | None:
    """Return the row of each image that was read in the sample, -1 for none; None for a sample that lacks images.

    A run whose maxima are kept from now on lacks many until it is complete. Its sample is there at once.
    """
    read = journal.read
    missing = np.intersect1d(journal.sample.missing(read), sampled_images(listed.names))
    return None if len(missing) else journal.sample.rows_of(read).astype(np.int32)


def _described(listed: Listed, read: NDArray[np.intp], measure: Measure) -> dict[str, Any]:
    codes = listed.labels.codes[read]
    counts = np.bincount(codes[codes >= 0], minlength=len(listed.classes))
    return {
        "count": len(listed.names),
        "given": None if listed.given is None else list(listed.given),
        "layers": [{"address": one.address, "channels": one.channels, "shape": list(one.shape)} for one in measure.layers],
        "classes": list(listed.classes),
        "class_counts": counts.tolist(),
        "feature_layer": measure.feature_layer,
        "features": measure.features,
        "versions": backend.versions(),
    }


def _images(
    some: slice, every: NDArray[np.intp], facts: Any, rows: NDArray[np.int32] | None, listed: Listed, measure: Measure
) -> dict[str, Any]:
    """Return the columns of some of the images that were read."""
    read = every[some]
    facts = facts[read]
    predicted = [measure.label(int(one)) if one >= 0 else None for one in facts["predicted"]]
    return {
        "image": read.astype(np.int64),
        "name": [listed.names[image] for image in read],
        "label": [listed.labels[image] for image in read],
        "digest": [digest.tobytes().hex() for digest in facts["digest"]],
        "prediction": predicted,
        "probability": np.ascontiguousarray(facts["probability"]),
        **{name: np.ascontiguousarray(facts[name]) for name, _ in columns_of(measure)},
        **({} if rows is None else {"sample_row": rows[some]}),
    }


def _units(statistics: Statistics, layers: Sequence[MeasuredLayer], classes: int) -> dict[str, Any]:
    moments, seen = statistics.moments, statistics.classes
    found = quantiles(statistics.histogram.dense, moments.least, moments.largest, np.asarray(list(SHARES.values())))
    known = moments.count > 0
    nothing = np.float32(np.nan)
    columns = {
        "layer": [layer.address for layer in layers for _ in range(layer.channels)],
        "channel": np.concatenate([np.arange(layer.channels) for layer in layers]),
        "count": moments.count,
        "fires": moments.fires,
        "saturated": moments.saturated,
        "mean": moments.sums.over(moments.count),
        "min": np.where(known, moments.least, nothing),
        "max": np.where(known, moments.largest, nothing),
        **{name: np.ascontiguousarray(column) for name, column in zip(SHARES, found.T, strict=True)},
        "histogram": statistics.histogram.dense,
    }
    if len(seen.present):
        means = np.full((len(moments.count), classes), nothing)
        means[:, seen.present] = seen.sums.over(seen.counts[:, None]).T
        columns["class_means"] = means
    return columns


def _top(statistics: Statistics, measure: Measure) -> dict[str, Any]:
    images, before, places = statistics.top.images, statistics.top.values, statistics.top.places
    parts = []
    for layer in measure.layers:
        here = images[layer.units]
        channel, rank = np.nonzero(here >= 0)
        place = places[layer.units][channel, rank]
        width = layer.shape[-1] if len(layer.shape) == 2 else 1
        where = place >= 0
        row = np.where(where, place // width, -1)
        column = np.where(where, place % width if len(layer.shape) == 2 else 0, -1)
        fields = measure.fields(layer, row, column)
        values = measure.after(layer, before[layer.units].T).T
        parts.append(
            (
                np.full(len(channel), layer.address),
                channel,
                rank,
                here[channel, rank],
                row,
                column,
                values[channel, rank],
                before[layer.units][channel, rank],
                *fields.T,
            )
        )
    names = ("layer", "channel", "rank", "image", "row", "column", "value", "before", "top", "left", "bottom", "right")
    columns: dict[str, Any] = {name: np.concatenate(column) for name, column in zip(names, zip(*parts, strict=True), strict=True)}
    columns["layer"] = [str(one) for one in columns["layer"]]
    return columns


def _skipped(skipped: Sequence[tuple[int, str, str]], unreached: Sequence[tuple[int, str, str]]) -> dict[str, Any]:
    ordered = sorted([*((*one, UNREADABLE) for one in skipped), *((*one, UNREACHABLE) for one in unreached)])
    return {
        "image": np.asarray([image for image, *_ in ordered], np.int64),
        "name": [name for _, name, *_ in ordered],
        "reason": [reason for *_, reason, _ in ordered],
        "kind": [kind for *_, kind in ordered],
    }


def _spans(finished: NDArray[np.bool_], journal: Journal) -> dict[str, Any]:
    """Return the checksums of the features, of at most a shard's images at a time."""
    images = np.flatnonzero(finished)
    cuts = np.flatnonzero(np.diff(images // SHARD)) + 1
    spans = [span for part in np.split(images, cuts) for span in spans_of(part)]
    return {
        "first": np.asarray([first for first, _ in spans], np.int64),
        "end": np.asarray([end for _, end in spans], np.int64),
        "features": journal.features_of(spans),
    }
