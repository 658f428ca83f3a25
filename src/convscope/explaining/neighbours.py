"""The nearest images of a run in feature space: what the network takes for like an image."""

import numpy as np

from ..errors import ImageError, ModelError
from ..graph.tensors import to_array
from ..network.entering import network_input
from ..network.features import averaged, feature_call
from ..network.network import Network
from ..portraits.pictures import pictures_of
from ..projection.compiled import maps_of
from ..results import FloatArray, Neighbour
from ..scanning import Run

ROWS_AT_ONCE = 65_536


def nearest_images(network: Network, run: Run, image: FloatArray, count: int, own: str) -> tuple[Neighbour, ...]:
    """Return the images of a run whose features are nearest to those of an image, (1, height, width, channel), the nearest first.

    `own`: the name of the image; one of the run that is the same to the feature, and called so, is left out. Raises ModelError where the
    run's features are others.
    """
    call = feature_call(network.graph, None)
    (value,) = maps_of(network, network_input(network.bundle, image), [call])
    wanted = to_array(averaged(value))[0]
    if run.features.shape[1] != len(wanted):
        raise ModelError(
            f"The run `{run.path}` has {run.features.shape[1]} features an image, but `{call.address}` has {len(wanted)}. "
            "Scan with this network."
        )
    ids = np.asarray(run.ids)
    distances = np.full(len(ids), np.inf)
    for start in range(0, len(ids), ROWS_AT_ONCE):
        some = ids[start : start + ROWS_AT_ONCE]
        distances[start : start + ROWS_AT_ONCE] = np.linalg.norm(np.asarray(run.features[some], np.float64) - wanted, axis=1)
    order = np.argsort(np.nan_to_num(distances, nan=np.inf), kind="stable")
    scale = float(np.linalg.norm(wanted)) or 1.0
    found: list[Neighbour] = []
    for place in order:
        if len(found) == count or not np.isfinite(distances[place]):
            break
        number = int(ids[place])
        if distances[place] <= 1e-3 * scale and run.name(number).rpartition("/")[2] == own.rpartition("/")[2]:
            continue
        found.append(Neighbour(run.name(number), run.label(number), run.prediction(number), float(distances[place]), _picture(run, number)))
    return tuple(found)


def _picture(run: Run, image: int) -> FloatArray:
    try:
        return pictures_of(run).of(run, image)
    except ImageError:
        return np.zeros((0, 0, run.fit.channels), np.float32)
