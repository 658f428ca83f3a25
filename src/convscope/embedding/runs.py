"""The features of a scan's run: a map of them needs no network and no second pass."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from ..progress import track
from ..results import bands_note
from ..scanning import Run, as_run, is_run
from .material import LARGEST_THUMBNAIL, Material, Thumbnails, dots
from .storage import Stack

CHUNK = 4096


def holds_run(images: Any) -> bool:
    """Return whether the argument is a run or its folder, and nothing else."""
    if isinstance(images, list | tuple) and len(images) == 1:
        images = images[0]
    if isinstance(images, Run):
        return True
    return isinstance(images, str | Path) and is_run(images)


def read_run(images: Any, *, ids: NDArray[np.int64] | None = None, side: int = LARGEST_THUMBNAIL) -> Material:
    """Return the features of a run with names, labels, predictions and the pictures, which are read again where they were.

    `ids`: which of its images, rising; None: all. `side`: that of the thumbnails at most. Arrays that only the scan had in memory have no
    pictures: dots stand for them. Raises ImageError for pictures that have changed.
    """
    given = images[0] if isinstance(images, list | tuple) else images
    run = as_run(given)
    ids = run.ids if ids is None else ids
    rows, table = np.searchsorted(run.ids, ids), run.images
    labels, predictions = ([table.texts[name][row] for row in rows] for name in ("label", "prediction"))
    return Material(
        values=_features(run, ids),
        thumbnails=_thumbnails(run, ids, side),
        names=tuple(str(table.texts["name"][row]) for row in rows),
        labels=tuple(label or "" for label in labels) if any(labels) else None,
        predictions=tuple(str(one) for one in predictions) if all(predictions) else None,
        probabilities=np.asarray(table.numbers["probability"], np.float32)[rows] if all(predictions) else None,
        layer=run.manifest["feature_layer"],
        inputs=(run.input(),),
        network=run.model["digest"] if run.is_of_maxima else "",  # a measure of one's own may take features elsewhere
        preprocessing=run.model["preprocessing"],
        notes=tuple(filter(None, [bands_note(run.fit.channels)])),
        model_name=str(run.model.get("name") or ""),
    )


def _features(run: Run, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the features of images that were read; of all, without gaps, they stay where they are, mapped into memory."""
    if len(ids) == len(run.features):
        return run.features
    kept = Stack(len(ids), run.features.shape[1:], np.float32)
    for start in range(0, len(ids), CHUNK):
        kept.extend(run.features[ids[start : start + CHUNK]])
    return kept.filled()


def _thumbnails(run: Run, ids: NDArray[np.int64], side: int) -> NDArray[np.uint8]:
    try:
        run.picture(int(ids[0]))
    except ImageError:
        if run.manifest["given"] is None:
            return dots(len(ids))
        raise
    thumbnails = Thumbnails(len(ids), min(side, *run.fit.size))
    seen = functools.partial(thumbnails.add, opaque=run.fit.channels not in (1, 3))
    for image in track(ids.tolist(), "reading pictures"):
        run.picture(image, seen)
    return thumbnails.filled()
