"""Help in sections: a command's own options first, then those that it shares with others."""

from collections.abc import Iterable, Iterator
from typing import Any

import click

from .terminal import quietly
from .terms import TermCommand

OWN = "Options"


def grouped(heading: str, options: Iterable[click.Option]) -> Iterator[click.Option]:
    """Yield options that the help lists below a heading of their own."""
    for option in options:
        option.heading = heading  # type: ignore[attr-defined]
        yield option


def quiet_option() -> click.Option:
    """Return the option that leaves nothing to be read but paths and errors."""

    def hush(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value and not ctx.resilient_parsing:
            ctx.with_resource(quietly())

    words = "Print paths and errors only."
    return click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, is_eager=True, callback=hush, help=words)


class Command(TermCommand):
    """A command whose help lists its options in sections, and whose arguments may begin with a minus."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's own; a command whose words cannot be read is closed, which click leaves open, and with it ends its -q."""
        try:
            return super().parse_args(ctx, args)
        except BaseException:
            ctx.close()
            raise

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
