"""Class names from a file: a text file with a line for each, or JSON in any of the forms in which people keep them."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..json_files import JsonError, parse_json
from ..reach import user_path

MOST_BYTES = 64 * 2**20
EXPECTED_LABELS = (
    'Expected a text file with one name per line, or JSON: a list of names, {"0": "cat", ...}, {"cat": 0, ...} or ImageNet\'s '
    '{"0": ["n02123045", "tabby"], ...}'
)


def read_labels(path: Path) -> list[str]:
    """Return the class names in a file, in the order of the outputs. Raises OptionError, ReachError."""
    path = user_path(path)
    try:
        if path.exists() and not path.is_file():
            raise JsonError("it is a folder, a pipe or a device, not a file")
        with path.open("rb") as file:
            data = file.read(min(MOST_BYTES, path.stat().st_size) + 1)
        if len(data) > MOST_BYTES:
            raise JsonError(f"it has more than {MOST_BYTES:,} bytes")
        names = _listed(parse_json(data)) if path.suffix.lower() == ".json" else data.decode("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise OptionError(f"Could not read labels from `{path}`: {reason}. {EXPECTED_LABELS}.") from error
    names = [name.strip() for name in names if path.suffix.lower() == ".json" or name.strip()]
    if not names:
        raise OptionError(f"`{path}` holds no labels. {EXPECTED_LABELS}.")
    return names


def _listed(found: Any) -> list[str]:
    """Return the names that JSON holds, in order; raise JsonError for any other form."""
    if isinstance(found, dict) and _is_numbering(found.values()):  # Keras' class_indices
        found = {str(number): name for name, number in found.items()}
    if isinstance(found, dict):
        numbers = [str(number) for number in range(len(found))]
        if set(found) != set(numbers):
            raise JsonError(f"its keys are not the numbers 0 to {len(found) - 1}, each once")
        found = [found[number] for number in numbers]
    if not isinstance(found, list):
        raise JsonError(f"it holds {_kind(found)}")
    names = [one[-1] if isinstance(one, list) and one else one for one in found]
    odd = next((place for place, name in enumerate(names) if not isinstance(name, str) and not _is_number(name)), None)
    if odd is not None:
        raise JsonError(f"its entry {odd} is {_kind(names[odd])}, not a name")
    return [str(name) for name in names]


def _is_numbering(values: Collection[Any]) -> bool:
    """Say whether these are the whole numbers from 0 on, each once."""
    numbers = [value for value in values if type(value) is int]
    return sorted(numbers) == list(range(len(values)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "an empty list", str: "one text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "one number")
