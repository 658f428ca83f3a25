"""Help in sections: a command's own options first, then those that it shares with others."""

from collections.abc import Iterable, Iterator
from typing import Any

import click

from .terms import TermCommand

OWN = "Options"


def grouped(heading: str, options: Iterable[click.Option]) -> Iterator[click.Option]:
    """Yield options that the help lists below a heading of their own."""
    for option in options:
        option.heading = heading  # type: ignore[attr-defined]
        yield option


class Command(TermCommand):
    """A command whose help lists its options in sections, and whose arguments may begin with a minus."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click's own, but below the heading that each option has."""
        sections: dict[str, list[Any]] = {OWN: []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                sections.setdefault(getattr(param, "heading", OWN), []).append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
