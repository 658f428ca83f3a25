"""The only room that knows TensorFlow, JAX or PyTorch.

`keras` and `ops` are handed out from here, and are imported at their first use: the backend is chosen before Keras is, and
nothing heavy loads before it is needed.
"""

from .failures import compiled, failure
from .lazy import device_name, engine, imported, keras, ops, quietly
from .memory import available_memory
from .precision import check_precision, native_bfloat16, resolve_precision
from .protocol import Engine
from .select import choose, installed, versions
from .worker import check_worker, worker_kind

__all__ = [
    "Engine",
    "available_memory",
    "check_precision",
    "check_worker",
    "choose",
    "compiled",
    "device_name",
    "engine",
    "failure",
    "imported",
    "installed",
    "keras",
    "native_bfloat16",
    "ops",
    "quietly",
    "resolve_precision",
    "versions",
    "worker_kind",
]
