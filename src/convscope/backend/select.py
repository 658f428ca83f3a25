"""Which framework computes: KERAS_BACKEND if it is set, else the first installed of TensorFlow, PyTorch, JAX."""

import importlib.util
import os
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from ..errors import BackendError
from .protocol import Engine

if TYPE_CHECKING:
    from . import jax_engine, tensorflow_engine, torch_engine

    # A module that says less, or otherwise, is refused by mypy.
    _TENSORFLOW: Engine = tensorflow_engine
    _TORCH: Engine = torch_engine
    _JAX: Engine = jax_engine

PREFERENCE = ("tensorflow", "torch", "jax")
INSTALL = 'pip install "convscope[tensorflow]"'
REPORTED = (
    "convscope",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "torch",
    "jax",
    "numpy",
    "scipy",
    "pillow",
    "matplotlib",
    "scikit-learn",
    "scikit-learn-intelex",
    "openTSNE",
)


def installed() -> list[str]:
    """Return the installed backends in order of preference, without importing any."""
    return [name for name in PREFERENCE if importlib.util.find_spec(name) is not None]


def choose() -> str:
    """Settle the backend before Keras is imported and return its name; raise BackendError if none can be used."""
    if "keras" in sys.modules:
        return str(sys.modules["keras"].config.backend())
    available = installed()
    wanted = os.environ.get("KERAS_BACKEND")
    if wanted and wanted not in PREFERENCE:
        raise BackendError(f"KERAS_BACKEND is `{wanted}`; convscope runs on {', '.join(PREFERENCE)}. Set it to one of these.")
    if wanted and wanted not in available:
        raise BackendError(
            f"KERAS_BACKEND is `{wanted}`, which is not installed. "
            f'Install it with: pip install "convscope[{wanted}]", or unset KERAS_BACKEND.'
        )
    if not available:
        raise BackendError(
            f"No deep-learning backend is installed; convscope needs one of {', '.join(PREFERENCE)}. Install one with: {INSTALL}"
        )
    chosen = wanted or available[0]
    os.environ["KERAS_BACKEND"] = chosen
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    return chosen


def versions() -> dict[str, str]:
    """Return the versions of the packages that can change a picture."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    found = {}
    for package in REPORTED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
