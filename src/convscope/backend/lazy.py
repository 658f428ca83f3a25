"""Keras, imported at its first use and never before a backend is chosen."""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .select import choose


class _Lazy:
    """Stands for a module until one of its names is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if self._name not in sys.modules:
            choose()
            with _quiet_import():
                importlib.import_module(self._name)
        return getattr(sys.modules[self._name], attribute)


@contextlib.contextmanager
def _quiet_import() -> Iterator[None]:
    """Drop what TensorFlow's C++ prints about oneDNN while it loads: no setting reaches it that early. Exceptions still pass."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


if TYPE_CHECKING:
    keras: Any
    ops: Any
else:
    keras = _Lazy("keras")
    ops = _Lazy("keras.ops")
