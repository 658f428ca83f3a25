"""The command `connections`: what units are made of and what they feed, as a table."""

import sys
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from ..catalogue import summary
from ..legible import legible
from ..options import options_of
from .flags import flags
from .grouping import Command
from .methods import TAKEN_HELP, load_model, model_options
from .terminal import put_json, put_lines

# What stands for a weight, by its share of the pattern's largest: below zero, about zero, above.
MARKS = "=-.+#"
HELP = (
    "For each unit: the units below that excite and that inhibit it most, with the pattern of each, and the units above that it "
    "excites and inhibits, down to the classes. All that is linear between two layers is multiplied out; sentences below the table say "
    "what counts by a convention. A pattern's marks are #, + (excites), . (about zero), - and = (inhibits)."
)
EXAMPLES = "\b\nExamples:\n  convscope connections block3_conv1:5 -m fashion\n  convscope connections block3_conv1:5 -r run/ --json"


def _connections(units: tuple[str, ...], run: Path | None, count: int, as_json: bool, model: str | None, **told: Any) -> None:
    from ..portraits.connections import connections
    from ..portraits.scanned_units import network_of_run

    bundle = network_of_run((units,), {"run": run}, told) if run is not None and model is None else load_model(model, **told)
    found = connections(bundle, list(units), run=run, count=count)
    if as_json:
        put_json(found.summary())
        return
    for made, fed in zip(found.units, found.feeds, strict=True):
        put_lines(_page(found, made, fed))


def _page(found: Any, made: Any, fed: Any) -> str:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    table = Table("", "unit", "strength", "pattern", box=None, header_style="bold", pad_edge=False)
    table.columns[2].justify = "right"
    for words, inputs in (("excited by", made.exciting), ("inhibited by", made.inhibiting)):
        for place, one in enumerate(inputs):
            name = escape(legible(found.legend(one.source)))
            table.add_row(words if place == 0 else "", name, f"{one.strength:.3g}", drawn(one.pattern))
    for words, sign in (("excites", 1), ("inhibits", -1)):
        for place, one in enumerate([one for one in fed.targets if one.strength * sign > 0]):
            table.add_row(words if place == 0 else "", escape(legible(found.legend(one.target))), f"{one.strength:.3g}", "")
    with console.capture() as capture:
        console.print(f"[bold]{escape(legible(found.legend(made.unit)))}[/bold]")
        console.print(table, *map(escape, map(legible, made.remarks)), sep="\n")
    return capture.get()


def drawn(pattern: Any) -> str:
    """Return a pattern as lines of marks, one for each place; of one place nothing, because its strength says all."""
    if pattern.size == 1:
        return ""
    largest = float(abs(pattern).max()) or 1.0
    return "\n".join(" ".join(MARKS[2 + round(2 * float(value) / largest)] for value in row) for row in pattern)


def connections_command() -> click.Command:
    """Return the command, made from the signature of `connections`, which loads what the command needs."""
    from ..portraits.connections import connections

    return Command(
        "connections",
        callback=_connections,
        params=[
            click.Argument(["units"], nargs=-1, required=True, metavar="UNIT..."),
            click.Option(
                ["-r", "--run"], type=click.Path(path_type=Path), metavar="RUN", help="A scan, by whose activities inputs are weighed."
            ),
            *flags(options_of(connections)),
            *model_options(),
            click.Option(["--json", "as_json"], is_flag=True, help="Print the results as JSON, with all patterns."),
        ],
        help=f"{summary('connections')}\n\n{HELP}\n\n{TAKEN_HELP['units']} A bare layer means all its units.",
        epilog=EXAMPLES,
    )
