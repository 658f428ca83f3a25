"""Schema numbers: a reader takes its own and all smaller ones. For a larger one it names the release that reads it."""

import re
from pathlib import Path
from typing import Any

from ..errors import ConvscopeError

RELEASE = re.compile(r"\d{1,6}(\.[0-9a-z]{1,12}){0,5}")


def check_schema(path: Path, schema: int, known: int, error: type[ConvscopeError], *, release: Any = None, shown: Any = None) -> None:
    """Raise `error` for a file at `path` whose `schema` number is larger than the one that is `known`.

    `release`: the convscope that wrote the file, where the file says it. `shown`: the schema as it stands there, "3.0" for 3.
    """
    if schema <= known:
        return
    reader = f"convscope {release} or newer" if isinstance(release, str) and RELEASE.fullmatch(release) else "a newer release"
    raise error(
        f"`{path}` was written by a newer convscope (schema {schema if shown is None else shown}). This one reads up to schema {known}. "
        f"Install {reader} to read it."
    )


def release_of(content: Any) -> Any:
    """Return the release that wrote plain data with an entry `versions`, None where it does not say."""
    versions = content.get("versions") if isinstance(content, dict) else None
    return versions.get("convscope") if isinstance(versions, dict) else None
