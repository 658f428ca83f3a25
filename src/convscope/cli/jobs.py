"""Large requests in the terminal: each file is reported as soon as it is written."""

from pathlib import Path
from typing import Any

import click

from .terminal import put, put_json, say


def write_job(job: Any, folder: Path, *, raw: bool, as_json: bool) -> None:
    """Write a job's parts into `folder`; print its sheets, or everything as JSON, and what existed already."""
    written: list[Path] = []
    made = kept = 0
    interrupted = False
    try:
        for part in job.written(folder, raw=raw):
            written.extend(part.paths)
            if not part.sheet:
                made, kept = made + len(part.units) * part.new, kept + len(part.units) * (not part.new)
            elif not as_json:
                for path in part.paths:
                    put(path)
    except KeyboardInterrupt:
        interrupted = True
    if as_json:
        put_json({"written": [str(path) for path in written], "made": made, "kept": kept, "interrupted": interrupted})
    elif kept:
        say(f"{kept} of {made + kept} units already exist with the same settings. They are kept.")
    if interrupted:
        say(f"Interrupted. {made + kept} units are written. The same command makes the rest.")
        raise click.exceptions.Exit(130)
