"""Options of the command line, made from the form that a function's signature is (options.py)."""

from collections.abc import Iterable, Iterator
from typing import Any

import click

from ..options import ENGINE, RUN, Option
from .engines import engine_options
from .values import Value


def flags(options: Iterable[Option]) -> Iterator[click.Option]:
    """Yield the flags of options, in order: one for each, and behind it its shortcuts."""
    for option in options:
        if option.type is bool:
            yield click.Option([option.flag, option.name], is_flag=True, default=option.default, help=option.told)
            continue
        if option.names == ENGINE:
            yield from engine_options(option)
            continue
        yield _valued(option)
        for short, value in option.shortcuts:
            yield click.Option([short, option.name], flag_value=value, help=f"The same as {option.flag} {value}.")


def _valued(option: Option) -> click.Option:
    names = [option.flag, *([option.short] if option.short else []), option.name]
    settings: dict[str, Any] = {"type": Value(option), "metavar": option.metavar, "help": option.told, "hidden": option.hidden}
    if option.several:
        return click.Option(names, multiple=True, callback=lambda ctx, param, words: words or option.default, **settings)
    # The run may stand where a model can, so its absence is judged later.
    absent = {"required": True} if option.required and option.names != RUN else {"default": option.default}
    return click.Option(names, **settings, **absent)
