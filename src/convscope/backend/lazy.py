"""Keras and the engine of the framework, imported at their first use: never before a backend is chosen, and without its chatter."""

import contextlib
import importlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .protocol import Engine
from .select import choose


class _Lazy:
    """Stands for a module until one of its names is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(imported(self._name), attribute)


def imported(name: str) -> Any:
    """Return a module that loads the framework, by its full name. Keras picks a framework by itself if it is imported in any other way."""
    if name not in sys.modules:
        choose()
        with _quiet_import():
            importlib.import_module(name)
    return sys.modules[name]


def engine() -> Engine:
    """Return the module of this room that speaks the chosen framework."""
    module: Any = imported(f"{__package__}.{choose()}_engine")
    return module


def device_name() -> str:
    """Return the framework's name for the device that computes, for the provenance."""
    return engine().device()


# How TensorFlow's C++, and what it loads, begin a line about their own start.
CHATTER = re.compile(
    rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] |[IWE]\d{4} \d\d:\d\d:\d\d|WARNING: All log messages before absl|"
    rb"To enable the following instructions|If you cannot immediately regenerate|computation_placer\.cc)"
)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Drop what a framework prints about its start to standard error while somebody else's code is imported; all else passes after."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            for line in caught:
                if not CHATTER.match(line):
                    os.write(2, line)


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
