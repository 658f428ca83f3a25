"""What may be opened because a file names it: what lies in the folder of that file, what convscope brings along, and what the user allows.

A picture, a run or a list may come from anybody, and names a model, images, labels, a scan. Every door through which a path is opened asks
here. What the user names is always open.
"""

import contextlib
import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from . import assets
from .errors import ReachError
from .files import as_path
from .legible import shortened
from .store import is_uri, place_of

# How far something is from this process: an engine's workers, and who can read an image. From near to far.
PROCESS, MACHINE, EVERYWHERE = "this process", "this machine", "everywhere"
# Shows the question and says whether the user's answer is yes.
Ask = Callable[[str], bool]
# How many paths a sentence names, and the most letters it takes for them.
NAMED, LONGEST = 4, 600


@dataclass(frozen=True)
class _User:
    """What the user allows, how to ask for more, and what was allowed when asked."""

    allowed: frozenset[Path] = frozenset()
    ask: Ask | None = None
    answered: set[Path] = field(default_factory=set)


@dataclass(frozen=True)
class _Naming:
    """What names paths now, in words, and the places that it may name."""

    noun: str
    places: frozenset[Path]


_user: ContextVar[_User | None] = ContextVar("user", default=None)
_naming: ContextVar[_Naming | None] = ContextVar("naming", default=None)


@contextlib.contextmanager
def allowing(allow: str | Path | Iterable[str | Path], ask: Ask | None = None) -> Iterator[None]:
    """Open what files name in these files and folders too, while the `with` lasts; `ask`: whoever can be asked for what lies elsewhere."""
    outer = _user.get() or _User()
    allowed = outer.allowed | _places([allow] if isinstance(allow, str | Path) else allow)
    token = _user.set(_User(allowed, ask or outer.ask, outer.answered))
    try:
        yield
    finally:
        _user.reset(token)


@contextlib.contextmanager
def named_by(noun: str, folder: Path) -> Iterator[None]:
    """Let paths be opened only in `folder` and where the user allows it while the `with` lasts: a file in that folder names them.

    `noun`: what names them, such as "The picture `a.png`". Where a file names another one that names more, the places of both are open.
    """
    outer = _naming.get()
    token = _naming.set(_Naming(noun, frozenset(_places([folder])) | (outer.places if outer else _places([assets.path("")]))))
    try:
        yield
    finally:
        _naming.reset(token)


def user_path(path: str | Path) -> Path:
    """Return a path that the user or a file names, `~` replaced. Raises ReachError where a file names it and it may not be opened."""
    permit([path])
    return as_path(path)


def is_open() -> bool:
    """Say whether anything may be opened, because the user names it."""
    return _naming.get() is None


def is_within_reach(path: str | Path) -> bool:
    """Say whether a path may be opened now, without asking."""
    return not _beyond([path])


def permit(paths: Iterable[str | Path]) -> None:
    """Ask the user, once for all of them, for those of the paths that may not be opened; raise ReachError where nobody says yes."""
    beyond = _beyond(paths)
    if not beyond:
        return
    naming, user = _naming.get(), _user.get() or _User()
    assert naming is not None
    count = "a file or folder" if len(beyond) == 1 else f"{len(beyond):,} files or folders"
    shown = ", ".join(f"`{shortened(one, LONGEST // NAMED)}`" for one in beyond[:NAMED])
    shown += f" and {len(beyond) - NAMED:,} more" if len(beyond) > NAMED else ""
    said = f"{naming.noun} names {count} outside its folder: {shown}."
    if user.ask is not None and user.ask(f"{said} Open {'it' if len(beyond) == 1 else 'them'}?"):
        user.answered.update(_places(beyond))
        return
    allow = shortened(" ".join(f"--allow {shlex.quote(one)}" for one in _folders(beyond)), LONGEST)
    raise ReachError(
        f"{said} convscope opens only files in its folder, and files that you allow. If you trust whoever made it, add: {allow} "
        "(in Python: `allow=` of `replay` or `open_run`)."
    )


def _beyond(paths: Iterable[str | Path]) -> list[str]:
    """Return those of the paths, absolute, that may not be opened now, of a link inside what it leads to.

    What is spelled as outside is not looked at.
    """
    naming, user = _naming.get(), _user.get() or _User()
    if naming is None:
        return []
    places = naming.places | user.allowed | user.answered
    folders, beyond = dict[str, bool](), dict[str, None]()
    for path in paths:
        spelled = _spelled(path)
        folder = os.path.dirname(spelled)  # noqa: PTH120
        if folder not in folders:
            folders[folder] = _is_inside(folder, places)
        if not (folders[folder] and not os.path.islink(spelled)) and not _is_inside(spelled, places):  # noqa: PTH114 (of many pictures)
            beyond[_real(spelled) if _lies_in(Path(spelled), places) else spelled] = None
    return list(beyond)


def _is_inside(spelled: str, places: frozenset[Path]) -> bool:
    """Say whether a path lies in one of the places, and still does when its links are followed."""
    return _lies_in(Path(spelled), places) and _lies_in(Path(_real(spelled)), places)


def _real(spelled: str) -> str:
    if is_uri(spelled):
        return spelled
    try:
        return os.path.realpath(spelled)
    except (OSError, ValueError):  # what no file can be called: whatever opens it says so
        return spelled


def _lies_in(path: Path, places: frozenset[Path]) -> bool:
    return not places.isdisjoint((path, *path.parents))


def _places(paths: Iterable[str | Path]) -> set[Path]:
    """Return paths as they are spelled, and as they are when their links are followed."""
    spelled = [_spelled(one) for one in paths]
    return {Path(one) for one in (*spelled, *map(_real, spelled))}


def _spelled(path: str | Path) -> str:
    return place_of(path) if is_uri(path) else os.path.abspath(as_path(path))  # noqa: PTH100 (no file is looked at)


def _folders(paths: list[str]) -> list[str]:
    """Return what to allow: the paths themselves, the folders of many, or the first of these."""
    return paths if len(paths) <= NAMED else list(dict.fromkeys(os.path.dirname(one) for one in paths))[:NAMED]  # noqa: PTH120
