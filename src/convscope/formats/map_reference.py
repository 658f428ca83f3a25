"""What a map's folder keeps so that new images can be placed on it: `reference.npz`."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..array_files import ArrayFile, ArrayFileError, texts
from ..errors import OptionError
from .schemas import check_schema

FILE = "reference.npz"
SCHEMA = 1
HELD = ("schema", "model", "layer", "mean", "axes", "components", "points")


@dataclass(frozen=True)
class Reference:
    """What it takes to place new images on a map: the digest of its `model` ("" for features of a file), its `layer`, the `mean` (feature,)
    and `axes` (feature, dimension) of its PCA, and each image's `components` (image, dimension) and `points` (image, 2).
    `scale`: what the components were divided by. `preprocessing`: how pictures entered, "" where that is not known.
    """

    model: str
    layer: str
    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    components: NDArray[np.float32]
    points: NDArray[np.float32]
    scale: float = 1.0
    preprocessing: str = ""


def as_bytes(reference: Reference) -> bytes:
    """Return the file: arrays by the names of the record, and the schema."""
    words = {name: np.array(getattr(reference, name)) for name in ("model", "layer", "preprocessing", "scale")}
    arrays: dict[str, Any] = {name: getattr(reference, name) for name in ("mean", "axes", "components", "points")}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, schema=np.array(SCHEMA), **words, **arrays)
    return file.getvalue()


def read_reference(path: Path) -> Reference:
    """Return what a file holds of a map. Raises OSError, ArrayFileError for what is not such a file, OptionError for a newer one."""
    arrays = ArrayFile(path)
    missing = [name for name in HELD if name not in arrays]
    if missing:
        raise ArrayFileError(f"it has no `{missing[0]}`")
    check_schema(path, _value(arrays["schema"], "schema", "iu"), SCHEMA, OptionError)
    return _checked(arrays)


def _checked(arrays: ArrayFile) -> Reference:
    """Return the record. Raises ArrayFileError where the arrays do not belong together."""
    mean, axes, components, points = (arrays[name] for name in ("mean", "axes", "components", "points"))
    flat = mean.ndim == 1 and axes.ndim == components.ndim == points.ndim == 2 and 0 not in points.shape
    if not flat or points.shape[1] != 2 or len(axes) != len(mean) or components.shape != (len(points), axes.shape[1]):
        told = ", ".join(f"`{name}` {arrays.headers[name].shape}" for name in ("mean", "axes", "components", "points"))
        raise ArrayFileError(f"its arrays do not match: {told}")
    for name, values in (("mean", mean), ("axes", axes), ("components", components), ("points", points)):
        if values.dtype.kind != "f" or not np.isfinite(values).all():
            raise ArrayFileError(f"`{name}` holds values that are not finite numbers")
    scale = float(_value(arrays["scale"], "scale", "f")) if "scale" in arrays else 1.0
    if not 0 < scale < np.inf:
        raise ArrayFileError(f"its scale is {scale:g}")
    model, layer, preprocessing = (
        str(_value(arrays[name], name, "U")) if name in arrays else "" for name in ("model", "layer", "preprocessing")
    )
    exact, drawn = (mean.astype(np.float64), axes.astype(np.float64)), (components.astype(np.float32), points.astype(np.float32))
    return Reference(model, layer, *exact, *drawn, scale, preprocessing)


def _value(array: NDArray[Any], name: str, kinds: str) -> Any:
    """Return the one value of an array. Raises ArrayFileError for several, and for another kind."""
    if array.shape != () or array.dtype.kind not in kinds:
        raise ArrayFileError(f"`{name}` is {array.dtype} of shape {array.shape}, but one value is expected")
    return texts(array.ravel())[0] if "U" in kinds else array.item()
