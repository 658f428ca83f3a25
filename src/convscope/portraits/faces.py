"""The other face of a unit: the images that excite it least; and what its portraits say of names."""

from pathlib import Path

import numpy as np

from ..formats.names_file import NAMES
from ..formats.run_folder import MANIFEST
from ..formats.trust_file import TABLE as TRUST
from ..hints import command
from ..results import Names, Weakest
from ..scanning import Run
from ..units import Unit
from .pictures import pictures_of

SHOWN = 9
OUTDATED = "The unit's name is of an earlier state of the run. Make names again: {}"


def weakest_of(run: Run, unit: Unit, count: int = SHOWN) -> Weakest | None:
    """Return the images that excite a unit least, among those whose values the run keeps; None for a run that keeps none.

    Images that are gone leave their places empty.
    """
    if not run.has_sample:
        return None
    found, unreadable = run.weakest(unit.layer, [unit.channel], count=count), dict[int, str]()
    images = found.images[0][found.images[0] >= 0]
    ids = [int(image) for image in images]
    pictures = pictures_of(run).readable(run, ids, unreadable)
    nothing = np.zeros((*run.fit.size, run.fit.channels), np.float32)
    return Weakest(
        images=images,
        names=tuple(run.name(image) for image in ids),
        labels=tuple(run.label(image) for image in ids),
        values=found.values[0][: len(ids)],
        pixels=np.stack([pictures.get(image, nothing) for image in ids]) if ids else nothing[None][:0],
        of=int(found.of[0]),
        said=found.said(0),
        missing=tuple(place for place, image in enumerate(ids) if image in unreadable),
    )


def latest(run: Run) -> Path:
    """Return the file of a run that changed last of those that its portraits show: what was drawn before that is drawn again."""
    known = [path for path in (run.path / MANIFEST, run.path / NAMES, run.path / TRUST) if path.is_file()]
    return max(known, key=lambda path: path.stat().st_mtime_ns, default=run.path / MANIFEST)


def names_notes(names: Names | None) -> tuple[str, ...]:
    """Return the sentence that belongs under names of an earlier state of the run, none for current ones."""
    return (OUTDATED.format(command("name RUN", "convscope.name(run)")),) if names is not None and names.outdated else ()
