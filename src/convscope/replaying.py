"""Make a written picture again from what it says about itself."""

from pathlib import Path
from typing import Any

from .catalogue import METHODS
from .errors import ReplayError
from .models.again import load_again
from .render import writer
from .results import Result


def replay(path: str | Path, *, custom: Any = (), unsafe: bool = False) -> Result:
    """Return the result behind a picture that convscope wrote (PNG, SVG, PDF, or the JSON sidecar), computed again.

    The model and the images are looked for where they were, and must be the same to the bit; on the same machine the saved result
    then is the same to the byte. A picture never names code that runs: where its model needs the user's own layers, or the code in the
    file, `custom` and `unsafe` say so again, as for `load`. Raises ReplayError, and what the method raises.
    """
    recorded = writer.read_provenance(Path(path))
    try:
        return _again(recorded, path, custom, unsafe)
    except (KeyError, TypeError, AttributeError) as error:
        raise ReplayError(
            f"What `{path}` says of how it was made is incomplete, or another release wrote it: {type(error).__name__} {error}. "
            "Expected a picture of this release, or the JSON beside it."
        ) from error


def _again(recorded: dict[str, Any], path: str | Path, custom: Any, unsafe: bool) -> Result:
    method = METHODS.get(recorded["method"])
    bundle = load_again(recorded["model"], "picture", custom, unsafe) if recorded["model"] else None  # a map of features has none
    parameters = dict(recorded["parameters"])
    taken = [_images(recorded) if name == "images" else parameters.pop(name) for name in method.takes]
    result = method.run(bundle, *taken, **parameters)
    if [one["digest"] for one in result.provenance.inputs] != [one["digest"] for one in recorded["inputs"]]:
        raise ReplayError(f"What `{path}` was made from has changed since: {_images(recorded)}. Put the same ones back.")
    return result


def same_bytes(result: Result, path: str | Path) -> bool:
    """Say whether `result` would be written to exactly the bytes of the picture at `path`."""
    path = Path(path)
    recorded = writer.read_provenance(path)
    return writer.picture_bytes(result, recorded.get("picture"), path.suffix) == path.read_bytes()


def _images(recorded: dict[str, Any]) -> list[str]:
    given = [path for one in recorded["inputs"] for path in one["given"] or [None]]
    if None in given:
        raise ReplayError("The picture was made from arrays in memory, which no file holds. Make it from image files to replay it.")
    return given
