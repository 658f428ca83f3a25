"""The options that say who works: an engine and its workers."""

from typing import Any

import click

from ..engines import ENGINES, Engine, engine_of
from .grouping import grouped


class _Engine(click.ParamType[str]):
    """Completes the names of engines; what fits is checked when one is made."""

    name = "engine"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Return the names that begin so."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in ENGINES if name.startswith(incomplete)]


def engine_options() -> list[click.Option]:
    """Return the options that say who works."""
    return [
        *grouped(
            "Workers",
            [
                click.Option(
                    ["--engine"],
                    type=_Engine(),
                    metavar="ENGINE",
                    help="Who works: `local` (this process), `processes:N`, or an engine of a plug-in.  [default: local]",
                ),
                click.Option(["--workers"], metavar="N", help="How many workers, or `auto`: as many as there are processors."),
            ],
        )
    ]


def chosen_engine(given: dict[str, Any]) -> Engine:
    """Take the options of `engine_options` out of the values of a command, and return the engine that they mean. Raises OptionError."""
    return engine_of(given.pop("engine"), given.pop("workers"))
