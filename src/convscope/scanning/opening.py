"""The folder of a run that a user names, opened: what of it may be read, and which files it may name."""

from pathlib import Path, PurePath
from typing import Any

from ..files import as_path
from ..formats.run_folder import FEATURES, MANIFEST, NEEDED, faults_are_damage, is_run_folder, read_manifest
from ..formats.sample_file import SAMPLE
from ..images import as_image_set
from ..images.lists import is_list
from ..images.sources import places_in
from ..models.reload import model_file
from ..reach import allowing, is_open, is_within_reach, named_by, permit, user_path
from ..store import folder_of, is_uri, place_of
from .run import Allow, Run


def open_run(path: str | Path, *, images: Any = None, allow: Allow = ()) -> Run:
    """Return the run in a folder that `scan` wrote. `images`: the scanned images, if they have moved or exist only in memory.

    If you name the run, convscope opens its model and its images where they were. Both must have the digests that the run recorded. Other
    files that the run names open only in its folder, or in the files and folders of `allow`. So do all files of a run that a picture
    names. Raises ReplayError if the folder is not a run, is damaged, or was written by a newer convscope.
    """
    folder = user_path(path)
    allow = [allow] if isinstance(allow, str | Path) else list(allow)
    with allowing(allow), named_by(f"The run `{folder}`", folder):
        permit(folder / name for name in (MANIFEST, FEATURES, SAMPLE, *(f"{table}.parquet" for table in NEEDED)))
    manifest = read_manifest(folder)
    given = None if images is None else as_image_set(images)
    with faults_are_damage(folder / MANIFEST):
        return Run(folder, manifest, given, [*allow, *(_recorded_places(manifest) if is_open() else ())])


def _recorded_places(manifest: dict[str, Any]) -> list[str | Path]:
    """Return the model and the images of a run, of a list the folder too: only files with the digests of the run count."""
    images = list(places_in(manifest["given"] or ()))
    lists = [folder_of(one) for one in images if is_list(PurePath(place_of(one) if is_uri(one) else one))]
    return [*model_file(manifest["model"]), *images, *lists]


def as_run(run: Run | str | Path) -> Run:
    """Return a run, or the one in a folder."""
    return run if isinstance(run, Run) else open_run(run)


def is_run(path: str | Path) -> bool:
    """Say whether a path that may be opened is the folder of a run, even an unfinished or damaged one."""
    return is_within_reach(path) and is_run_folder(as_path(path))
