"""Large requests in the terminal: what is written is told as it is written."""

import json
from pathlib import Path
from typing import Any

import click


def write_job(job: Any, folder: Path, *, raw: bool, as_json: bool) -> None:
    """Write a job's parts into `folder`; print its sheets, or everything as JSON, and what was there already."""
    written: list[Path] = []
    made = kept = 0
    for part in job.written(folder, raw=raw):
        written.extend(part.paths)
        if not part.sheet:
            made, kept = made + len(part.units) * part.new, kept + len(part.units) * (not part.new)
        elif not as_json:
            for path in part.paths:
                click.echo(path)
    if as_json:
        click.echo(json.dumps({"written": [str(path) for path in written], "made": made, "kept": kept, "interrupted": False}, indent=1))
        return
    if kept:
        click.echo(f"{kept} of {made + kept} units were written already, with the same settings; they are left as they are.", err=True)
