"""`keras.applications` by name, with weights from Keras' own cache; downloads only where `fetch` asks for them."""

import contextlib
import inspect
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..backend import imported, keras
from ..errors import ModelError

PROBE_SECONDS = 8.0
FILES = "keras.src.utils.file_utils"  # where Keras downloads


class _NotCached(Exception):
    """Raised inside an application's constructor in place of a download."""


def names() -> list[str]:
    """Return the names of the architectures in keras.applications, as Keras spells them."""
    return [name for name, item in vars(keras.applications).items() if name[0].isupper() and inspect.isfunction(item)]


def find(name: str) -> str | None:
    """Return Keras' spelling of a name in any case, with or without dashes; None if it is unknown."""
    return next((one for one in names() if one.lower() == plain(name)), None)


def plain(name: str) -> str:
    """Return a name without what spellings differ in."""
    return name.lower().replace("-", "").replace("_", "")


def cache_folder() -> Path:
    """Return the folder where Keras keeps the weights of its applications."""
    home = imported("keras.src.backend.config").keras_home()  # honours KERAS_HOME; Keras has no public name for it
    return Path(home) / "models"


def build(application: str, weights: str | None, *, include_top: bool = True, classes: int | None = None) -> Any:
    """Return the network; its input is called `image` and has a free size where there is no top."""
    constructor = getattr(keras.applications, application)
    if include_top:
        return constructor(weights=weights) if classes is None else constructor(weights=weights, classes=classes)
    return constructor(weights=weights, include_top=False, input_tensor=keras.Input((None, None, 3), name="image"))


def is_cached(application: str) -> bool:
    """Say whether Keras' cache holds the full network, with its classes; a look at file names only."""
    files = [plain(path.name) for path in cache_folder().glob("*")]
    return any(plain(application) in name and "notop" not in name for name in files)


def cached(application: str) -> Any | None:
    """Return the network with ImageNet weights from Keras' own cache, None if they are not there. Downloads nothing."""
    if not is_cached(application):
        return None  # saves building a network of hundreds of megabytes only to learn that its file is missing
    try:
        with _get_file(_only_cached):
            return build(application, "imagenet")
    except _NotCached:
        return None


def fetch(application: str, probe_seconds: float = PROBE_SECONDS) -> Path:
    """Download an application's ImageNet weights into Keras' cache, by Keras' own code; return the cache folder.

    Raises ModelError within `probe_seconds` when the server cannot be reached.
    """
    file_utils = imported(FILES)
    download = file_utils.urlretrieve

    def probing(origin: str, target: str, hook: Any = None) -> Any:
        _probe(origin, probe_seconds)
        return download(origin, target, hook)

    file_utils.urlretrieve = probing
    try:
        build(application, "imagenet")
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"The download of {application} failed: {error}. Try again. Complete files are kept.") from error
    finally:
        file_utils.urlretrieve = download
    return cache_folder()


def _probe(origin: str, seconds: float) -> None:
    """Open the address once in a thread that is given up after `seconds`: a name look-up has no time-out of its own."""
    outcome: list[str | None] = []

    def attempt() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(origin, method="HEAD"), timeout=seconds):
                outcome.append(None)
        except urllib.error.HTTPError as error:
            outcome.append(f"the server answered {error.code}")
        except OSError as error:
            outcome.append(str(getattr(error, "reason", error)))

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    reason = outcome[0] if outcome else f"no answer within {seconds:g} seconds"
    if reason is not None:
        raise ModelError(
            f"The weights could not be downloaded ({reason}). Check the network and try again, "
            f"or copy the file into {cache_folder()} from another machine."
        )


@contextlib.contextmanager
def _get_file(replacement: Callable[..., str]) -> Iterator[None]:
    """Put `replacement` where keras.applications looks for its download function, for the length of a `with`."""
    file_utils = imported(FILES)
    original = file_utils.get_file
    file_utils.get_file = replacement
    try:
        yield
    finally:
        file_utils.get_file = original


def _only_cached(fname: str, origin: str | None = None, *_: Any, cache_subdir: str = "datasets", **__: Any) -> str:
    path = cache_folder().parent / cache_subdir / fname
    if not path.is_file():
        raise _NotCached(fname)
    return str(path)
