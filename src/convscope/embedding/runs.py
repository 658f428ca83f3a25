"""The features of a scan's run: a map of them needs no network and no second pass."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from ..progress import track
from ..results import bands_note
from ..scanning import Run, is_run, open_run
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


def read_run(images: Any) -> Material:
    """Return the features of a run with names, labels, predictions and the pictures, which are read again where they were.

    Arrays that only the scan had in memory have no pictures: dots stand for them. Raises ImageError for pictures that have changed.
    """
    given = images[0] if isinstance(images, list | tuple) else images
    run = given if isinstance(given, Run) else open_run(given)
    table = run.images
    labels, predictions = table.texts["label"], table.texts["prediction"]
    return Material(
        values=_features(run),
        thumbnails=_thumbnails(run),
        names=tuple(str(name) for name in table.texts["name"]),
        labels=tuple(label or "" for label in labels) if any(labels) else None,
        predictions=tuple(str(one) for one in predictions) if all(predictions) else None,
        probabilities=np.asarray(table.numbers["probability"], np.float32) if all(predictions) else None,
        layer=run.manifest["feature_layer"],
        inputs=(run.input(),),
        network=run.model["digest"] if run.is_of_maxima else "",  # a measure of one's own may take features elsewhere
        preprocessing=run.model["preprocessing"],
        notes=tuple(filter(None, [bands_note(run.fit.channels)])),
        model_name=str(run.model.get("name") or ""),
    )


def _features(run: Run) -> NDArray[np.float32]:
    """Return the features of the images that were read; without gaps they stay where they are, mapped into memory."""
    if len(run) == len(run.features):
        return run.features
    kept = Stack(len(run), run.features.shape[1:], np.float32)
    for start in range(0, len(run), CHUNK):
        kept.extend(run.features[run.ids[start : start + CHUNK]])
    return kept.filled()


def _thumbnails(run: Run) -> NDArray[np.uint8]:
    try:
        run.picture(int(run.ids[0]))
    except ImageError:
        if run.manifest["given"] is None:
            return dots(len(run))
        raise
    thumbnails = Thumbnails(len(run), min(LARGEST_THUMBNAIL, *run.fit.size))
    seen = functools.partial(thumbnails.add, opaque=run.fit.channels not in (1, 3))
    for image in track(run.ids.tolist(), "reading pictures"):
        run.picture(image, seen)
    return thumbnails.filled()
