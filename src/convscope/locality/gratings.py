"""Gratings in what comes down a network: strides that do not divide their window, so that some places lie in more windows than others.

Source: Odena, Dumoulin & Olah 2016, "Deconvolution and checkerboard artifacts".
"""

from collections.abc import Iterable

import numpy as np

from ..graph.calls import Call
from .windows import stride_of, window_of


def gratings(calls: Iterable[Call]) -> dict[str, int]:
    """Return the period in pixels of the grating that each of the calls draws into what comes down it, by address, for those that do.

    `calls` in running order, as `Graph.ancestors` has them.
    """
    periods: dict[str, int] = {}
    steps: dict[int, tuple[float, float]] = {}
    for call in calls:
        if len(call.shape) != 4:
            continue
        before = [steps[source.call] for source in call.sources if source.call in steps] or [(1.0, 1.0)]
        rows, columns = (max(step[axis] for step in before) * stride_of(call, axis) for axis in (0, 1))
        steps[call.index] = rows, columns
        uneven = [step for axis, step in enumerate((rows, columns)) if _is_uneven(call, axis)]
        if uneven:
            periods[call.address] = round(max(uneven))
    return periods


def _is_uneven(call: Call, axis: int) -> bool:
    """Say whether some places of a call's input lie in more of its windows than others, except at the border."""
    window = window_of(call, axis)
    if window is None:
        return False
    size, stride, dilation = window
    return len(set(np.bincount(np.arange(size) * dilation % stride, minlength=stride))) > 1
