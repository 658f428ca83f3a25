"""Checksums of a run's files: damage shows where a file is read, and never as a number."""

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..digests import digest, file_digest

CHECKSUM = "checksum"


class DamageError(ValueError):
    """A file that differs from the one that was written. The message is the end of a sentence: "it is cut off"."""


def check_file(path: Path, expected: str | None) -> None:
    """Raise DamageError for what is not a file, or not the one of this digest; None: it is not known. Raises OSError."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise DamageError("it is a folder, a pipe or a device, not a file")
    if expected is None:
        return
    if file_digest(path) != expected:
        raise DamageError("its checksum does not match")


def sealed(content: Mapping[str, Any]) -> bytes:
    """Return plain data as JSON that holds its own checksum."""
    return _text(dict(content) | {CHECKSUM: _checksum(content)})


def check_sealed(content: Mapping[str, Any]) -> None:
    """Raise DamageError for content that `sealed` did not write so."""
    if content.get(CHECKSUM) != _checksum({name: one for name, one in content.items() if name != CHECKSUM}):
        raise DamageError("its checksum does not match")


def _checksum(content: Mapping[str, Any]) -> str:
    return digest(_text(content))


def _text(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).encode("utf-8", "backslashreplace")
