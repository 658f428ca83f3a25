"""The one door to JSON. What others wrote is bounded in size, values and depth, so that no file exhausts memory or the stack; what
convscope writes is clean text.
"""

import json
import math
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST_BYTES = 256 * 2**20
# Each value takes up to some 100 bytes once it is read.
MOST_VALUES = 4_000_000
DEEPEST = 200
LONGEST_NUMBER = 400


class JsonError(ValueError):
    """Text that is not JSON, or more of it than is read. The message is the end of a sentence: "it is not JSON: ..."."""


def read_json(path: str | Path, *, most_bytes: int = MOST_BYTES) -> Any:
    """Return what a JSON file holds. Raises OSError where it cannot be read, JsonError for what is not JSON or beyond the bounds."""
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise JsonError("it is a folder, a pipe or a device, not a file")
    with Path(path).open("rb") as file:
        data = file.read(min(most_bytes, os.fstat(file.fileno()).st_size) + 1)
    return parse_json(data, most_bytes=most_bytes)


def as_json(value: Any) -> bytes:
    """Return a value as JSON in UTF-8; lone surrogates, as in undecodable file names, become U+FFFD, NaN and infinities null."""
    return json.dumps(_clean(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str).encode("utf-8")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_clean(str(name)): _clean(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(part) for part in value]
    if hasattr(value, "dtype") and hasattr(value, "item"):  # a number of NumPy's
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def parse_json(text: str | bytes, *, most_bytes: int = MOST_BYTES) -> Any:
    """Return what JSON text means; bytes are UTF-8, with or without a byte order mark. Raises JsonError."""
    if len(text) > most_bytes:
        raise JsonError(f"it has more than {most_bytes:,} bytes")
    try:
        words = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise JsonError(f"it is not text in UTF-8 (byte {error.start})") from error
    if sum(words.count(sign) for sign in "[{,") > MOST_VALUES:
        raise JsonError(f"it holds more than {MOST_VALUES:,} values")
    try:
        found = json.loads(words, parse_int=_whole)
    except RecursionError as error:
        raise JsonError(_TOO_DEEP) from error
    except JsonError:
        raise
    except ValueError as error:
        raise JsonError(f"it is not JSON: {error}") from error
    _check_depth(found)
    return found


_TOO_DEEP = f"it is nested deeper than {DEEPEST} levels"


def _check_depth(found: Any) -> None:
    """Raise JsonError for what code that follows it by recursion could not follow."""
    level = [found] if isinstance(found, dict | list) else []
    for _ in range(DEEPEST):
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one) if isinstance(part, dict | list)]
        if not level:
            return
    raise JsonError(_TOO_DEEP)


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise JsonError(f"it holds a number of {len(digits):,} digits")
    return int(digits)
