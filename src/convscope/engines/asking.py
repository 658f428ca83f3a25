"""What workers compute with, asked before the work begins."""

import contextlib
from typing import Any

from .. import backend
from .engine import EVERYWHERE, Engine, reach_of


def kind_of_workers(engine: Engine, precision: str) -> dict[str, str]:
    """Return what the workers of an engine compute with: what this process does, or the first of those on other machines.

    `precision`: "auto" or one of its values. Raises OptionError.
    """
    backend.check_precision(precision)
    if reach_of(engine) != EVERYWHERE:
        return backend.worker_kind(precision)
    answers: Any = engine.map(backend.worker_kind, [precision])
    with contextlib.closing(answers) if hasattr(answers, "close") else contextlib.nullcontext():
        return dict(next(answers))
