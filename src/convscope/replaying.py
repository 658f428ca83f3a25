"""Make a written picture again from what it says about itself."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .catalogue import METHODS
from .errors import ReplayError
from .formats.picture import EXPECTED, read_provenance
from .images.sources import places_of
from .method import DRAWING, Method
from .models.reload import files_of, reload_model
from .options import FOLDER, IMAGES, RUN
from .reach import allowing, named_by, permit
from .render import writer
from .requests import Request
from .results import Result

# What calling a method with values that it does not expect may raise.
UNEXPECTED = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)


def replay(
    path: str | Path,
    *,
    model: str | Path | None = None,
    custom: Any = (),
    unsafe: bool = False,
    allow: str | Path | Iterable[str | Path] = (),
) -> Result:
    """Return the result behind a picture that convscope wrote (PNG, SVG, PDF, or the JSON sidecar), computed again.

    convscope looks for the model and the images where they were. They must be the same to the bit. On the same machine the saved result
    is then the same to the byte.

    - `model`: the model file, if it has moved.
    - `allow`: files and folders that the picture may open. A picture may come from anybody, so other files open only in its own folder or
      below.
    - `custom`, `unsafe`: as for `load`. A picture never names code that runs.

    Raises ReplayError, and the errors of the method.
    """
    path = Path(path)
    recorded = read_provenance(path)
    try:
        with allowing(allow), allowing(() if model is None else model), named_by(f"The picture `{path.name}`", path.parent):
            return _again(recorded, path, model, custom, unsafe)
    except UNEXPECTED as error:
        raise ReplayError(
            f"The provenance of `{path}` is incomplete, or another release wrote it: {type(error).__name__} {error}. "
            "Expected a picture of this release, or the JSON beside it."
        ) from error


def _again(recorded: dict[str, Any], path: Path, model: str | Path | None, custom: Any, unsafe: bool) -> Result:
    method = METHODS.get(recorded["method"])
    parameters = method.in_todays_words(recorded["parameters"])
    _check_parameters(method, parameters)
    permit(_files_of(method, recorded, parameters, model))
    bundle = None  # as for a map of features
    if recorded["model"]:
        bundle = reload_model(recorded["model"], "picture", custom, unsafe, model)
    inputs = tuple(_images(recorded) if name == "images" else parameters.pop(name) for name in method.takes)
    result = Request(method, inputs, parameters, bundle).result()
    if [one["digest"] for one in result.provenance.inputs] != [one["digest"] for one in recorded["inputs"]]:
        raise ReplayError(f"The inputs of `{path}` have changed: {_given(recorded)}. Restore the originals.")
    return result


def _check_parameters(method: Method, parameters: Any) -> None:
    """Raise ReplayError for parameters that the method does not record."""
    known = {*method.parameters, *method.takes, *(option.name for option in DRAWING)}
    odd = next((name for name in parameters if name not in known), None)
    if odd is not None:
        raise ReplayError(f"The picture names the parameter `{odd}`, which {method.name} does not have. {EXPECTED}")


def _files_of(method: Method, recorded: dict[str, Any], parameters: dict[str, Any], model: str | Path | None) -> Iterator[str | Path]:
    """Yield all files and folders that a picture names, so that they are asked for at once; each door asks again."""
    if recorded["model"]:
        yield from files_of(recorded["model"], model)
    named: dict[str, list[str]] = {option.names: [] for option in method.options} | {IMAGES: _given(recorded)}
    for option in method.options:
        value = parameters.get(option.name)
        if value and option.names:
            named[option.names] += [value] if isinstance(value, str) else value
    yield from places_of(named[IMAGES])
    yield from (path for kind in (RUN, FOLDER) for path in named.get(kind, ()))


def same_bytes(result: Result, path: str | Path) -> bool:
    """Say whether `result` would be written to exactly the bytes of the picture at `path`."""
    path = Path(path)
    recorded = read_provenance(path)
    return writer.picture_bytes(result, recorded.get("picture"), path.suffix) == path.read_bytes()


def differences(result: Result, path: str | Path) -> str:
    """Return what changed of all that decides the bytes since the picture at `path` was made, in words; "" where nothing is known."""
    recorded = read_provenance(Path(path))
    words = []
    for name in ("backend", "versions"):
        before, now = recorded.get(name), getattr(result.provenance, name)
        before = before if isinstance(before, dict) else {}
        keys = [key for key in {**now, **before} if before.get(key) != now.get(key)]
        words += [f"{key} {before.get(key, 'none')}, now {now.get(key, 'none')}" for key in keys]
    return "; ".join(words)


def _given(recorded: dict[str, Any]) -> list[str]:
    return [path for one in recorded["inputs"] for path in one["given"] or ()]


def _images(recorded: dict[str, Any]) -> list[str]:
    if any(not one["given"] for one in recorded["inputs"]):
        raise ReplayError("The picture was made from arrays in memory, which no file holds. Make it from image files to replay it.")
    return _given(recorded)
