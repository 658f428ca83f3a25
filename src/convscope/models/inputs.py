"""Networks of several inputs: which one takes the picture, and what the others are given."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..array_files import ArrayFileError, read_array
from ..errors import ModelError, OptionError
from ..numerals import real
from ..reach import user_path
from .tracing import operation_of

IMAGE = "image"
Fixed = dict[str, NDArray[np.float32]]


def as_inputs(given: Any, network: Any) -> tuple[str, Fixed]:
    """Return the name of the input that takes pictures, and the values (without batch) of those that the user fixed.

    `given`: a mapping of names to "image", a number (for all places), nested lists or an `.npy` file; or strings "NAME=VALUE".
    Raises OptionError for what does not fit, ModelError for a network without an input for pictures.
    """
    given = [given] if isinstance(given, str) else given
    wanted = dict(_split(one) for one in given) if isinstance(given, list | tuple) else dict(given or {})
    shapes = {operation_of(tensor).name: tuple(tensor.shape[1:]) for tensor in network.inputs}
    for name in wanted:
        if name not in shapes:
            raise OptionError(f"`{network.name}` has no input `{name}`. Its inputs are {', '.join(shapes)}.")
    named = [name for name, value in wanted.items() if isinstance(value, str) and value == IMAGE]
    pictures = named or [name for name, shape in shapes.items() if len(shape) == 3 and name not in wanted]
    others = [name for name, shape in shapes.items() if len(shape) in (2, 4) and name not in wanted]
    if len(named) > 1:
        raise OptionError(f"Received {len(named)} inputs for the image: {', '.join(named)}. Expected one.")
    if not pictures and not others and len(wanted) == len(shapes):
        raise OptionError(f"All inputs of `{network.name}` have a value. Leave one for the image, or add {next(iter(shapes))}=image.")
    if not pictures and not others:
        raise ModelError(
            f"`{network.name}` does not take an image. Expected an input (height, width, channels), received {list(shapes.values())}."
        )
    return (pictures or others)[0], {name: _value(name, value, shapes[name]) for name, value in wanted.items() if name not in named}


def _split(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise OptionError(f"Received `{text}` as an input. Expected NAME=VALUE, for example age=0.5, view=image or mask=mask.npy.")
    return name, value


def _value(name: str, value: Any, shape: tuple[int | None, ...]) -> NDArray[np.float32]:
    if None in shape:
        raise OptionError(f"The input `{name}` has a free size {shape}, but a fixed value needs a fixed size.")
    try:
        array = read_array(user_path(value)) if isinstance(value, str) and value.endswith(".npy") else _numbers(value)
        if array.dtype.kind not in "biuf":
            raise ArrayFileError(f"it holds {array.dtype}")
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise OptionError(
            f"`{value}` is not a value for the input `{name}`: {said}. Expected a number, a list of numbers, or an .npy file."
        ) from error
    if array.ndim and array.shape != shape:
        raise OptionError(f"The input `{name}` takes {shape}, but received {array.shape}.")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise OptionError(f"The input `{name}` has a value that is not finite in float32. Expected finite numbers.")
    return np.broadcast_to(array, tuple(side or 0 for side in shape)).copy()


def _numbers(value: Any) -> NDArray[Any]:
    if isinstance(value, str):
        numbers = [real(one) for one in value.strip("[]").split(",")]
        return np.asarray(numbers if len(numbers) > 1 else numbers[0])
    return np.asarray(value, dtype=np.float64)
