"""What a request writes, in the terminal: paths to standard output, sentences to standard error; or all of it as JSON."""

from collections.abc import Iterable
from typing import Any

import click

from ..method import Written
from ..requests import Event, Finished, Note
from .listing import lines_of
from .terminal import put, put_json, put_lines, say


def show(events: Iterable[Event], as_json: bool) -> None:
    """Show the events of a request as they come; an interrupted one ends with exit code 130."""
    record: dict[str, Any] = {"written": [], "notes": []}
    summaries: list[dict[str, Any]] = []
    end = Finished()
    for event in events:
        if isinstance(event, Written):
            record["written"] += map(str, event.paths)
            summaries += [event.result.summary()] if as_json and event.result is not None else []
            if not as_json:
                _put_table(event)
                _put(event)
        elif isinstance(event, Note):
            record["notes"] += [] if event.passing else [event.text]
            if not as_json:
                say(event.text)
        else:
            end = event
            record["written"] += [] if end.index is None else [str(end.index)]
    if as_json:
        put_json(record | _ended(end, summaries))
    else:
        for sentence in end.sentences():
            say(sentence)
        if end.index is not None:
            put(end.index)
    if end.interrupted:
        raise click.exceptions.Exit(130)


def _put_table(piece: Written) -> None:
    """Print what a result lists of itself, if it does."""
    columns = {} if piece.result is None else piece.result.listing()
    if columns:
        put_lines(lines_of(columns))


def _put(piece: Written) -> None:
    """Print the files of a piece; of many units only their sheets, of many results only their pictures."""
    if not piece.listed:
        return
    for path in piece.paths[:1] if piece.indexed else piece.paths:
        if path.suffix != ".json":
            put(path)


def _ended(end: Finished, summaries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return for JSON how it ended, and the numbers of one result, or of each of several pages."""
    record: dict[str, Any] = {"interrupted": end.interrupted}
    if end.made or end.kept:
        record |= {"made": end.made, "kept": end.kept}
    if end.index is not None:
        return record | {"pages": summaries}
    return record | (summaries[0] if summaries and not (end.made or end.kept) else {})
