"""The processors of this machine, and how workers share them."""

import contextlib
import os
from collections.abc import Iterator, Mapping


def available_cpus() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def with_threads(count: int) -> dict[str, str]:
    """Return the variables by which TensorFlow and PyTorch compute with so many threads, if they are set before either is imported.

    Workers that each use all cores slow one another down. JAX reads no such variable.
    """
    return {"TF_NUM_INTRAOP_THREADS": str(count), "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": str(count)}


@contextlib.contextmanager
def inherited(variables: Mapping[str, str]) -> Iterator[None]:
    """Let processes that begin within the `with` find these variables, except those that the user has set."""
    new = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)
