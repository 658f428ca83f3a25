"""New images on an existing map: what a map's folder keeps for it, and where they go (Poličar, Stražar & Zupan 2023)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..array_files import ArrayFileError
from ..errors import ImageError, OptionError
from ..files import as_path
from ..formats import map_reference
from ..formats.map_reference import Reference
from ..reach import user_path
from . import packages
from .affinities import conditional
from .engines import Layout
from .neighbours import nearest_to
from .pca import PrincipalAxes

PERPLEXITY = 5.0  # openTSNE's own settings for placing: each image by itself, among its nearest
NEIGHBOURS = 25
FARTHEST = 1e17  # components whose squares, and sums of many of them, float32 still holds


def read_reference(folder: str | Path) -> Reference:
    """Return what a map's folder keeps of it. Raises OptionError for a folder that holds none, and where openTSNE is missing."""
    if not isinstance(folder, str | Path):
        raise OptionError(f"Received {type(folder).__name__} as the map to place images on. Expected a folder written by `tsne`.")
    path = user_path(as_path(folder) / map_reference.FILE)
    if not packages.installed("openTSNE"):
        raise OptionError(
            'Placing images on a map needs openTSNE, which is not installed. Install it with: pip install "convscope[opentsne]"'
        )
    try:
        return map_reference.read_reference(path)
    except (OSError, ArrayFileError) as error:
        said = getattr(error, "strerror", None) or error
        raise OptionError(
            f"`{folder}` is not a map to place images on: {path.name} cannot be read: {said}. Expected a folder written by `tsne`."
        ) from error


def axes_of(reference: Reference, width: int, model: str, layer: str, preprocessing: str = "") -> PrincipalAxes:
    """Return the principal axes of a map for new features, `width` values of `layer` from `model` (its digest, "" for a file).

    Features of a run and of its own network are the same. Raises OptionError if the map is of others.
    """
    nameless = "; if an earlier release made the map from a run, make it again" if model and not reference.model else ""
    if reference.model != model or len(reference.mean) != width or (model and reference.layer != layer):
        raise OptionError(
            f"The map was made from {len(reference.mean)} features of {reference.layer} by a different model or layer than "
            f"these {width} of {layer}. Use images with the same model and layer, or features of the same kind{nameless}."
        )
    if reference.preprocessing and preprocessing and reference.preprocessing != preprocessing:
        raise OptionError(
            f"The map's images entered the network with the preprocessing {reference.preprocessing}, these with "
            f"{preprocessing}. Use the same with --preprocess."
        )
    return PrincipalAxes(reference.mean, reference.axes, float("nan"), reference.scale)


def check_near(components: NDArray[np.float32], reference: Reference) -> None:
    """Raise OptionError where distances between new images (n, dimension) and those of the map would leave float32."""
    farthest = [float(np.abs(values).max(initial=0.0)) for values in (components, reference.components, reference.points)]
    if max(farthest) > FARTHEST:
        raise OptionError(
            f"These images cannot be placed on the map: their components reach {farthest[0]:g}, those of its own images {farthest[1]:g} "
            f"and its points {farthest[2]:g}; at most {FARTHEST:g} is expected. Use features of the same kind and scale."
        )


def refuse_settings(count: int, asked: Mapping[str, Any]) -> None:
    """Raise OptionError for settings of a new map, which do nothing where images are placed on an old one, ImageError for no images."""
    given = [name for name in ("perplexity", "exaggeration") if asked[name] is not None] + ["engine"] * (asked["engine"] != "auto")
    if given:
        raise OptionError(f"Received {' and '.join(given)} with images to place on a map. The map fixes these options. Leave them out.")
    if count < 1:
        raise ImageError(f"Expected at least one image to place on the map, but received {count}.")


def place(components: NDArray[np.float32], reference: Reference) -> Layout:
    """Return the places of new images (n, dimension) on a map, which stays as it is."""
    from scipy.sparse import csr_matrix

    found = nearest_to(components, reference.components, NEIGHBOURS)
    many = min(int(3 * PERPLEXITY), found.indices.shape[1])
    weights = conditional(found.distances[:, :many], min(PERPLEXITY, many / 3))
    rows = np.arange(0, len(components) * many + 1, many)
    shape = len(components), len(reference.points)
    drawn: Any = csr_matrix((weights.ravel(), found.indices[:, :many].ravel(), rows), shape=shape)
    points, name = packages.opentsne_place(reference.points, drawn, found.indices, found.distances)
    return Layout(points, f"{name}, placed on a map of {len(reference.points):,} images")
