"""The command `name`: what the units of a run fire for."""

from pathlib import Path
from typing import Any

import click

from ..catalogue import summary
from ..formats.names_file import NAMES
from ..legible import counted
from ..options import options_of
from ..reach import allowing
from .current import current_desk
from .flags import flags
from .grouping import Command, quiet_option
from .listing import lines_of
from .methods import allow_option
from .terminal import agrees, put, put_json, put_lines, say

EXAMPLES_SHOWN = 3
HELP = (
    "A name is the label, or two labels with AND, OR and NOT, that best tells on which images the unit is large. It is chosen on half of "
    "the images that the run keeps values of, and tested on the other half. Where no label explains a unit, the table says so. Labels are "
    "those of the images (subfolders, or the label column of a list). Without any, they are what the embedded SqueezeNet sees in them."
)
MORE = "Writes names.parquet into the run (docs/names.md). The run's dossiers, its atlas and `find` then show the names."
EPILOG = "\b\nExamples:\n  convscope name run/\n  convscope name run/ --labels imagenet\n  convscope name run/ --json"


def _name(folder: Path | None, run: Path | None, as_json: bool, allow: tuple[str, ...], **options: Any) -> None:
    from ..naming import name
    from ..scanning import open_run

    if folder is not None and run is not None and current_desk() is None:
        raise click.UsageError(f"Received two runs, `{folder}` and `{run}`. Name one.")
    chosen = folder or run
    if chosen is None:
        raise click.UsageError(
            "No run. Expected the folder of a scan: convscope name RUN. Scan images first: convscope scan IMAGES --out RUN"
        )
    with allowing(allow, agrees):
        found = name(open_run(chosen, allow=allow), **options)
    if as_json:
        put_json({"run": str(chosen)} | found.summary())
        return
    put_lines(lines_of(_by_layer(found)))
    say(f"{found.named:,} of {counted(len(found), 'unit')} have a name that tells when they fire.")
    for note in found.notes:
        say(note)
    put(chosen / NAMES)


def _by_layer(found: Any) -> dict[str, list[Any]]:
    """Return a row for each layer: how many of its units are named, and the best of the names."""
    columns: dict[str, list[Any]] = {"layer": [], "units": [], "named": [], "the best names": []}
    explained = found.explained
    for layer in dict.fromkeys(found.layers):
        rows = [row for row, one in enumerate(found.layers) if one == layer]
        named = sorted((row for row in rows if explained[row]), key=lambda row: -found.auc[row])
        best = "; ".join(f":{found.channels[row]} {found.names[row]} {found.auc[row]:.2f}" for row in named[:EXAMPLES_SHOWN])
        for column, value in zip(columns.values(), (layer, len(rows), len(named), best or "no label explains a unit"), strict=True):
            column.append(value)
    return columns


def name_command() -> click.Command:
    """Return the command, made from the signature of `name`, which loads what the command needs."""
    from ..naming import name

    return Command(
        "name",
        callback=_name,
        params=[
            click.Argument(["folder"], required=False, metavar="RUN", type=click.Path(path_type=Path)),
            click.Option(
                ["-r", "--run"], type=click.Path(path_type=Path), metavar="RUN", help="The run, if it does not stand behind the command."
            ),
            *flags(options_of(name)),
            allow_option("the run"),
            click.Option(["--json", "as_json"], is_flag=True, help="Print the names of all units as JSON."),
            quiet_option(),
        ],
        help=f"{summary('name')}\n\n{HELP}\n\n{MORE}",
        epilog=EPILOG,
    )
