"""bfloat16 where the processor multiplies it natively and it is measured to be faster, float32 elsewhere."""

import contextlib
import functools
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import check_choice
from ..files import cache_folder, write_files
from ..json_files import read_json
from .lazy import device_name, engine, keras, ops
from .select import choose, versions

PRECISIONS = ("auto", "float32", "bfloat16")
COMPUTED = ("float32", "bfloat16")
# How much faster bfloat16 must be: it is coarser, and near a tie the choice would be a matter of luck.
LEAST_SPEEDUP = 1.2
ROUNDS = 12


def resolve_precision(wanted: str) -> str:
    """Turn "auto" into "float32" or "bfloat16" for the chosen backend and this processor.

    Processors without bfloat16 products only lose by it; on others a convolution is timed in both, once per machine, backend and
    release of it. Raises OptionError.
    """
    check_precision(wanted)
    if wanted != "auto":
        return wanted
    device = device_name()
    if device == "cpu" and not native_bfloat16():
        return "float32"
    return remembered(_key(device), measured)


def check_precision(wanted: str) -> None:
    """Raise OptionError for a precision that does not exist."""
    check_choice("precision", wanted, PRECISIONS)


def remembered(key: str, measure: Callable[[], dict[str, float]]) -> str:
    """Return the faster precision on the machine that `key` names: as an earlier run found it, or as `measure` finds it now.

    The user's cache keeps the answer, so that the same request computes alike tomorrow. If the cache cannot be written, each process
    measures.
    """
    path = cache_folder() / "precision.json"
    try:
        known = read_json(path)
        seconds = {precision: float(known[key][precision]) for precision in COMPUTED}
    except (OSError, ValueError, KeyError, TypeError):
        known, seconds = {}, measure()
        with contextlib.suppress(OSError, ValueError):
            known = read_json(path)
        with contextlib.suppress(Exception):
            write_files({path: json.dumps((known if isinstance(known, dict) else {}) | {key: seconds}, indent=1).encode()})
    return "bfloat16" if seconds["bfloat16"] * LEAST_SPEEDUP < seconds["float32"] else "float32"


@functools.cache
def measured() -> dict[str, float]:
    """Return the seconds of a convolution with its input gradient in each precision: the least of a few turns, taken alternately.

    On a processor only the seconds of this process count, so that other work on the machine hardly affects the choice.
    """
    clock = time.process_time if device_name() == "cpu" else time.perf_counter
    image = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(4, 64, 64, 64)).astype(np.float32))
    turns = {precision: _convolution(precision) for precision in COMPUTED}
    seconds = dict.fromkeys(turns, float("inf"))
    for count in range(ROUNDS + 1):
        for precision, turn in turns.items():
            began = clock()
            ops.convert_to_numpy(turn(image)[1])
            if count:  # the first turn compiles
                seconds[precision] = min(seconds[precision], clock() - began)
    return seconds


def _convolution(precision: str) -> Callable[[Any], tuple[Any, Any]]:
    policy = keras.DTypePolicy("float32" if precision == "float32" else "mixed_bfloat16")
    layer = keras.layers.Conv2D(64, 3, padding="same", dtype=policy)
    layer.build((4, 64, 64, 64))
    computed = engine().lean(layer, precision) or layer

    def summed(value: Any) -> tuple[Any, Any]:
        total = ops.sum(ops.cast(computed(value), "float32"))
        return total, total

    compiled: Callable[[Any], tuple[Any, Any]] = engine().compiled(engine().value_and_gradient(summed))
    return compiled


def _key(device: str) -> str:
    backend, released = choose(), versions()
    releases = [f"{name} {released[name]}" for name in (backend, f"{backend}-cpu", "keras", "convscope") if name in released]
    return ", ".join([backend, *releases, device, processor(), f"{os.cpu_count()} threads"])


def processor() -> str:
    """Return the processor's name, with family and model where Linux tells them."""
    with contextlib.suppress(OSError):
        lines = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
        told = {name.strip(): value.strip() for name, value in lines.items()}
        return " ".join(told[name] for name in ("model name", "cpu family", "model") if name in told)
    return platform.processor() or platform.machine()


@functools.cache
def native_bfloat16() -> bool:
    """Say whether this processor has bfloat16 dot products (AVX-512 BF16 or AMX); False if that is unknown."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
