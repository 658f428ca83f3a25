"""Mutated model files, `.h5` and `.keras`, of HDF5's old style and its new ones: each loads or is refused, and leaves no trace."""

import functools
import tempfile
from pathlib import Path

from models import isolated, mutations

SHORT = 60


@functools.cache
def seeds() -> list[Path]:
    """Return the healthy files that the mutations start from, written once a process."""
    return mutations.seeds(Path(tempfile.mkdtemp()))


@functools.cache
def recorder() -> isolated.Recorder:
    """Return what hears programs that start, addresses that are called and files that are opened."""
    import h5py  # noqa: F401, so that it is not counted as a file's doing

    return isolated.Recorder(isolated.tempfolder())


def attempt(number: int, folder: Path) -> str:
    """Load the mutated file of that number."""
    path = mutations.mutate(seeds(), number, folder)
    outcome = isolated.tried(recorder(), path)
    assert not (faults := outcome.faults()), "\n".join(faults)
    return f"{path.name.split('-')[1]} {outcome.kind}"
