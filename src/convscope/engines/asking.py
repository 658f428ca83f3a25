"""What workers compute with, asked before the work begins."""

from .. import backend
from .engine import EVERYWHERE, Engine, reach_of, results_of


def kind_of_workers(engine: Engine, precision: str) -> dict[str, str]:
    """Return what the workers of an engine compute with: what this process does, or the first of those on other machines.

    `precision`: "auto" or one of its values. Raises OptionError.
    """
    backend.check_precision(precision)
    if reach_of(engine) != EVERYWHERE:
        return backend.worker_kind(precision)
    with results_of(engine, backend.worker_kind, [precision]) as answers:
        return dict(next(answers))
