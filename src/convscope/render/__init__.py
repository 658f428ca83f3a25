"""Results -> pictures. Registers the writer and one drawing per method; their modules load at the first use.

A drawing takes a record and returns {file name: PIL image or text}, the main picture first. It sees records only, never
a model.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..registry import DRAWINGS
from . import writer

METHODS = ("activations", "deconv", "saliency", "ascend", "tsne", "top", "dossier")


def _drawing(name: str) -> Callable[..., Any]:
    def draw(result: Any, **options: Any) -> Any:
        return importlib.import_module(f"{__name__}.{name}").draw(result, **options)

    return draw


def _write_page(result: Any, folder: Path) -> list[Path]:
    return list(importlib.import_module(f"{__name__}.imagemap").write_page(result, folder))


DRAWINGS.register("writer", writer)
DRAWINGS.register("page", _write_page)
for _method in METHODS:
    DRAWINGS.register(_method, _drawing(_method))
